"""Files of older schemas: what they hold is brought to where this version looks for it, when they are opened.

Schema 1 had one shot for each scene, whose values lay in `scene.understudy` itself. A scene that a person appends from
an old file is found by the timer.
"""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.handlers import persistent

from . import project, shot
from .timing import timed


def is_old(scene: Any) -> bool:
    """Whether the scene's values are of an older schema. No disk is touched."""
    held = scene.understudy
    return held.schema < project.SCHEMA and not scene.library and bool(held.strip_a_id or held.strip_b_id
                                                                       or held.model_dir)


def migrate(scene: Any) -> None:
    """Make the first shot of a scene of schema 1; others are left alone."""
    if not is_old(scene):
        return
    one = project.add(scene)
    if one.strip_a_id:
        # Converted frames lie in a folder named after strip A's id; with it as the shot's they are found again.
        one.uid = one.strip_a_id
    one.name = shot.name_after(scene, one.strip_a_name)


def migrate_all() -> None:
    for scene in bpy.data.scenes:
        migrate(scene)


@persistent
@timed
def _loaded(*_: Any) -> None:
    migrate_all()


def register() -> None:
    bpy.app.handlers.load_post.append(_loaded)
    if isinstance(bpy.data, bpy.types.BlendData):  # while Blender starts there is no file yet, and load_post comes
        migrate_all()


def unregister() -> None:
    if _loaded in bpy.app.handlers.load_post:
        bpy.app.handlers.load_post.remove(_loaded)
