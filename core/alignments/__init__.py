"""The jobs of `understudy alignments`, one file each; what they share is in stores, pictures and listing."""
