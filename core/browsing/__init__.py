"""Looking through the faces of a clip: which there are, what is wrong with them, and pages of their pictures."""
