"""Run inside Blender by `understudy demo`: builds the sequence, saves the .blend, renders it.

    python addon/demo_scene.py SPEC.json                      with the module bpy
    blender -b --python addon/demo_scene.py -- SPEC.json

SPEC.json: source (clip A), kind ("video" or "images", then with pictures: its file names), frames, size [w, h],
rate [numerator, denominator], overlay (RGBA pictures, one per frame), blend and render (paths to write).
Progress goes to stdout in the words of `core.jobs.messages`.
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from typing import Any

import bpy

ROOT = Path(__file__).resolve().parents[1]
runpy.run_path(str(ROOT / "core" / "jobs" / "bootstrap.py"), run_name="understudy_bootstrap")


def main(spec: dict[str, Any]) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    _set_up(scene, spec)
    _add_strips(scene, spec)
    _save(spec)
    _render(scene, spec)


def _set_up(scene: Any, spec: dict[str, Any]) -> None:
    """Size and rate of the clip, its colours as they are, H.264."""
    scene.frame_start, scene.frame_end = 1, spec["frames"]
    render = scene.render
    render.resolution_x, render.resolution_y = spec["size"]
    render.resolution_percentage = 100
    numerator, denominator = spec["rate"]
    render.fps = max(1, round(numerator / denominator))
    render.fps_base = render.fps * denominator / numerator
    render.use_sequencer = True
    scene.view_settings.view_transform = "Standard"  # the factory's AgX would change the clip's colours
    settings = render.image_settings
    if hasattr(settings, "media_type"):  # Blender 5: decides which formats there are
        settings.media_type = "VIDEO"
    settings.file_format = "FFMPEG"
    render.ffmpeg.format, render.ffmpeg.codec = "MPEG4", "H264"
    render.ffmpeg.constant_rate_factor, render.ffmpeg.audio_codec = "HIGH", "NONE"


def _add_strips(scene: Any, spec: dict[str, Any]) -> None:
    """A on channel 1, the overlay above it, frame on frame."""
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    source = Path(spec["source"])
    if spec["kind"] == "video":
        strips.new_movie(name=source.stem, filepath=str(source), channel=1, frame_start=1)
    else:
        _image_strip(strips, source.name, [source / name for name in spec["pictures"]], 1)
    overlay = _image_strip(strips, f"{source.stem} swapped", [Path(path) for path in spec["overlay"]], 2)
    overlay.blend_type = "ALPHA_OVER"


def _image_strip(strips: Any, name: str, pictures: list[Path], channel: int) -> Any:
    strip = strips.new_image(name=name, filepath=str(pictures[0]), channel=channel, frame_start=1)
    for picture in pictures[1:]:
        strip.elements.append(picture.name)
    return strip


def _save(spec: dict[str, Any]) -> None:
    """Paths relative to the .blend, so that the folder can be moved."""
    bpy.context.preferences.filepaths.save_version = 0  # no .blend1 beside it
    bpy.context.scene.render.filepath = "//" + Path(spec["output"]).name
    bpy.ops.wm.save_as_mainfile(filepath=spec["blend"], check_existing=False)
    bpy.ops.file.make_paths_relative()
    bpy.ops.wm.save_mainfile()


def _render(scene: Any, spec: dict[str, Any]) -> None:
    from understudy.core.jobs.messages import Progress

    done = 0

    def written(*_: Any) -> None:
        nonlocal done
        done += 1
        print(Progress(done, spec["frames"], "frames", "Rendering in Blender").to_json(), flush=True)

    bpy.app.handlers.render_write.append(written)
    try:
        scene.render.filepath = spec["render"]  # finished under another name, and not kept in the .blend
        bpy.ops.render.render(animation=True)
    finally:
        bpy.app.handlers.render_write.remove(written)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[-1]).read_text(encoding="utf-8")))
