"""From two films to the swapped face above the first, as the sidebar's buttons do it.

    blender -b --python docs/examples/shot.py -- FOLDER FILM_A FILM_B [ITERATIONS] [FRAMES]

FOLDER gets shot.blend and, beside it, everything that is made. The people in both films must have consented: say so
with UNDERSTUDY_CONSENT=1. In the module `bpy` the same runs as `python docs/examples/shot.py FOLDER …`.
"""

import sys
from pathlib import Path

import bpy


def make_shot(folder, film_a, film_b, iterations=20000, frames=0):
    """A .blend with both films as strips and a shot of them; what the button New Shot makes of two selected strips."""
    scene = bpy.context.scene
    bpy.ops.wm.save_as_mainfile(filepath=str(Path(folder, "shot.blend")))  # Understudy keeps its files beside it
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences  # before Blender 4.4: sequences
    pair = [strips.new_movie(name=Path(film).stem, filepath=str(film), channel=channel, frame_start=1)
            for channel, film in enumerate((film_b, film_a), 1)]
    for strip in pair if frames else ():
        strip.frame_final_duration = frames

    bpy.ops.understudy.shot_add(name="Opening", use_selected=False)
    shot = scene.understudy.active
    shot.strip_a, shot.strip_b = pair[1].name, pair[0].name
    shot.train.iterations = iterations
    bpy.ops.wm.save_mainfile()
    return shot


def run(shot):
    """Each operator waits for its job under `blender -b` and raises RuntimeError with a sentence if it fails."""
    bpy.ops.understudy.extract()
    bpy.ops.understudy.train()
    bpy.ops.understudy.convert()
    bpy.ops.wm.save_mainfile()


if __name__ == "__main__":
    words = sys.argv[sys.argv.index("--") + 1:] if "--" in sys.argv else sys.argv[1:]
    run(make_shot(*words[:3], *map(int, words[3:])))
