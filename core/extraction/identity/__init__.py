"""What tells people apart: one small class per file."""
