"""The core: everything but Blender. No module below here imports bpy, ever."""
