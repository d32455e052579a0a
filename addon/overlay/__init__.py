"""Faces drawn over the footage: `reader` reads what a frame shows, `shapes` makes lines of it, `drawing` draws them."""
