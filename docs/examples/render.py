"""Render the sequence with its swapped faces to a video. Understudy need not be installed where this runs.

    blender -b film.blend --python docs/examples/render.py -- OUTPUT.mp4
"""

import sys

import bpy


def render(output):
    scene = bpy.context.scene
    settings = scene.render.image_settings
    scene.render.use_sequencer = True
    if hasattr(settings, "media_type"):  # since Blender 5.0 it decides which formats there are
        settings.media_type = "VIDEO"
    settings.file_format = "FFMPEG"
    scene.render.ffmpeg.format, scene.render.ffmpeg.codec = "MPEG4", "H264"
    scene.render.ffmpeg.constant_rate_factor, scene.render.ffmpeg.audio_codec = "HIGH", "NONE"
    scene.render.filepath = str(output)
    bpy.ops.render.render(animation=True)


if __name__ == "__main__":
    render(sys.argv[sys.argv.index("--") + 1])
