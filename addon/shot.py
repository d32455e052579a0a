"""A scene's shots: the strip whose face is replaced (A), the one that lends it (B), and where files go."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import bpy

from ..core.errors import StripError, UnderstudyError

ROLES = ("a", "b")
_STRIP_TYPES = {"MOVIE", "IMAGE"}
# Strips are no IDs in Blender: `understudy_id` names one wherever it is renamed or moved to.
StripType = getattr(bpy.types, "Strip", None) or bpy.types.Sequence
_renamed: dict[tuple[str, str, str], str] = {}  # scene, id and name as it was kept -> what the strip is called now
# Scene, shot and its place in the list, that `focused` has put in front; main thread only.
_focus: tuple[str, str, int] | None = None
_strip_focus = ""  # id of the strip that `tools_on` has put in front


def sequencer_scene(context: Any) -> Any:
    """The scene that the sequencer shows: since 5.0 it may differ from the active one."""
    return getattr(context, "sequencer_scene", None) or context.scene


def scene_in(window: Any) -> Any:
    """As `sequencer_scene`, for timers, which belong to no window."""
    return getattr(window.workspace, "sequencer_scene", None) or window.scene


def active(scene: Any) -> Any:
    """The shot that panels and buttons are about. A scene without shots has an empty one to read."""
    project = scene.understudy
    if _focus is not None and _focus[0] == scene.name:
        known = project.shots[_focus[2]] if _focus[2] < len(project.shots) else None
        if known is not None and known.uid == _focus[1]:
            return known
        one = next((one for one in project.shots if one.uid == _focus[1]), None)
        if one is not None:
            return one
    if not len(project.shots):
        return project
    return project.shots[min(max(project.active_index, 0), len(project.shots) - 1)]


def every(scene: Any) -> list[Any]:
    """All shots of a scene."""
    return list(scene.understudy.shots)


@contextmanager
def focused(one: Any) -> Iterator[None]:
    """Within, everything is about this shot: `active` gives it whichever the list has chosen."""
    global _focus
    place = next((n for n, other in enumerate(one.id_data.understudy.shots) if other.uid == one.uid), 0)
    before, _focus = _focus, (one.id_data.name, one.uid, place)
    try:
        yield
    finally:
        _focus = before


def give_id(one: Any, uid: str) -> None:
    """Give a shot another id; if everything is about it just now, that stays so."""
    global _focus
    if _focus is not None and _focus[:2] == (one.id_data.name, one.uid):
        _focus = (_focus[0], uid, _focus[2])
    one.uid = uid


@contextmanager
def tools_on(scene: Any, role: str, name: str) -> Iterator[None]:
    """Within, tools are about this one of a side's strips, whichever the panels have chosen; "": as in the panels.

    Raises:
        StripError: the side has no strip of this name.
    """
    global _strip_focus
    strip = next((strip for strip in strips_of(scene, role) if strip.name == name), None)
    if name and strip is None:
        known = ", ".join(strip.name for strip in strips_of(scene, role))
        raise StripError(f"Side {role.upper()} has no strip {name!r}", f"Its strips: {known or 'none'}")
    before, _strip_focus = _strip_focus, strip.understudy_id if strip is not None else _strip_focus
    try:
        yield
    finally:
        _strip_focus = before


def find(scene: Any, uid: str) -> Any | None:
    """The shot with this id."""
    return next((one for one in scene.understudy.shots if uid and one.uid == uid), None)


def shown_scene() -> Any:
    """The scene of the first sequencer on the screen: for timers, which belong to no window."""
    for window in bpy.context.window_manager.windows:
        if any(area.type == "SEQUENCE_EDITOR" for area in window.screen.areas):
            return scene_in(window)
    return sequencer_scene(bpy.context)


def all_strips(scene: Any) -> Any:
    """Blender's collection of all strips of a scene, those inside meta strips included; empty without a sequencer."""
    editor = scene.sequence_editor
    if editor is None:
        return ()
    return editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all


def strips(scene: Any) -> Iterator[Any]:
    """The strips that can be A or B: films and image sequences, but not our own results."""
    return (strip for strip in all_strips(scene) if _is_footage(strip))


def _is_footage(strip: Any) -> bool:
    return strip.type in _STRIP_TYPES and not strip.understudy_overlay


def strip_of(scene: Any, role: str) -> Any | None:
    """The active shot's strip A or B; None if none is chosen or it was deleted."""
    return strip_in(active(scene), role)


def strip_in(one: Any, role: str) -> Any | None:
    """A shot's strip A or B; None if none is chosen or it was deleted."""
    wanted = getattr(one, f"strip_{role}_id")
    if not wanted:
        return None
    return find_strip(one.id_data, wanted, getattr(one, f"strip_{role}_name"))


def strips_of(scene: Any, role: str) -> list[Any]:
    """The strips whose faces make the active shot's side A or B: its strip first, then its further sources."""
    one = active(scene)
    found = [] if role == "b" and one.lender == "FOLDER" else [strip_in(one, role)]
    found += [find_strip(scene, source.strip_id, source.strip_name) for source in getattr(one, f"sources_{role}")
              if source.kind == "STRIP"]
    return [strip for n, strip in enumerate(found) if strip is not None and strip not in found[:n]]


def tool_strip(scene: Any, role: str = "") -> Any | None:
    """The strip that tools are about: of a side's strips the one that is chosen in the panels, else the first.

    Args:
        role: "a" or "b"; "": as in the panels.
    """
    one = active(scene)
    role = role or one.tool_role
    if not len(getattr(one, f"sources_{role}")):  # as nearly always; panels ask often
        return strip_in(one, role)
    found, wanted = strips_of(scene, role), _strip_focus or one.tool_strip_id
    chosen = next((strip for strip in found if strip.understudy_id == wanted), None)
    return chosen or (found[0] if found else strip_in(one, role))


def needed_tool_strip(scene: Any, role: str = "") -> Any:
    """As `tool_strip`.

    Raises:
        StripError: the side has none.
    """
    return tool_strip(scene, role) or needed_strip(scene, role or active(scene).tool_role)


def called(scene: Any, role: str, strip: Any) -> str:
    """What a side's strip is called in a sentence: "A", or by its name where it is a further source."""
    return role.upper() if strip == strip_of(scene, role) else strip.name


def find_strip(scene: Any, uid: str, name: str = "") -> Any | None:
    """The strip with this id. A copy has its original's id: the one called `name` wins, then the first."""
    if not uid or scene.sequence_editor is None:
        return None
    everything = all_strips(scene)
    # Panels and timers ask often, and a film may have thousands of strips: names are looked up, ids are searched for.
    for known in (name, _renamed.get((scene.name, uid, name), "")):
        strip = everything.get(known) if known else None
        if strip is not None and strip.understudy_id == uid and _is_footage(strip):
            return strip
    strip = next((strip for strip in everything if strip.understudy_id == uid and _is_footage(strip)), None)
    if strip is not None:
        _renamed[scene.name, uid, name] = strip.name
    return strip


def choose(scene: Any, role: str, strip: Any) -> None:
    """Make a strip the active shot's A or B; a scene without shots gets one."""
    from . import project  # it needs this module

    if not len(scene.understudy.shots):
        project.add(scene)
    set_strip(active(scene), role, strip)


def set_strip(one: Any, role: str, strip: Any) -> None:
    """Make a strip the shot's A or B; a copy of another strip gets an id of its own."""
    identify(one.id_data, strip)
    setattr(one, f"strip_{role}_id", strip.understudy_id)
    setattr(one, f"strip_{role}_name", strip.name)
    if role == "a" and re.fullmatch(r"Shot(\.\d+)?", one.name):
        one.name = name_after(one.id_data, strip.name)


def identify(scene: Any, strip: Any) -> str:
    """The strip's id, given to it if it has none or only a copy of another strip's."""
    twins = [s for s in strips(scene) if s.understudy_id == strip.understudy_id and s.name != strip.name]
    if not strip.understudy_id or twins:
        strip.understudy_id = uuid4().hex
    return strip.understudy_id


def name_after(scene: Any, strip_name: str) -> str:
    """What to call the shot of this strip A."""
    stem, dot, end = strip_name.rpartition(".")
    return (stem if dot and end.isalnum() and not end.isdigit() else strip_name) or "Shot"


# --- places -----------------------------------------------------------------------------------------------------


class UnsavedError(UnderstudyError):
    """The .blend has no place yet, so nothing can be kept beside it."""


def work_folder(scene: Any) -> Path:
    """The folder that the person chose, the one that the first job has settled, or `//<blend name>_understudy`.

    Raises:
        UnsavedError: if the file was never saved and no folder is chosen.
    """
    held = scene.understudy
    for folder in (held.folder, held.place):
        if folder and not (folder.startswith("//") and not bpy.data.filepath):
            return _absolute(folder)
    if not bpy.data.filepath:
        raise UnsavedError("This .blend has not been saved yet", "Save it first: Understudy keeps its files beside it")
    return _beside(bpy.data.filepath)


@lru_cache(maxsize=16)
def _beside(blend: str) -> Path:
    path = Path(blend)
    return path.with_name(path.stem + "_understudy")


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
    library = strip.id_data.library
    if library is not None:
        return Path(os.path.normpath(bpy.path.abspath(path, library=library)))
    return _absolute(path)


def source_name(strip: Any) -> str:
    """A folder name for what is made of the strip's footage: its stem and four figures of where it lies, so that
    two clips of the same name stay apart. Strips of the same file share it.
    """
    # Told from the folder of the .blend that made the first: a project that moves finds its folders again.
    anchor = strip.id_data.understudy.anchor or "//"
    return _folder_name(str(source_path(strip)), anchor, bpy.data.filepath)


@lru_cache(maxsize=4096)  # panels and timers ask for the same ones at every turn
def _folder_name(path: str, anchor: str, blend: str) -> str:
    place = path
    if blend or not anchor.startswith("//"):
        try:
            place = Path(os.path.relpath(path, bpy.path.abspath(anchor))).as_posix()
        except ValueError:  # another drive
            pass
    return f"{name_in_path(Path(path).stem)[:40]}-{hashlib.sha1(os.fsencode(place)).hexdigest()[:4]}"


def name_in_path(text: str) -> str:
    """What a file or folder may be called after this: letters and figures of all scripts, - and _ stay as they are."""
    return re.sub(r"[^\w-]", "_", unicodedata.normalize("NFC", text))


def faces_folder(scene: Any, role: str) -> Path:
    """The faces folder of side A or B; with further sources, the first one."""
    one = active(scene)
    if role == "b" and one.lender == "FOLDER":
        if not one.folder_b:
            raise StripError("No faces folder of B is chosen", "Choose the folder of the face that is lent")
        return _absolute(one.folder_b)
    return faces_folder_of(scene, needed_strip(scene, role))


def faces_folder_of(scene: Any, strip: Any) -> Path:
    """Where the faces of a strip go."""
    return work_folder(scene) / "faces" / source_name(strip)


def faces_folders(scene: Any, role: str) -> list[Path]:
    """All faces folders of side A or B, the one of `faces_folder` first, each once."""
    found = [faces_folder(scene, role), *(faces_folder_of(scene, strip) for strip in strips_of(scene, role))]
    found += [_absolute(source.folder) for source in getattr(active(scene), f"sources_{role}")
              if source.kind == "FOLDER" and source.folder]
    return list(dict.fromkeys(found))


def _absolute(path: str) -> Path:
    """Where a path of the open .blend leads."""
    return _absolute_from(path, bpy.data.filepath)


@lru_cache(maxsize=4096)  # panels and timers ask for the same ones at every turn
def _absolute_from(path: str, blend: str) -> Path:
    return Path(os.path.normpath(bpy.path.abspath(path))).absolute()


def model_folder(scene: Any) -> Path:
    """The person's model folder, or one for this pair and trainer."""
    shot = active(scene)
    if shot.model_dir:
        return _absolute(shot.model_dir)
    names = [_name_of_side(scene, role) for role in ROLES]
    pair = "-".join(stem[:24] for stem, _ in names)
    digest = hashlib.sha1(os.fsencode("|".join(name for _, name in names))).hexdigest()[:4]
    return work_folder(scene) / "models" / f"{name_in_path(pair)}-{digest}-{shot.train.trainer}"


def _name_of_side(scene: Any, role: str) -> tuple[str, str]:
    """What a side is called in a folder's name: in short, and so that no other is called so."""
    if role == "b" and active(scene).lender == "FOLDER":
        folder = faces_folder(scene, role)
        return folder.name, str(folder.name)
    strip = needed_strip(scene, role)
    return source_path(strip).stem, source_name(strip)


def converted_folder(scene: Any) -> Path:
    """Where converted frames go: one folder for each shot, model and writer, since some name their pictures alike."""
    strip, writer = needed_strip(scene, "a"), active(scene).convert.writer
    kind = "" if writer == "overlay" else f"-{writer}"
    name = f"{source_name(strip)}-{active(scene).uid[:4]}-{model_folder(scene).name}{kind}"
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
    return checked_footage(needed_strip(scene, role))


def checked_footage(strip: Any) -> Path:
    """A strip's footage, after a look at the disk.

    Raises:
        StripError: if its file is missing.
    """
    path = source_path(strip)
    if not path.exists():
        raise StripError(f"The file of strip {strip.name!r} is missing: {path}",
                         "Put it back, or choose the strip's file again")
    return path
