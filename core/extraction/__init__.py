"""From frames to stored faces: detectors, aligners, maskers, identity, and the pipeline through them."""
