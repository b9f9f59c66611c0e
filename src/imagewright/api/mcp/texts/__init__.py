"""Texts of the prompts, as files."""
