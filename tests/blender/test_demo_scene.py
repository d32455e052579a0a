"""The demonstration's scene: clip A below, the overlay above it, paths relative, every frame rendered."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import bpy
import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "addon" / "demo_scene.py"
FRAMES, SIZE = 6, (64, 36)


def picture(path: Path, rgba: tuple[float, float, float, float]) -> Path:
    image = bpy.data.images.new(path.stem, *SIZE, alpha=True)
    image.pixels[:] = rgba * (SIZE[0] * SIZE[1])
    image.file_format = "PNG"
    image.save(filepath=str(path))
    bpy.data.images.remove(image)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict]]:
    """The folder after the script, and the messages it spoke."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "a").mkdir()
    (folder / "overlay").mkdir()
    for i in range(FRAMES):
        picture(folder / "a" / f"p_{i}.png", (0.0, 0.0, i / FRAMES, 1.0))
        picture(folder / "overlay" / f"p_{i}.png", (1.0, 0.0, 0.0, 0.5))
    spec = {"source": str(folder / "a"), "size": SIZE, "rate": [30000, 1001], "overlay": str(folder / "overlay"),
            "blend": str(folder / "demo.blend"), "output": str(folder / "swapped.mp4"),
            "render": str(folder / "raw.mp4")}
    (folder / "spec.json").write_text(json.dumps(spec))
    run = subprocess.run([sys.executable, str(SCRIPT), str(folder / "spec.json")], capture_output=True, text=True,
                         timeout=120, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder, [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


def test_every_frame_is_reported_and_rendered(made: tuple[Path, list[dict]]) -> None:
    folder, messages = made
    assert [message["done"] for message in messages] == list(range(1, FRAMES + 1))
    clip = bpy.data.movieclips.load(str(folder / "raw.mp4"))
    assert (clip.frame_duration, tuple(clip.size)) == (FRAMES, SIZE)
    assert clip.fps == pytest.approx(30000 / 1001, abs=0.01)
    assert not (folder / "demo.blend1").exists()


def test_the_overlay_lies_above_on_the_same_frames(made: tuple[Path, list[dict]]) -> None:
    folder, _ = made
    bpy.ops.wm.open_mainfile(filepath=str(folder / "demo.blend"))
    scene = bpy.context.scene
    editor = scene.sequence_editor
    below, above = sorted(getattr(editor, "strips", None) or editor.sequences, key=lambda strip: strip.channel)
    assert len(below.elements) == len(above.elements) == FRAMES
    assert [element.filename for element in above.elements] == [f"p_{i}.png" for i in range(FRAMES)]
    assert below.directory.startswith("//")
    assert above.directory.startswith("//")
    assert above.blend_type == "ALPHA_OVER"
    assert scene.render.filepath == "//swapped.mp4"
    assert scene.view_settings.view_transform == "Standard"
    assert (scene.frame_start, scene.frame_end) == (1, FRAMES)
