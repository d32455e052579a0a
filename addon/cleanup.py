"""The list of what could be deleted: rows in the window manager that follow the board, each with a mark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ..core.errors import UnderstudyError
from ..core.models.files import in_words
from . import cleaning, shot, stages
from .board import Board
from .timing import timed


class UNDERSTUDY_Item(bpy.types.PropertyGroup):
    """One row."""

    path: bpy.props.StringProperty()  # type: ignore[valid-type]
    kind: bpy.props.StringProperty()  # type: ignore[valid-type]
    size: bpy.props.StringProperty()  # type: ignore[valid-type]
    used: bpy.props.StringProperty()  # type: ignore[valid-type]
    marked: bpy.props.BoolProperty(name="Delete", description="One of those that Delete Marked deletes")  # type: ignore


class UNDERSTUDY_Cleanup(bpy.types.PropertyGroup):
    """The rows, and when they were measured."""

    rows: bpy.props.CollectionProperty(type=UNDERSTUDY_Item)  # type: ignore[valid-type]
    index: bpy.props.IntProperty(name="Active Item")  # type: ignore[valid-type]
    at: bpy.props.StringProperty()  # type: ignore[valid-type]


def wanted() -> cleaning.Wanted:
    """Where this file's shots have something on the disk, and what of it the timeline shows."""
    work: list[Path] = []
    models: list[Path] = []
    stores: list[Path] = []
    used: dict[str, str] = {}
    names: dict[str, str] = {}
    for scene in bpy.data.scenes:
        folder = shot.work_folder_or_none(scene)
        if folder is None:
            continue
        work.append(folder)
        for strip in shot.all_strips(scene):
            if strip.type == "IMAGE" and strip.directory:
                used[str(Path(bpy.path.abspath(strip.directory)).absolute())] = f"Strip {strip.name} shows it"
        for one in shot.every(scene):
            with shot.focused(one):
                _of_shot(scene, one.name, models, stores, names)
    return cleaning.Wanted(tuple(dict.fromkeys(work)), tuple(models), tuple(dict.fromkeys(stores)), used, names)


def _of_shot(scene: Any, name: str, models: list[Path], stores: list[Path], names: dict[str, str]) -> None:
    try:
        models.append(shot.model_folder(scene))
        for role in shot.ROLES:
            for strip in shot.strips_of(scene, role):
                stores.append(stages.alignments_of(scene, strip))
                names[str(shot.faces_folder_of(scene, strip))] = f"Faces {role.upper()} of {name} ({strip.name})"
        names[str(shot.converted_folder(scene))] = f"Result of {name}"
    except UnderstudyError:
        pass  # a shot that is not complete has nothing that it could be named after


def marked(data: Any, board: Board) -> list[cleaning.Item]:
    """What is marked and may go."""
    chosen = {row.path for row in data.rows if row.marked and not row.used}
    return [item for item in board.space.items if item.path in chosen] if board.space is not None else []


@timed
def sync(board: Board) -> None:
    """Make the rows say what the board says; marks stay."""
    data = bpy.context.window_manager.understudy_cleanup
    space = board.space
    at = "" if space is None else f"{space.at}"
    if data.at == at:
        return
    data.at = at
    kept = {row.path for row in data.rows if row.marked}
    data.rows.clear()
    for item in space.items if space is not None else ():
        row = data.rows.add()
        row.name, row.path, row.kind, row.used = item.label, item.path, item.kind, item.used
        row.size, row.marked = in_words(item.size), item.path in kept and not item.used


def look_now() -> Board:
    """Measure and wait for it: for `blender -b`."""
    from . import watch  # it brings the rows up to date

    watch.keeper.measure(wanted())
    board = watch.look()
    sync(board)
    return board


def register() -> None:
    bpy.utils.register_class(UNDERSTUDY_Item)
    bpy.utils.register_class(UNDERSTUDY_Cleanup)
    bpy.types.WindowManager.understudy_cleanup = bpy.props.PointerProperty(type=UNDERSTUDY_Cleanup)


def unregister() -> None:
    del bpy.types.WindowManager.understudy_cleanup
    bpy.utils.unregister_class(UNDERSTUDY_Cleanup)
    bpy.utils.unregister_class(UNDERSTUDY_Item)
