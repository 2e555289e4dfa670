"""Fixtures for every suite."""

pytest_plugins = ["tests.postgresql", "tests.warehouse_engine"]
