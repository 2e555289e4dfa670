"""Segments: named conditions on contacts or products, and who fits them, kept up to date."""
