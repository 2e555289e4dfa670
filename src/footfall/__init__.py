"""Footfall: a self-hosted product-events platform for shops."""

__version__ = "0.1.0"
