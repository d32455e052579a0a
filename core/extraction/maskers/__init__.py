"""What tells a face's pixels from the rest: one small class per file."""
