"""Operators: they only start and finish, in a window as under `blender -b`."""
