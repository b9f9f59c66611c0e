"""Backups: a directory with a database, its originals, and what says that they are whole."""
