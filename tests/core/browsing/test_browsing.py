"""Pages of faces: filters, orders, counts, the picture, and that 10,000 faces are quick."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from understudy.core.browsing import answers, sheet
from understudy.core.browsing.sharpness import sharpness
from understudy.core.browsing.table import source_sizes
from understudy.core.errors import AlignmentsError, Stopped, UsageError
from understudy.core.faces.geometry import MEAN_FACE, Alignment
from understudy.core.faces.nouns import Face, SourceInfo
from understudy.core.faces.store import AlignmentsStore, Found

JAW = np.column_stack([np.linspace(-0.1, 1.1, 17), 0.5 + 0.6 * np.sin(np.linspace(0, np.pi, 17))])


def landmarks(side: float, x: float, y: float, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """68 points of a mean face whose unit box has this side, at (x, y), with so much noise in unit-box units."""
    points = np.vstack([JAW, MEAN_FACE])
    points = points + np.random.default_rng(seed).normal(0, noise, points.shape)
    return (points * side + (x, y)).astype(np.float32)


def thumbnail(seed: int, blur: float = 0.0) -> bytes:
    pixels = np.random.default_rng(seed).integers(60, 200, (96, 96, 3), np.uint8)
    if blur:
        pixels = cv2.GaussianBlur(pixels, (0, 0), blur)
    return cv2.imencode(".jpg", pixels)[1].tobytes()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """30 frames, 0 to 29, a face in each of the first 24: frame 3 has two faces, 5 a misaligned one, 7 a small one, 9
    a blurred one, 11 an edited one, 13 a removed one. Even frames are Anna's, odd ones Ben's, frame 2 is nobody's.
    """
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "home"))
    path = tmp_path / "clip_alignments.db"
    rng = np.random.default_rng(1)
    centres = {0: rng.normal(size=16), 1: rng.normal(size=16)}
    with AlignmentsStore.create(path, SourceInfo("f", "clip.mp4", 1280, 720, "25", 30)) as made:
        people = {0: made.add_person("Anna"), 1: made.add_person("Ben")}
        for frame in range(30):
            faces = [] if frame >= 24 else [frame] if frame != 3 else [3, 103]
            found = []
            for number in faces:
                side = 20.0 if frame == 7 else 120.0
                points = landmarks(side, 300 + 400 * (number > 100), 200, 0.3 if frame == 5 else 0.0, frame)
                vector = centres[frame % 2] + rng.normal(size=16) * 0.1
                if frame == 20:
                    vector = centres[1]  # looks like Ben, and is said to be Anna
                person = None if frame == 2 else people[frame % 2]
                x = 300.0 + 400 * (number > 100)
                found.append(Found(Face(frame, (x, 200.0, side, side), points, "d", "a", 1.0, person),
                                   thumbnail(number, 3.0 if frame == 9 else 0.0),
                                   {"dlib": vector.astype(np.float32)}))
            made.write_frame(frame, f"clip_{frame:06d}", "s", found)
        (eleven,), (thirteen,) = made.faces(11), made.faces(13)
        made.edit_face(eleven.uuid, eleven.landmarks + 1)
        made.remove_face(thirteen.uuid)
    return path


class Reporter:
    """Counts what it hears; `stop_after` calls it asks to stop."""

    def __init__(self, stop_after: int = 10**9) -> None:
        self.calls, self.stop_after = 0, stop_after

    def progress(self, *_: object) -> bool:
        self.calls += 1
        return self.calls >= self.stop_after


@pytest.fixture(autouse=True)
def forget() -> Any:
    answers._open.clear()


def page(store: Path, **values: Any) -> dict[str, Any]:
    return answers.faces_sheet({"store": str(store), "picture": str(store.with_name("page.jpg")), **values}, Reporter())


def frames(found: dict[str, Any]) -> list[int]:
    return [cell["frame"] for cell in found["cells"]]


ALL = [0, 1, 2, 3, 3, *range(4, 13), *range(14, 24)]


@pytest.mark.parametrize(("what", "expected"), [
    ("all", ALL), ("several", [3, 3]), ("misaligned", [5]), ("small", [7]), ("blurred", [9]), ("edited", [11]),
    ("removed", [13])])
def test_filters_find_what_is_wrong(store: Path, what: str, expected: list[int]) -> None:
    found = page(store, filter=what)
    assert frames(found) == expected
    assert found["found"] == found["counts"][what] == len(expected)


def test_counts_are_of_all_filters(store: Path) -> None:
    assert page(store)["unmeasured"] == len(ALL)
    left = answers.faces_measure({"store": str(store)}, Reporter())
    assert left["unmeasured"] == 0
    assert left["counts"] == {"all": 24, "no-face": 7, "several": 2, "misaligned": 1, "small": 1, "blurred": 1,
                              "edited": 1, "removed": 1}


def test_frames_without_faces_are_shown_whole(store: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip"
    clip.mkdir()
    for number in range(30):
        cv2.imwrite(str(clip / f"{number:03d}.png"), np.full((72, 128, 3), (0, 0, 8 * number), np.uint8))
    found = page(store, filter="no-face", source=str(clip))
    assert frames(found) == [13, *range(24, 30)]
    pixels = cv2.imread(found["picture"])
    x, y = sheet.place_of(1, found["columns"])
    assert abs(int(pixels[y + 48, x + 48, 2]) - 8 * 24) < 6
    assert tuple(pixels[y + 4, x + 48]) == tuple(pixels[y + 4, x + 4])  # letter-boxed, not stretched


@pytest.mark.parametrize(("order", "first"), [("misaligned", 5), ("small", 7), ("blurred", 9), ("likeness", 20)])
def test_the_worst_come_first(store: Path, order: str, first: int) -> None:
    found = page(store, order=order)
    assert frames(found)[0] == first
    assert sorted(frames(found)) == ALL


def test_persons_are_a_filter_and_an_order(store: Path) -> None:
    by_name = {1: [*range(0, 2, 2), *range(4, 24, 2)], -2: [2]}
    for person, expected in by_name.items():
        assert frames(page(store, person=person)) == expected
    ordered = [cell["person"] for cell in page(store, order="person")["cells"]]
    assert ordered == sorted(ordered)


def test_limits_are_a_persons_to_choose(store: Path) -> None:
    limits = {"misaligned": 0.0, "small": 10_000, "blurred": 0.0}
    found = page(store, filter="small", limits=limits)
    assert found["found"] == 24
    assert found["counts"]["misaligned"] >= 23
    assert page(store, filter="blurred", limits=limits)["found"] == 0


def test_pages(store: Path) -> None:
    seen: list[int] = []
    for number in range(3):
        found = page(store, per_page=10, page=number)
        assert (found["page"], found["pages"], found["found"]) == (number, 3, 24)
        seen += frames(found)
    assert seen == ALL
    assert page(store, per_page=10, page=99)["page"] == 2
    assert page(store, filter="removed", person=99)["cells"] == []
    assert len(page(store, per_page=5000)["cells"]) <= answers.MOST_PER_PAGE


def test_each_cell_has_its_own_picture(store: Path) -> None:
    found = page(store)
    pixels = cv2.cvtColor(cv2.imread(found["picture"]), cv2.COLOR_BGR2RGB)
    assert [pixels.shape[1], pixels.shape[0]] == found["size"]
    with AlignmentsStore.readonly(store) as opened:
        for number, cell in enumerate(found["cells"]):
            x, y = sheet.place_of(number, found["columns"])
            own = sheet.decoded(opened.thumbnail(cell["uuid"]))
            assert own is not None
            shown = pixels[y:y + 96, x:x + 96].astype(int)
            assert np.abs(shown - own).mean() < 12, number


def test_a_change_is_seen_by_the_next_page(store: Path) -> None:
    first = page(store)
    with AlignmentsStore.open(store) as opened:
        opened.remove_face(first["cells"][0]["uuid"])
    second = page(store)
    assert second["found"] == 23
    assert second["revision"] == first["revision"] + 1


def test_sharpness_is_measured_once(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page(store, filter="blurred")
    answers._open.clear()  # another session
    monkeypatch.setattr("understudy.core.browsing.sharpness.sharpness", lambda jpeg: pytest.fail("measured again"))
    assert frames(page(store, filter="blurred")) == [9]


def test_measuring_can_be_cancelled(store: Path) -> None:
    with pytest.raises(Stopped):
        answers.faces_sheet({"store": str(store), "picture": "x.jpg", "filter": "blurred"}, Reporter(1))


def test_what_cannot_be_shown_is_told(store: Path, tmp_path: Path) -> None:
    with pytest.raises(AlignmentsError, match=r"no alignments in .*none\.db.*Extract"):
        page(tmp_path / "none.db")
    with pytest.raises(UsageError, match="no filter 'nonsense'"):
        page(store, filter="nonsense")
    with AlignmentsStore.open(store) as opened:
        opened._execute("DELETE FROM identity")
    with pytest.raises(AlignmentsError, match="identity"):
        page(store, order="likeness")


def test_sizes_are_those_of_the_alignment() -> None:
    rng = np.random.default_rng(3)
    points = np.stack([landmarks(rng.uniform(10, 400), *rng.uniform(0, 900, 2), 0.1, seed) for seed in range(40)])
    angles = rng.uniform(0, 6, 40)
    turn = np.stack([np.cos(angles), -np.sin(angles), np.sin(angles), np.cos(angles)], -1).reshape(-1, 2, 2)
    points = (points @ turn).astype(np.float32)
    assert source_sizes(points) == pytest.approx([Alignment(one).source_size for one in points], rel=1e-4)
    assert source_sizes(np.ones((1, 68, 2), np.float32)) == [0]


def test_blur_lowers_sharpness_and_darkness_does_not() -> None:
    sharp, blurred = sharpness(thumbnail(1)), sharpness(thumbnail(1, 1.5))
    assert blurred < 0.2 * sharp
    pixels = sheet.decoded(thumbnail(1))
    assert pixels is not None
    dark = cv2.imencode(".png", pixels // 2)[1].tobytes()
    assert sharpness(dark) == pytest.approx(sharp, rel=0.15)
    assert sharpness(b"nothing") == 0.0


def test_ten_thousand_faces_page_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first page reads the table; every other one only its thumbnails."""
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "home"))
    path, picture = tmp_path / "long.db", thumbnail(0)
    points = landmarks(100, 200, 200)
    with AlignmentsStore.create(path, SourceInfo("f", "long.mp4", 1280, 720, "25", 10_000)) as made, made.transaction():
        for frame in range(10_000):
            made.write_frame(frame, str(frame), "s", [Found(Face(frame, (0, 0, 9, 9), points), picture, {})])
    begin = time.perf_counter()
    first = page(path, per_page=200)
    middle = time.perf_counter()
    second = page(path, per_page=200, page=25)
    end = time.perf_counter()
    print(f"first page {middle - begin:.2f} s, another {end - middle:.3f} s")
    assert (first["pages"], frames(second)[0]) == (50, 5000)
    assert middle - begin < 5
    assert end - middle < 1.5
