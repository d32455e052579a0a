"""Run inside Blender by `understudy demo`: builds the sequence, saves the .blend, renders it.

    python addon/demo_scene.py SPEC.json                      with the module bpy
    blender -b --python addon/demo_scene.py -- SPEC.json

SPEC.json: source (clip A, a video or a folder of images), overlay (folder of its RGBA pictures), size [w, h], rate
[numerator, denominator], blend, output (the video, as the .blend names it) and render (where it is written now).
Progress goes to stdout in the words of `core.jobs.messages`.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

import bpy

ROOT = Path(__file__).resolve().parents[1]
runpy.run_path(str(ROOT / "core" / "jobs" / "bootstrap.py"), run_name="understudy_bootstrap")


def main(spec: dict[str, Any]) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    for name in ("addon.properties", "addon.project"):  # strips get the properties that they have in the extension
        _part(name).register()
    _set_up(scene, spec)
    _add_strips(scene, spec)
    _save(spec)
    _render(scene, spec)


def _part(name: str) -> Any:
    """A module of the package that the bootstrap has loaded; this script itself is outside it."""
    return import_module(f"understudy.{name}")


def _set_up(scene: Any, spec: dict[str, Any]) -> None:
    """Size and rate of the clip, its colours as they are, H.264."""
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
    """A on channel 1 as the strip whose face is replaced, the overlay above it as after a conversion."""
    shot, results = _part("addon.shot"), _part("addon.results")
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    source = Path(spec["source"])
    if source.is_dir():
        pictures = _part("core.media.listing").list_images(source)
        strip = strips.new_image(name=source.name, filepath=str(source / pictures[0]), channel=1, frame_start=1)
        for picture in pictures[1:]:
            strip.elements.append(picture)
    else:
        strip = strips.new_movie(name=source.stem, filepath=str(source), channel=1, frame_start=1)
    shot.choose(scene, "a", strip)
    results.place(scene, strip, spec["overlay"])
    scene.frame_start, scene.frame_end = results.strip_range(strip)


def _save(spec: dict[str, Any]) -> None:
    """Paths relative to the .blend, so that the folder can be moved."""
    bpy.context.preferences.filepaths.save_version = 0  # no .blend1 beside it
    bpy.context.scene.render.filepath = "//" + Path(spec["output"]).name
    bpy.ops.wm.save_as_mainfile(filepath=spec["blend"], check_existing=False)
    bpy.ops.file.make_paths_relative()
    bpy.ops.wm.save_mainfile()


def _render(scene: Any, spec: dict[str, Any]) -> None:
    messages = _part("core.jobs.messages")
    done, frames = 0, scene.frame_end

    def written(*_: Any) -> None:
        nonlocal done
        done += 1
        print(messages.Progress(done, frames, "frames", "Rendering in Blender").to_json(), flush=True)

    bpy.app.handlers.render_write.append(written)
    try:
        scene.render.filepath = spec["render"]  # finished under another name, and not kept in the .blend
        bpy.ops.render.render(animation=True)
    finally:
        bpy.app.handlers.render_write.remove(written)


def run() -> int:
    """0, or 1 with the reason as the last line."""
    try:
        main(json.loads(Path(sys.argv[-1]).read_text(encoding="utf-8")))
    except Exception as error:
        traceback.print_exc()
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    code = run()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # an orderly exit of the module bpy with our classes registered may crash (4.2) or hang (4.5)
