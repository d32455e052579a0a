"""Files of older schemas: what they hold is brought to where this version looks for it, when they are opened.

Schema 1 had one shot for each scene, whose values lay in `scene.understudy` itself. A scene that a person appends from
an old file is found by the timer.
"""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.handlers import persistent

from . import project, shot

_KEPT = frozenset({"name", "uid", "schema", "shots", "active_index", "folder"})  # the project's own, not the first shot's


def is_old(scene: Any) -> bool:
    """Whether the scene's values are of an older schema. No disk is touched."""
    held = scene.understudy
    return held.schema < project.SCHEMA and not scene.library and bool(held.strip_a_id or held.strip_b_id
                                                                       or held.model_dir)


def migrate(scene: Any) -> None:
    """Make the first shot of a scene of schema 1; others are left alone."""
    if not is_old(scene):
        return
    held = scene.understudy
    one = project.add(scene)
    project.copy_values(held, one, _KEPT)
    if held.strip_a_id:
        # Converted frames lie in a folder named after strip A's id; with it as the shot's they are found again.
        one.uid = held.strip_a_id
    one.name = shot.name_after(scene, held.strip_a_name)
    for rna in list(held.bl_rna.properties):
        if rna.identifier not in _KEPT and rna.identifier != "rna_type":
            held.property_unset(rna.identifier)


def migrate_all() -> None:
    for scene in bpy.data.scenes:
        migrate(scene)


@persistent
def _loaded(*_: Any) -> None:
    migrate_all()


def register() -> None:
    bpy.app.handlers.load_post.append(_loaded)
    if isinstance(bpy.data, bpy.types.BlendData):  # while Blender starts there is no file yet, and load_post comes
        migrate_all()


def unregister() -> None:
    if _loaded in bpy.app.handlers.load_post:
        bpy.app.handlers.load_post.remove(_loaded)
