"""Augmentation: its distributions and borders as the field has them, and nothing where nothing is asked."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from understudy.core.training.augmenting.amounts import Amounts
from understudy.core.training.augmenting.augmentation import MIRRORED, Augmenter, Shapes, neutral_shape, place_landmarks
from understudy.core.training.augmenting.batch import Batch
from understudy.core.training.augmenting.draws import Draws, draw

STILL = Amounts(color=False, flip=False, warp=False, rotation=0, zoom=0, shift=0)
MANY = 4000


def faces(count: int, size: int = 64, seed: int = 0, channels: int = 4) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    smooth = [[cv2.resize(rng.integers(0, 256, (6, 6), np.uint8), (size, size)) for _ in range(channels)]
              for _ in range(count)]
    return torch.from_numpy(np.array(smooth)).permute(0, 2, 3, 1).contiguous()


def planes(crops: torch.Tensor) -> torch.Tensor:
    return crops.permute(0, 3, 1, 2).float() / 255


def augmenter(amounts: Amounts, size: int = 64) -> Augmenter:
    return Augmenter(size, size, (size,), amounts)


def draws(count: int = MANY, seed: int = 0) -> Draws:
    return draw(seed, 0, 0, range(count))


def equal(one: Batch, other: Batch) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.tensors, other.tensors, strict=True))


def is_uniform(values: np.ndarray, limit: float) -> bool:
    """Whether values look like uniform ones of [-limit, limit]: range, mean, spread and quarters."""
    counts = np.histogram(values, 4, (-limit, limit))[0]
    return bool(np.abs(values).max() <= limit + 1e-9 and np.abs(values).max() > 0.99 * limit
                and abs(values.mean()) < 0.05 * limit and abs(values.std() - limit / 3**0.5) < 0.02 * limit
                and counts.min() > 0.9 * counts.mean())


def test_nothing_asked_nothing_done() -> None:
    crops = faces(3)
    batch = augmenter(STILL)(crops, draws(3))
    torch.testing.assert_close(batch.feed, planes(crops)[:, :3], atol=1e-4, rtol=0)
    torch.testing.assert_close(batch.targets[0], planes(crops)[:, :3], atol=1e-4, rtol=0)
    torch.testing.assert_close(batch.masks[0], planes(crops)[:, 3:], atol=1e-4, rtol=0)
    assert not batch.eyes
    assert not batch.mouths
    assert batch.landmarks is None


def test_the_seed_fixes_everything_and_the_crops_stay_unchanged() -> None:
    crops = faces(6)
    before = crops.clone()
    one, same, other = (augmenter(Amounts())(crops, draws(6, seed)) for seed in (1, 1, 2))
    assert equal(one, same)
    assert not torch.equal(one.feed, other.feed)
    assert torch.equal(crops, before)


def test_a_face_looks_the_same_whatever_else_is_in_the_batch() -> None:
    """More faces than a processor takes at once, against some of them alone."""
    crops = faces(12, 128)
    subject = Augmenter(128, 64, (64, 128), Amounts())
    whole = subject(crops, draws(12))
    some = slice(7, 10)
    part = subject(crops[some], draws(12).faces(some))
    for one, other in zip(whole.faces(some).tensors, part.tensors, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("process", "fed", "wanted"), [(128, 64, (128,)), (64, 64, (64,)), (96, 96, (48,)),
                                                        (128, 80, (32, 64, 128)), (144, 128, (144,))])
@pytest.mark.parametrize("channels", [4, 6])
def test_sizes(process: int, fed: int, wanted: tuple[int, ...], channels: int) -> None:
    for in_one in (False, True):
        batch = Augmenter(process, fed, wanted, in_one=in_one)(faces(2, process, channels=channels), draws(2))
        assert batch.feed.shape == (2, 3, fed, fed)
        assert [x.shape for x in batch.targets] == [(2, 3, size, size) for size in wanted]
        for masks in (batch.masks, *((batch.eyes, batch.mouths) if channels == 6 else ())):
            assert [x.shape for x in masks] == [(2, 1, size, size) for size in wanted]
        assert len(batch.eyes) == len(batch.mouths) == (len(wanted) if channels == 6 else 0)
        for x in batch.tensors:
            assert x.dtype == torch.float32
            assert x.min() >= 0
            assert x.max() <= 1 + 1e-5


# --- colour ---------------------------------------------------------------------------------------------------------


def test_lightness_and_colour_shift_within_their_ranges() -> None:
    shifts = augmenter(Amounts()).shifts(draws())
    for channel, limit in enumerate((0.30, 0.08, 0.08)):
        assert is_uniform(shifts[:, channel], limit)
    assert np.abs(np.corrcoef(shifts.T) - np.eye(3)).max() < 0.07


def test_lightness_moves_the_picture_and_leaves_its_mask() -> None:
    """A grey face has a = b = 128 in OpenCV's LAB, so the shifts can be read off the result."""
    crops = torch.full((400, 8, 8, 4), 119, dtype=torch.uint8)
    batch = augmenter(replace(STILL, color=True, clahe_chance=0.0), 8)(crops, draws(400))
    assert batch.masks[0].allclose(torch.tensor(119 / 255), atol=1e-4)
    rgb = (batch.targets[0][:, :, :1, 0] * 255).round().to(torch.uint8).permute(0, 2, 1)
    lab = cv2.cvtColor(rgb.numpy(), cv2.COLOR_RGB2LAB)[:, 0].astype(float)
    light = cv2.cvtColor(crops[:1, :1, 0, :3].numpy(), cv2.COLOR_RGB2LAB)[0, 0, 0].astype(float)
    r = np.where(lab[:, 0] >= light, (lab[:, 0] - light) / (255 - light), lab[:, 0] / light - 1)
    expected = augmenter(Amounts()).shifts(draws(400))
    np.testing.assert_allclose(r, expected[:, 0], atol=0.02)
    chroma = np.where(expected[:, 1:] > 0, 127, 128) * expected[:, 1:]
    assert np.abs(lab[:, 1:] - 128 - chroma).mean() < 1.5


@pytest.mark.parametrize(("size", "grids"), [(64, {2, 3, 4, 5, 6}), (256, {2, 3, 4, 5, 6}), (512, {4, 6, 8, 10, 12})])
def test_half_of_the_faces_get_clahe_with_a_random_grid(size: int, grids: set[int]) -> None:
    drawn = augmenter(Amounts(), size).clahe_grids(draws())
    assert set(drawn[drawn > 0]) == grids
    assert abs((drawn > 0).mean() - 0.5) < 0.03
    counts = np.array([(drawn == grid).sum() for grid in sorted(grids)])
    assert counts.min() > 0.8 * counts.mean()


@pytest.mark.parametrize("chance", [0.0, 0.25, 0.75])
def test_chances_are_kept(chance: float) -> None:
    subject = augmenter(Amounts(clahe_chance=chance, flip_chance=chance))
    assert abs((subject.clahe_grids(draws()) > 0).mean() - chance) < 0.03
    mirrored = np.linalg.det(subject.placements(draws())[:, :, :2]) < 0
    assert abs(mirrored.mean() - chance) < 0.03


# --- place ----------------------------------------------------------------------------------------------------------


def test_placements_keep_to_their_ranges() -> None:
    size = 64
    m = augmenter(Amounts()).placements(draws())
    mirrored = np.linalg.det(m[:, :, :2]) < 0
    assert abs(mirrored.mean() - 0.5) < 0.03
    scale = np.sqrt(np.abs(np.linalg.det(m[:, :, :2])))
    angle = np.degrees(np.arctan2(m[:, 0, 1] * np.where(mirrored, -1, 1), m[:, 1, 1]))
    moved = m @ np.array([31.5, 31.5, 1.0]) - 31.5  # where the centre goes
    for values, limit in ((scale - 1, 0.05), (angle, 10.0), (moved[:, 0], 0.05 * size), (moved[:, 1], 0.05 * size)):
        assert is_uniform(values, limit)
    together = np.corrcoef([scale, angle, *moved.T, mirrored])
    assert np.abs(together - np.eye(5)).max() < 0.06


def test_mirroring_alone_is_exact_and_carries_the_masks() -> None:
    crops = faces(40, channels=6)
    batch = augmenter(replace(STILL, flip=True))(crops, draws(40))
    got = torch.cat((batch.targets[0], batch.masks[0], batch.eyes[0], batch.mouths[0]), 1)
    kinds = [(o.allclose(c, atol=1e-4), o.allclose(c.flip(-1), atol=1e-4))
             for o, c in zip(got, planes(crops), strict=True)]
    assert all(same or mirrored for same, mirrored in kinds)
    assert {True, False} == {mirrored for _, mirrored in kinds}


def test_a_turn_is_about_the_centre_and_repeats_the_edge() -> None:
    crops = torch.full((20, 64, 64, 4), 200, dtype=torch.uint8)
    batch = augmenter(replace(STILL, rotation=10, shift=0.05))(crops, draws(20))
    assert batch.targets[0].allclose(torch.tensor(200 / 255), atol=1e-4)
    assert batch.masks[0].allclose(torch.tensor(200 / 255), atol=1e-4)


def test_placing_is_opencv_s_affine_warp() -> None:
    crops = faces(8)
    subject = augmenter(replace(STILL, flip=True, rotation=10, zoom=0.05, shift=0.05))
    got = subject(crops, draws(8)).targets[0].permute(0, 2, 3, 1).numpy() * 255
    for crop, matrix, mine in zip(crops.numpy(), subject.placements(draws(8)), got, strict=True):
        expected = cv2.warpAffine(crop[..., :3], matrix, (64, 64), flags=cv2.INTER_LINEAR,
                                  borderMode=cv2.BORDER_REPLICATE)
        assert np.abs(mine - expected).mean() < 1  # it works on 1/32 pixel


# --- warp -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [64, 100, 256])
def test_the_warp_s_points_are_normal_around_their_places(size: int) -> None:
    points = augmenter(Amounts(), size).bent(draws())
    line = np.linspace(0, size, 5) - 0.5
    off = (points - np.stack(np.meshgrid(line, line))) / (5 / 256 * size)
    assert np.abs(off.mean(axis=0)).max() < 0.07
    assert np.abs(off.std(axis=0) - 1).max() < 0.05
    assert abs((np.abs(off) < 1).mean() - 0.6827) < 0.005
    assert abs((np.abs(off) < 2).mean() - 0.9545) < 0.003


def test_only_the_feed_is_warped() -> None:
    crops = faces(4)
    batch = augmenter(replace(STILL, warp=True))(crops, draws(4))
    torch.testing.assert_close(batch.targets[0], planes(crops)[:, :3], atol=1e-4, rtol=0)
    torch.testing.assert_close(batch.masks[0], planes(crops)[:, 3:], atol=1e-4, rtol=0)
    assert (batch.feed - batch.targets[0]).abs().amax(dim=(1, 2, 3)).min() > 0.02


def test_the_warp_is_opencv_s_remap_with_black_around() -> None:
    crops = faces(8)
    subject = augmenter(replace(STILL, warp=True))
    got = subject(crops, draws(8)).feed.permute(0, 2, 3, 1).numpy() * 255
    black = 0
    for crop, points, mine in zip(crops.numpy(), subject.bent(draws(8)), got, strict=True):
        x, y = (cv2.resize(p, (80, 80), interpolation=cv2.INTER_LINEAR)[8:72, 8:72].astype(np.float32) for p in points)
        expected = cv2.remap(crop[..., :3], x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
        assert np.abs(mine - expected).mean() < 1
        black += ((mine < 1) & (expected == 0)).all(axis=-1).sum()
    assert black > 100


def test_the_warp_to_landmarks_moves_each_landmark_to_the_other_face_s() -> None:
    """A white dot on the tip of the nose is found where the other face has its own, nudged."""
    size, count = 128, 20
    rng = np.random.default_rng(3)
    inner = rng.uniform(44, 84, (68, 2))
    inner[:17] = [(64 + 50 * np.cos(t), 60 + 50 * np.sin(t)) for t in np.linspace(0, np.pi, 17)]
    own = (inner + rng.normal(0, 0.3, (count, 68, 2))).astype(np.float32)
    towards = np.repeat([(inner - 64) * 0.85 + (70, 61)], count, axis=0).astype(np.float32)
    crops = np.zeros((count, size, size, 4), np.uint8)
    for crop, point in zip(crops, own[:, 30], strict=True):
        cv2.circle(crop, np.rint(point * 16).astype(int).tolist(), 2 * 16, (255, 255, 255), -1, cv2.LINE_AA, 4)
    amounts = replace(Amounts(), color=False, rotation=3, shift=0.02)
    d = draws(count)
    for in_one in (False, True):
        subject = Augmenter(size, size, (size,), amounts, in_one=in_one)
        batch = subject(torch.from_numpy(crops), d, Shapes(own, towards=towards))
        matrices = subject.placements(d)
        off = []
        goal = towards[:, 30:31] @ matrices[:, :, :2].transpose(0, 2, 1) + matrices[:, None, :, 2]
        goal = goal[:, 0] + d.nudges[:, 30] * (2 / 256 * size)
        for feed, where in zip(batch.feed[:, 0].numpy(), goal, strict=True):
            found = np.array([feed.sum(axis) @ np.arange(size) for axis in (0, 1)]) / feed.sum()
            off.append(np.abs(found - where).max())
        assert np.median(off) < 1  # the dot is bent itself
        assert max(off) < 2.5
        assert batch.landmarks is None


def test_nudges_are_normal() -> None:
    nudges = draws().nudges
    assert np.abs(nudges.mean(axis=0)).max() < 0.08
    assert np.abs(nudges.std(axis=0) - 1).max() < 0.06


# --- light ----------------------------------------------------------------------------------------------------------


def test_relighting_changes_the_input_alone() -> None:
    crops = faces(50)
    lit, plain = (augmenter(replace(STILL, relight=amount))(crops, draws(50)) for amount in (1.0, 0.0))
    assert torch.equal(lit.targets[0], plain.targets[0])
    assert (lit.feed - plain.feed).abs().amax(dim=(1, 2, 3)).min() > 0.01


def test_light_has_the_spread_that_is_said() -> None:
    grey = torch.full((MANY, 3, 3, 3), 64 / 255)
    out = augmenter(replace(STILL, relight=1.0)).relight(grey.clone(), draws())
    out = out.numpy()
    gamma = np.log(np.log(out[:, 0, 1, 1]) / np.log(64 / 255))  # the slopes cancel in the middle
    assert gamma.std() == pytest.approx(0.3, rel=0.05)
    assert abs(gamma.mean()) < 0.02
    across = out[:, 0, 1, 2] / out[:, 0, 1, 1] - 1
    assert np.median(np.abs(across)) == pytest.approx(0.25 * 0.6745, rel=0.08)
    dark = augmenter(replace(STILL, relight=1.0)).relight(torch.zeros(9, 3, 4, 4), draws(9))
    assert torch.equal(dark, torch.zeros_like(dark))


# --- landmarks ------------------------------------------------------------------------------------------------------


def test_landmarks_move_with_the_picture() -> None:
    """A dot drawn on a landmark is found where the landmark went, whichever way the picture is made."""
    size = 128
    rng = np.random.default_rng(3)
    landmarks = rng.uniform(40, 88, (24, 68, 2)).astype(np.float32)
    crops = torch.zeros((24, size, size, 4), dtype=torch.uint8)
    for crop, points in zip(crops, landmarks, strict=True):
        x, y = points[0].round().astype(int)
        points[0] = x, y
        crop[y - 3:y + 4, x - 3:x + 4] = 255
    neutral = np.zeros((24, 68, 2))
    for in_one in (False, True):
        batch = Augmenter(size, size, (size,), replace(Amounts(), color=False), in_one=in_one)(
            crops, draws(24), Shapes(landmarks, neutral))
        assert batch.landmarks.shape == (24, 136)
        placed = batch.landmarks.view(24, 68, 2).numpy() * size / 10
        for mask, points in zip(batch.masks[0][:, 0].numpy(), placed, strict=True):
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


# --- one interpolation ----------------------------------------------------------------------------------------------


def test_in_one_interpolation_nothing_asked_is_a_plain_halving() -> None:
    crops = faces(3, 128)
    batch = Augmenter(128, 64, (64,), STILL, in_one=True)(crops, draws(3))
    halved = np.stack([cv2.resize(crop, (64, 64), interpolation=cv2.INTER_AREA) for crop in crops.numpy()])
    for got, expected in ((batch.feed, halved[..., :3]), (batch.targets[0], halved[..., :3]),
                          (batch.masks[0], halved[..., 3:])):
        assert np.abs(got.permute(0, 2, 3, 1).numpy() * 255 - expected).max() <= 1


@pytest.mark.parametrize("fed", [64, 32])
def test_in_one_interpolation_shows_what_three_steps_show(fed: int) -> None:
    """The same draws through both roads: the same pictures, but for the softening and the black border."""
    crops = faces(8, 128)
    amounts = Amounts(color=False)
    one, three = (Augmenter(128, fed, (64,), amounts, in_one=in_one)(crops, draws(8)) for in_one in (True, False))
    for got, expected in zip(one.tensors, three.tensors, strict=True):
        difference = 255 * (got - expected).abs()[:, :, 8:-8, 8:-8]
        assert difference.mean() < 1.0
        assert difference.flatten().kthvalue(int(0.99 * difference.numel())).values <= 4


# --- the card's road ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("in_one", [False, True])
@pytest.mark.parametrize("to_landmarks", [False, True])
def test_a_card_is_never_waited_for(in_one: bool, to_landmarks: bool) -> None:
    """On the meta device every value that is asked back is an error; shapes and types are those of a real batch."""
    size = 128
    rng = np.random.default_rng(0)
    own = rng.uniform(20, 100, (3, 68, 2)).astype(np.float32)
    shapes = Shapes(own, np.zeros((3, 68, 2)), own[::-1].copy() if to_landmarks else None)
    made = [Augmenter(size, 64, (64, 128), replace(Amounts(), relight=0.5), in_one=in_one, device=torch.device(device))(
        faces(3, size, channels=6), draws(3), shapes) for device in ("meta", "cpu")]
    for one, other in zip(made[0].tensors, made[1].tensors, strict=True):
        assert one.is_meta
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
