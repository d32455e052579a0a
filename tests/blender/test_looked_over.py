"""A finished conversion is looked over: the frame that was made bad heads the list, and its button goes there."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import bpy
import pytest

BAD = 12  # frame of the source
MODEL = """
import sys, torch
from understudy.core.models import base, folder
torch.manual_seed(0)
model = base.build("sketch")
folder.write(sys.argv[1], folder.ModelState(folder.Settings("sketch"), 64, 64, iterations=3), model.state_dict(), None)
"""
SPOIL = """
import sys, cv2
from pathlib import Path
for path in Path(sys.argv[1]).glob(f"*{int(sys.argv[2]):06d}.png"):
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    pixels[..., :3] //= 2
    cv2.imwrite(str(path), pixels)
    print(path)
"""


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"blender_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


helpers = _load("moving_shot")


@pytest.fixture
def made(scene: Any, tmp_path: Path, core_python: Path, extension: Any, consent: None) -> Iterator[SimpleNamespace]:
    """A shot with alignments and an untrained model."""
    built = helpers.build(scene, tmp_path)
    helpers.media.run_core("-c", MODEL, str(tmp_path / "model"))
    editor = scene.sequence_editor
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strips.new_movie(name="b", filepath=str(built.path), channel=3, frame_start=1)
    shot = scene.understudy.active
    shot.strip_b, shot.model_dir = "b", str(tmp_path / "model")
    bpy.ops.wm.save_mainfile()
    yield SimpleNamespace(scene=scene, shot=shot, watch=extension("addon.watch"), module=extension("addon.looked_over"),
                          data=bpy.context.window_manager.understudy_looked_over)
    for image in list(bpy.data.images):
        bpy.data.images.remove(image)


def test_before_a_conversion_it_says_so(made: SimpleNamespace) -> None:
    assert made.module.problem(made.scene, made.watch.look()) == "Convert first"
    with pytest.raises(RuntimeError, match="poll"):
        bpy.ops.understudy.look_over()
    assert len(made.data.rows) == 0


def test_the_bad_frame_heads_the_list_and_is_gone_to(made: SimpleNamespace) -> None:
    assert bpy.ops.understudy.convert() == {"FINISHED"}
    view = made.module.conversion(made.scene, made.watch.look())
    assert f"{BAD:06d}" in helpers.media.run_core("-c", SPOIL, view.result["output"], str(BAD))
    assert bpy.ops.understudy.look_over() == {"FINISHED"}
    made.data.by = "flicker"
    assert made.data.rows[0].frame == BAD
    assert made.data.rows[0].flicker > 5 * made.data.rows[8].flicker
    assert made.data.rows[0].identity == -1  # there are no faces of B
    assert len(made.data.rows) == helpers.COUNT - helpers.TRIM
    made.data.by = "misalignment"
    figures = [row.misalignment for row in made.data.rows]
    assert figures == sorted(figures, reverse=True)
    made.data.by = "identity"
    assert len(made.data.rows) == 0
    made.scene.frame_set(1)
    assert bpy.ops.understudy.look_over_jump(frame=BAD) == {"FINISHED"}
    assert made.scene.frame_current == helpers.START + BAD - helpers.TRIM
    with pytest.raises(RuntimeError, match="no longer shows frame 1 "):
        bpy.ops.understudy.look_over_jump(frame=1)  # before the strip's handle
    assert bpy.ops.understudy.look_over_chart() == {"FINISHED"}
    (chart,) = [image for image in bpy.data.images if Path(image.filepath).name == "report.png"]
    assert tuple(chart.size) == (1600, 900)

    # Another session finds the report again by itself.
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    scene, board = bpy.context.scene, made.watch.look()
    assert made.module.sync(scene, board) is False  # the keeper's thread has been asked to read it
    made.watch.look()
    assert made.module.sync(scene, board) is True
    data = bpy.context.window_manager.understudy_looked_over
    data.by = "flicker"
    assert data.rows[0].frame == BAD


def test_transparent_scaled_results_are_looked_over_and_patches_refused(made: SimpleNamespace) -> None:
    convert = made.shot.convert
    convert.writer, convert.image_format, convert.output_scale = "overlay", "exr", 50.0
    assert bpy.ops.understudy.convert() == {"FINISHED"}
    assert bpy.ops.understudy.look_over() == {"FINISHED"}
    made.data.by = "flicker"
    assert len(made.data.rows) == helpers.COUNT - helpers.TRIM
    convert.writer, convert.image_format, convert.output_scale = "patch", "png", 100.0
    assert bpy.ops.understudy.convert() == {"FINISHED"}
    assert made.module.problem(made.scene, made.watch.look()).startswith("Patches are faces by themselves")


def test_a_damaged_report_is_told(made: SimpleNamespace, tmp_path: Path, extension: Any) -> None:
    family = extension("core.errors").UnderstudyError
    for text in ("", "{}", '{"faces": 3, "worst": {}}', '{"faces": [{"frame": "x"}], "worst": {}}', "[1]"):
        (tmp_path / "report.json").write_text(text)
        with pytest.raises(family, match="missing or damaged"):
            made.module.read(str(tmp_path / "report.json"))
    with pytest.raises(family, match="missing or damaged"):
        made.module.read(str(tmp_path / "none.json"))
