"""dlib's landmarks on a real face and against the truth."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.core.extraction.aligners import dlib_68
from understudy.core.extraction.aligners.dlib_68 import Dlib68
from understudy.core.extraction.detectors.dlib_hog import DlibHog
from understudy.core.extraction.maskers.landmark import draw
from understudy.core.faces.geometry import Alignment
from understudy.core.media.source import open_source
from understudy.core.options.rows import ALIGNERS

from ..conftest import portrait

SHIPPED = [row for row in ALIGNERS if not row.weights]


@pytest.fixture(scope="module")
def box() -> tuple[float, float, float, float]:
    ((found,),) = DlibHog().detect([portrait()])
    return found.box


@pytest.mark.parametrize("row", SHIPPED, ids=lambda row: row.name)
@pytest.mark.parametrize("normalization", ["none", "mean", "hist", "clahe"])
def test_a_plausible_face_that_follows_the_picture(row, normalization, box):
    tool = row.load()("cpu", normalization)
    x, y, w, h = box
    here, moved = tool.align([portrait(), portrait(8, 5)], [box, (x + 8, y + 5, w, h)])
    assert here.shape == (68, 2)
    assert here.dtype == np.float32
    alignment = Alignment(here)
    assert alignment.average_distance < 0.06
    assert alignment.eyes_above_mouth > 0
    np.testing.assert_allclose(moved - here, np.tile((8, 5), (68, 1)), atol=2)


@pytest.mark.parametrize("normalization", ["none", "hist"])
@pytest.mark.parametrize("where", [(-60.0, -50.0, 120.0, 120.0), (-500.0, 40.0, 80.0, 80.0),
                                   (310.0, 290.0, 200.0, 90.0), (50.0, 50.0, 1.0, 1.0)])
def test_boxes_at_the_edge_beyond_it_and_tiny_ones_are_borne(where, normalization):
    landmarks = Dlib68("cpu", normalization).align([portrait()], [where])
    assert landmarks.shape == (1, 68, 2)
    assert np.isfinite(landmarks).all()


def test_each_face_gets_what_it_would_alone(box):
    aligner = Dlib68("cpu", "clahe")
    other = (120.0, 90.0, 70.0, 70.0)
    both = aligner.align([portrait(), portrait(3, 3)], [box, other])
    np.testing.assert_array_equal(aligner.align([portrait(3, 3)], [other])[0], both[1])
    assert aligner.align([], []).shape == (0, 68, 2)


def test_weights_in_a_folder_of_any_name(box, tmp_path, monkeypatch):
    """Where Windows keeps what a person called Jürgen has installed; without dlib opening the file."""
    here = dlib_68.weights_file("shape_predictor_68_face_landmarks.dat")
    there = tmp_path / "Jürgen 演员" / here.name
    there.parent.mkdir()
    there.symlink_to(here)
    usual = Dlib68().align([portrait()], [box])
    monkeypatch.setattr(dlib_68, "_predictor", lambda: dlib_68._read(there))
    assert np.array_equal(Dlib68().align([portrait()], [box]), usual)


def test_normalisation_mends_a_face_in_the_dark(box):
    """With a tenth of the light, the landmarks are those of the bright picture only where the light is evened out."""
    bright = Dlib68().align([portrait()], [box])
    dark = (portrait() * 0.1).astype(np.uint8)
    stretched = Dlib68("cpu", "mean").align([dark], [box])
    assert np.linalg.norm(stretched - bright, axis=2).mean() < 3
    assert dark.max() <= 25  # and the picture itself is as it was


@pytest.mark.footage
def test_a_dozen_frames_against_the_truth(footage):
    """Landmarks within 6 % of the eyes' distance and masks that fit, on frames all over the clip."""
    truth = np.load(footage / "actor_a_truth.npz")
    frames = [i for i in range(0, 240, 14) if abs(truth["yaw"][i, 0]) < 30]
    masks = np.unpackbits(truth["mask_bits"], axis=-1)[..., :truth["mask_shape"][3]]
    errors, fits = [], []
    detector, aligner = DlibHog(), Dlib68()
    with open_source(footage / "actor_a.mp4") as source:
        for frame in source.frames(frames):
            ((found,),) = detector.detect([frame.pixels])
            (landmarks,) = aligner.align([frame.pixels], [found.box])
            wanted = truth["landmarks_contour"][frame.index, 0] - 0.5
            errors.append(np.linalg.norm(landmarks - wanted, axis=1).mean() / np.linalg.norm(wanted[36] - wanted[45]))
            drawn = draw(landmarks, 640, "extended")[:360] >= 128
            real = masks[frame.index, 0] > 0
            fits.append((drawn & real).sum() / (drawn | real).sum())
    assert len(frames) >= 10
    assert np.mean(errors) < 0.06
    assert np.mean(fits) > 0.72
