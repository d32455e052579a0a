"""Uninstalling, in a real window and by Blender's command: nothing of Understudy goes on, and only what is the person's
stays on the disk.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import blender_window

pytestmark = pytest.mark.skipif(bool(blender_window.why_not()), reason=blender_window.why_not() or "never")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uninstall")


@pytest.fixture(scope="module")
def seen(home: Path, footage: Path) -> dict:
    """What the session in the window saw."""
    from understudy.core import packaging

    window = blender_window.Window(home, timeout=400)
    window.install(packaging.build(home / "understudy.zip"), enable=False)
    clips = [shutil.copy(footage / f"actor_{side}.mp4", home) for side in "ab"]
    try:
        window.run(Path(__file__).with_name("uninstall_session.py"), UNDERSTUDY_GUI_HOME=str(home),
                   UNDERSTUDY_GUI_CLIPS=os.pathsep.join(map(str, clips)),
                   UNDERSTUDY_GUI_PYTHON=str(blender_window.ROOT / ".venv" / "bin" / "python"))
    finally:
        if (home / "report.json").exists():
            print((home / "report.json").read_text())
    return json.loads((home / "report.json").read_text())


def test_the_session_goes_through(seen: dict) -> None:
    assert seen["errors"] == []


def test_there_is_something_to_be_left_behind(seen: dict) -> None:
    """Else the other tests could not fail."""
    assert seen["before"] == {}
    kinds = {"handlers", "timers", "classes", "operators", "properties", "keys", "drawn by others", "threads", "words"}
    assert set(seen["enabled"]) >= kinds
    assert [line for line in seen["enabled"].get("processes", []) if line.rstrip().endswith("--service")] \
        or not sys.platform.startswith("linux")
    assert len(seen["enabled"]["at exit"]) >= 2
    assert seen["calls while enabled"] > 10


def test_disabling_leaves_nothing_in_blender(seen: dict) -> None:
    assert seen["disabled"] == {}
    assert seen["calls while disabled"] == 0
    assert seen["at exit"] == []


def test_what_the_file_holds_is_there_when_it_is_enabled_again(seen: dict) -> None:
    assert seen["kept"] == ["actor_a", 320]
    assert {"handlers", "timers", "keys", "threads"} <= set(seen["enabled again"])


def test_uninstalling_leaves_nothing_in_blender(seen: dict) -> None:
    assert seen["uninstalled"] == {}


def test_only_what_is_the_persons_stays_on_the_disk(seen: dict, home: Path) -> None:
    """What the guide says, under Uninstalling."""
    blender = home / "blender"
    ours = sorted(str(path.relative_to(blender)) for path in blender.rglob("*") if path.is_file()
                  and "understudy" in str(path.relative_to(blender)).lower())
    assert ours == ["scripts/presets/understudy/train/Mine.py"]
    assert not (blender / "extensions" / ".user" / "user_default" / "understudy").exists()
    user = {str(path.relative_to(home / "user")) for path in (home / "user").glob("*/*")}
    assert user == {"config/consent.json", "data/cores", "data/logs", "cache/environments", "cache/frames"} | (
        {path for path in user if path in ("cache/sharpness", "data/jobs")})
    assert {path.name for path in home.iterdir()} >= {"shot.blend", "shot_understudy", "actor_a_alignments.db"}


def test_the_command_removes_it_as_well(seen: dict, home: Path) -> None:
    window = blender_window.Window(home)
    window.install(home / "understudy.zip")
    assert "understudy" in window.call("--command", "help").stdout
    removed = window.call("--command", "extension", "remove", "understudy")
    assert removed.returncode == 0, removed.stdout
    opened = window.call("-b", str(home / "shot.blend"), "--command", "help")
    assert (opened.returncode, "understudy" in opened.stdout, "Traceback" in opened.stdout) == (0, False, False)
    assert not (home / "blender" / "extensions" / "user_default" / "understudy").exists()
