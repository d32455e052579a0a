"""The zip, and what enabling and disabling it does to Blender."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import bpy
import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILDER = Path(bpy.utils.system_resource("SCRIPTS")) / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"
SCRIPTS = {"bootstrap.py", "demo_scene.py"}  # started by their path, they put the package into place first
HEAVY = {"torch", "cv2", "dlib", "av", "skimage", "PIL"}


def _builder(*arguments: str) -> str:
    done = subprocess.run([sys.executable, str(BUILDER), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_blender_accepts_the_zip_and_builds_the_same(archive: Path, tmp_path: Path) -> None:
    _builder("validate", str(archive))
    _builder("build", "--source-dir", str(ROOT), "--output-filepath", str(tmp_path / "theirs.zip"))
    with zipfile.ZipFile(archive) as ours, zipfile.ZipFile(tmp_path / "theirs.zip") as theirs:
        assert sorted(ours.namelist()) == sorted(theirs.namelist())


def test_the_zip_holds_what_runs_and_nothing_else(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
    assert {"__init__.py", "blender_manifest.toml", "core/jobs/bootstrap.py", "requirements/core.txt"} <= set(names)
    tops = {name.split("/")[0] for name in names}
    assert tops <= {"__init__.py", "blender_manifest.toml", "LICENSE", "README.md", "addon", "core", "operators",
                    "panels", "requirements"}


def test_no_module_imports_itself_by_an_absolute_name() -> None:
    """Inside Blender the package is called otherwise: an absolute import would find another copy, or none."""
    found = [str(path.relative_to(ROOT)) for folder in ("addon", "operators", "panels", "core")
             for path in (ROOT / folder).rglob("*.py") if path.name not in SCRIPTS
             and re.search(r"^\s*(?:import|from) (?:understudy|bl_ext)\b", path.read_text(encoding="utf-8"), re.M)]
    assert found == []


def test_it_can_be_enabled_again_and_again(installed: str) -> None:
    for _ in range(3):
        bpy.ops.preferences.addon_enable(module=installed)
        assert bpy.ops.understudy.extract.idname_py() == "understudy.extract"
        assert hasattr(bpy.types, "UNDERSTUDY_PT_train")
        bpy.ops.preferences.addon_disable(module=installed)
        assert not [name for name in dir(bpy.types) if name.startswith("UNDERSTUDY_")]
        assert not hasattr(bpy.types.Scene, "understudy")


def test_enabling_loads_nothing_heavy(installed: str) -> None:
    """In a Blender of its own; prints the seconds (0.3 are the limit), which a busy machine may stretch."""
    code = f"""
import bpy, sys, time, numpy
start = time.process_time()
bpy.ops.preferences.addon_enable(module="{installed}")
print("seconds", time.process_time() - start)
print("heavy", sorted({HEAVY!r} & set(sys.modules)))
assert "{installed}.panels.train" in sys.modules
bpy.ops.preferences.addon_disable(module="{installed}")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ),
                          check=False)
    assert "heavy []" in done.stdout, done.stdout + done.stderr
    print(f"enabling took {re.search(r'seconds ([0-9.]+)', done.stdout)[1]} s of processor time")


def test_class_names_are_ours(extension: Any) -> None:
    """Class names are global in Blender: another extension's would break ours, and the reverse."""
    for name in ("operators.extract", "operators.jobs", "operators.tools", "panels.shot", "panels.train"):
        for cls in extension(name).CLASSES:
            assert cls.__name__.startswith("UNDERSTUDY_")


@pytest.mark.parametrize("name", ["extract", "train", "convert", "setup", "job_stop", "job_pause", "job_resume",
                                  "job_restart", "job_remove", "job_log", "job_folder", "job_preview", "pick_strip",
                                  "consent", "open_folder", "preferences"])
def test_every_operator_has_a_sentence(extension: Any, name: str) -> None:
    description = getattr(bpy.ops.understudy, name).get_rna_type().description
    assert len(description) > 10
    assert not description.endswith(".")
