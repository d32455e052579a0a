"""Detector, aligner, masks and identity, each by itself, on a real face."""

from __future__ import annotations

import cv2
import dlib
import numpy as np
import pytest

from understudy.core.errors import WeightsError
from understudy.core.extraction import dlib_models
from understudy.core.extraction.aligners.dlib_68 import Dlib68
from understudy.core.extraction.detectors.dlib_hog import DlibHog
from understudy.core.extraction.dlib_models import weights_file
from understudy.core.extraction.identity import dlib_resnet
from understudy.core.extraction.identity.dlib_resnet import DlibResNet
from understudy.core.extraction.maskers.landmark import draw, raise_brows
from understudy.core.faces.geometry import MEAN_FACE, Alignment, transform
from understudy.core.faces.matching import overlap
from understudy.core.faces.nouns import AlignedFace
from understudy.core.media.source import open_source
from understudy.core.options.rows import ALIGNERS, DETECTORS, IDENTITIES, MASKERS

from .conftest import no_face, portrait


@pytest.fixture(scope="module")
def aligner() -> Dlib68:
    return Dlib68()


@pytest.fixture(scope="module")
def identity() -> DlibResNet:
    return DlibResNet()


@pytest.mark.parametrize("row", DETECTORS, ids=lambda row: row.name)
def test_every_detector_finds_the_face_where_it_is_at_any_size_of_picture(row):
    detector = row.load()(640, 0.0)
    (small,) = detector.detect(portrait())
    (large,) = detector.detect(cv2.resize(portrait(), None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC))
    assert small.score > 0
    assert overlap(small.box, tuple(v / 3 for v in large.box)) > 0.7
    assert detector.detect(no_face()) == []
    assert detector.detect(np.zeros((20, 30, 3), np.uint8)) == []


def test_a_higher_confidence_keeps_fewer():
    (found,) = DlibHog(640, 0.0).detect(portrait())
    assert DlibHog(640, min(found.score + 0.1, 9)).detect(portrait()) == []


@pytest.mark.parametrize("row", ALIGNERS, ids=lambda row: row.name)
def test_every_aligner_places_a_plausible_face_that_follows_the_picture(row):
    tool = row.load()()
    (found,) = DlibHog().detect(portrait())
    landmarks = tool.align(portrait(), found.box)
    assert landmarks.shape == (68, 2)
    assert landmarks.dtype == np.float32
    alignment = Alignment(landmarks)
    assert alignment.average_distance < 0.06
    assert alignment.eyes_above_mouth > 0
    x, y, w, h = found.box
    moved = tool.align(portrait(8, 5), (x + 8, y + 5, w, h))
    np.testing.assert_allclose(moved - landmarks, np.tile((8, 5), (68, 1)), atol=2)


def test_an_edge_box_is_aligned_without_failing(aligner):
    assert np.isfinite(aligner.align(portrait(), (-60.0, -50.0, 120.0, 120.0))).all()


def aligned(size: int = 256) -> np.ndarray:
    t = np.linspace(np.pi, 0, 17)
    jaw = np.column_stack([0.5 + 0.6 * np.cos(t), 0.25 + 0.9 * np.sin(t)])
    return np.concatenate([jaw, MEAN_FACE]) * size / 2 + size / 4


@pytest.mark.parametrize("row", MASKERS, ids=lambda row: row.name)
def test_every_masker_covers_the_face_and_not_the_corners(row):
    points = aligned()
    face = AlignedFace(np.zeros((256, 256, 3), np.uint8), np.eye(2, 3), points.astype(np.float32), "face", 1.0)
    mask = row.load()().mask(face)
    assert mask.shape == (256, 256)
    assert mask.dtype == np.uint8
    for x, y in points[27:68]:
        assert mask[round(y), round(x)] == 255
    assert mask[[0, 0, -1, -1], [0, -1, 0, -1]].max() == 0


def test_extended_is_components_and_more_above():
    components, extended = draw(aligned(), 256, "components"), draw(aligned(), 256, "extended")
    assert (extended.astype(int) - components < -128).sum() < 0.01 * (components > 128).sum()
    more = np.argwhere(extended.astype(int) - components > 128)
    assert len(more) > 500
    assert more[:, 0].max() < aligned()[36:48, 1].max()
    raised = raise_brows(aligned())
    np.testing.assert_array_equal(np.delete(raised, range(17, 27), 0), np.delete(aligned(), range(17, 27), 0))
    assert (raised[17:27, 1] < aligned()[17:27, 1]).all()


@pytest.mark.parametrize("kind", ["components", "extended"])
def test_masks_are_the_same_at_every_size_and_glide_by_fractions_of_a_pixel(kind):
    large, small = draw(aligned(512), 512, kind), draw(aligned(512) / 8 - 0.4375, 64, kind)
    np.testing.assert_allclose(cv2.resize(large, (64, 64), interpolation=cv2.INTER_AREA), small, atol=64)
    np.testing.assert_allclose(large.mean(), small.mean(), rtol=0.02)
    areas = [float((draw(np.add(aligned(64), (shift, 0)), 64, kind).astype(float) @ np.arange(64)).sum())
             for shift in np.linspace(0, 1, 9)]
    assert (np.diff(areas) > 0).all()
    assert set(np.unique(draw(aligned(64), 64, kind))) - {0, 255}  # anti-aliased


def test_masks_bear_points_far_outside():
    assert draw(transform(aligned(), np.array([(1e6, 0, 0), (0, 1e6, 0)])), 64, "extended").shape == (64, 64)


@pytest.mark.parametrize("row", IDENTITIES, ids=lambda row: row.name)
def test_every_identity_tells_the_same_person_from_another(row, aligner):
    from skimage.transform import swirl

    tool = row.load()()
    (found,) = DlibHog().detect(portrait())
    landmarks = aligner.align(portrait(), found.box)
    other = (swirl(portrait(), center=tuple(landmarks[30]), strength=1.2, radius=140) * 255).astype(np.uint8)
    darker = (portrait() * 0.7).astype(np.uint8)
    a, b, c = tool.vectors([tool.chip(picture, landmarks) for picture in (portrait(), darker, other)])
    assert a.dtype == np.float32
    assert np.linalg.norm(a - b) < np.linalg.norm(a - c)


def test_identity_agrees_with_dlibs_own_network(identity):
    reference = dlib.face_recognition_model_v1(str(weights_file("dlib_face_recognition_resnet_model_v1.dat")))
    chips = [cv2.resize(portrait(3 * n, n)[20:220, 60:260], (150, 150)) for n in range(2)]
    wanted = np.array([list(reference.compute_face_descriptor(chip)) for chip in chips])
    np.testing.assert_allclose(identity.vectors(chips), wanted, atol=1e-5)


def test_damaged_or_missing_weights_are_told(tmp_path, monkeypatch):
    real = weights_file("dlib_face_recognition_resnet_model_v1.dat")
    (tmp_path / "short.dat").write_bytes(real.read_bytes()[:100_000])
    monkeypatch.setattr(dlib_resnet, "weights_file", lambda _: tmp_path / "short.dat")
    with pytest.raises(WeightsError, match=r"short\.dat"):
        DlibResNet()
    with pytest.raises(WeightsError, match="lacks"):
        weights_file("nothing.dat")
    monkeypatch.setattr(dlib_models, "_PACKAGE", "no_such_package_here")
    with pytest.raises(WeightsError, match="not installed"):
        weights_file("x.dat")


@pytest.mark.footage
def test_a_dozen_frames_against_the_truth(footage, aligner):
    """Landmarks within 6 % of the eyes' distance and masks that fit, on frames all over the clip."""
    truth = np.load(footage / "actor_a_truth.npz")
    frames = [i for i in range(0, 240, 14) if abs(truth["yaw"][i, 0]) < 30]
    masks = np.unpackbits(truth["mask_bits"], axis=-1)[..., :truth["mask_shape"][3]]
    errors, fits = [], []
    detector = DlibHog()
    with open_source(footage / "actor_a.mp4") as source:
        for frame in source.frames(frames):
            (found,) = detector.detect(frame.pixels)
            landmarks = aligner.align(frame.pixels, found.box)
            wanted = truth["landmarks_contour"][frame.index, 0] - 0.5
            errors.append(np.linalg.norm(landmarks - wanted, axis=1).mean() / np.linalg.norm(wanted[36] - wanted[45]))
            drawn = draw(landmarks, 640, "extended")[:360] >= 128
            real = masks[frame.index, 0] > 0
            fits.append((drawn & real).sum() / (drawn | real).sum())
    assert len(frames) >= 10
    assert np.mean(errors) < 0.06
    assert np.mean(fits) > 0.72


@pytest.mark.footage
@pytest.mark.parametrize("clip", ["actor_a", "actor_b"])
def test_pose_follows_the_truth(footage, clip):
    truth = np.load(footage / f"{clip}_truth.npz")
    poses = np.array([Alignment(points - 0.5).pose() for points in truth["landmarks"][:, 0]])
    for column, angle in enumerate(("pitch", "yaw", "roll")):
        assert np.corrcoef(poses[:, column], truth[angle][:, 0])[0, 1] > 0.9, angle
