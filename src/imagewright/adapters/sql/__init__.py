"""Books, jobs and library in SQLite or PostgreSQL, from one schema and one set of queries."""
