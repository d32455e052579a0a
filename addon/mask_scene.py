"""Run inside a second Blender by `understudy mask bake`: draws a .blend's masks, frame by frame, as grey pictures.

    python addon/mask_scene.py SPEC.json                      with the module bpy
    blender -b --python addon/mask_scene.py -- SPEC.json

SPEC.json: blend (whose masks), source (the footage that they lie on), size [w, h], frames (of the source, wanted),
output (folder). It gets a PNG for each mask and frame, 0 outside to 255 inside, and masks.json: a list of {name, mode,
person, pictures: {frame: file}}. Progress goes to stdout in the words of `core.jobs.messages`.
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
    for name in ("addon.clips", "addon.masks"):  # clips and masks get the properties that they have in the extension
        _part(name).register()
    scene = bpy.context.scene
    folder = Path(spec["output"])
    node = _set_up(scene, spec["size"])
    told = []
    todo = list(_todo(spec))
    total, done = sum(len(frames) for _, frames in todo), 0
    for number, (mask, frames) in enumerate(todo):
        node.mask = mask
        pictures = {}
        for source, timeline in frames.items():
            name = f"mask{number:03d}_{source:07d}.png"
            scene.frame_set(timeline)
            scene.render.filepath = str(folder / name)
            bpy.ops.render.render(write_still=True)
            pictures[source] = name
            done += 1
            messages = _part("core.jobs.messages")
            print(messages.Progress(done, total, "pictures", f"Drawing {mask.name}").to_json(), flush=True)
        told.append({"name": mask.name, "mode": mask.understudy.mode, "person": mask.understudy.person.strip(),
                     "pictures": pictures})
    (folder / "masks.json").write_text(json.dumps(told), encoding="utf-8")


def _part(name: str) -> Any:
    """A module of the package that the bootstrap has loaded; this script itself is outside it."""
    return import_module(f"understudy.{name}")


def _todo(spec: dict[str, Any]) -> Any:
    """(mask, source frame -> timeline frame) for every mask on a clip of the source."""
    blend, source = Path(spec["blend"]), Path(spec["source"])
    with bpy.data.libraries.load(str(blend), link=False) as (there, wanted):
        wanted.masks = list(there.masks)
    for mask in wanted.masks:
        clip = mask.understudy.clip
        if mask.understudy.mode == "NONE" or clip is None or not _is_of(clip, source, blend):
            continue
        shown = _frames(clip, source)
        yield mask, {frame: at for frame in spec["frames"] if (number := shown.clip(frame)) is not None
                     and mask.frame_start <= (at := number + clip.frame_start - 1) <= mask.frame_end}


def _is_of(clip: Any, source: Path, blend: Path) -> bool:
    path = Path(bpy.path.abspath(clip.filepath, start=str(blend.parent)))
    path = path.parent if clip.source == "SEQUENCE" else path
    try:
        return path.samefile(source)
    except OSError:
        return False


def _frames(clip: Any, source: Path) -> Any:
    clips = _part("addon.clips")
    return clips.picture_frames(source) if clip.source == "SEQUENCE" else clips.film_frames(source, clip.fps)


def _set_up(scene: Any, size: list[int]) -> Any:
    """A compositor that shows one mask at the clip's size, its values as they are; returns the mask's node."""
    render = scene.render
    render.resolution_x, render.resolution_y = size
    render.resolution_percentage = 100
    render.use_sequencer, render.use_compositing = False, True
    scene.view_settings.view_transform = "Raw"
    settings = render.image_settings
    if hasattr(settings, "media_type"):  # Blender 5: decides which formats there are
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_mode, settings.color_depth = "PNG", "BW", "8"
    if hasattr(scene, "compositing_node_group"):
        tree = bpy.data.node_groups.new("masks", "CompositorNodeTree")
        tree.interface.new_socket(name="Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        scene.compositing_node_group = tree
        output = tree.nodes.new("NodeGroupOutput")
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
        output = tree.nodes.new("CompositorNodeComposite")
    node = tree.nodes.new("CompositorNodeMask")
    tree.links.new(node.outputs[0], output.inputs[0])
    return node


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
