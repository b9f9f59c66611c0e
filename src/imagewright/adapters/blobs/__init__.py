"""Where the bytes of pictures are kept."""
