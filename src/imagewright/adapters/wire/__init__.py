"""Shapes of request and answer that several vendors share; only providers import it."""
