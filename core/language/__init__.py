"""Which words a person meets in Blender, and which of them a language lacks (stdlib only; for those who develop)."""
