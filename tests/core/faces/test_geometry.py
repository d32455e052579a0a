"""Alignment geometry: what a similarity must keep, where crops lie, and the pose against OpenCV's solver."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.faces import geometry as g
from understudy.core.faces import pose
from understudy.core.faces.crop import crop, sub_crop

angle = st.floats(-np.pi, np.pi)
scale = st.floats(0.05, 500)
shift = st.floats(-4000, 4000)
jitter = st.integers(0, 2**31 - 1)
centering = st.sampled_from(g.CENTERINGS)
coverage = st.floats(0.625, 1.0)


def similarity(angle: float, scale: float, x: float, y: float) -> np.ndarray:
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    return np.array([(c, -s, x), (s, c, y)])


def head(yaw: float = 0, pitch: float = 0, roll: float = 0, depth: float = -60.0) -> np.ndarray:
    """The 26 points of the generic head, turned (degrees, the picture's terms) and projected into the unit box."""
    x, y, z = np.radians((-pitch, -yaw, roll))
    rotation = cv2.Rodrigues(np.array((0, 0, z)))[0] @ cv2.Rodrigues(np.array((0, y, 0)))[0] @ cv2.Rodrigues(
        np.array((x, 0, 0)))[0]
    return pose.project(pose.HEAD, rotation[None], np.array([(0.0, 3.5, depth)]))[0]


def face(seed: int, spread: float = 0.01) -> np.ndarray:
    """68 plausible landmarks in the unit box: the mean face and a jaw, with noise."""
    rng = np.random.default_rng(seed)
    t = np.linspace(np.pi, 0, 17)
    jaw = np.column_stack([0.5 + 0.62 * np.cos(t), 0.25 + 0.95 * np.sin(t)])
    return np.concatenate([jaw, g.MEAN_FACE]) + rng.normal(0, spread, (68, 2))


@given(angle, scale, shift, shift, jitter)
def test_umeyama_recovers_a_random_similarity(angle, scale, x, y, seed):
    points = np.random.default_rng(seed).normal(0, 1, (51, 2))
    wanted = similarity(angle, scale, x, y)
    found = g.umeyama(points, g.transform(points, wanted))
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-7)


@given(angle, jitter)
def test_umeyama_never_mirrors(angle, seed):
    points = np.random.default_rng(seed).normal(0, 1, (51, 2))
    mirrored = g.transform(points * (-1, 1), similarity(angle, 2, 0, 0))
    assert np.linalg.det(g.umeyama(points, mirrored)[:, :2]) > 0


def test_umeyama_refuses_points_that_coincide():
    with pytest.raises(ValueError, match="coincide"):
        g.umeyama(np.ones((51, 2)), g.MEAN_FACE)


@pytest.mark.parametrize(("centering", "expected"), [("legacy", 48), ("face", 64), ("head", 80)])
def test_padding_of_a_256_px_crop(centering, expected):
    assert g.padding(256, centering) == expected


@settings(deadline=None)
@given(angle, st.floats(20, 800), shift, shift, centering, coverage, st.integers(32, 512))
def test_the_mean_face_lands_in_the_middle(angle, scale, x, y, centering, coverage, size):
    """Without jaw and pose, legacy crops show the unit box in their middle, whatever the face's place in the frame."""
    frame_points = g.transform(face(0, 0), similarity(angle, scale, x, y))
    alignment = g.Alignment(frame_points)
    pad = g.padding(size, "legacy", coverage)
    np.testing.assert_allclose(alignment.points(size, "legacy", coverage)[17:],
                               g.MEAN_FACE * (size - 2 * pad) + pad - 0.5, atol=1e-5)
    matrix = alignment.matrix(size, centering, coverage)
    assert np.linalg.det(matrix[:, :2]) > 0
    # A crop of three times the size is the same picture resized: centres c -> 3 c + 1.
    np.testing.assert_allclose(alignment.points(3 * size, centering, coverage),
                               alignment.points(size, centering, coverage) * 3 + 1, atol=1e-6)


@settings(deadline=None)
@given(angle, st.floats(20, 800), shift, shift, jitter, centering)
def test_crops_do_not_depend_on_where_the_face_is(angle, scale, x, y, seed, centering):
    unit = face(seed)
    moved = g.transform(unit, similarity(angle, scale, x, y))
    np.testing.assert_allclose(g.Alignment(moved).points(256, centering), g.Alignment(unit).points(256, centering),
                               atol=1e-4)


@given(jitter, st.floats(-0.25, 0.25), centering)
@settings(deadline=None)
def test_vertical_offset_moves_the_face_down(seed, offset, centering):
    alignment = g.Alignment(face(seed))
    moved = alignment.points(256, centering, 1.0, offset) - alignment.points(256, centering, 1.0)
    unit = 256 - 2 * g.padding(256, centering)
    np.testing.assert_allclose(moved, np.tile((0, offset * unit), (68, 1)), atol=1e-9)


@pytest.mark.parametrize("bad", [np.zeros((67, 2)), np.full((68, 2), np.nan), np.zeros((68, 3))])
def test_landmarks_that_are_none_are_refused(bad):
    with pytest.raises(ValueError, match="landmarks"):
        g.Alignment(bad)


@settings(deadline=None, max_examples=60)
@given(st.floats(-50, 50), st.floats(-35, 35), st.floats(-15, 15), st.floats(-90, -40), jitter)
def test_pose_matches_opencv(yaw, pitch, roll, depth, seed):
    points = head(yaw, pitch, roll, depth) + np.random.default_rng(seed).normal(0, 0.01, (26, 2))
    camera = np.array([(pose.FOCAL, 0, .5), (0, pose.FOCAL, .5), (0, 0, 1)])
    _, vector, translation = cv2.solvePnP(pose.HEAD, points, camera, np.zeros(4), flags=cv2.SOLVEPNP_ITERATIVE)
    rotation, mine = (found[0] for found in pose.solve_pnp(points[None]))
    reference = cv2.Rodrigues(vector)[0]

    def error(r: np.ndarray, t: np.ndarray) -> float:
        return float(((pose.project(pose.HEAD, r[None], t[None])[0] - points) ** 2).sum())

    assert error(rotation, mine) <= error(reference, translation.ravel()) * (1 + 1e-6)
    if translation[2] < 0:  # where OpenCV ends in the same minimum rather than a worse one
        np.testing.assert_allclose(rotation, reference, atol=2e-4)
        np.testing.assert_allclose(mine, translation.ravel(), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(("yaw", "pitch", "roll"), [(0, 0, 0), (35, 0, 0), (-35, 10, 0), (0, 20, 5), (12, -25, -8)])
def test_pose_of_a_turned_head_is_named_in_the_pictures_terms(yaw, pitch, roll):
    rotation, _ = pose.solve_pnp(head(yaw, pitch, roll)[None])
    np.testing.assert_allclose(pose.angles(rotation[0]), (pitch, yaw, roll), atol=1e-3)


def test_many_poses_at_once_are_those_of_each():
    faces = [face(seed) for seed in range(7)] + [np.ones((68, 2))]
    together = [g.Alignment(points) for points in faces]
    g.Alignment.solve_all(together)
    for alignment, points in list(zip(together, faces, strict=True))[:-1]:
        alone = g.Alignment(points)
        np.testing.assert_allclose(alignment.pose(), alone.pose(), atol=1e-6)
        for centering, offset in alone.offsets.items():
            np.testing.assert_allclose(alignment.offsets[centering], offset, atol=1e-9)
    with pytest.raises(ValueError, match="coincide"):
        together[-1].pose()
    g.Alignment.solve_all([])


@given(st.floats(-170, 170))
@settings(deadline=None, max_examples=30)
def test_roll_includes_the_tilt_in_the_frame(degrees):
    upright = g.Alignment(face(3)).pose()
    tilted = g.Alignment(g.transform(face(3), similarity(np.radians(degrees), 200, 10, 20))).pose()
    assert (tilted.roll - upright.roll - degrees + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)
    assert tilted.yaw == pytest.approx(upright.yaw, abs=1e-6)


def test_average_distance_and_eyes_above_mouth_tell_bad_landmarks():
    good, bad = g.Alignment(face(1, 0.005)), g.Alignment(face(1, 0.4))
    assert good.average_distance < 0.01 < 0.1 < bad.average_distance
    upside = face(1)
    upside[48:] = upside[48:] - (0, 0.9)
    assert good.eyes_above_mouth > 0 > g.Alignment(upside).eyes_above_mouth


def test_roi_corners_map_to_the_crops_corners():
    alignment = g.Alignment(g.transform(face(2), similarity(0.3, 150, 300, 200)))
    corners = g.transform(alignment.roi(256), alignment.matrix(256))
    np.testing.assert_allclose(corners, [(0, 0), (0, 255), (255, 255), (255, 0)], atol=1.5)


def picture() -> np.ndarray:
    y, x = np.mgrid[:480, :640]
    waves = [128 + 100 * np.sin(x / 17 + y / 23), 128 + 100 * np.cos(y / 13), x * 255 / 640]
    return np.stack(waves, 2).astype(np.uint8)


@pytest.mark.parametrize("centering", g.CENTERINGS)
@pytest.mark.parametrize("size", [64, 256, 400])
@pytest.mark.parametrize("coverage", [0.75, 0.875, 1.0])
def test_a_sub_crop_of_a_saved_face_shows_what_the_crop_from_the_frame_shows(centering, size, coverage):
    alignment = g.Alignment(g.transform(face(5), similarity(0.2, 90, 280, 180)))
    saved = crop(picture(), alignment, 512, "head").pixels
    direct = crop(picture(), alignment, size, centering, coverage, 0.05)
    cut = sub_crop(saved, alignment, size, centering, coverage, 0.05)
    inner = np.s_[size // 8:-size // 8, size // 8:-size // 8]
    error = np.abs(cut.astype(int) - direct.pixels)[inner].mean()
    shifted = np.abs(np.roll(cut, max(1, size // 64), 1).astype(int) - direct.pixels)[inner].mean()
    assert error < 3.0
    assert error < shifted


def test_a_shrunken_crop_is_averaged_rather_than_sampled():
    """One-pixel stripes vanish into grey when shrunk by eight; sampling would leave stripes."""
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[:, ::2] = 255
    alignment = g.Alignment(g.transform(face(4, 0), similarity(0, 150, 180, 150)))
    small = crop(stripes, alignment, 40, "legacy").pixels
    assert small.std() < 12
    assert abs(float(small.mean()) - 127.5) < 6
