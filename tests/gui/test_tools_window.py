"""Tools, persons and the options of extraction in a real window."""

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
    clips = [footage / "two_people.mp4", footage / "actor_b.mp4"]
    return blender_window.play(tmp_path_factory.mktemp("tools"), "tools_session.py", clips, timeout=600)


def test_the_session_goes_through(seen: dict) -> None:
    assert seen["errors"] == []
    assert {"tools.png", "tools_panels.png", "extract_panels.png"} <= set(seen["pictures"])


def test_persons_are_listed_and_renamed_in_place(seen: dict) -> None:
    assert len(seen["linked"]) >= 2
    assert seen["named"][0] == "Anna"
    assert seen["named"][1] == seen["linked"][1][0]  # a name that is somebody else's was taken back


def test_the_tool_tells_what_it_found(seen: dict) -> None:
    assert seen["told"]


def test_what_changes_things_asks_first(seen: dict) -> None:
    if "sorted_without_asking" not in seen:
        pytest.skip("needs xdotool to answer a dialogue")
    assert not seen["sorted_without_asking"]


def test_missing_weights_are_named(seen: dict) -> None:
    assert seen["lacking"] == "Fetch or import the weights first: bisenet-face, fan-2d4"


def test_drawing_the_new_panels_is_measured(seen: dict) -> None:
    drawn = {name: figures for name, figures in seen["callbacks"].items() if name.endswith(".draw") and figures[1]}
    assert {f"UNDERSTUDY_PT_{panel}.draw" for panel in ("tools", "persons", "extract_advanced")} <= set(drawn)
    for name, (_, calls, longest, cpu, total) in sorted(drawn.items(), key=lambda item: -item[1][3]):
        print(f"{name}: {calls} calls, {total / calls * 1000:.2f} ms on average, longest {cpu * 1000:.1f} ms of "
              f"processor time, {longest * 1000:.1f} ms passed")
