"""dlib's identity network, and what every identity model that ships must do."""

from __future__ import annotations

import cv2
import dlib
import numpy as np
import pytest
from skimage.transform import swirl

from understudy.core.errors import WeightsError
from understudy.core.extraction import dlib_models
from understudy.core.extraction.aligners.dlib_68 import Dlib68
from understudy.core.extraction.detectors.dlib_hog import DlibHog
from understudy.core.extraction.dlib_models import weights_file
from understudy.core.extraction.identity import dlib_resnet
from understudy.core.extraction.identity.dlib_resnet import DlibResNet
from understudy.core.options.rows import IDENTITIES

from ..conftest import portrait

FILE = "dlib_face_recognition_resnet_model_v1.dat"


@pytest.fixture(scope="module")
def landmarks() -> np.ndarray:
    ((found,),) = DlibHog().detect([portrait()])
    return Dlib68().align([portrait()], [found.box])[0]


@pytest.mark.parametrize("row", [row for row in IDENTITIES if not row.weights], ids=lambda row: row.name)
def test_other_light_changes_less_than_another_face(row, landmarks):
    tool = row.load()()
    other = (swirl(portrait(), center=tuple(landmarks[30]), strength=1.2, radius=140) * 255).astype(np.uint8)
    darker = (portrait() * 0.7).astype(np.uint8)
    vectors = tool.vectors([tool.chip(picture, landmarks) for picture in (portrait(), darker, other)])
    assert vectors.dtype == np.float32
    a, b, c = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert a @ b >= row.same_person
    assert a @ b > a @ c


@pytest.mark.parametrize("row", IDENTITIES, ids=lambda row: row.name)
def test_every_row_says_from_which_similarity_two_are_one(row):
    assert 0.3 < row.same_person < 1


def test_it_agrees_with_dlibs_own_network():
    reference = dlib.face_recognition_model_v1(str(weights_file(FILE)))
    chips = [cv2.resize(portrait(3 * n, n)[20:220, 60:260], (150, 150)) for n in range(2)]
    wanted = np.array([list(reference.compute_face_descriptor(chip)) for chip in chips])
    np.testing.assert_allclose(DlibResNet().vectors(chips), wanted, atol=1e-5)


def test_damaged_or_missing_weights_are_told(tmp_path, monkeypatch):
    (tmp_path / "short.dat").write_bytes(weights_file(FILE).read_bytes()[:100_000])
    monkeypatch.setattr(dlib_resnet, "weights_file", lambda _: tmp_path / "short.dat")
    with pytest.raises(WeightsError, match=r"short\.dat"):
        DlibResNet()
    with pytest.raises(WeightsError, match="lacks"):
        weights_file("nothing.dat")
    monkeypatch.setattr(dlib_models, "_PACKAGE", "no_such_package_here")
    with pytest.raises(WeightsError, match="not installed"):
        weights_file("x.dat")
