"""Products and their latest attribute values."""
