"""Bar-coded clips for Blender's rings, and reading them back from rendered frames.

These rings' Python has neither PyAV nor OpenCV: the clips are made, and indexed, by the core's Python
(UNDERSTUDY_CORE_PYTHON, or `.venv` in the repository).
"""

from __future__ import annotations

import importlib.util
import json
import os
import runpy
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
MEDIA = ROOT / "tests" / "core" / "media"
SIZE = (168, 96)


def load(name: str) -> ModuleType:
    """A helper module of the media tests."""
    spec = importlib.util.spec_from_file_location(f"media_{name}", MEDIA / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


barcode = load("barcode")


@contextmanager
def package(home: Path) -> Iterator[None]:
    """The package under the name `understudy`, a cache of its own in `home`, and the properties of strips."""
    patch = pytest.MonkeyPatch()
    patch.setenv("UNDERSTUDY_HOME", str(home))
    runpy.run_path(str(ROOT / "core" / "jobs" / "bootstrap.py"), run_name="understudy_bootstrap")
    strip_type = getattr(bpy.types, "Strip", None) or bpy.types.Sequence
    for name in ("understudy_id", "understudy_overlay", "understudy_shot"):
        if not hasattr(strip_type, name):
            setattr(strip_type, name, bpy.props.StringProperty())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
    patch.undo()


def core_python() -> Path:
    """The core's Python; skips the test where there is none."""
    found = Path(os.environ.get("UNDERSTUDY_CORE_PYTHON", ROOT / ".venv" / "bin" / "python"))
    if not found.exists():
        pytest.skip(f"needs the core's Python to make clips; there is none at {found} (UNDERSTUDY_CORE_PYTHON)")
    return found


def run_core(*arguments: str) -> str:
    """Runs the core's Python from the repository's root and gives back what it printed."""
    done = subprocess.run([str(core_python()), *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def make(kind: str, path: Path, **arguments: Any) -> Path:
    """A clip (`kind` "video" or "images"), indexed if it is a video."""
    run_core(str(MEDIA / "clips.py"), kind, str(path), json.dumps(arguments))
    if kind == "video":
        index(path)
    return path


def index(path: Path) -> None:
    """Let the core look at a film, as the service does before first use."""
    run_core("-c", "import sys; from understudy.core.media.source import open_source; open_source(sys.argv[1])",
             str(path))


def numbers(path: Path) -> list[int]:
    """The numbers that `core.media` reads from a source, frame by frame."""
    code = ("import sys, json, importlib.util as u\n"
            "s = u.spec_from_file_location('b', sys.argv[2]); b = u.module_from_spec(s); s.loader.exec_module(b)\n"
            "from understudy.core.media.source import open_source\n"
            "print(json.dumps([b.read(f.pixels) for f in open_source(sys.argv[1]).frames()]))")
    return json.loads(run_core("-c", code, str(path), str(MEDIA / "barcode.py")))


def scene(rate: tuple[int, float] = (25, 1.0), size: tuple[int, int] = SIZE) -> Any:
    """An empty scene with a sequencer, whose colours pass through unchanged."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    made = bpy.context.scene
    render = made.render
    render.fps, render.fps_base = rate
    render.resolution_x, render.resolution_y, render.resolution_percentage = *size, 100
    render.use_sequencer = True
    made.view_settings.view_transform = "Standard"
    settings = render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_mode, settings.compression = "PNG", "RGB", 0
    made.sequence_editor_create()
    return made


def render(made: Any, frame: int, folder: Path) -> np.ndarray:
    """What the sequencer shows at a timeline frame, uint8 [H, W, 3]."""
    made.frame_set(frame)
    path = folder / "render.png"
    made.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(path))
    width, height = image.size
    values = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(values)
    bpy.data.images.remove(image)
    return (values.reshape(height, width, 4)[::-1, :, :3] * 255 + 0.5).astype(np.uint8)


def shown_number(made: Any, frame: int, folder: Path) -> int | None:
    """The number in the rendered frame; None where there is none (a black frame)."""
    try:
        return barcode.read(render(made, frame, folder))
    except ValueError:
        return None


def forget(made: Any) -> None:
    """Empties the sequencer's cache of pictures."""
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = "SEQUENCE_EDITOR"
    region = next(r for r in area.regions if r.type == "WINDOW")
    with bpy.context.temp_override(window=window, screen=window.screen, area=area, region=region):
        if hasattr(bpy.context.workspace, "sequencer_scene"):
            bpy.context.workspace.sequencer_scene = made
        bpy.ops.sequencer.refresh_all()


def collection(scene: Any) -> Any:
    editor = scene.sequence_editor
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def movie(scene: Any, path: Path, start: int = 1) -> Any:
    strip = collection(scene).new_movie(name="A", filepath=str(path), channel=1, frame_start=start)
    strip.understudy_id = "a" * 32
    return strip


def images(scene: Any, folder: Path, names: list[str], start: int = 1) -> Any:
    strip = collection(scene).new_image(name="A", filepath=str(folder / names[0]), channel=1, frame_start=start)
    for name in names[1:]:
        strip.elements.append(name)
    strip.understudy_id = "b" * 32
    return strip


def put(strip: Any, new: str, old: str, value: int) -> None:
    setattr(strip, new if hasattr(strip, new) else old, value)


def trim(strip: Any, left: int, right: int) -> None:
    put(strip, "left_handle_offset", "frame_offset_start", left)
    put(strip, "right_handle_offset", "frame_offset_end", right)
