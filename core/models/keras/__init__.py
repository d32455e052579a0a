"""Models that were trained elsewhere with Keras."""
