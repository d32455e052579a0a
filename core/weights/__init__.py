"""Weights of networks: the table of them, where they lie, how they are fetched, imported and verified."""
