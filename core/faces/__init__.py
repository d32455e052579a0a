"""Faces as data: geometry, the alignments store, picture headers, exchange formats."""
