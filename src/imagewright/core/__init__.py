"""Pure values and rules: no input or output, no await, nothing but the standard library."""
