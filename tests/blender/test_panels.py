"""Every panel, drawn into a layout that remembers what it was given: what it says where there is nothing yet."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest

NO_SHOT = "Add a shot first"


class Layout:
    """Takes whatever a `UILayout` takes; keeps words and buttons, the latter with whether they are grey."""

    def __init__(self, parent: Layout | None = None) -> None:
        self.words: list[str] = parent.words if parent else []
        self.buttons: dict[str, Layout] = parent.buttons if parent else {}
        self.parent, self.enabled, self.active, self.scale_y = parent, True, True, 1.0

    def label(self, text: str = "", **_: Any) -> None:
        self.words.append(text)

    def operator(self, name: str, text: str = "", **_: Any) -> SimpleNamespace:
        self.buttons[text or name] = self
        return SimpleNamespace()

    def panel(self, *_: Any, **__: Any) -> tuple[Layout, Layout]:
        return Layout(self), Layout(self)

    def is_grey(self) -> bool:
        return not self.enabled or (self.parent is not None and self.parent.is_grey())

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: Layout(self)


def context_of(scene: Any, space: str = "SEQUENCE_EDITOR") -> SimpleNamespace:
    manager = bpy.context.window_manager
    return SimpleNamespace(scene=scene, window_manager=manager, region=SimpleNamespace(width=300, type="UI"),
                           space_data=SimpleNamespace(type=space, image=None, clip=None, view_type="PREVIEW"),
                           preferences=bpy.context.preferences)


def sidebar() -> list[Any]:
    return [cls for cls in bpy.types.Panel.__subclasses__() if cls.__name__.startswith("UNDERSTUDY_PT_")
            and cls.bl_space_type == "SEQUENCE_EDITOR" and cls.bl_region_type == "UI" and cls.is_registered]


def drawn(cls: Any, context: Any) -> Layout:
    layout = Layout()
    held = SimpleNamespace(**{name: getattr(cls, name) for name in dir(cls) if not name.startswith("_")})
    held.layout = layout
    for method in (name for name in dir(cls) if name.startswith(("draw", "_draw"))):
        function = getattr(cls, method)
        setattr(held, method, lambda *args, function=function: function(held, *args))
    for method in ("draw_header", "draw_header_preset"):
        if hasattr(cls, method):
            getattr(held, method)(context)
    held.draw(context)
    return layout


@pytest.fixture
def empty(extension: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A file that was never saved, without a sequence, and no job anywhere."""
    monkeypatch.setattr(extension("addon.watch").keeper, "board", extension("addon.board").Board())
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.context.scene.sequence_editor_clear()
    return bpy.context.scene


def test_without_a_shot_each_panel_says_what_to_do(empty: Any) -> None:
    context, seen = context_of(empty), {}
    for cls in sidebar():
        if cls.poll(context):
            seen[cls.__name__.removeprefix("UNDERSTUDY_PT_")] = drawn(cls, context)
    assert {"shot", "extract", "faces", "masks", "train", "convert", "tools", "jobs", "persons"} <= seen.keys()
    for name in ("extract", "faces", "masks", "train", "convert", "persons"):
        assert any(NO_SHOT in word for word in seen[name].words), (name, seen[name].words)
    assert any("Select the strip" in word for word in seen["shot"].words)
    assert any("No jobs yet" in word for word in seen["jobs"].words)
    assert "understudy.extract" not in seen["extract"].buttons
    assert empty.sequence_editor is None, "looking at panels makes no sequence"


def test_with_a_shot_every_panel_is_drawn(extension: Any, scene: Any) -> None:
    strips = scene.sequence_editor_create()
    strips = strips.strips if hasattr(strips, "strips") else strips.sequences
    for role, name in (("a", "first"), ("b", "second")):
        strip = strips.new_image(name=name, filepath=f"/nowhere/{name}.png", channel=1 + (role == "b"), frame_start=1)
        extension("addon.shot").set_strip(scene.understudy.active, role, strip)
    context, words = context_of(scene), []
    for cls in sidebar():
        if cls.poll(context):
            words += drawn(cls, context).words
    assert not any(NO_SHOT in word for word in words)
    assert "Both come with the first save of a" in " ".join(words)


def test_every_tool_says_why_it_cannot_run(extension: Any, scene: Any) -> None:
    """In the panel, and in the tooltip of its grey button."""
    context = context_of(scene)
    scene.understudy.active.tool = "alignments draw"
    tools = drawn(next(cls for cls in sidebar() if cls.__name__ == "UNDERSTUDY_PT_tools"), context)
    assert any("Choose strip A" in word for word in tools.words)
    masks = drawn(next(cls for cls in sidebar() if cls.__name__ == "UNDERSTUDY_PT_masks"), context)
    (button,) = (layout for name, layout in masks.buttons.items() if name == "Add Masks")
    assert button.is_grey()
    run = bpy.types.UNDERSTUDY_OT_run_tool
    given = SimpleNamespace(tool="mask add", role="CHOSEN")
    assert "Choose strip A first" in run.description(context, given)


def test_a_command_that_cannot_be_copied_says_why(extension: Any, scene: Any) -> None:
    problem, board = extension("addon.settings").command_problem, extension("addon.watch").board()
    described = lambda task: bpy.types.UNDERSTUDY_OT_copy_command.description(  # noqa: E731
        context_of(scene), SimpleNamespace(task=task))
    assert problem(scene, "train", board) == "Choose strip A, whose face is replaced"
    assert described("train").endswith(". Choose strip A, whose face is replaced")
    assert problem(scene, "mask output", board) == "Choose strip A first"
    assert problem(scene, "models graph", board) != ""
    for menu in ("UNDERSTUDY_MT_train_settings", "UNDERSTUDY_MT_extract_settings"):
        assert drawn(getattr(bpy.types, menu), context_of(scene)).buttons["understudy.copy_command"].is_grey()
    strips = scene.sequence_editor_create()
    strips = strips.strips if hasattr(strips, "strips") else strips.sequences
    for role in ("a", "b"):
        extension("addon.shot").set_strip(scene.understudy.active, role, strips.new_image(
            name=role, filepath=f"/nowhere/{role}/1.png", channel=1 + (role == "b"), frame_start=10))
    assert problem(scene, "train", board) == ""
    assert described("train") == "Copy the command that would do the same in a terminal, without Blender"
    assert problem(scene, "mask output", board) == "Fill in Output first"
    scene.understudy.active.tools.mask_output.output = "//masks"
    assert problem(scene, "mask output", board) == problem(scene, "models graph", board) == ""


def test_shots_at_the_ends_of_the_list_do_not_move_on(extension: Any, scene: Any) -> None:
    bpy.ops.understudy.shot_add(use_selected=False)
    problem = extension("operators.shot").move_problem
    assert (problem(scene, "UP"), problem(scene, "DOWN")) == ("", "It is the last shot already")
    described = bpy.types.UNDERSTUDY_OT_shot_move.description(context_of(scene), SimpleNamespace(direction="DOWN"))
    assert described == "Move the active shot down in the list. It is the last shot already"
    scene.understudy.active_index = 0
    assert (problem(scene, "UP"), problem(scene, "DOWN")) == ("It is the first shot already", "")
    assert bpy.ops.understudy.shot_move(direction="UP") == {"CANCELLED"}


@pytest.mark.parametrize(("frame", "states", "before", "after", "between", "revert"), [
    (4, ("machine",), False, True, False, False), (5, ("edited",), False, True, True, True),
    (7, ("machine",), True, True, True, False), (12, (), True, True, False, True),
    (13, ("machine",), True, True, False, False), (20, ("edited",), True, False, False, True)])
def test_edits_with_nothing_to_work_on_say_so(
        extension: Any, scene: Any, monkeypatch: pytest.MonkeyPatch, frame: int, states: tuple[str, ...], before: bool,
        after: bool, between: bool, revert: bool) -> None:
    """Faces are in frames 5, 7 and 20; 5 was edited, and in 12 a face was taken out."""
    edits, table = extension("addon.frame_edits"), extension("addon.frame_table").FrameTable
    numbers = lambda *found: np.array(found, np.int64)  # noqa: E731
    known = table(Path(), numbers(), numbers(5, 7, 20), numbers(1, 1, 1), np.zeros(3), numbers(5, 12))
    view = SimpleNamespace(request=SimpleNamespace(frame=frame),
                           shown=SimpleNamespace(faces=[SimpleNamespace(state=state) for state in states]))
    monkeypatch.setattr(edits, "bpy", SimpleNamespace(app=SimpleNamespace(background=False)))
    monkeypatch.setattr(edits, "views", SimpleNamespace(of=lambda context: view, table=lambda one: known))
    context = context_of(scene)
    said = {"before": edits.copy_problem(context, "PREVIOUS"), "after": edits.copy_problem(context, "NEXT"),
            "between": edits.interpolate_problem(context), "revert": edits.revert_problem(context)}
    assert {name: not reason for name, reason in said.items()} == {
        "before": before, "after": after, "between": between, "revert": revert}
    assert edits.copy_problem(context_of(scene, "IMAGE_EDITOR"), "PREVIOUS") == ""
    if not after:
        described = bpy.types.UNDERSTUDY_OT_faces_copy.description(context, SimpleNamespace(way="NEXT"))
        assert described.endswith(". No frame after this one has faces")


def test_parts_of_the_frames_say_what_they_lack(extension: Any, scene: Any) -> None:
    lacks = extension("operators.convert").span_problem
    strips = scene.sequence_editor_create()
    strips = strips.strips if hasattr(strips, "strips") else strips.sequences
    extension("addon.shot").set_strip(scene.understudy.active, "a", strips.new_image(
        name="first", filepath="/nowhere/first.png", channel=1, frame_start=10))
    scene.frame_set(1)
    assert lacks(scene, "ALL") == ""
    assert "preview range" in lacks(scene, "PREVIEW")
    assert "under strip A" in lacks(scene, "FRAME")
    scene.use_preview_range = True
    scene.frame_set(10)
    assert (lacks(scene, "PREVIEW"), lacks(scene, "FRAME")) == ("", "")
    scene.understudy.active.convert.writer = "video"
    assert "as a whole" in lacks(scene, "FRAME")
    described = bpy.types.UNDERSTUDY_OT_convert.description(context_of(scene), SimpleNamespace(span="FRAME"))
    assert described.endswith("choose another writer first. It runs as a job, which can be cancelled; Ctrl-Z does not "
                              "take its files back")
