"""Where and how the networks compute: arithmetic, memory, processes."""
