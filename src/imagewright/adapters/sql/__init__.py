"""The books and the library in SQLite or PostgreSQL, from one schema."""
