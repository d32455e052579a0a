"""The preview sheet, pixel by pixel: layout, what the model made, the mask's tint, the corners of what it sees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from understudy.core.errors import FacesError, UsageError
from understudy.core.jobs.messages import SilentReporter
from understudy.core.models.folder import Settings
from understudy.core.training.faces.data import FaceSet, load_faces
from understudy.core.training.faces.reading import Cut
from understudy.core.training.watching import preview
from understudy.core.training.watching.preview import Look, PreviewFaces, Shown

CODE = {"a": 50, "b": 200}
NO_TINT = Look(opacity=0.0)


def faces(count: int, shade: int, inside: int = 8, around: int = 10, mask: int | None = None) -> PreviewFaces:
    masks = None if mask is None else np.full((count, around, around), mask, np.uint8)
    return PreviewFaces(np.full((count, inside, inside, 3), shade / 255, np.float32),
                        np.full((count, around, around, 3), shade, np.uint8), masks)


def coded(pictures: np.ndarray, side: str) -> np.ndarray:
    """The mean of what came in and the side's code, so that a cell tells what it was made of."""
    return (pictures + CODE[side] / 255) / 2


def test_fourteen_faces_make_seven_rows_of_two_times_six_columns() -> None:
    out = preview.sheet(preview.look_through(coded, faces(14, 0), faces(14, 100)), NO_TINT)
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
    different = PreviewFaces(np.zeros((count, 8, 8, 3), np.float32), shades)
    out = preview.sheet(preview.look_through(coded, different, faces(count, 0)), NO_TINT)
    cell, header = 130, round(130 / 4.5)
    shown = out[header + cell // 2:: cell, cell // 2:: cell, 0]
    originals = shown[:, ::6].T.ravel()
    assert originals[:count].tolist() == [i * 10 + 60 for i in range(count)]


@pytest.mark.parametrize(("at_once", "calls"), [(2, 12), (5, 4), (16, 4)])
def test_the_model_is_given_no_more_faces_at_a_time_than_it_may(at_once: int, calls: int) -> None:
    given = []

    def counted(pictures: np.ndarray, side: str) -> np.ndarray:
        given.append(len(pictures))
        return coded(pictures, side)

    shown = preview.look_through(counted, faces(5, 10), faces(5, 20), at_once)
    assert len(given) == calls
    assert max(given) <= at_once
    assert shown[0].own.shape == shown[1].swapped.shape == (5, 8, 8, 3)


@pytest.mark.parametrize(("scale", "side"), [(1.0, 130), (0.5, 65), (2.0, 260), (0.25, 32)])
def test_the_scale_of_the_sheet(scale: float, side: int) -> None:
    out = preview.sheet(preview.look_through(coded, faces(2, 0), faces(2, 0)), Look(scale=scale))
    assert out.shape == (2 * side + max(16, round(side / 4.5)), 6 * side, 3)


# --- one column, pixel by pixel ---------------------------------------------------------------------------------


def column(which: int, around: PreviewFaces, predicted: np.ndarray, look: Look | None) -> np.ndarray:
    """Column 0 (original), 1 (own) or 2 (swapped) of one face, before it is enlarged."""
    return preview._columns(Shown(around, predicted, predicted), look, (255, 0, 0))[which][0]


def test_the_model_s_picture_lies_in_the_middle_of_its_surroundings() -> None:
    white = np.ones((1, 8, 8, 3), np.float32)
    out = column(1, faces(1, 0, around=12), white, None)
    assert (out[2:10, 2:10] == 255).all()
    assert (out[0] == 0).all()


def test_corners_mark_what_the_model_sees() -> None:
    """Where the corners' rim lies outside the picture, a quarter of its side long, in the mask's colour."""
    seen = np.full((1, 64, 64, 3), 0.5, np.float32)
    grey = faces(1, 90, inside=64, around=80)
    out = column(1, grey, seen, None)
    red = (out == (255, 0, 0)).all(axis=2)
    expected = np.zeros((80, 80), bool)
    for rows in (slice(7, 23), slice(57, 73)):
        for columns in (slice(7, 23), slice(57, 73)):
            expected[rows, columns] = True
    expected[8:72, 8:72] = False  # the picture lies over them
    assert np.array_equal(red, expected)
    assert red.sum() == 4 * (16 + 15)
    original = column(0, grey, seen, None)
    assert np.array_equal((original == (255, 0, 0)).all(axis=2), expected)  # the original shows all of its face


def test_at_full_coverage_there_is_nothing_to_mark() -> None:
    out = column(1, faces(1, 90, inside=64, around=64), np.full((1, 64, 64, 3), 0.5, np.float32), None)
    assert (out == 128).all()


@pytest.mark.parametrize(("opacity", "mask", "expected"), [
    (0.3, 255, (100, 100, 100)),  # inside the mask nothing is tinted
    (0.3, 0, (147, 70, 70)),  # 100 + 0.3 (255 - 100), 100 - 0.3 100
    (1.0, 0, (255, 0, 0)),
    (0.5, 51, (162, 60, 60)),  # a fifth inside: opacity 0.4
    (0.0, 0, (100, 100, 100)),
])
def test_the_tint_lies_over_what_the_mask_leaves_out(opacity: float, mask: int, expected: tuple[int, ...]) -> None:
    pictures = np.full((1, 2, 2, 3), 100, np.uint8)
    out = preview.tint(pictures, np.full((1, 2, 2), mask / 255, np.float32), Look(opacity))
    assert np.abs(out.astype(int) - expected).max() <= 1


def test_a_learned_mask_tints_what_it_was_learned_for() -> None:
    """The original shows the face's own mask, the model's pictures what the model takes for the face."""
    predicted = np.full((1, 64, 64, 4), 0.5, np.float32)
    predicted[..., 3] = 0
    predicted[:, 16:48, 16:48, 3] = 1
    look = Look(1.0, (0, 255, 0))
    original, own, _ = (column(i, faces(1, 90, 64, 64, mask=255), predicted, look) for i in range(3))
    assert (original == 90).all()
    green = (own == (0, 255, 0)).all(axis=2)
    assert green.sum() == 64 * 64 - 32 * 32
    assert (own[16:48, 16:48] == 128).all()


def test_without_a_learned_mask_all_columns_show_the_faces_own() -> None:
    around = faces(1, 90, 8, 8)
    masks = np.zeros((1, 8, 8), np.uint8)
    masks[:, :4] = 255
    around = replace(around, masks=masks)
    predicted = np.full((1, 8, 8, 3), 0.5, np.float32)
    for which, shade in ((0, 90), (1, 128), (2, 128)):
        out = column(which, around, predicted, Look(1.0))
        assert (out[:4] == shade).all()
        assert (out[4:] == (255, 0, 0)).all()


def test_the_tint_can_be_left_out() -> None:
    shown = preview.look_through(coded, faces(2, 0, mask=0), faces(2, 0, mask=0))
    tinted, plain = (preview.sheet(shown, Look(1.0), tinted=on)[60:] for on in (True, False))
    assert (tinted == (255, 0, 0)).all()
    assert (plain[..., 1] > 20).any()


# --- faces from files -------------------------------------------------------------------------------------------


def loaded(folder: Path, **settings: object) -> FaceSet:
    return load_faces(folder, Cut(64, Settings("sketch", **settings)), SilentReporter(), "A")


def read(side: FaceSet, count: int = 6) -> PreviewFaces:
    return preview.read_faces(side.paths, count, side.cut, (64, 64), SilentReporter())


def test_an_honest_model_fits_seamlessly(faces_a: Path) -> None:
    """A model that returns what it sees: the sheet's A > A must look like its A, to a fraction of a pixel."""
    chosen = read(loaded(faces_a, coverage=0.75))
    size = preview.cell_size(64, 0.75)
    assert chosen.feed.shape == (6, 64, 64, 3)
    assert chosen.surroundings.shape == (6, size, size, 3) == (6, 86, 86, 3)
    out = preview._columns(Shown(chosen, chosen.feed, chosen.feed), None, (255, 0, 0))
    assert np.abs(out[1].astype(int) - out[0]).mean() < 4
    assert chosen.masks is not None
    assert 0.1 < (chosen.masks > 127).mean() < 0.6


def test_no_mask_no_tint(faces_a: Path) -> None:
    assert read(loaded(faces_a, mask_type="none", penalized_mask_loss=False)).masks is None


def test_files_that_are_gone_are_passed_over(faces_a: Path, tmp_path: Path) -> None:
    side = loaded(faces_a)
    paths = [tmp_path / "gone.png", *side.paths]
    with_gap = preview.read_faces(paths, 3, side.cut, (64, 64), SilentReporter())
    assert np.array_equal(with_gap.feed, read(side, 3).feed)
    with pytest.raises(FacesError, match="No face in"):
        preview.read_faces(paths[:1], 3, side.cut, (64, 64), SilentReporter())


def test_the_same_faces_each_time() -> None:
    order = preview.order(30, 8, seed=4)
    assert sorted(order) == list(range(30))
    assert list(order[:8]) == sorted(order[:8])
    assert np.array_equal(order, preview.order(30, 8, seed=4))
    assert not np.array_equal(order[:8], preview.order(30, 8, seed=5)[:8])


@pytest.mark.parametrize("text", [*preview.COLUMNS["a"], *preview.COLUMNS["b"]])
@pytest.mark.parametrize("width", [32, 128, 300])
def test_headings_fit_their_columns(text: str, width: int) -> None:
    title = preview.title(text, width)
    assert title.shape == (max(16, round(width / 4.5)), width, 3)
    ink = (title > 120).any(axis=2)
    assert ink.sum() > 5
    assert not ink[[0, -1]].any()
    assert not ink[:, [0, -1]].any()


@pytest.mark.parametrize(("text", "rgb"), [("#ff0000", (255, 0, 0)), ("0a1B2c", (10, 27, 44)),
                                           (" #FFFFFF ", (255,) * 3)])
def test_colours(text: str, rgb: tuple[int, int, int]) -> None:
    assert preview.parse_color(text) == rgb


@pytest.mark.parametrize("text", ["", "red", "#ff00", "#gg0000", "#ff00000"])
def test_what_is_no_colour(text: str) -> None:
    with pytest.raises(UsageError, match="no colour"):
        preview.parse_color(text)
