"""Shops, their settings and their API keys; the only place that mints a Scope."""
