"""Landmarks corrected in a real window: dragged markers, a drawn box, typed numbers, undo, and nothing that waits."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import blender_window

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(bool(blender_window.why_not()), reason=blender_window.why_not() or "never")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, footage: Path) -> dict:
    """What the session in the window saw."""
    home = tmp_path_factory.mktemp("correcting")
    made = tmp_path_factory.mktemp("moving")
    subprocess.run([sys.executable, str(ROOT / "tests" / "blender" / "moving_face.py"), str(made),
                    json.dumps({"count": 100})], check=True, cwd=ROOT)
    store = Path(shutil.copy(made / "moving_alignments.db", home))
    return blender_window.play(home, "correcting_session.py", [made / "moving.mp4", footage / "actor_b.mp4"],
                               timeout=420, UNDERSTUDY_GUI_STORE=str(store))


def test_only_the_marker_that_was_dragged_is_written(seen: dict) -> None:
    assert seen["errors"] == []
    assert seen["keyed"]
    assert seen["others_keyed"] == 0
    assert seen["unsaved"] == 1
    assert seen["moved"] == [30]
    x, y = seen["by"]  # in pixels of the screen, where y runs down
    assert abs(x - 40) < 6  # Blender takes hold of it a few pixels after the button went down
    assert abs(y + 25) < 6
    assert seen["backups"] == 1


def test_keys_undo_and_redo_it(seen: dict) -> None:
    assert seen["undone"]
    assert seen["still_moved"]  # the marker, as it was before Apply
    assert seen["redone"]


def test_a_hundred_frames_are_applied_in_slices(seen: dict) -> None:
    print(f"{seen['apply_seconds']:.2f} s; the call itself {seen['apply_call'] * 1e3:.0f} ms")
    assert seen["applied"] == 100


def test_a_drawn_box_becomes_a_face_and_typed_numbers_are_exact(seen: dict) -> None:
    if "box" not in seen:
        pytest.skip("there is no xdotool to move the mouse with")
    for got, wanted in zip(seen["box"], (420, 60, 140, 160), strict=True):
        assert abs(got - wanted) < 4
    print(f"from the box to the landmarks: {seen['box_seconds']:.2f} s, the first time "
          f"{seen['first_box_seconds']:.2f} s")
    assert seen["typed"] == pytest.approx([0, -12], abs=1e-3)
    assert seen["cancelled"]
    assert seen["copied_by_key"]
    assert seen["only_looked_at"], "keys change nothing while faces are only looked at"


def test_no_callback_holds_blender_up(seen: dict) -> None:
    for name, (kind, calls, longest, cpu, total) in sorted(seen["callbacks"].items()):
        print(f"{name}: {calls} calls, {total / calls * 1e3:.2f} ms on average, longest {longest * 1e3:.1f} ms "
              f"(CPU {cpu * 1e3:.1f})")
        if kind == "callback" and ("landmarks" in name or "markers" in name or "_turn" in name or "_undone" in name):
            assert cpu < blender_window.STALL, name
