"""A training's preview, graphs and table of sessions in a real window."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from understudy.core.media.images import write_png
from understudy.core.models.state import ModelState, Settings
from understudy.core.training.watching.history import HistoryWriter

sys.path.insert(0, str(Path(__file__).parent))
import blender_window

pytestmark = pytest.mark.skipif(bool(blender_window.why_not()), reason=blender_window.why_not() or "never")


def make_model(folder: Path) -> Path:
    """A model folder with two sessions of history, a preview, and one that will take its place."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for session, first, last in ((1, 0, 3000), (2, 3000, 5000)):
        writer = HistoryWriter(folder, session, first, 16)
        for iteration in range(first + 1, last + 1):
            level = 0.03 + 0.3 * iteration**-0.35
            writer.add({"loss_a": level * rng.normal(1.1, 0.1), "loss_b": level * rng.normal(0.9, 0.1)}, 0.1)
        writer.flush()
        writer.close()
    sessions = [{"started": "2026-01-10T09:12:03+00:00", "ended": "2026-01-10T09:18:00+00:00", "seconds": 330.0,
                 "batch_size": 16, "iterations": count} for count in (3000, 2000)]
    (folder / "state.json").write_bytes(ModelState(Settings("sketch"), 64, 64, 5000, 3, sessions).to_json())
    shade = np.linspace(0, 255, 900).astype(np.uint8)
    for name, height in (("preview.png", 500), ("other.png", 400)):
        write_png(folder / name, np.ascontiguousarray(np.broadcast_to(shade[None, :, None], (height, 900, 3))))
    return folder


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, footage: Path) -> dict:
    """What the session in the window saw."""
    home = tmp_path_factory.mktemp("watching")
    model = make_model(home / "model")
    clips = [footage / "actor_a.mp4", footage / "actor_b.mp4"]
    return blender_window.play(home, "watching_session.py", clips, timeout=300, UNDERSTUDY_GUI_MODEL=str(model))


def test_the_preview_opens_in_a_window_of_its_own(seen: dict) -> None:
    assert seen["errors"] == []
    assert seen["windows"] == 2
    assert seen["preview"] == ["preview.png"]


def test_a_new_preview_appears_by_itself(seen: dict) -> None:
    assert seen["refreshed"] == [[900, 500], [900, 400]]


def test_graph_and_table_take_the_preview_s_place(seen: dict) -> None:
    assert seen["drawn"] == ["sessions.png"]
    assert seen["windows_after"] == 2
    assert seen["zoom_loss"] < 1  # the picture, larger than the window, is seen as a whole


def test_drawing_the_panel_looks_at_no_disk(seen: dict) -> None:
    """On a usual machine it takes well under the 2 ms that a panel may, of processor time."""
    _, calls, _, cpu, total = seen["callbacks"]["UNDERSTUDY_PT_train_watch.draw"]
    print(f"{calls} calls, {total / calls * 1000:.2f} ms on average, longest {cpu * 1000:.1f} ms of processor time")
    assert calls
    assert total / calls < blender_window.SLOW_DRAWING
