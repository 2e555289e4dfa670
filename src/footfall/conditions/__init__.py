"""The condition language: one tree, read from JSON, printed to one ClickHouse statement."""
