"""What must be transactional: SQLite in this process, or PostgreSQL."""
