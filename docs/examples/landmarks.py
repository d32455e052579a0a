"""Correct the landmarks of one frame of strip A, and copy the correction to the next one.

    blender -b shot.blend --python docs/examples/landmarks.py -- FRAME RIGHT DOWN

FRAME counts the film's frames from 0, RIGHT and DOWN are pixels of the film. The alignments are backed up before the
first change; `understudy.frame_revert` gives a frame its machine-made landmarks back.
"""

import sys

import bpy


def correct(frame, right, down):
    """Move all landmarks of the frame's first face; the next frame gets them as well."""
    face = {"role": "A", "frame": frame, "face": "0"}
    bpy.ops.understudy.landmarks_move(**face, offset=(right, down))
    bpy.ops.understudy.faces_copy(role="A", frame=frame + 1, way="PREVIOUS")


if __name__ == "__main__":
    words = sys.argv[sys.argv.index("--") + 1:]
    correct(int(words[0]), float(words[1]), float(words[2]))
