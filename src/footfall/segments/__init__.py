"""Saved conditions: who fits them, since when, and why."""
