"""Fixtures for every suite."""

pytest_plugins = ["tests.postgresql"]
