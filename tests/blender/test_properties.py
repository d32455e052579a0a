"""Blender's properties say what the core's options say."""

from __future__ import annotations

import importlib
import runpy
import sys
from pathlib import Path
from typing import Any
from zlib import crc32

import bpy
import pytest

ROOT = Path(__file__).resolve().parents[2]
if "understudy" not in sys.modules:
    # The bootstrap file puts the package into place under its own name, as it does for a worker.
    runpy.run_path(str(ROOT / "core" / "jobs" / "bootstrap.py"), run_name="understudy_bootstrap")
TASKS = importlib.import_module("understudy.core.jobs.tasks").TASKS
field = importlib.import_module("understudy.core.options.field")

needs = importlib.import_module("understudy.core.weights.needs")
NAMES = [name for name, task in TASKS.items() if name in ("extract", "train", "convert") or task.tool]
OPTIONS = [(task, option) for task in NAMES
           for option in field.options_of(TASKS[task].options) if option.declaration.per_shot]
SUFFIX = ". Needs weights that are fetched or imported once"


def group(scene: Any, task: str) -> Any:
    """Where a scene holds the options of a stage or a tool."""
    data = scene.understudy.active
    return getattr(data.tools, task.replace(" ", "_").replace("-", "_")) if TASKS[task].tool else getattr(data, task)


def _rna(scene: Any, task: str, name: str) -> Any:
    # Every group has a `name` of its own.
    return group(scene, task).bl_rna.properties["name_" if name == "name" else name]


@pytest.mark.parametrize(("task", "option"), OPTIONS, ids=lambda value: getattr(value, "name", value))
def test_each_option_is_a_property(scene: Any, task: str, option: Any) -> None:
    rna, d = _rna(scene, task, option.name), option.declaration
    assert rna.name == d.label
    assert rna.description.startswith(d.help)
    if d.choices:
        assert rna.type == "ENUM"
        assert tuple(item.identifier for item in rna.enum_items) == d.choice_names
        assert rna.is_enum_flag == option.many
        for item, choice in zip(rna.enum_items, d.choices, strict=True):
            if not isinstance(choice, str):
                runs = choice.weights and option.name in needs.choosers(TASKS[task].options)
                assert (item.name, item.description) == (choice.label, choice.help + (SUFFIX if runs else ""))
        return
    if option.many or (option.optional and option.type is not str):
        assert rna.type == "STRING"
        assert option.many == ("separated by" in rna.description)
        return
    assert rna.type == {bool: "BOOLEAN", int: "INT", float: "FLOAT", str: "STRING"}[option.type]
    if option.type in (int, float):
        assert rna.default == pytest.approx(option.default)
        for ours, theirs in ((d.min, rna.hard_min), (d.max, rna.hard_max)):
            if ours is not None:
                assert theirs == pytest.approx(ours)
        if d.unit in ("px", "%"):
            assert rna.subtype == {"px": "PIXEL", "%": "PERCENTAGE"}[d.unit]


@pytest.mark.parametrize("task", NAMES)
def test_the_defaults_are_the_cores(scene: Any, extension: Any, task: str) -> None:
    properties = extension("addon.properties")
    values = properties.values_of(group(scene, task), task)
    for option in field.options_of(TASKS[task].options):
        if option.declaration.per_shot and properties.is_meant(option, group(scene, task)):
            assert values[option.name] == option.default


def test_values_survive_saving_and_loading(scene: Any, extension: Any, tmp_path: Path) -> None:
    properties = extension("addon.properties")
    wanted = {"trainer": "original", "iterations": 1234, "coverage": 87.3, "learning_rate": 3e-5, "warp": False}
    data = scene.understudy.active
    properties.apply(data.train, "train", wanted)
    properties.apply(data.extract, "extract", {"masker": ("extended",), "frames": "3-9", "face_size": 320})
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "kept.blend"))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    assert bpy.context.scene.understudy.active.train.iterations != 1234
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "kept.blend"))
    data = bpy.context.scene.understudy.active
    values = properties.values_of(data.train, "train")
    assert {name: values[name] for name in wanted} == wanted
    extracted = properties.values_of(data.extract, "extract")
    assert (extracted["masker"], extracted["frames"], extracted["face_size"]) == (("extended",), "3-9", 320)


def test_a_value_between_two_steps_moves_to_the_nearest(scene: Any) -> None:
    scene.understudy.active.extract.face_size = 300
    assert scene.understudy.active.extract.face_size == 320
    scene.understudy.active.extract.face_size = 5000
    assert scene.understudy.active.extract.face_size == 1024


def test_a_new_row_does_not_shift_what_a_file_means(extension: Any) -> None:
    """Blender stores the number of an enum's item, so it must not depend on the item's place."""
    train = bpy.context.scene.understudy.active.train
    numbers = {item.identifier: item.value for item in train.bl_rna.properties["trainer"].enum_items}
    assert all(value == crc32(name.encode()) & 0x7FFFFFFF for name, value in numbers.items())


def test_lists_are_typed_as_text(scene: Any, extension: Any) -> None:
    properties = extension("addon.properties")
    tool = scene.understudy.active.tools.persons_merge
    tool.persons = " Anna;Ben ; ; Carl, the Great"
    assert properties.values_of(tool, "persons merge")["persons"] == ("Anna", "Ben", "Carl, the Great")
    assert properties.apply(tool, "persons merge", {"persons": ("Dora", "Emil"), "source": "x"}) == {"source": "x"}
    assert tool.persons == "Dora; Emil"


def test_paths_may_begin_at_the_blend(scene: Any, extension: Any, tmp_path: Path) -> None:
    scene.understudy.active.tools.weights_import.file = "//down/weights.pth"
    values = extension("addon.properties").values_of(scene.understudy.active.tools.weights_import, "weights import")
    assert Path(values["file"]) == tmp_path / "down" / "weights.pth"


PATHS = [(task, option) for task, option in OPTIONS if option.declaration.kind != "value"]


@pytest.mark.parametrize(("task", "option"), PATHS, ids=lambda value: getattr(value, "name", value))
def test_each_path_may_begin_at_the_blend(scene: Any, extension: Any, tmp_path: Path, task: str, option: Any) -> None:
    """Also each of a list, and those that stand behind a name; what is no path from there stays as it is typed."""
    properties, data = extension("addon.properties"), group(scene, task)
    if not properties.is_meant(option, data):
        data.writer = "video"  # what a reference video is for
    name = "Anna=" if option.declaration.named else ""
    other = "Ben=" if option.declaration.named else ""
    text = f"{name}//a/b" + (f"; {other}/c//d" if option.many else "")
    setattr(data, properties.rna_name(option), text)
    wanted = f"{name}{tmp_path / 'a' / 'b'}"
    assert properties.values_of(data, task)[option.name] == ((wanted, f"{other}/c//d") if option.many else wanted)


def test_a_value_that_looks_like_a_path_stays(scene: Any, extension: Any) -> None:
    data = scene.understudy.active.convert
    data.persons, data.models = "//Anna", "//no pair"
    values = extension("addon.properties").values_of(data, "convert")
    assert (values["persons"], values["models"]) == (("//Anna",), ("//no pair",))


def test_blender_s_reset_gives_each_option_its_default(scene: Any, extension: Any) -> None:
    """A right-click's *Reset to Default Value* sets what Blender was told at registration; and that is the core's."""
    properties = extension("addon.properties")
    for task, option in OPTIONS:
        data, name = group(scene, task), properties.rna_name(option)
        rna, d = data.bl_rna.properties[name], option.declaration
        if d.choices and option.many:
            assert rna.default_flag == set(option.default), (task, name)
        elif properties.is_text(option):
            wanted = option.default if option.default is not None else ""
            text = properties._as_text(wanted)
            assert rna.default == text, (task, name)
        elif option.type is float:
            assert rna.default == pytest.approx(option.default), (task, name)
        else:
            assert rna.default == option.default, (task, name)
        before = getattr(data, name)
        other = _other(rna, before)
        if other is None:
            continue
        setattr(data, name, other)
        assert data.is_property_set(name)
        data.property_unset(name)
        assert getattr(data, name) == before, (task, name)


def _other(rna: Any, value: Any) -> Any:
    """Another value that the property takes; None where there is none."""
    if rna.type == "BOOLEAN":
        return not value
    if rna.type == "ENUM":
        others = [item.identifier for item in rna.enum_items]
        if rna.is_enum_flag:
            return set(others) - value or set()
        return next((other for other in others if other != value), None)
    if rna.type == "STRING":
        return f"{value}x"
    return rna.hard_max if value != rna.hard_max else rna.hard_min


def test_every_tool_is_in_the_menu_below_its_family(scene: Any) -> None:
    items = scene.understudy.active.bl_rna.properties["tool"].enum_items
    tools = {name: task for name, task in TASKS.items() if task.tool}
    assert [item.identifier for item in items if item.identifier] == list(tools)
    for item in items:
        if item.identifier:
            assert item.name == tools[item.identifier].label
            assert item.description
            assert item.value == crc32(item.identifier.encode()) & 0x7FFFFFFF


def test_paths_are_added_to_lists_of_them(scene: Any, tmp_path: Path) -> None:
    def add(option: str, *names: str) -> None:
        assert bpy.ops.understudy.add_paths(task="extract", option=option, directory=f"{tmp_path}/",
                                            files=[{"name": name} for name in names]) == {"FINISHED"}

    group = scene.understudy.active.extract
    add("filter", "a.png", "b.png")
    add("filter", "b.png", "c.png")
    assert group.filter == "; ".join(str(tmp_path / name) for name in ("a.png", "b.png", "c.png"))
    add("nfilter")  # nothing is chosen in the folder: the folder is meant
    assert group.nfilter == str(tmp_path)
