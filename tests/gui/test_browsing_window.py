"""Jobs, Clean Up, the faces browser and a training's views in a real window."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import numpy as np
import pytest

from understudy.core.browsing import sheet
from understudy.core.faces.geometry import MEAN_FACE
from understudy.core.faces.nouns import Face, SourceInfo
from understudy.core.faces.store import AlignmentsStore, Found
from understudy.core.media.images import write_png
from understudy.core.media.source import open_source
from understudy.core.models.state import ModelState, Settings
from understudy.core.training.watching.history import HistoryWriter

sys.path.insert(0, str(Path(__file__).parent))
import blender_window

pytestmark = pytest.mark.skipif(bool(blender_window.why_not()), reason=blender_window.why_not() or "never")
JAW = np.column_stack([np.linspace(-0.1, 1.1, 17), 0.5 + 0.6 * np.sin(np.linspace(0, np.pi, 17))])


def thumbnails(clip: Path) -> list[bytes]:
    """Middles of some frames, as if they were faces."""
    found = []
    with open_source(clip) as source:
        for frame in source.frames(range(0, 40, 4)):
            height, width = frame.pixels.shape[:2]
            top, left = height // 8, width // 2 - 96
            found.append(sheet.encoded(np.ascontiguousarray(frame.pixels[top:top + 192:2, left:left + 192:2])))
    return found


def make_store(path: Path, count: int, pictures: list[bytes]) -> None:
    """A store of so many faces, two in every tenth frame; the first 200 by the store itself, the rest as copies."""
    rng = np.random.default_rng(0)
    with AlignmentsStore.create(path, SourceInfo("f", "clip.mp4", 640, 360, "25", count)) as made:
        people = [made.add_person(name) for name in ("Anna", "Ben")]
        with made.transaction():
            for frame in range(min(count, 100)):
                points = (np.vstack([JAW, MEAN_FACE]) + rng.normal(0, 0.02, (68, 2))) * 120 + 100
                face = Face(frame, (100, 100, 120, 120), points.astype(np.float32), "d", "a", 1.0, people[frame % 2])
                made.write_frame(frame, f"clip_{frame:06d}", "s", [Found(face, pictures[frame % len(pictures)])])
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT * FROM face").fetchall()
        jpegs = dict(connection.execute("SELECT face, jpeg FROM thumbnail"))
        for block in range(1, count // len(rows)):
            names = [f"{block:08x}{row[0][8:]}" for row in rows]
            connection.executemany(f"INSERT INTO face VALUES ({', '.join('?' * len(rows[0]))})",
                                   [(name, row[1] + block * len(rows), *row[2:]) for name, row in
                                    zip(names, rows, strict=True)])
            connection.executemany("INSERT INTO thumbnail VALUES (?, ?)",
                                   [(name, jpegs[row[0]]) for name, row in zip(names, rows, strict=True)])


def make_model(folder: Path) -> None:
    """A model of two sessions whose loss has flattened, with a backup and two snapshots."""
    shade = np.linspace(0, 255, 900).astype(np.uint8)
    picture = np.ascontiguousarray(np.broadcast_to(shade[None, :, None], (500, 900, 3)))
    sessions = [{"started": "2026-01-10T09:12:03+00:00", "seconds": 330.0, "batch_size": 16, "iterations": count}
                for count in (6000, 4000)]
    for place, iterations, loss in ((folder, 10_000, 0.0412), (folder / "backup", 9750, 0.0412),
                                    (folder.with_name("model_snapshot_5000_iters"), 5000, 0.0621),
                                    (folder.with_name("model_snapshot_2500_iters"), 2500, 0.0903)):
        place.mkdir(parents=True, exist_ok=True)
        state = ModelState(Settings("sketch"), 64, 64, iterations, 3, sessions, {}, loss)
        (place / "state.json").write_bytes(state.to_json())
        for name in ("model", "optimizer"):
            (place / f"{name}.3.safetensors").write_bytes(bytes(iterations))
        write_png(place / "preview.png", picture)
    write_png(folder / "loss.png", picture)
    rng = np.random.default_rng(0)
    for session, first, count in ((1, 0, 6000), (2, 6000, 4000)):
        writer = HistoryWriter(folder, session, first, 16)
        for _ in range(count):
            writer.add({"loss_a": rng.normal(0.02, 0.001), "loss_b": rng.normal(0.02, 0.001)}, 0.1)
        writer.flush()
        writer.close()


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, footage: Path) -> dict:
    """What the session in the window saw."""
    home = tmp_path_factory.mktemp("browsing")
    pictures = thumbnails(footage / "actor_a.mp4")
    for name, count in (("actor_a_alignments", 10_000), ("small", 100), ("large", 100_000)):
        make_store(home / f"{name}.db", count, pictures)
    make_model(home / "model")
    clips = [footage / "actor_a.mp4", footage / "actor_b.mp4"]
    return blender_window.play(home, "browsing_session.py", clips, timeout=600,
                               UNDERSTUDY_GUI_MODEL=str(home / "model"), UNDERSTUDY_GUI_LARGE=str(home / "large.db"))


def test_jobs_show_in_the_status_bar_and_no_longer_once_they_have_ended(seen: dict) -> None:
    assert seen["errors"] == []
    assert seen["statusbar"].startswith("Long ")
    assert seen["statusbar"].endswith("1 more")
    assert seen["waiting"] == "waiting"
    assert seen["statusbar_after"] == ""


def test_clean_up_lists_copies_of_the_model(seen: dict) -> None:
    kinds = [kind for kind, _ in seen["measured"]]
    assert kinds.count("snapshot") == 2
    assert kinds.count("backup") == 1


def test_ten_thousand_faces_are_browsed_fluently(seen: dict) -> None:
    print(f"first page {seen['first_page_s']:.2f} s, another {seen['turned_s']:.2f} s")
    assert seen["found"] == 10_000
    assert seen["turned_s"] < 5


def test_faces_are_chosen_removed_and_brought_back_by_mouse_and_keys(seen: dict) -> None:
    if "clicked" not in seen:
        pytest.skip("there is no xdotool to click with")
    assert seen["clicked"] == [3]
    assert seen["extended"] == [3, 4, 5, 6, 7]
    assert seen["removed"] == [5, 5]
    assert seen["undone"]
    assert seen["frame"] == [6, 5]  # the strip begins at 1


def test_drawing_does_not_grow_with_the_number_of_faces(seen: dict) -> None:
    panels = {name for name in (*seen["draws_small"], *seen["draws_large"]) if "_PT_" in name}
    assert {"UNDERSTUDY_PT_faces", "UNDERSTUDY_PT_jobs", "UNDERSTUDY_PT_image_faces"} <= panels
    small, large = (sum(seen[f"draws_{name}"][panel] for panel in panels) for name in ("small", "large"))
    print(f"all open panels together: {small:.0f} lines with 100 faces, {large:.0f} with 100,000")
    assert large < small * 1.05


def test_no_callback_holds_blender_up(seen: dict) -> None:
    """Processor time: on a busy machine the turns of other programs are no fault of ours."""
    for part in ("browsing", "training"):
        slow = {name: round(cpu * 1000, 1) for name, (_, _, _, cpu) in seen[part].items()
                if cpu > blender_window.STALL}
        assert slow == {}


def test_a_flat_loss_is_said(seen: dict) -> None:
    assert "The preview decides" in seen["flat"]
