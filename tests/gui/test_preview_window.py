"""The live preview, the five faces and the look over a result in a real window."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from understudy.core.extraction import task as extraction
from understudy.core.jobs.messages import SilentReporter
from understudy.core.models import base, folder
from understudy.core.options import make
from understudy.core.options.extract import ExtractOptions

sys.path.insert(0, str(Path(__file__).parent))
import blender_window

pytestmark = pytest.mark.skipif(bool(blender_window.why_not()), reason=blender_window.why_not() or "never")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, footage: Path) -> dict:
    """What the session in the window saw: rendered actors, extracted, and a model that has learned nothing."""
    home = tmp_path_factory.mktemp("preview")
    clips = [footage / name for name in ("actor_a.mp4", "actor_b.mp4")]  # the window gets copies of them in `home`
    options = make(ExtractOptions, {"source": str(clips[0]), "frames": "0-9", "device": "cpu",
                                    "alignments": str(home / "actor_a_alignments.db")})
    extraction.run(options, SilentReporter())
    torch.manual_seed(0)
    model = base.build("sketch")
    state = folder.ModelState(folder.Settings("sketch"), 64, 64, iterations=1, sessions=[{"iterations": 1}])
    folder.write(home / "model", state, model.state_dict(), None)
    return blender_window.play(home, "preview_session.py", clips, timeout=900, UNDERSTUDY_GUI_MODEL=str(home / "model"))


def test_the_shown_frame_opens_beside_its_swap(seen: dict) -> None:
    assert seen["errors"] == []
    assert seen["windows"] == 2
    assert "frame.png" in seen["shown"]


def test_it_follows_frame_and_settings(seen: dict) -> None:
    print(f"another frame after {seen['followed']:.2f} s")
    assert seen["size"] == [2 * 640 + 4, 2 * 360 + 4]
    assert "not shown at this frame" in seen["sentence"]
    assert not seen["ticking"]


def test_the_result_is_listed_and_gone_to(seen: dict) -> None:
    assert seen["rows"] == 10
    assert seen["chart"]
    assert seen["jumped"] == 1  # the strip's first frame, 0 of the footage, is the timeline's 1


def test_no_callback_of_ours_keeps_blender_waiting(seen: dict) -> None:
    ours = {name: figures for name, figures in seen["callbacks"].items()
            if name in ("_tick", "_turn", "_collect") or "PT_live" in name or "look" in name.lower()}
    assert {"_tick", "_collect"} <= set(ours)
    for name, (kind, calls, longest, cpu, total) in ours.items():
        print(f"{name}: {calls} calls, longest {longest * 1000:.1f} ms, {cpu * 1000:.1f} ms of processor time")
        if kind == "draw" and calls:
            assert total / calls < blender_window.SLOW_DRAWING
        elif name in ("_tick", "_turn"):
            assert cpu < blender_window.STALL
