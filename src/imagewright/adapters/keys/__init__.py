"""Keys of our own, made once and kept in the state directory."""
