"""The second ring: the extension as a person has it, built as a zip, installed and enabled in a `bpy` module.

Blender's settings and ours lie in folders of their own, which must be named before `bpy` is imported.
"""

from __future__ import annotations

import os
import runpy
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

_HOME = Path(tempfile.mkdtemp(prefix="understudy-blender-"))
os.environ["BLENDER_USER_RESOURCES"] = str(_HOME / "blender")
os.environ.setdefault("UNDERSTUDY_HOME", str(_HOME / "user"))

import bpy  # noqa: E402
import pytest  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = "bl_ext.user_default.understudy"
CORE_PYTHON = Path(os.environ.get("UNDERSTUDY_CORE_PYTHON", ROOT / ".venv" / "bin" / "python"))


@pytest.fixture(scope="session")
def archive() -> Path:
    """The extension's zip, built by `core.packaging`."""
    if "understudy" not in sys.modules:
        # The bootstrap file puts the package into place under its own name, as it does for a worker.
        runpy.run_path(str(ROOT / "core" / "jobs" / "bootstrap.py"), run_name="understudy_bootstrap")
    return import_module("understudy.core.packaging").build(_HOME / "understudy.zip")


@pytest.fixture(scope="session")
def installed(archive: Path) -> str:
    """The name of the installed extension, not enabled."""
    bpy.ops.extensions.package_install_files(filepath=str(archive), repo="user_default", enable_on_install=False)
    return EXTENSION


@pytest.fixture(scope="module")
def extension(installed: str) -> Iterator[Callable[[str], ModuleType]]:
    """The enabled extension; call it with "addon.stages" for that module of it."""
    bpy.ops.preferences.addon_enable(module=installed)
    bpy.context.preferences.addons[installed].preferences.python = str(CORE_PYTHON)
    yield lambda name: sys.modules[f"{installed}.{name}"]
    bpy.ops.preferences.addon_disable(module=installed)


@pytest.fixture
def consent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_CONSENT", "1")


@pytest.fixture
def core_python() -> Path:
    if not CORE_PYTHON.exists():
        pytest.skip(f"needs the core's Python; there is none at {CORE_PYTHON} (UNDERSTUDY_CORE_PYTHON)")
    return CORE_PYTHON


@pytest.fixture
def scene(extension: Any, tmp_path: Path) -> Any:
    """The scene of a fresh .blend with one shot that was saved in `tmp_path`."""
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y, scene.render.fps = 640, 360, 25
    bpy.ops.understudy.shot_add()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    return scene


@pytest.fixture
def at_once() -> int:
    """Lines of Python that run in 50 ms, the longest that Blender may wait for us: ours take 0.18 to 0.25 µs each."""
    return 200_000


@pytest.fixture
def lines() -> Callable[..., int]:
    """How much work a call is, counted rather than timed, so that it is the same on every machine: the lines of Python
    that it runs in this thread, each turn of a loop counted."""

    def run(call: Callable[..., Any], *args: Any) -> int:
        count = 0

        def trace(frame: FrameType, event: str, arg: object) -> Any:
            nonlocal count
            count += event == "line"
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            call(*args)
        finally:
            sys.settrace(before)
        return count

    return run
