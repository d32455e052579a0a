"""Where a scene's files are, whatever becomes of its .blend.

The first job settles the work folder: from then on it is remembered, relative to the .blend and as an absolute path. A
version saved beside the first (shot_v2.blend) keeps it, so does one that is saved elsewhere, and a project that moves
as a whole. A .blend that moves alone finds it by the absolute path. All other paths of ours that begin with // are
brought along when a file is saved to another folder, as Blender does with its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from . import properties, shot
from .timing import timed

_PATHS = ("DIR_PATH", "FILE_PATH")
_LISTS = {(properties.GROUPS[name].__name__, properties.rna_name(option)): option for name in properties.GROUPS
          for option in properties.paths_of(name) if option.many}  # lists of paths are text
_moved: tuple[str, str] | None = None  # the folders before and after, while a .blend is being saved to another one


def settle(scene: Any) -> None:
    """Remember where the work folder is, since it is about to be used.

    Raises:
        UnsavedError: if the file was never saved and no folder is chosen.
    """
    held, folder = scene.understudy, shot.work_folder(scene)
    if not held.place and not held.folder:
        held.place = relative(folder)
    if not held.anchor and bpy.data.filepath:
        held.anchor = "//"
    _remember(held)


def is_elsewhere(scene: Any) -> bool:
    """Whether the settled work folder is not beside the .blend. No disk is touched."""
    held = scene.understudy
    return bool(held.place and not held.folder and bpy.data.filepath
                and shot.work_folder(scene).parent != Path(bpy.data.filepath).parent)


def start_afresh(scene: Any) -> None:
    """Forget the settled work folder: the next job makes one beside the .blend."""
    held = scene.understudy
    held.place = held.place_memory = held.anchor = held.anchor_memory = ""


def relative(path: Path) -> str:
    """The path as seen from the .blend: // and on, unless it lies on another drive, or there is no .blend yet."""
    if not bpy.data.filepath:
        return str(path)
    return _relative(str(path), os.path.dirname(bpy.data.filepath))


def _relative(path: str, folder: str) -> str:
    try:
        found = os.path.relpath(path, folder)
    except ValueError:  # another drive
        return path
    return "//" if found == os.curdir else "//" + Path(found).as_posix()


def _remember(held: Any) -> None:
    for name in ("place", "anchor"):
        path = getattr(held, name)
        setattr(held, f"{name}_memory", os.path.normpath(bpy.path.abspath(path)) if path else "")


# --- when a .blend is saved to another folder -------------------------------------------------------------------


def rebase(old: str, new: str) -> None:
    """Let every path of ours that begins with // mean from the folder `new` what it meant from `old`."""
    def moved(path: str) -> str:
        if not path.startswith("//"):
            return path
        return _relative(os.path.normpath(os.path.join(old, path[2:])), new)

    for scene in bpy.data.scenes:
        if not scene.library:
            _change_paths(scene.understudy, moved)


def _change_paths(group: Any, change: Callable[[str], str]) -> None:
    for rna in group.bl_rna.properties:
        name = rna.identifier
        if rna.type == "STRING" and group.is_property_set(name):
            held, several = getattr(group, name), _LISTS.get((type(group).__name__, name))
            if several is not None:
                changed = properties.text_with_paths(several, held, change)
            elif rna.subtype in _PATHS or name in ("place", "anchor"):
                changed = change(held)
            else:
                continue
            if changed != held:
                setattr(group, name, changed)
    for child in _children(group):
        _change_paths(child, change)


def _children(group: Any) -> Iterator[Any]:
    for rna in group.bl_rna.properties:
        if rna.type == "POINTER" and rna.identifier != "rna_type":
            yield getattr(group, rna.identifier)
        elif rna.type == "COLLECTION":
            yield from getattr(group, rna.identifier)


@persistent
@timed
def _before_save(path: str = "", *_: Any) -> None:
    global _moved
    old, new = os.path.dirname(bpy.data.filepath), os.path.dirname(path) if isinstance(path, str) else ""
    _moved = (old, new) if old and new and os.path.normpath(old) != os.path.normpath(new) else None
    if _moved:
        rebase(old, new)


@persistent
@timed
def _after_save(*_: Any) -> None:
    global _moved
    if _moved and os.path.dirname(bpy.data.filepath) == _moved[0]:  # a copy was saved, or none: we are where we were
        rebase(_moved[1], _moved[0])
    _moved = None


@persistent
@timed
def _after_load(*_: Any) -> None:
    """Find a work folder again that stayed where it was when its .blend moved."""
    for scene in bpy.data.scenes:
        held = scene.understudy
        if scene.library or not held.place or not held.place_memory:
            continue
        if not os.path.isdir(bpy.path.abspath(held.place)) and os.path.isdir(held.place_memory):
            held.place = relative(Path(held.place_memory))
            if held.anchor_memory:
                held.anchor = relative(Path(held.anchor_memory))
        else:
            _remember(held)


_HANDLERS = (("save_pre", _before_save), ("save_post", _after_save), ("save_post_fail", _after_save),
             ("load_post", _after_load))


def register() -> None:
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    for name, handler in _HANDLERS:
        if handler in getattr(bpy.app.handlers, name):
            getattr(bpy.app.handlers, name).remove(handler)
