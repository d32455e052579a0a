"""The example scripts of docs/examples, each run on a short clip one after the other as a person would."""

from __future__ import annotations

import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
FRAMES = 28


def example(name: str) -> dict[str, Any]:
    """What the script defines; it does not run by itself."""
    return runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="example")


@pytest.fixture(scope="module")
def made(extension: Callable[[str], Any], footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what shot.py has made."""
    folder = tmp_path_factory.mktemp("examples")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_CONSENT", "1")
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
        scene = bpy.context.scene
        scene.render.resolution_x, scene.render.resolution_y, scene.render.fps = 640, 360, 25
        script = example("shot")
        # Copies: alignments are written beside the clips.
        clips = [Path(shutil.copy(footage / name, folder)) for name in ("actor_a.mp4", "actor_b.mp4")]
        shot = script["make_shot"](folder, *clips, 3, FRAMES)
        shot.extract.detection_size, shot.train.batch_size, shot.train.precision = 320, 2, "float32"
        script["run"](shot)
    return folder


def overlays() -> list[Any]:
    editor = bpy.context.scene.sequence_editor
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    return [strip for strip in strips if strip.type == "IMAGE"]


def test_every_example_has_a_test() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {"shot", "landmarks", "batch", "render"}


def test_shot(made: Path, core_python: Path) -> None:
    bpy.ops.wm.open_mainfile(filepath=str(made / "shot.blend"))
    assert bpy.context.scene.understudy.active.name == "Opening"
    (overlay,) = overlays()
    assert (overlay.frame_final_start, overlay.frame_final_end) == (1, 1 + FRAMES)


def test_landmarks(made: Path, extension: Any, core_python: Path) -> None:
    bpy.ops.wm.open_mainfile(filepath=str(made / "shot.blend"))
    store = extension("addon.stages").alignments(bpy.context.scene, "a")
    opened = extension("core.faces.store").AlignmentsStore

    def landmarks(frame: int) -> Any:
        with opened.readonly(store) as alignments:
            return alignments.faces(frame)[0].landmarks

    before = landmarks(4)
    example("landmarks")["correct"](4, 3.0, -2.0)
    assert np.allclose(landmarks(4) - before, (3.0, -2.0), atol=0.01)
    assert np.allclose(landmarks(5), landmarks(4), atol=0.01)


def test_batch(made: Path, consent: None, core_python: Path) -> None:
    """The shot that has a model is converted, the one without strips is named with what it lacks."""
    bpy.ops.wm.open_mainfile(filepath=str(made / "shot.blend"))
    bpy.ops.understudy.shot_add(name="Empty", use_selected=False)
    done, left = example("batch")["convert_all"]()
    assert done == ["Opening"]
    assert list(left) == ["Empty"]
    assert "Choose strip A" in left["Empty"]
    assert len(overlays()) == 1


def test_render(made: Path, core_python: Path, tmp_path: Path) -> None:
    bpy.ops.wm.open_mainfile(filepath=str(made / "shot.blend"))
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = 1, 5
    example("render")["render"](tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").stat().st_size > 10_000
