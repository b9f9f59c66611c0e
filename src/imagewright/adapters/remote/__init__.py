"""Clients of another Imagewright process."""
