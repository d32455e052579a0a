"""Jobs: the folder a worker and its followers share, the messages between them, the worker's entry."""
