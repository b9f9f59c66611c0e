"""Shapes that several vendors share; only providers import them."""
