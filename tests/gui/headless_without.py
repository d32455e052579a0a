"""Runs in a Blender without Understudy: opens a .blend, works in it, and saves it under another name.

    blender -b --factory-startup FILE --python headless_without.py -- COPY FOLDER
"""

import os
import sys
from pathlib import Path

import bpy

copy, folder = sys.argv[sys.argv.index("--") + 1:]
assert not hasattr(bpy.types.Scene, "understudy")
for scene in bpy.data.scenes:
    scene.timeline_markers.new("edited without", frame=3)
bpy.ops.wm.save_as_mainfile(filepath=copy)
Path(copy).with_suffix(".writable").write_text(str(os.access(folder, os.W_OK)))
