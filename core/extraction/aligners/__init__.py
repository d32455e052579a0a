"""What places the 68 landmarks: one small class per file."""
