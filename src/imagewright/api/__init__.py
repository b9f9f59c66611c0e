"""Faces: how the services are reached from outside."""
