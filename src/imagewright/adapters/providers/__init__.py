"""One module per image provider, each independent of the others."""
