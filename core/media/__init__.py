"""Reading and writing video and image sequences, frame by frame and exactly."""
