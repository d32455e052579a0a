"""Settings of a shot: presets, files, defaults, and the command line that does the same."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import pytest

ROOT = Path(__file__).resolve().parents[2]
if "understudy" not in sys.modules:
    # The bootstrap file puts the package into place under its own name, as it does for a worker.
    runpy.run_path(str(ROOT / "core" / "jobs" / "bootstrap.py"), run_name="understudy_bootstrap")
TASKS = importlib.import_module("understudy.core.jobs.tasks").TASKS
options = importlib.import_module("understudy.core.options")
arguments = importlib.import_module("understudy.core.options.arguments")
WANTED = {"trainer": "original", "iterations": 1234, "coverage": 87.3, "learning_rate": 3e-5, "warp": False}


@pytest.fixture
def data(scene: Any) -> Any:
    return scene.understudy.active


@pytest.fixture
def changed(data: Any, extension: Any) -> Any:
    """A shot whose stages are not as by default."""
    apply = extension("addon.properties").apply
    apply(data.train, "train", WANTED)
    apply(data.extract, "extract", {"masker": ("extended",), "frames": "3-9", "filter": ("/a b/x.png", "/y.png")})
    data.convert.writer = "images"
    return data


def everything(data: Any, extension: Any) -> dict[str, Any]:
    values_of = extension("addon.properties").values_of
    return {name: values_of(getattr(data, name), name) for name in ("extract", "train", "convert")}


def test_reset_gives_one_panel_its_defaults(scene: Any, changed: Any, extension: Any) -> None:
    settings = extension("addon.settings")
    assert settings.is_changed(changed.train)
    assert bpy.ops.understudy.settings_reset(task="train") == {"FINISHED"}
    assert not settings.is_changed(changed.train)
    defaults = {o.name: o.default for o in options.options_of(TASKS["train"].options)}
    now = everything(changed, extension)["train"]
    assert now == {name: defaults[name] for name in now}
    assert changed.extract.frames == "3-9"
    changed.tools.sort.dry_run = not changed.tools.sort.dry_run
    bpy.ops.understudy.settings_reset(task="sort")
    assert not settings.is_changed(changed.tools.sort)
    with pytest.raises(RuntimeError, match="no stage or tool 'trian'"):
        bpy.ops.understudy.settings_reset(task="trian")


def test_saved_settings_are_what_was_set(scene: Any, changed: Any, extension: Any, tmp_path: Path) -> None:
    wanted = everything(changed, extension)
    assert bpy.ops.understudy.settings_save(filepath=str(tmp_path / "kept")) == {"FINISHED"}
    for task in wanted:
        bpy.ops.understudy.settings_reset(task=task)
    assert everything(changed, extension) != wanted
    assert bpy.ops.understudy.settings_load(filepath=str(tmp_path / "kept.toml")) == {"FINISHED"}
    assert everything(changed, extension) == wanted


def test_the_command_line_reads_saved_settings(scene: Any, changed: Any, tmp_path: Path, core_python: Path) -> None:
    """By the core's own Python, as `--config` does."""
    bpy.ops.understudy.settings_save(filepath=str(tmp_path / "kept.toml"))
    code = ("import json, runpy, sys\nrunpy.run_path('core/jobs/bootstrap.py', run_name='understudy_bootstrap')\n"
            "from understudy.core.jobs.tasks import TASKS\nfrom understudy.core.options import toml\n"
            "known = tuple(task.table for task in TASKS.values())\n"
            "print(json.dumps({n: toml.load(sys.argv[1], n, TASKS[n].options, known) for n in ('extract', 'train')}))")
    done = subprocess.run([str(core_python), "-c", code, str(tmp_path / "kept.toml")], capture_output=True, text=True,
                          cwd=ROOT, check=True)
    read = json.loads(done.stdout)
    assert {name: read["train"][name] for name in WANTED} == WANTED
    assert read["extract"]["filter"] == ["/a b/x.png", "/y.png"]
    assert "input_a" not in read["train"]


@pytest.mark.parametrize(("text", "expected"), [
    ("[train]\niterations = 0\n", "1 to"), ("[trian]\n", "trian"), ("[train\n", "not valid TOML"),
    ("[sort]\n", "no settings of Extract, Train or Convert"), ("[train]\nbatch = 3\n", "batch")])
def test_a_settings_file_that_is_wrong_changes_nothing(scene: Any, changed: Any, extension: Any, tmp_path: Path,
                                                       text: str, expected: str) -> None:
    before = everything(changed, extension)
    path = tmp_path / "bad.toml"
    path.write_text(f"[extract]\nframes = '1-2'\n{text}" if "sort" not in text else text)
    with pytest.raises(RuntimeError, match=expected):
        bpy.ops.understudy.settings_load(filepath=str(path))
    assert everything(changed, extension) == before
    with pytest.raises(RuntimeError, match=r"none\.toml"):
        bpy.ops.understudy.settings_load(filepath=str(tmp_path / "none.toml"))


def test_settings_of_a_hand_written_file(scene: Any, data: Any, extension: Any, tmp_path: Path) -> None:
    """Keys without a table are for the stage whose menu was used; what the strips decide is left alone; a path beside
    the .blend becomes relative to it."""
    path = tmp_path / "mine.toml"
    path.write_text("iterations = 77\n")
    bpy.ops.understudy.settings_load(filepath=str(path), stage="train")
    assert data.train.iterations == 77
    near = (tmp_path / "me.png").as_posix()
    path.write_text(f"[extract]\nsource = 'other.mp4'\nfilter = ['{near}', '/else/x.png']\n")
    bpy.ops.understudy.settings_load(filepath=str(path))
    assert data.extract.filter == "//me.png; /else/x.png"


@pytest.fixture
def presets(extension: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = Path(bpy.utils.user_resource("SCRIPTS")) / "presets" / "understudy"
    panels = [getattr(bpy.types, f"UNDERSTUDY_PT_{stage}_presets") for stage in ("extract", "train", "convert")]
    for panel in panels:  # Blender calls them by the preset that was chosen last
        monkeypatch.setattr(panel, "bl_label", panel.bl_label)
    yield folder
    for path in folder.rglob("*.py"):
        path.unlink()


def test_presets_come_and_go_as_blenders_do(scene: Any, changed: Any, extension: Any, presets: Path) -> None:
    wanted = everything(changed, extension)
    for stage in wanted:
        assert getattr(bpy.ops.understudy, f"{stage}_preset_add")(name="Night Shoot") == {"FINISHED"}
        assert (presets / stage / "night_shoot.py").is_file() or (presets / stage / "Night_Shoot.py").is_file()
    bpy.ops.understudy.settings_reset(task="train")
    changed.train.batch_size = 3  # a preset is all of it: what differs elsewhere does not stay
    for stage in wanted:
        (path,) = (presets / stage).glob("*.py")
        assert bpy.utils.preset_find(path.stem, f"understudy/{stage}")
        assert bpy.ops.understudy.preset_apply(filepath=str(path), stage=stage) == {"FINISHED"}
    assert everything(changed, extension) == wanted
    assert bpy.ops.understudy.train_preset_add(name=path.stem, remove_name=True) == {"FINISHED"}
    assert list((presets / "train").glob("*.py")) == []
    with pytest.raises(RuntimeError, match="There is no preset"):
        bpy.ops.understudy.preset_apply(filepath=str(presets / "train" / path.name), stage="train")


def test_a_preset_of_another_version(scene: Any, data: Any, extension: Any, presets: Path) -> None:
    """What it names that is no more is passed over, and the rest counts."""
    text = extension("addon.settings").preset_text(scene, "train")
    text = text.replace("values = {", "values = {\n    'gone': 3, 'trainer': 'none such',").replace("20000", "55")
    path = presets / "train" / "old.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(line for line in text.splitlines() if not line.startswith("    'trainer': 'sketch'")))
    assert bpy.ops.understudy.preset_apply(filepath=str(path), stage="train") == {"FINISHED"}
    assert (data.train.iterations, data.train.trainer) == (55, "sketch")


@pytest.mark.parametrize("task", ["extract", "train", "convert", "mask add"])
def test_the_copied_command_is_what_runs(scene: Any, changed: Any, extension: Any, tmp_path: Path, task: str,
                                         capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read back by the command line's own parser, it gives the options of the job."""
    monkeypatch.setattr(extension("addon.settings").shutil, "which", lambda name: f"/bin/{name}")
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    for role in ("a", "b"):
        folder = tmp_path / f"my clip {role}"
        folder.mkdir()
        for number in range(5):
            (folder / f"{number}.png").touch()
        strip = strips.new_image(name=folder.name, filepath=str(folder / "0.png"), channel=1 + (role == "b"),
                                 frame_start=1)
        for number in range(1, 5):
            strip.elements.append(f"{number}.png")
        setattr(changed, f"strip_{role}", strip.name)
    changed.strip_only = False
    stages, tools = extension("addon.stages"), extension("addon.tools")
    jobs = stages.plan(scene, task, ahead=True) if task in ("extract", "train", "convert") else \
        [tools.plan(scene, TASKS[task], "a")]
    assert bpy.ops.understudy.copy_command(task=task) == {"FINISHED"}
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("understudy")]
    assert len(lines) == len(jobs) == (2 if task == "extract" else 1)
    for line, job in zip(lines, jobs, strict=True):
        words = shlex.split(line) if os.name != "nt" else line.split()
        name = task.split()
        assert words[:1 + len(name)] == ["understudy", *name]
        cls = TASKS[task].options
        parser = argparse.ArgumentParser()
        arguments.add_options(parser, cls)
        given = arguments.given(parser.parse_args(words[1 + len(name):]), cls)
        assert dataclasses.asdict(options.make(cls, given)) == dataclasses.asdict(job.options)


def test_where_no_program_is_installed_the_copied_command_runs_all_the_same(
        extension: Any, scene: Any, core_python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for whoever pressed Set Up: the core's Python runs the extension's own files, in any terminal."""
    settings = extension("addon.settings")
    monkeypatch.setattr(settings.shutil, "which", lambda name: None)
    command = settings.quoted([*settings.program(), "extract", "--help"])
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "--detector" in done.stdout


def test_without_strips_nothing_is_copied(scene: Any, data: Any) -> None:
    with pytest.raises(RuntimeError, match="No strip A is chosen"):
        bpy.ops.understudy.copy_command(task="train")


