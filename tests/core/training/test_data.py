"""Faces folders: what training sees of them, and what a person is told when they do not serve."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from understudy.core.errors import FacesError, OutputError, Stopped
from understudy.core.faces.crop import crop
from understudy.core.faces.geometry import Alignment
from understudy.core.jobs.messages import SilentReporter
from understudy.core.models.folder import Settings
from understudy.core.options.train import TrainOptions
from understudy.core.training.faces import data, room
from understudy.core.training.faces.reading import Cut

SETTINGS = Settings("sketch")
FacesMaker = Callable[..., Path]
FaceMaker = Callable[[int, tuple[int, int, int]], tuple[np.ndarray, np.ndarray]]


def cut(settings: Settings = SETTINGS, size: int = 64, **more: object) -> Cut:
    return Cut(size, settings, **more)  # type: ignore[arg-type]


class Warnings(SilentReporter):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def warning(self, message: str, detail: str = "") -> None:
        self.heard.append(message)


@pytest.mark.parametrize("settings", [SETTINGS, Settings("sketch", centering="legacy", coverage=0.7),
                                      Settings("sketch", centering="head", coverage=1.0, vertical_offset=0.1)])
def test_training_sees_what_conversion_will_show(faces_a: Path, settings: Settings, face_maker: FaceMaker) -> None:
    """The crop out of a saved face lies within a fraction of a pixel of the crop straight from the frame."""
    faces = data.load_faces(faces_a, cut(settings), SilentReporter(), "A")
    for index in (0, 9, 20):
        frame, points = face_maker(index, (200, 150, 120))
        placed = (settings.centering, settings.coverage, settings.vertical_offset)
        straight = crop(frame, Alignment(points), 64, *placed)
        np.testing.assert_allclose(faces.landmarks[index], straight.landmarks, atol=1e-3)
        difference = np.abs(faces.crops[index, ..., :3].astype(int) - straight.pixels)
        assert difference.mean() < 4
        green = [picture[..., 1].astype(np.float64) for picture in (faces.crops[index], straight.pixels)]
        shift, _ = cv2.phaseCorrelate(*green)
        assert np.hypot(*shift) < 0.15


def test_the_mask_covers_the_landmarks(faces_a: Path) -> None:
    faces = data.load_faces(faces_a, cut(), SilentReporter(), "A")
    assert faces.crops.shape == (28, 64, 64, 4)
    assert faces.crops.dtype == np.uint8
    for crop_, points in zip(faces.crops, faces.landmarks, strict=True):
        x, y = np.rint(points[27:]).astype(int).T
        assert (crop_[y, x, 3] > 200).all()
        assert 0.15 < (crop_[..., 3] > 127).mean() < 0.7
    tight = data.load_faces(faces_a, cut(Settings("sketch", mask_type="components")), SilentReporter(), "A")
    assert (tight.crops[..., 3] > 127).sum() < (faces.crops[..., 3] > 127).sum()


def test_unreadable_files_are_named_and_left_out(faces_a: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(faces_a, tmp_path / "faces")
    names = sorted(path.name for path in folder.iterdir())
    (folder / names[3]).write_text("not a picture")
    whole = (folder / names[5]).read_bytes()
    (folder / names[5]).write_bytes(whole[: whole.index(b"IDAT") + 40])
    cv2.imwrite(str(folder / "holiday.png"), np.zeros((9, 9, 3), np.uint8))
    reporter = Warnings()
    faces = data.load_faces(folder, cut(), reporter, "A")
    assert [path.name for path in faces.paths] == [n for i, n in enumerate(names) if i not in (3, 5)]
    assert len(faces.crops) == len(faces.landmarks) == 26
    (left_out, few) = reporter.heard
    assert "3 of 29" in left_out
    assert all(name in left_out for name in (names[3], names[5], "holiday.png"))
    assert "26 faces only" in few


def test_too_few_faces(faces_maker: FacesMaker, tmp_path: Path) -> None:
    folder = faces_maker(tmp_path / "few", 24)
    with pytest.raises(FacesError, match=r"Side B has 24 usable faces in .*few and training needs 25"):
        data.load_faces(folder, cut(), SilentReporter(), "B")
    for index in range(3):
        (folder / f"x{index}.png").write_bytes(b"")
    with pytest.raises(FacesError, match=r"24 usable faces.*the first of 3 unusable files"):
        data.load_faces(folder, cut(), SilentReporter(), "B")


def test_no_folder_no_faces_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    for name, words in (("nowhere", "no faces folder"), ("empty", "no faces"), ("file", "Cannot read")):
        with pytest.raises(FacesError, match=words):
            data.load_faces(tmp_path / name, cut(), SilentReporter(), "A")


def test_many_faces_go_to_a_file(faces_a: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_memory = data.load_faces(faces_a, cut(), SilentReporter(), "A")
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path))
    monkeypatch.setattr(room, "MEMORY_BUDGET", 100_000)
    on_disk = data.load_faces(faces_a, cut(), SilentReporter(), "A")
    assert isinstance(on_disk.crops, np.memmap)
    assert not isinstance(in_memory.crops, np.memmap)
    assert np.array_equal(on_disk.crops, in_memory.crops)
    assert list((tmp_path / "cache").iterdir()) == []  # the file has no name and goes with the process
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    assert np.array_equal(data.load_faces(faces_a, cut(), SilentReporter(), "A").crops, in_memory.crops)


def test_a_disk_without_room_for_many_faces_is_told_at_the_beginning(faces_a: Path, tmp_path: Path,
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    """Room is taken before anything is read: a page that the disk cannot hold would end the process."""
    def full(file: int, start: int, length: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path))
    monkeypatch.setattr(room, "MEMORY_BUDGET", 100_000)
    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(OutputError, match="The disk is full"):
        data.load_faces(faces_a, cut(), SilentReporter(), "A")


def test_reading_can_be_stopped(faces_a: Path) -> None:
    class Impatient(SilentReporter):
        def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
            return True

    with pytest.raises(Stopped):
        data.load_faces(faces_a, cut(), Impatient(), "A")


def test_a_side_of_several_folders_has_the_faces_of_each_once(faces_a: Path, faces_b: Path) -> None:
    reporter = SilentReporter()
    single = [data.load_faces(folder, cut(), reporter, "A") for folder in (faces_a, faces_b)]
    both = data.load_faces((faces_a, faces_b, str(faces_a)), cut(), reporter, "A")
    assert both.paths == single[0].paths + single[1].paths
    assert np.array_equal(both.crops, np.concatenate([faces.crops for faces in single]))
    assert np.array_equal(both.landmarks, np.concatenate([faces.landmarks for faces in single]))
    assert both.place == f"{faces_a} and {faces_b}"


def test_a_further_folder_that_is_missing_is_named(faces_a: Path, tmp_path: Path) -> None:
    with pytest.raises(FacesError, match=r"There is no faces folder .*gone"):
        data.load_faces((faces_a, tmp_path / "gone"), cut(), SilentReporter(), "A")


def test_what_the_options_name_together() -> None:
    options = TrainOptions(input_a="x", input_b="y", more_input_a=("z", "x"))
    assert (options.folders("a"), options.folders("b")) == (("x", "z"), ("y",))
