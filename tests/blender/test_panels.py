"""Every panel, drawn into a layout that remembers what it was given: what it says where there is nothing yet."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import bpy
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
