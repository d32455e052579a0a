"""A scene's shot: the strip whose face is replaced (A), the one that lends it (B), the settings, and where files go."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import bpy

from ..core.errors import StripError, UnderstudyError
from . import properties
from .timing import measured

ROLES = ("a", "b")
_STRIP_TYPES = {"MOVIE", "IMAGE"}
# Strips are no IDs in Blender: `understudy_id` names one wherever it is renamed or moved to.
StripType = getattr(bpy.types, "Strip", None) or bpy.types.Sequence


def sequencer_scene(context: Any) -> Any:
    """The scene that the sequencer shows: since 5.0 it may differ from the active one."""
    return getattr(context, "sequencer_scene", None) or context.scene


def active(scene: Any) -> Any:
    """The shot that panels and buttons are about."""
    return scene.understudy


def strips(scene: Any) -> Iterator[Any]:
    """The strips that can be A or B: films and image sequences, but not our own results."""
    editor = scene.sequence_editor
    if editor is None:
        return
    for strip in editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all:
        if strip.type in _STRIP_TYPES and not strip.understudy_overlay:
            yield strip


def strip_of(scene: Any, role: str) -> Any | None:
    """The shot's strip A or B; None if none is chosen or it was deleted."""
    shot = active(scene)
    wanted = getattr(shot, f"strip_{role}_id")
    if not wanted:
        return None
    return find_strip(scene, wanted, getattr(shot, f"strip_{role}_name"))


def find_strip(scene: Any, uid: str, name: str = "") -> Any | None:
    """The strip with this id. A copy has its original's id: the one called `name` wins, then the first."""
    found = [s for s in strips(scene) if uid and s.understudy_id == uid]
    return next((s for s in found if s.name == name), found[0] if found else None)


def choose(scene: Any, role: str, strip: Any) -> None:
    """Make a strip the shot's A or B; a copy of another strip gets an id of its own."""
    twins = [s for s in strips(scene) if s.understudy_id == strip.understudy_id and s.name != strip.name]
    if not strip.understudy_id or twins:
        strip.understudy_id = uuid4().hex
    setattr(active(scene), f"strip_{role}_id", strip.understudy_id)
    setattr(active(scene), f"strip_{role}_name", strip.name)


def _name_property(role: str, label: str, sentence: str) -> Any:
    def get(shot: Any) -> str:
        with measured("UNDERSTUDY_Shot.strip", "draw"):
            strip = strip_of(shot.id_data, role)
            return strip.name if strip else ""

    def put(shot: Any, name: str) -> None:
        scene = shot.id_data
        strip = next((s for s in strips(scene) if s.name == name), None)
        if strip:
            choose(scene, role, strip)
        elif not name:
            setattr(shot, f"strip_{role}_id", "")

    def search(shot: Any, context: Any, text: str) -> list[str]:
        return [s.name for s in strips(shot.id_data) if text.lower() in s.name.lower()]

    return bpy.props.StringProperty(name=label, description=sentence, get=get, set=put, search=search,
                                    search_options=set())


def _look_again(shot: Any, context: Any) -> None:
    """The list of persons is about another strip now."""
    from . import watch  # it needs the shot

    if not bpy.app.background:
        watch.hurry()


class UNDERSTUDY_Shot(bpy.types.PropertyGroup):
    """What a scene remembers of its face replacement."""

    strip_a: _name_property("a", "Strip A", "The strip whose face is replaced")  # type: ignore[valid-type]
    strip_b: _name_property("b", "Strip B", "The strip that lends the face")  # type: ignore[valid-type]
    strip_a_id: bpy.props.StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    strip_b_id: bpy.props.StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    strip_a_name: bpy.props.StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    strip_b_name: bpy.props.StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    placed: bpy.props.StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    folder: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Work Folder", subtype="DIR_PATH", options=properties.RELATIVE | {"ANIMATABLE"},
        description="Where faces, models, converted frames and jobs are kept; empty: a folder beside the .blend file")
    model_dir: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Model Folder", subtype="DIR_PATH", options=properties.RELATIVE | {"ANIMATABLE"},
        description="Where the model is kept; empty: one in the work folder, named after both strips and the trainer")
    strip_only: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Only What Strips Show", default=True,
        description="Extract the frames between the strip's handles; off: the whole file")
    extract: bpy.props.PointerProperty(type=properties.GROUPS["extract"])  # type: ignore[valid-type]
    train: bpy.props.PointerProperty(type=properties.GROUPS["train"])  # type: ignore[valid-type]
    convert: bpy.props.PointerProperty(type=properties.GROUPS["convert"])  # type: ignore[valid-type]
    tools: bpy.props.PointerProperty(type=properties.TOOL_SETTINGS)  # type: ignore[valid-type]
    tool_role: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Strip", description="Whose faces the tools and the list of persons are about",
        update=_look_again, items=(
            ("a", "A", "The strip whose face is replaced"), ("b", "B", "The strip that lends the face")))
    tool_faces: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="With Faces Folder", default=True,
        description="Give the tool the folder of the strip's face pictures as well, if it is there")
    tool: properties.tool_property()  # type: ignore[valid-type]


# --- places -----------------------------------------------------------------------------------------------------


class UnsavedError(UnderstudyError):
    """The .blend has no place yet, so nothing can be kept beside it."""


def work_folder(scene: Any) -> Path:
    """`//<blend name>_understudy`, or the folder that the person chose.

    Raises:
        UnsavedError: if the file was never saved and no folder is chosen.
    """
    chosen = active(scene).folder
    if chosen and not (chosen.startswith("//") and not bpy.data.filepath):
        return Path(bpy.path.abspath(chosen)).absolute()
    if not bpy.data.filepath:
        raise UnsavedError("This .blend has not been saved yet", "Save it first: Understudy keeps its files beside it")
    blend = Path(bpy.data.filepath)
    return blend.with_name(blend.stem + "_understudy")


def work_folder_or_none(scene: Any) -> Path | None:
    try:
        return work_folder(scene)
    except UnsavedError:
        return None


def source_path(strip: Any) -> Path:
    """The strip's footage: the video file, or the folder of the image sequence. No disk is touched.

    Raises:
        StripError: if the strip names none.
    """
    path = strip.filepath if strip.type == "MOVIE" else strip.directory
    if not path:
        raise StripError(f"Strip {strip.name!r} has no file", "Choose a strip that shows a film or an image sequence")
    return Path(os.path.normpath(bpy.path.abspath(path)))


def source_name(strip: Any) -> str:
    """A folder name for what is made of the strip's footage: its stem and four figures of where it lies, so that
    two clips of the same name stay apart. Strips of the same file share it.
    """
    path = source_path(strip)
    place = str(path)
    if bpy.data.filepath:
        try:
            # Relative, so that a project that moves as a whole finds its folders again.
            place = Path(os.path.relpath(path, os.path.dirname(bpy.data.filepath))).as_posix()
        except ValueError:  # another drive
            pass
    return f"{bpy.path.clean_name(path.stem)[:40]}-{hashlib.sha1(place.encode()).hexdigest()[:4]}"


def faces_folder(scene: Any, role: str) -> Path:
    return work_folder(scene) / "faces" / source_name(needed_strip(scene, role))


def model_folder(scene: Any) -> Path:
    """The person's model folder, or one for this pair and trainer."""
    shot = active(scene)
    if shot.model_dir:
        return Path(bpy.path.abspath(shot.model_dir)).absolute()
    pair = "-".join(source_path(needed_strip(scene, role)).stem[:24] for role in ROLES)
    digest = hashlib.sha1("|".join(source_name(needed_strip(scene, r)) for r in ROLES).encode()).hexdigest()[:4]
    return work_folder(scene) / "models" / f"{bpy.path.clean_name(pair)}-{digest}-{shot.train.trainer}"


def converted_folder(scene: Any) -> Path:
    """Where the overlay frames go: one folder for each strip A and model."""
    strip = needed_strip(scene, "a")
    name = f"{source_name(strip)}-{strip.understudy_id[:4]}-{model_folder(scene).name}"
    return work_folder(scene) / "converted" / name


def needed_strip(scene: Any, role: str) -> Any:
    """Strip A or B of the shot.

    Raises:
        StripError: if it is not chosen, or was deleted.
    """
    strip = strip_of(scene, role)
    if strip is None:
        task = "whose face is replaced" if role == "a" else "that lends the face"
        raise StripError(f"No strip {role.upper()} is chosen",
                         f"Choose the strip {task} in the sidebar of the sequencer")
    return strip


def checked_source(scene: Any, role: str) -> Path:
    """The footage of A or B, after a look at the disk.

    Raises:
        StripError: if the strip is missing, or its file is.
    """
    strip = needed_strip(scene, role)
    path = source_path(strip)
    if not path.exists():
        raise StripError(f"The file of strip {strip.name!r} is missing: {path}",
                         "Put it back, or choose the strip's file again")
    return path


def register() -> None:
    bpy.utils.register_class(UNDERSTUDY_Shot)
    bpy.types.Scene.understudy = bpy.props.PointerProperty(type=UNDERSTUDY_Shot)
    StripType.understudy_id = bpy.props.StringProperty(options={"HIDDEN"})
    StripType.understudy_overlay = bpy.props.StringProperty(options={"HIDDEN"})


def unregister() -> None:
    del StripType.understudy_overlay
    del StripType.understudy_id
    del bpy.types.Scene.understudy
    bpy.utils.unregister_class(UNDERSTUDY_Shot)
