"""The sidebar in a real window: empty states, several shots, every panel, undo."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import blender_window

pytestmark = pytest.mark.skipif(bool(blender_window.why_not()), reason=blender_window.why_not() or "never")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, footage: Path) -> dict:
    """What the session in the window saw."""
    clips = [footage / "actor_a.mp4", footage / "actor_b.mp4"]
    return blender_window.play(tmp_path_factory.mktemp("panels"), "panels_session.py", clips, timeout=600,
                               size="1600x1400")


def test_the_session_goes_through(seen: dict) -> None:
    assert seen["errors"] == []
    assert {"no_shot.png", "shots.png", "extract.png", "masks.png", "train.png"} <= set(seen["pictures"])


def test_a_new_shot_is_made_of_the_selected_strips(seen: dict) -> None:
    assert seen["panels_without_shot"] == 0
    assert seen["made"] == ["actor_a", "actor_a", "actor_b"]


def test_undo_brings_a_removed_shot_back(seen: dict) -> None:
    assert len(seen["removed"]) == 3
    if "undone" not in seen:
        pytest.skip("there is no xdotool to press Ctrl-Z with")
    assert seen["undone"]


def test_panels_are_drawn_quickly(seen: dict) -> None:
    """2 ms each are what they may take, of processor time; a slow or busy machine may need some more."""
    for name, (kind, calls, longest, cpu, total) in sorted(seen["callbacks"].items(), key=lambda item: -item[1][3]):
        if kind == "draw" and calls:
            print(f"{name}: {calls} calls, {total / calls * 1000:.2f} ms on average, longest {cpu * 1000:.1f} ms of "
                  f"processor time, {longest * 1000:.1f} ms passed")
    assert all(total / calls < blender_window.SLOW_DRAWING for kind, calls, _, _, total in seen["callbacks"].values()
               if kind == "draw" and calls)
