"""The preview sheet's layout, and that what it shows is what the model made."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from understudy.core.jobs.messages import SilentReporter
from understudy.core.models.folder import Settings
from understudy.core.training import preview
from understudy.core.training.data import load_faces

CODE = {"a": 50, "b": 200}


def faces(count: int, colour: int, inside: int = 8, around: int = 10) -> preview.PreviewFaces:
    return preview.PreviewFaces(np.full((count, inside, inside, 3), colour / 255, np.float32),
                                np.full((count, around, around, 3), colour, np.uint8))


def coded(pictures: np.ndarray, side: str) -> np.ndarray:
    """The mean of what came in and the side's code, so that a cell tells what it was made of."""
    return (pictures + CODE[side] / 255) / 2


def test_fourteen_faces_make_seven_rows_of_two_times_six_columns() -> None:
    out = preview.sheet(coded, faces(14, 0), faces(14, 100))
    cell = 130  # 10 px enlarged by a whole factor to 128 or more
    header = round(cell / 4.5)
    assert out.shape == (7 * cell + header, 12 * cell, 3)
    assert out.dtype == np.uint8
    centres = out[header + cell // 2:: cell, cell // 2:: cell, 0]
    assert centres.shape == (7, 12)
    row = [0, 25, 100, 100, 150, 75]  # A, A > A, A > B, B, B > B, B > A
    assert np.abs(centres.astype(int) - np.array(row + row)).max() <= 1


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 16])
def test_every_face_is_shown_once(count: int) -> None:
    shades = np.repeat(np.arange(count) * 10 + 60, 300).reshape(count, 10, 10, 3).astype(np.uint8)
    different = preview.PreviewFaces(np.zeros((count, 8, 8, 3), np.float32), shades)
    out = preview.sheet(coded, different, faces(count, 0))
    cell, header = 130, round(130 / 4.5)
    shown = out[header + 2:: cell, 2:: cell, 0]
    originals = shown[:, ::6].T.ravel()
    assert originals[:count].tolist() == [i * 10 + 60 for i in range(count)]


def test_the_model_s_picture_lies_in_the_middle_of_its_surroundings() -> None:
    out = preview._paste(np.ones((1, 8, 8, 4), np.float32), np.zeros((1, 10, 10, 3), np.uint8))
    expected = np.zeros((10, 10), np.uint8)
    expected[1:9, 1:9] = 255
    assert np.array_equal(out[0, ..., 0], expected)


def test_an_honest_model_fits_seamlessly(faces_a: Path) -> None:
    """A model that returns what it sees: the sheet's A > A must look like its A, to a fraction of a pixel."""
    settings = Settings("sketch", coverage=0.75)
    chosen = preview.choose(load_faces(faces_a, 64, settings, SilentReporter(), "A"), 6, 0, 64, 64, settings)
    size = preview.cell_size(64, 0.75)
    assert chosen.feed.shape == (6, 64, 64, 3)
    assert chosen.surroundings.shape == (6, size, size, 3) == (6, 86, 86, 3)
    pasted = preview._paste(chosen.feed, chosen.surroundings)
    assert np.abs(pasted.astype(int) - chosen.surroundings).mean() < 4
    again = preview.choose(load_faces(faces_a, 64, settings, SilentReporter(), "A"), 6, 0, 64, 64, settings)
    assert np.array_equal(again.feed, chosen.feed)


@pytest.mark.parametrize("text", [*preview.COLUMNS["a"], *preview.COLUMNS["b"]])
def test_headings_fit_their_columns(text: str) -> None:
    title = preview._title(text, 128)
    assert title.shape == (28, 128, 3)
    ink = (title > 150).any(axis=2)
    assert ink.sum() > 20
    assert not ink[[0, -1]].any()
    assert not ink[:, [0, -1]].any()


def test_png_keeps_colours() -> None:
    picture = np.zeros((4, 5, 3), np.uint8)
    picture[..., 0] = 255
    decoded = cv2.imdecode(np.frombuffer(preview.encode_png(picture), np.uint8), cv2.IMREAD_COLOR_RGB)
    assert np.array_equal(decoded, picture)
