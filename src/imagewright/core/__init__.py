"""Pure values and rules: no input or output, nothing but the standard library."""
