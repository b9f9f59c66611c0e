"""Protocols that adapters keep; each docstring is the contract."""
