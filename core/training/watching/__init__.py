"""What a training shows of itself, and what is left of it to look at."""
