"""The task that compares two faces folders, and what a training hears of them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from understudy.core.errors import FacesError, UsageError
from understudy.core.faces.nouns import PackedMask
from understudy.core.faces.packing import pack_mask
from understudy.core.faces.png import read_header, replace_header
from understudy.core.jobs.messages import SilentReporter
from understudy.core.jobs.tasks import TASKS
from understudy.core.models.folder import Settings
from understudy.core.options.faces import FacesCompareOptions
from understudy.core.training.faces.data import list_faces
from understudy.core.training.faces.reading import Cut
from understudy.core.training.faces.sides import load_sides


class Listener(SilentReporter):
    def __init__(self) -> None:
        self.heard: list[str] = []
        self.shown: list[object] = []

    def warning(self, message: str, detail: str = "") -> None:
        self.heard.append(message)

    def preview(self, path: object) -> None:
        self.shown.append(path)


def compare(a: Path, b: Path, reporter: SilentReporter | None = None, **more: object) -> dict[str, object]:
    options = FacesCompareOptions(input_a=str(a), input_b=str(b), **more)  # type: ignore[arg-type]
    return TASKS["faces compare"].load()(options, reporter or SilentReporter())


def test_the_report_says_what_there_is_and_what_lacks(faces_a: Path, faces_b: Path, tmp_path: Path) -> None:
    a, b = (shutil.copytree(folder, tmp_path / name) for folder, name in ((faces_a, "a"), (faces_b, "b")))
    for path in list_faces(a)[:3]:
        header = read_header(path)
        mask = PackedMask("vgg-clear", 64, pack_mask(_white()), header.matrix, "head")
        replace_header(path, replace(header, masks=(mask,)))
    (a / "holiday.png").write_bytes(b"no picture")
    listener = Listener()
    result = compare(a, b, listener)
    text = str(result["text"])
    assert f"Side A: 28 faces in {a}" in text
    assert "28 faces only" in text
    assert "holiday.png" in text
    assert "Masks of all faces: components, extended; of 3 only: vgg-clear (Make them with: understudy mask add" in text
    assert "B looks wherever A does" in text
    assert result["file"] == str(tmp_path / "b_directions.png")
    assert listener.shown == [tmp_path / "b_directions.png"]
    assert (tmp_path / "b_directions.png").read_bytes().startswith(b"\x89PNG")
    assert (result["faces_a"], result["faces_b"], result["masks_a"]) == (28, 30, {"vgg-clear": 3})
    assert list_faces(b) == sorted(b.iterdir())  # nothing was put among the faces


def test_a_few_faces_can_be_compared_but_none_cannot(faces_a: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    few.mkdir()
    shutil.copy(list_faces(faces_a)[0], few)
    result = compare(few, faces_a, output=str(tmp_path / "there"))
    assert "training needs 25" in str(result["text"])
    assert result["file"] == str(tmp_path / "there.png")
    (few / list_faces(faces_a)[0].name).write_bytes(b"no picture any more")
    with pytest.raises(FacesError, match="Side A has 0 usable faces"):
        compare(few, faces_a)
    with pytest.raises(UsageError, match="--input-b"):
        TASKS["faces compare"].load()(FacesCompareOptions(input_a=str(faces_a)), SilentReporter())


def test_a_training_hears_of_twins_and_of_directions(faces_a: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                                     ) -> None:
    twins = tmp_path / "twins"
    twins.mkdir()
    for number, path in enumerate(list_faces(faces_a) * 2):
        shutil.copy(path, twins / f"{number:03}.png")
    listener = Listener()
    options = FacesCompareOptions(input_a=str(twins), input_b=str(faces_a))
    load_sides(options, Cut(32, Settings("sketch")), listener)
    assert any("100 % of the faces of A have a near twin" in line for line in listener.heard)
    assert not any("hardly ever" in line for line in listener.heard)
    monkeypatch.setattr("understudy.core.training.faces.directions.NEAR", 0.001)
    load_sides(FacesCompareOptions(input_a=str(faces_a), input_b=str(faces_a)), Cut(32, Settings("sketch")), listener)
    assert f"understudy faces compare --input-a {faces_a} --input-b {faces_a}" in listener.heard[-1]


def _white() -> np.ndarray:
    return np.full((64, 64), 255, np.uint8)
