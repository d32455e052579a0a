"""The floors of docs/architecture.md hold: who may import what, and that Blender never meets a heavy library."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"torch", "scipy", "cv2", "dlib", "av", "PIL", "skimage", "matplotlib", "safetensors", "tensorboard", "tqdm",
         "pooch", "requests", "OpenEXR", "tifffile"}
BLENDER = {"bpy", "gpu", "gpu_extras", "mathutils", "bl_ui", "blf", "aud"}
BLENDER_SIDE = ("addon", "operators", "panels")
LIGHT_CORE = ("core/errors.py", "core/folders.py", "core/consent.py", "core/options", "core/jobs/messages.py",
              "core/jobs/tasks.py", "core/jobs/folder.py", "core/jobs/client.py", "core/jobs/bootstrap.py",
              "core/jobs/follow.py", "core/jobs/interrupting.py",
              "core/jobs/lock.py", "core/jobs/progress.py", "core/jobs/reporter.py",
              "core/jobs/run.py", "core/jobs/worker.py", "core/jobs/setup.py", "core/jobs/rehearsal.py",
              "core/jobs/service.py", "core/jobs/service_client.py", "core/environment.py",
              "core/media/index.py", "core/media/listing.py", "core/media/ranges.py",
              "core/faces/store.py", "core/faces/geometry.py", "core/faces/nouns.py",
              "core/faces/places.py", "core/faces/hulls.py",
              "core/faces/people.py", "core/faces/persons.py", "core/faces/linking.py", "core/faces/tracks.py",
              "core/faces/grouping.py", "core/sorting/names.py", "core/training/watching/requests.py",
              "core/training/watching/flattening.py", "core/training/watching/session_rows.py",
              "core/jobs/space.py", "core/models/copies.py",
              "core/columns.py", "core/models/files.py", "core/models/state.py",
              "core/weights/rows.py", "core/weights/files.py", "core/weights/needs.py", "core/weights/placing.py",
              "core/weights/task.py", "core/weights/page.py")


def modules(*places: str) -> list[Path]:
    found = []
    for place in places:
        path = ROOT / place
        found += [path] if path.suffix == ".py" else sorted(path.rglob("*.py"))
    return found


def imports(path: Path) -> list[tuple[int, str]]:
    """(relative level, dotted name) of every import in a file, nested ones included."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.level, node.module or ""))
    return found


@pytest.mark.parametrize("path", modules("core"), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_core_knows_nothing_of_blender(path):
    for level, name in imports(path):
        assert name.split(".")[0] not in BLENDER, f"{path} imports {name}"
        assert not (level and name.split(".")[0] in BLENDER_SIDE), f"{path} imports {name}"


@pytest.mark.parametrize("path", modules(*BLENDER_SIDE, *LIGHT_CORE), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_light_side_imports_no_heavy_library(path):
    for level, name in imports(path):
        assert level or name.split(".")[0] not in HEAVY, f"{path} imports {name}"


@pytest.mark.parametrize("path", modules("core", *BLENDER_SIDE), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_inside_the_package_are_relative(path):
    """An absolute `understudy` does not exist inside Blender, where the package is bl_ext.user_default.understudy."""
    for level, name in imports(path):
        assert level or name.split(".")[0] not in ("understudy", "core", *BLENDER_SIDE, "bl_ext"), f"{path}: {name}"


def test_the_light_core_loads_without_the_heavy_libraries():
    """Not only their own imports: whatever they pull in, too."""
    names = [".".join(("understudy", *p.relative_to(ROOT).with_suffix("").parts)) for p in modules(*LIGHT_CORE)
             if p.name not in ("__init__.py", "bootstrap.py", "reference.py")]
    code = f"import sys, importlib\nfor n in {names!r}: importlib.import_module(n)\n" \
           f"print(sorted({HEAVY!r} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_wheel_lists_every_package():
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    on_disk = {".".join(("understudy", *p.parent.relative_to(ROOT).parts))
               for p in modules("core", *BLENDER_SIDE) if p.name == "__init__.py"} | {"understudy"}
    assert listed == on_disk


def test_the_version_stands_once():
    import understudy

    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert manifest["version"] == project["version"] == understudy.__version__
