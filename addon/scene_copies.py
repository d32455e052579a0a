"""Shots of scenes that were duplicated, or appended from another file, get ids of their own.

Blender copies a scene with all that we keep in it. Two shots with one id would share their results: each conversion
would write over the other's. The copy keeps its strips, settings, faces and model, and what its results show; what it
makes from now on goes into folders of its own.
"""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_OID, uuid4, uuid5

import bpy
from bpy.app.handlers import persistent

from . import shot
from .timing import timed

_SESSION = uuid4().hex


def tell_apart(by_name: bool = False) -> None:
    """Give shots that have another scene's id a new one. No disk is touched.

    The original is the scene of a linked file, or else the one that Blender has had for longest. A copy's new id
    depends on the old one and the scene, so that it is the same again when undo or redo brings the copy back.

    Args:
        by_name: the file was just opened; ids are to be the same should it be opened again without having been saved.
    """
    if len(bpy.data.scenes) < 2:
        return
    taken: set[str] = set()
    for scene in sorted(bpy.data.scenes, key=lambda scene: (scene.library is None, scene.session_uid)):
        for one in scene.understudy.shots:
            if one.uid in taken and scene.library is None:
                _give_id(scene, one, scene.name if by_name else f"{_SESSION} {scene.session_uid}")
            if one.uid:
                taken.add(one.uid)


def _give_id(scene: Any, one: Any, place: str) -> None:
    """A new id, also for the results in this scene that are the shot's."""
    old, number = one.uid, 0
    # Folders of results are told apart by the first four figures.
    starts = {known.uid[:4] for other in bpy.data.scenes for known in other.understudy.shots}
    while (new := uuid5(NAMESPACE_OID, f"{old} {place} {number}").hex)[:4] in starts:
        number += 1
    for strip in shot.all_strips(scene):
        if strip.understudy_shot == old:
            strip.understudy_shot = new
    shot.give_id(one, new)


@persistent
@timed
def _loaded(*_: Any) -> None:
    tell_apart(by_name=True)


@persistent
@timed
def _before_save(*_: Any) -> None:
    tell_apart()


def register() -> None:
    bpy.app.handlers.load_post.append(_loaded)  # behind the one that brings older files up to date
    bpy.app.handlers.save_pre.append(_before_save)
    if isinstance(bpy.data, bpy.types.BlendData):  # while Blender starts there is no file yet, and load_post comes
        tell_apart(by_name=True)


def unregister() -> None:
    for handlers, handler in ((bpy.app.handlers.load_post, _loaded), (bpy.app.handlers.save_pre, _before_save)):
        if handler in handlers:
            handlers.remove(handler)
