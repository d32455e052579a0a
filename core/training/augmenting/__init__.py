"""What is done to faces so that the model learns people rather than pictures."""
