"""Protocols between the services and the world; each docstring is the contract."""
