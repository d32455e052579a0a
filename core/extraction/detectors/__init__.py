"""What finds faces in a frame: one small class per file."""
