"""Load Demo: from an empty file to a shot with two strips."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import pytest

MEDIA = Path(__file__).resolve().parents[1] / "core" / "media"
SAMPLES = ("collins", "hopper")  # core.demo.portraits


@pytest.fixture(autouse=True)
def no_jobs_left(extension: Any) -> Iterator[None]:
    """The job is the person's, not the shot's, and would show in every other test's list."""
    yield
    shutil.rmtree(extension("addon.environment").setup_jobs(), ignore_errors=True)


def strips(scene: Any) -> list[Any]:
    editor = scene.sequence_editor
    return list(editor.strips if hasattr(editor, "strips") else editor.sequences)


def test_the_demo_is_a_shot_ready_to_go(extension: Any, tmp_path: Path, core_python: Path) -> None:
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with pytest.raises(RuntimeError, match=r"Save the \.blend first|poll\(\) failed"):
        bpy.ops.understudy.load_demo()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "first look.blend"))
    folder = tmp_path / "first look_understudy" / "demo"  # clips that are there are kept: to make them takes a minute
    folder.mkdir(parents=True)
    for name in SAMPLES:
        subprocess.run([str(core_python), str(MEDIA / "clips.py"), "video", str(folder / f"{name}.mp4"), "{}"],
                       check=True, cwd=MEDIA.parents[2])
    assert bpy.ops.understudy.load_demo() == {"FINISHED"}
    scene = bpy.context.scene
    a, b = strips(scene)
    one = scene.understudy.active
    assert (one.strip_a, one.strip_b, len(scene.understudy.shots)) == (a.name, b.name, 1)
    assert (scene.render.resolution_x, scene.render.resolution_y, scene.render.fps) == (640, 360, 25)
    assert (a.channel, b.channel) == (1, 1)
    assert a.filepath.startswith("//")
    assert Path(bpy.path.abspath(a.filepath)).is_file()
    assert scene.frame_end >= b.frame_final_end - 1
    assert extension("addon.stages").problem(scene, "extract", extension("addon.watch").look()) == ""
    # Once more, in a scene with strips: behind them, and the scene stays as it is.
    scene.render.fps = 30
    assert bpy.ops.understudy.load_demo() == {"FINISHED"}  # the clips are there, so this takes no time
    found = strips(scene)
    assert (len(found), len(scene.understudy.shots), scene.render.fps) == (4, 2, 30)
    assert min(strip.frame_final_start for strip in found[2:]) > b.frame_final_end


def test_a_demo_that_another_file_asked_for_is_left_alone(extension: Any, tmp_path: Path) -> None:
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "other.blend"))

    class View:
        tag = {"blend": str(tmp_path / "first.blend"), "scene": bpy.context.scene.name}
        result = {"a": "a.mp4", "b": "b.mp4"}

    extension("addon.demo").place(View)
    assert bpy.context.scene.sequence_editor is None or not strips(bpy.context.scene)
    assert not len(bpy.context.scene.understudy.shots)
