"""What a scene keeps of its face replacements: a list of shots, and the work folder that they share.

`scene.understudy` is the project. Files of the first schema had one shot, whose values lay in the project itself; its
properties are still declared there, so that `addon.migration` can read them. They also stand for a shot as long as
there is none.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import bpy

from . import properties, shot
from .enum_numbers import number_of
from .timing import measured

SCHEMA = 2  # 1: one shot for each scene
NAME = "Shot"  # what a shot is called until a strip is chosen or a person names it


def _strip_property(role: str, label: str, sentence: str) -> Any:
    """The name of a strip, which is kept by its id; role "" is a further source."""
    prefix = f"strip_{role}".rstrip("_")

    def get(one: Any) -> str:
        with measured("UNDERSTUDY_Shot.strip", "draw"):
            strip = shot.find_strip(one.id_data, getattr(one, f"{prefix}_id"), getattr(one, f"{prefix}_name"))
            return strip.name if strip else ""

    def put(one: Any, name: str) -> None:
        strip = next((s for s in shot.strips(one.id_data) if s.name == name), None)
        if strip and role:
            shot.set_strip(one, role, strip)
        elif strip:
            one.strip_id, one.strip_name = shot.identify(one.id_data, strip), strip.name
        elif not name:
            setattr(one, f"{prefix}_id", "")

    def search(one: Any, context: Any, text: str) -> list[str]:
        return [s.name for s in shot.strips(one.id_data) if text.lower() in s.name.lower()]

    return bpy.props.StringProperty(name=label, description=sentence, get=get, set=put, search=search,
                                    search_options=set())


_items: list[tuple[str, str, str, str, int]] = []  # Blender keeps no copies of a menu's texts


def _tool_strips(one: Any, context: Any) -> list[tuple[str, str, str, str, int]]:
    global _items
    with shot.focused(one), measured("UNDERSTUDY_Shot.tool_strips", "draw"):
        strips = shot.strips_of(one.id_data, one.tool_role)
        _items = [(strip.understudy_id, strip.name, "", "SEQUENCE", number_of(strip.understudy_id)) for strip in strips]
    return _items


def _tool_strip(one: Any) -> int:
    with shot.focused(one):
        strip = shot.tool_strip(one.id_data, one.tool_role)
    return number_of(strip.understudy_id) if strip is not None else 0


def _choose_tool_strip(one: Any, number: int) -> None:
    with shot.focused(one):
        strips = shot.strips_of(one.id_data, one.tool_role)
    one.tool_strip_id = next((strip.understudy_id for strip in strips if number_of(strip.understudy_id) == number), "")


def _look_again(one: Any, context: Any) -> None:
    """The panels are about another strip or shot now."""
    from . import watch  # it needs the shot

    if not bpy.app.background:
        watch.hurry()


KEPT = frozenset({"name", "uid", "schema", "shots", "active_index", "folder", "place", "anchor", "place_memory",
                  "anchor_memory"})  # the project's own, which no shot has
_DERIVED = {"rna_type", "strip", "strip_a", "strip_b", "tool_strip"}  # hold nothing themselves
_KINDS = (("STRIP", "Strip", "A film or an image sequence in the sequencer, whose faces are extracted", "SEQUENCE", 0),
          ("FOLDER", "Faces Folder", "A folder of extracted faces, from another project or another clip",
           "FILE_FOLDER", 1))


class UNDERSTUDY_Source(bpy.types.PropertyGroup):
    """A further source of a side's faces: one more strip, or a faces folder."""

    kind: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Kind", description="Where the faces come from", items=_KINDS, update=_look_again)
    strip: _strip_property("", "Strip", "A strip with more faces of this person")  # type: ignore[valid-type]
    strip_id: bpy.props.StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    strip_name: bpy.props.StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    folder: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Faces Folder", subtype="DIR_PATH", options=properties.RELATIVE | {"ANIMATABLE"}, update=_look_again,
        description="A folder of extracted faces of this person")


class _Fields:
    """The properties of a shot."""

    uid: bpy.props.StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    strip_a: _strip_property("a", "Strip A", "The strip whose face is replaced")  # type: ignore[valid-type]
    strip_b: _strip_property("b", "Strip B", "The strip that lends the face")  # type: ignore[valid-type]
    strip_a_id: bpy.props.StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    strip_b_id: bpy.props.StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    strip_a_name: bpy.props.StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    strip_b_name: bpy.props.StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    lender: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="B Is", description="What lends the face", items=_KINDS, update=_look_again)
    folder_b: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Faces Folder B", subtype="DIR_PATH", options=properties.RELATIVE | {"ANIMATABLE"}, update=_look_again,
        description="The folder of extracted faces that lends the face")
    sources_a: bpy.props.CollectionProperty(  # type: ignore[valid-type]
        type=UNDERSTUDY_Source, name="More Sources of A", description="More strips and faces folders of A's face")
    sources_b: bpy.props.CollectionProperty(  # type: ignore[valid-type]
        type=UNDERSTUDY_Source, name="More Sources of B", description="More strips and faces folders of B's face")
    placed: bpy.props.StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
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
    tool_strip: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Clip", description="Which of the side's strips the tools and the list of persons are about",
        items=_tool_strips, get=_tool_strip, set=_choose_tool_strip, update=_look_again, options={"SKIP_SAVE"})
    tool_strip_id: bpy.props.StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    tool_faces: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="With Faces Folder", default=True,
        description="Give the tool the folder of the strip's face pictures as well, if it is there")
    tool: properties.tool_property()  # type: ignore[valid-type]


def _renamed(one: Any, context: Any) -> None:
    """Names are unique in a scene: the command line chooses shots by them."""
    others = {other.name for other in one.id_data.understudy.shots if other.uid != one.uid}
    wanted = free_name(one.name.strip() or NAME, others)
    if wanted != one.name:
        one.name = wanted


class UNDERSTUDY_Shot(_Fields, bpy.types.PropertyGroup):
    """One face replacement: its strips, its model, its settings."""

    name: bpy.props.StringProperty(name="Name", description="What the shot is called",  # type: ignore[valid-type]
                                   update=_renamed)


class UNDERSTUDY_Project(_Fields, bpy.types.PropertyGroup):
    """What a scene keeps of its face replacements."""

    schema: bpy.props.IntProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    shots: bpy.props.CollectionProperty(type=UNDERSTUDY_Shot)  # type: ignore[valid-type]
    active_index: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Active Shot", description="The shot that the panels are about", update=_look_again)
    folder: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Work Folder", subtype="DIR_PATH", options=properties.RELATIVE | {"ANIMATABLE"},
        description="Where faces, models, converted frames and jobs are kept; empty: a folder beside the .blend file")

    # Where things are, as `addon.whereabouts` keeps it: the work folder, what clips' places are told from, and both as
    # absolute paths.
    place: bpy.props.StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    anchor: bpy.props.StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    place_memory: bpy.props.StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    anchor_memory: bpy.props.StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]

    @property
    def active(self) -> Any:
        """The active shot, for scripts: `scene.understudy.active.train.iterations = 5000`."""
        return shot.active(self.id_data)


def free_name(wanted: str, taken: set[str]) -> str:
    """`wanted`, or with the first number behind it that nobody has: "Shot.001"."""
    if wanted not in taken:
        return wanted
    stem, dot, digits = wanted.rpartition(".")
    stem = stem if dot and digits.isdigit() else wanted
    return next(name for number in range(1, len(taken) + 2) if (name := f"{stem}.{number:03d}") not in taken)


def add(scene: Any, name: str = NAME) -> Any:
    """A new shot at the end of the list, which becomes the active one. The first takes over what was set before there
    was any, such as the options of tools that need none.
    """
    project = scene.understudy
    taken = {one.name for one in project.shots}
    one = project.shots.add()
    if not taken:
        _move_values(project, one)
    one.uid = uuid4().hex
    one.name = free_name(name, taken)
    project.schema = SCHEMA
    project.active_index = len(project.shots) - 1
    return one


def _move_values(project: Any, one: Any) -> None:
    """What the project holds in place of a shot is the shot's from now on."""
    copy_values(project, one, KEPT)
    for rna in list(project.bl_rna.properties):
        if rna.identifier not in KEPT and rna.identifier not in _DERIVED:
            project.property_unset(rna.identifier)


def copy_values(source: Any, target: Any, skip: frozenset[str] = frozenset()) -> None:
    """Give a group of properties what another one of the same kind holds, groups and lists in it included."""
    for rna in source.bl_rna.properties:
        name = rna.identifier
        if name in skip or name in _DERIVED or name not in target.bl_rna.properties:
            continue
        if rna.type == "POINTER":
            copy_values(getattr(source, name), getattr(target, name))
        elif rna.type == "COLLECTION":
            rows = getattr(target, name)
            rows.clear()
            for row in getattr(source, name):
                copy_values(row, rows.add())
        elif source.is_property_set(name):
            setattr(target, name, getattr(source, name))
        else:
            target.property_unset(name)


CLASSES = (UNDERSTUDY_Source, UNDERSTUDY_Shot, UNDERSTUDY_Project)


def register() -> None:
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.understudy = bpy.props.PointerProperty(type=UNDERSTUDY_Project)
    shot.StripType.understudy_id = bpy.props.StringProperty(options={"HIDDEN"})
    shot.StripType.understudy_overlay = bpy.props.StringProperty(options={"HIDDEN"})
    shot.StripType.understudy_shot = bpy.props.StringProperty(options={"HIDDEN"})


def unregister() -> None:
    del shot.StripType.understudy_shot
    del shot.StripType.understudy_overlay
    del shot.StripType.understudy_id
    del bpy.types.Scene.understudy
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
