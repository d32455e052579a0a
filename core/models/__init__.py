"""The networks: building blocks, one file per architecture, and the model folder."""
