"""The augmentation's maths and distributions, each against an independent calculation or the documented range."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from understudy.core.training.augmentation import (
    MIRRORED,
    Amounts,
    Augmenter,
    lab_tables,
    neutral_shape,
    place_landmarks,
)

STILL = Amounts(color=False, flip=False, warp=False, rotation=0, zoom=0, shift=0)


def faces(count: int, size: int = 64, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    smooth = [cv2.resize(rng.integers(0, 256, (6, 6, 4), np.uint8), (size, size)) for _ in range(count)]
    return np.stack(smooth)


def augmenter(amounts: Amounts, size: int = 64) -> Augmenter:
    return Augmenter(size, size, size, amounts)


def test_nothing_asked_nothing_done() -> None:
    crops = faces(3)
    batch = augmenter(STILL)(crops, np.random.default_rng(0))
    assert np.array_equal(batch.feed, crops[..., :3])
    assert np.array_equal(batch.target, crops[..., :3])
    assert np.array_equal(batch.mask, crops[..., 3])


def test_the_seed_fixes_everything_and_the_crops_stay_unchanged() -> None:
    crops = faces(6)
    before = crops.copy()
    make = augmenter(Amounts())
    one, same, other = (make(crops, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one.feed, same.feed)
    assert np.array_equal(one.target, same.target)
    assert np.array_equal(one.mask, same.mask)
    assert not np.array_equal(one.feed, other.feed)
    assert np.array_equal(crops, before)


@pytest.mark.parametrize(("process", "fed", "wanted"), [(128, 64, 128), (64, 64, 64), (96, 96, 48)])
def test_sizes(process: int, fed: int, wanted: int) -> None:
    batch = Augmenter(process, fed, wanted)(faces(2, process), np.random.default_rng(0))
    assert batch.feed.shape == (2, fed, fed, 3)
    assert batch.target.shape == (2, wanted, wanted, 3)
    assert batch.mask.shape == (2, wanted, wanted)
    assert batch.feed.dtype == batch.target.dtype == batch.mask.dtype == np.uint8


def test_colour_tables_follow_the_formula() -> None:
    tables = lab_tables(np.array([[0.3, -0.08, 0.0]]))
    assert tables.shape == (1, 1, 256, 3)
    for x in (0, 17, 128, 255):
        assert tables[0, 0, x].tolist() == [round(x + (255 - x) * 0.3), round(x * (1 - 0.08)), x]


def test_lightness_and_colour_move_within_their_ranges() -> None:
    """A grey face has a = b = 128 in OpenCV's LAB, so the shifts can be read off the result."""
    crops = np.full((400, 8, 8, 4), 119, np.uint8)
    make = augmenter(Amounts(clahe_chance=0.0), 8)
    out = make.vary_color(crops, np.random.default_rng(3))
    assert np.array_equal(out[..., 3], crops[..., 3])
    lab = cv2.cvtColor(out[:, :1, 0, :3], cv2.COLOR_RGB2LAB)[:, 0].astype(float)
    light = cv2.cvtColor(crops[:1, :1, 0, :3], cv2.COLOR_RGB2LAB)[0, 0, 0].astype(float)
    r = np.where(lab[:, 0] >= light, (lab[:, 0] - light) / (255 - light), lab[:, 0] / light - 1)
    assert -0.31 < r.min() < -0.27
    assert 0.27 < r.max() < 0.31
    assert abs(r.mean()) < 0.03
    assert abs(r.std() - 0.3 / 3**0.5) < 0.015  # uniform
    chroma = lab[:, 1:] - 128
    assert 7 < chroma.max() <= 128 * 0.08 + 2
    assert -128 * 0.08 - 2 <= chroma.min() < -7


@pytest.mark.parametrize(("size", "grids"), [(64, {2, 3, 4, 5, 6}), (256, {2, 3, 4, 5, 6}), (512, {4, 6, 8, 10, 12})])
def test_half_of_the_faces_get_clahe_with_a_random_grid(size: int, grids: set[int]) -> None:
    drawn = augmenter(Amounts(), size)._clahe_grids(4000, np.random.default_rng(4))
    assert set(drawn[drawn > 0]) == grids
    assert abs((drawn > 0).mean() - 0.5) < 0.03
    counts = np.array([(drawn == grid).sum() for grid in sorted(grids)])
    assert counts.min() > 0.8 * counts.mean()


def test_clahe_works_on_lightness_alone() -> None:
    crops = faces(1)
    make = augmenter(Amounts(lightness=0, chroma=0, clahe_chance=1.0, clahe_size=0))
    lab = cv2.cvtColor(crops[0, ..., :3].copy(), cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(2.0, (2, 2)).apply(lab[..., 0].copy())
    expected = cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)
    assert np.array_equal(make.vary_color(crops, np.random.default_rng(0))[0, ..., :3], expected)


def test_placements_keep_to_their_ranges() -> None:
    size, count = 64, 4000
    m = augmenter(Amounts()).placements(count, np.random.default_rng(5))
    mirrored = np.linalg.det(m[:, :, :2]) < 0
    assert abs(mirrored.mean() - 0.5) < 0.03
    scale = np.sqrt(np.abs(np.linalg.det(m[:, :, :2])))
    angle = np.degrees(np.arctan2(m[:, 0, 1] * np.where(mirrored, -1, 1), m[:, 1, 1]))
    moved = m @ np.array([31.5, 31.5, 1.0]) - 31.5  # where the centre goes
    for values, limit in ((scale - 1, 0.05), (angle, 10.0), (moved[:, 0], 0.05 * size), (moved[:, 1], 0.05 * size)):
        assert np.abs(values).max() <= limit + 1e-9
        assert np.abs(values).max() > 0.99 * limit
        assert abs(values.std() - limit / 3**0.5) < 0.02 * limit


def test_mirroring_alone_is_exact_and_carries_the_mask() -> None:
    crops = faces(40)
    subject = augmenter(replace(STILL, flip=True))
    out = subject.place(crops, subject.placements(len(crops), np.random.default_rng(6)))
    kinds = [(np.array_equal(o, c), np.array_equal(o, c[:, ::-1])) for o, c in zip(out, crops, strict=True)]
    assert all(same or mirrored for same, mirrored in kinds)
    assert {True, False} == {mirrored for _, mirrored in kinds}


def test_a_turn_is_about_the_centre_and_repeats_the_edge() -> None:
    crops = np.full((1, 64, 64, 4), 200, np.uint8)
    subject = augmenter(replace(STILL, rotation=10, shift=0.05))
    out = subject.place(crops, subject.placements(len(crops), np.random.default_rng(7)))
    assert (out == 200).all()


def test_relighting_changes_the_input_alone() -> None:
    crops = faces(50)
    lit, plain = (augmenter(replace(STILL, relight=amount))(crops, np.random.default_rng(0)) for amount in (1.0, 0.0))
    assert np.array_equal(lit.target, plain.target)
    assert np.array_equal(plain.feed, crops[..., :3])
    assert lit.feed.dtype == np.uint8
    assert all(not np.array_equal(one, other) for one, other in zip(lit.feed, plain.feed, strict=True))
    grey = np.full((4000, 2, 3, 3), 64, np.uint8)
    out = augmenter(replace(STILL, relight=1.0)).relight(grey, np.random.default_rng(1))
    middle = np.log(out.mean(axis=(1, 3))[:, 1] / 255) / np.log(64 / 255)  # the slopes cancel there
    assert np.log(middle).std() == pytest.approx(0.3, rel=0.1)


def test_landmarks_move_with_the_picture() -> None:
    """A dot drawn on a landmark is found where the landmark went, whichever way the picture is made."""
    size = 128
    rng = np.random.default_rng(3)
    landmarks = rng.uniform(40, 88, (24, 68, 2)).astype(np.float32)
    crops = np.zeros((24, size, size, 4), np.uint8)
    for crop, points in zip(crops, landmarks, strict=True):
        x, y = points[0].round().astype(int)
        points[0] = x, y
        crop[y - 3:y + 4, x - 3:x + 4] = 255
    for in_one in (False, True):
        batch = Augmenter(size, size, size, replace(Amounts(), color=False), in_one=in_one)(
            crops, np.random.default_rng(4), landmarks)
        for mask, points in zip(batch.mask.astype(float), batch.landmarks, strict=True):
            found = np.array([mask.sum(axis) @ np.arange(size) for axis in (0, 1)]) / mask.sum()
            assert min(np.abs(points[0] - found).max(), np.abs(points[MIRRORED[0]] - found).max()) < 0.1


def test_mirrored_landmarks_keep_their_meaning() -> None:
    assert np.array_equal(MIRRORED[MIRRORED], np.arange(68))
    points = np.random.default_rng(0).uniform(0, 64, (1, 68, 2))
    points[0, 36, 0], points[0, 45, 0] = 20, 50  # outer corners of the eyes, the person's right one first
    mirror = np.array([[[-1.0, 0, 63], [0, 1, 0]]])
    placed = place_landmarks(points, mirror)
    assert placed[0, 36, 0] == pytest.approx(63 - 50)
    assert placed[0, 45, 0] == pytest.approx(63 - 20)
    np.testing.assert_allclose(place_landmarks(placed, mirror), points, atol=1e-4)
    neutral = neutral_shape(points, 64)
    np.testing.assert_allclose(place_landmarks(neutral[None], mirror)[0], neutral, atol=1e-4)


def test_the_warp_is_the_enlarged_grid_without_its_edges() -> None:
    """Against OpenCV's own enlargement of the same 5x5 grid."""
    size = 64
    make = augmenter(Amounts(), size)
    maps = make.warp_maps(3, np.random.default_rng(8))
    noise = np.random.default_rng(8).normal(0, 5 / 256 * size, (3, 2, 5, 5))
    line = np.linspace(0, size, 5) - 0.5
    grid = np.stack(np.meshgrid(line, line)) + noise
    for face in range(3):
        for axis in range(2):
            large = cv2.resize(grid[face, axis], (80, 80), interpolation=cv2.INTER_LINEAR)[8:72, 8:72]
            np.testing.assert_allclose(maps[face, axis], large, atol=1e-3)


@pytest.mark.parametrize("size", [64, 80, 96, 100, 128, 144, 256])
def test_warp_maps_fit_every_size_and_wobble_as_they_should(size: int) -> None:
    maps = augmenter(Amounts(), size).warp_maps(300, np.random.default_rng(9))
    assert maps.shape == (300, 2, size, size)
    calm = augmenter(Amounts(warp_spread=0.0), size).warp_maps(1, np.random.default_rng(9))[0]
    np.testing.assert_allclose(calm, np.stack(np.meshgrid(np.arange(size), np.arange(size))), atol=1e-4)
    spread = (maps - calm).std(axis=0)
    assert 0.4 * 5 / 256 * size < spread.min()
    assert spread.max() < 1.2 * 5 / 256 * size


def test_only_the_feed_is_warped() -> None:
    crops = faces(4)
    batch = augmenter(replace(STILL, warp=True))(crops, np.random.default_rng(10))
    assert np.array_equal(batch.target, crops[..., :3])
    assert np.array_equal(batch.mask, crops[..., 3])
    assert not np.array_equal(batch.feed, batch.target)


def test_in_one_interpolation_nothing_asked_is_a_plain_halving() -> None:
    crops = faces(3, 128)
    batch = Augmenter(128, 64, 64, STILL, in_one=True)(crops, np.random.default_rng(0))
    halved = np.stack([cv2.resize(crop, (64, 64), interpolation=cv2.INTER_AREA) for crop in crops])
    for got, expected in ((batch.feed, halved[..., :3]), (batch.target, halved[..., :3]), (batch.mask, halved[..., 3])):
        assert np.abs(got.astype(int) - expected).max() <= 1


def test_in_one_interpolation_shows_what_three_steps_show() -> None:
    """The same draws through both roads: the same pictures, but for the softening and the black border."""
    crops = faces(8, 128)
    amounts = Amounts(color=False)
    one = Augmenter(128, 64, 64, amounts, in_one=True)(crops, np.random.default_rng(11))
    three = Augmenter(128, 64, 64, amounts)(crops, np.random.default_rng(11))
    inside = slice(8, -8)
    for got, expected in ((one.feed, three.feed), (one.target, three.target), (one.mask, three.mask)):
        difference = np.abs(got.astype(int) - expected)[:, inside, inside]
        assert difference.mean() < 1.0
        assert np.percentile(difference, 99) <= 4
