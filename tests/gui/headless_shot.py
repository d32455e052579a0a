"""Runs under `blender -b`: chooses the core's Python and makes a .blend with a shot of two strips, beside the films.

    blender -b --python headless_shot.py -- BLEND FILM_A FILM_B PYTHON '{"first": …}'

Strip A is trimmed, cropped and moved by whole pixels, so that a result that is not would show.
"""

import json
import sys
import warnings
from pathlib import Path

import bpy

PACKAGE = "bl_ext.user_default.understudy"


def make(blend: str, film_a: str, film_b: str, python: str, words: str) -> None:
    chosen = json.loads(words)
    start, frames = chosen["start"], chosen["frames"]
    bpy.context.preferences.addons[PACKAGE].preferences.python = python
    bpy.ops.wm.save_userpref()
    bpy.ops.wm.read_homefile(app_template="Video_Editing")
    scene = getattr(bpy.context.workspace, "sequencer_scene", None) or bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y, scene.render.fps = 640, 360, 25
    bpy.ops.wm.save_as_mainfile(filepath=blend)
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    b = strips.new_movie(name=Path(film_b).stem, filepath=film_b, channel=1, frame_start=200)
    b.frame_final_duration = frames
    a = strips.new_movie(name=Path(film_a).stem, filepath=film_a, channel=2, frame_start=start - chosen["first"])
    a.frame_final_start, a.frame_final_end = start, start + frames
    for side, pixels in chosen["crop"].items():
        setattr(a.crop, side, pixels)
    a.transform.offset_x, a.transform.offset_y = chosen["offset"]
    with bpy.context.temp_override(scene=scene):
        bpy.ops.understudy.shot_add(name="Opening", use_selected=False)
    shot = scene.understudy.active
    shot.strip_a, shot.strip_b = a.name, b.name
    shot.extract.detection_size = 320
    shot.train.trainer, shot.train.batch_size, shot.train.precision = "sketch", 2, "float32"
    scene.frame_start, scene.frame_end = start, start + frames - 1
    bpy.ops.wm.save_mainfile()


warnings.simplefilter("ignore", DeprecationWarning)  # names that 4.2 has, too
make(*sys.argv[sys.argv.index("--") + 1:])
