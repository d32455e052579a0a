"""The third ring: a real window. Needs $BLENDER or $BLENDER_GUI, see `blender_window.py`."""
