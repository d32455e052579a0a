"""The look over a finished conversion: the frame that was made bad, in whatever way, comes first by that measure."""

from __future__ import annotations

import csv
import json
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

from understudy.core.errors import AlignmentsError, FacesError, SourceError, Stopped, UsageError
from understudy.core.extraction import task as extraction
from understudy.core.faces.nouns import Face
from understudy.core.jobs.messages import SilentReporter
from understudy.core.media.images import write_png
from understudy.core.media.writers import VideoWriter
from understudy.core.options import make
from understudy.core.options.extract import ExtractOptions
from understudy.core.options.report import ReportOptions
from understudy.core.reporting import measures
from understudy.core.reporting.measures import Measured, Tracker
from understudy.core.reporting.task import run

COUNT = 10
FACE = (slice(50, 190), slice(150, 300))  # where the face is in the photograph, with some room


def portrait(frame: int) -> np.ndarray:
    """The photograph, moved evenly; its light rises once, as if a lamp were switched on."""
    picture = np.roll(data.astronaut()[:400], (frame, 2 * frame), (0, 1)).astype(np.float32)
    return np.clip(picture * (0.8 if frame < 5 else 1.0), 0, 255).astype(np.uint8)


def changed(frame: int, how: str) -> np.ndarray:
    """The frame with its face made bad."""
    picture = portrait(frame)
    y, x = (slice(side.start + step, side.stop + step) for side, step in zip(FACE, (frame, 2 * frame), strict=True))
    face = picture[y, x].copy()
    if how == "identity":  # another face: its parts melt, while colours and outline stay
        face = cv2.GaussianBlur(face, (0, 0), 5)
    elif how == "flicker":
        face = np.clip(face.astype(np.float32) * 1.12, 0, 255).astype(np.uint8)
    elif how == "misalignment":
        face = np.roll(face, (0, 14), (0, 1))
    picture[y, x] = face
    return picture


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The clip, extracted, and its frames as an honest conversion that has changed nothing."""
    place = tmp_path_factory.mktemp("report")
    for frame in range(COUNT):
        write_png(place / "shot" / f"img_{frame:02d}.png", portrait(frame))
    options = make(ExtractOptions, {"source": str(place / "shot"), "faces": str(place / "faces"), "device": "cpu"})
    extraction.run(options, SilentReporter())
    return SimpleNamespace(place=place, source=place / "shot", faces=place / "faces")


def convert(clip: SimpleNamespace, folder: Path, bad: dict[int, str], overlay: bool = False) -> Path:
    for frame in range(COUNT):
        picture = changed(frame, bad.get(frame, ""))
        if overlay:
            alpha = np.where((picture != portrait(frame)).any(axis=2, keepdims=True), 255, 0).astype(np.uint8)
            picture = np.concatenate([picture * (alpha > 0), alpha], axis=2)
        write_png(folder / f"img_{frame:02d}.png", picture)
    return folder


def report(clip: SimpleNamespace, converted: Path, /, **values: Any) -> dict[str, Any]:
    given = {"source": str(clip.source), "converted": str(converted), "faces_b": str(clip.faces), "device": "cpu"}
    return run(make(ReportOptions, given | values), SilentReporter())


BAD = {2: "flicker", 4: "identity", 7: "misalignment"}
LEAST = {"flicker": 2.3, "identity": 0.25, "misalignment": 0.1}  # what the bad frame comes to; the others stay below


@pytest.mark.parametrize(("frame", "measure"), BAD.items())
def test_the_bad_frame_comes_first(clip: SimpleNamespace, tmp_path: Path, frame: int, measure: str) -> None:
    """Frame 5, where the source's own light jumps, is not bad by any measure."""
    told = report(clip, convert(clip, tmp_path / "made", {frame: measure}, overlay=measure != "identity"))
    assert told["worst"][measure][0] == frame
    written = json.loads(Path(told["json"]).read_text(encoding="utf-8"))
    assert written["worst"] == told["worst"]
    figures = {row["frame"]: row[measure] for row in written["faces"]}
    assert figures.pop(frame) > LEAST[measure] > max(figures.values())


def test_nothing_is_bad_where_nothing_was_changed(clip: SimpleNamespace, tmp_path: Path) -> None:
    told = report(clip, convert(clip, tmp_path / "made", {}))
    for row in json.loads(Path(told["json"]).read_text(encoding="utf-8"))["faces"]:
        assert row["flicker"] == 0
        assert row["misalignment"] < 0.05
        assert row["identity"] < 0.25


def test_what_is_written(clip: SimpleNamespace, tmp_path: Path) -> None:
    told = report(clip, convert(clip, tmp_path / "made", {2: "flicker"}))
    folder = tmp_path / "made_report"
    assert {Path(told[name]).name for name in ("file", "json", "csv")} == {path.name for path in folder.iterdir()}
    rows = list(csv.DictReader((folder / "report.csv").open(encoding="utf-8", newline="")))
    assert [int(row["frame"]) for row in rows] == list(range(COUNT))
    assert max(rows, key=lambda row: float(row["flicker"]))["name"] == "img_02"
    picture = cv2.imread(str(folder / "report.png"))
    assert picture.shape == (900, 1600, 3)
    assert (np.abs(picture.astype(int) - (70, 79, 240)).sum(axis=2) < 40).sum() > 100  # the marks
    assert "Likeness" in told["text"]
    assert (told["frames"], told["faces"]) == (COUNT, COUNT)


def test_a_part_of_the_frames_and_no_faces_of_b(clip: SimpleNamespace, tmp_path: Path) -> None:
    made = convert(clip, tmp_path / "made", {2: "flicker"})
    (made / "img_03.png").unlink()
    told = report(clip, made, frames="2-6", faces_b="", output=str(tmp_path / "there"))
    assert told["frames"] == 4
    assert told["worst"]["identity"] == []
    assert told["worst"]["flicker"][0] == 2
    assert "Likeness: not measured" in told["text"]
    assert (tmp_path / "there" / "report.png").exists()


def test_a_video_of_all_or_of_some_frames(clip: SimpleNamespace, tmp_path: Path) -> None:
    for name, frames in (("all", range(COUNT)), ("some", range(1, 5))):
        with VideoWriter(tmp_path / f"{name}.mp4", None, rate=Fraction(25), crf=8, preset="ultrafast") as writer:
            for place, frame in enumerate(frames):
                writer.write(place, changed(frame, BAD.get(frame, "")))
    assert report(clip, tmp_path / "all.mp4")["worst"]["misalignment"][0] == 7
    told = report(clip, tmp_path / "some.mp4", frames="1-4")
    assert told["worst"]["identity"][0] == 4
    assert Path(told["file"]).parent == tmp_path / "some_report"
    with pytest.raises(UsageError, match="4 frames"):
        report(clip, tmp_path / "some.mp4", frames="1-6")


def test_what_goes_wrong_is_told(clip: SimpleNamespace, tmp_path: Path) -> None:
    made = convert(clip, tmp_path / "made", {})
    (tmp_path / "empty").mkdir()
    for values, error, words in (({"converted": ""}, UsageError, "Nothing converted"),
                                 ({"converted": str(tmp_path / "empty")}, SourceError, "no converted frames"),
                                 ({"faces_b": str(tmp_path / "empty")}, FacesError, "no extracted faces"),
                                 ({"faces_b": str(tmp_path / "none")}, FacesError, "Cannot read"),
                                 ({"alignments": str(tmp_path / "x.db")}, AlignmentsError, "no alignments"),
                                 ({"persons": ("Nobody",)}, AlignmentsError, "Nobody")):
        with pytest.raises(error, match=words):
            report(clip, made, **values)
    write_png(made / "img_04.png", np.zeros((40, 40, 3), np.uint8))
    with pytest.raises(SourceError, match="40 x 40"):
        report(clip, made)
    assert not (tmp_path / "made_report").exists()


def test_it_stops_when_asked(clip: SimpleNamespace, tmp_path: Path) -> None:
    class Stopping(SilentReporter):
        def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
            return text == "Measuring" and done == 3

    options = make(ReportOptions, {"source": str(clip.source), "converted": str(convert(clip, tmp_path / "made", {})),
                                   "device": "cpu"})
    with pytest.raises(Stopped):
        run(options, Stopping())
    assert not (tmp_path / "made_report").exists()


# --- the measures by themselves -----------------------------------------------------------------------------------


def one(frame: int, offset: float, track: int = 0) -> Measured:
    return Measured(frame, f"f{frame}", "x", 0, None, track, np.full((16, 3), offset, np.float32),
                    np.ones(16, np.float32))


def test_flicker_is_the_distance_from_the_median_around() -> None:
    """Offsets 1, 1, 7, 1, 1: the jump is 6 in each of three channels, so 6 * sqrt(3); the neighbours stay quiet."""
    row = [one(frame, 7.0 if frame == 2 else 1.0) for frame in range(5)]
    measures.set_flicker(row)
    assert [round(face.flicker or 0.0, 4) for face in row] == [0, 0, round(6 * 3**0.5, 4), 0, 0]
    steady = [one(frame, 1.0 if frame < 5 else 5.0) for frame in range(12)]  # a step that stays is no flicker later on
    measures.set_flicker(steady)
    assert [face.frame for face in steady if face.flicker] == [4, 5]
    alone = [one(0, 1.0), one(9, 5.0), one(1, 2.0, track=1)]
    measures.set_flicker(alone)
    assert [face.flicker for face in alone] == [None, None, None]


def test_misalignment_is_a_share_of_the_distance_of_the_eyes() -> None:
    stored = np.zeros((68, 2))
    stored[45] = (100, 0)
    found = stored + np.array([3, 4])
    assert measures.misalignment(found, stored) == pytest.approx(0.05)
    found[:17] += 500  # the jaw does not count
    assert measures.misalignment(found, stored) == pytest.approx(0.05)
    assert measures.misalignment(found, np.zeros((68, 2))) is None


def face_at(x: float, person: int | None = None) -> Face:
    return Face(0, (x, 0.0, 100.0, 100.0), np.zeros((68, 2), np.float32), "d", "a", 1.0, person=person)


def test_faces_are_followed_by_place_or_person() -> None:
    tracker = Tracker()
    assert tracker.follow(0, [face_at(0), face_at(300)]) == [0, 1]
    assert tracker.follow(1, [face_at(310), face_at(8)]) == [1, 0]
    assert tracker.follow(2, [face_at(600)]) == [2]  # too far from both
    assert tracker.follow(9, [face_at(0)]) == [3]  # too long ago
    people = Tracker()
    assert people.follow(0, [face_at(0, 1), face_at(50, 2)]) == [0, 1]
    assert people.follow(1, [face_at(50, 1), face_at(0, 2)]) == [0, 1]  # they have crossed
