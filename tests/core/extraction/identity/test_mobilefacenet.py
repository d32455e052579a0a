"""MobileFaceNet with a real file that somebody brought, and with one for square pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from understudy.core.errors import WeightsError
from understudy.core.extraction.identity.mobilefacenet import MobileFaceNet, MobileFaceNetwork
from understudy.core.weights.files import folder
from understudy.core.weights.rows import find

from ..conftest import portrait

# Eye centres, nose tip and mouth corners in SphereFace's chip of 96 by 112.
SPHEREFACE = np.array([(30.2946, 51.6963), (65.5318, 51.5014), (48.0252, 71.7366), (33.5493, 92.3655),
                       (62.7299, 92.2041)])


def face_with(five: np.ndarray) -> np.ndarray:
    landmarks = np.zeros((68, 2), np.float32)
    landmarks[36:42], landmarks[42:48], landmarks[30], landmarks[48], landmarks[54] = five
    return landmarks


@pytest.fixture
def own_file(tmp_path, monkeypatch):
    """Saves something to where the person's own weights are kept."""
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path))

    def save(data: object) -> None:
        folder().mkdir(parents=True, exist_ok=True)
        torch.save(data, folder() / find("mobilefacenet").file)
    return save


def test_the_chip_puts_eyes_nose_and_mouth_where_the_training_had_them(own_file):
    own_file(MobileFaceNetwork().state_dict())
    model = MobileFaceNet()
    picture = np.zeros((300, 320, 3), np.uint8)
    turned = SPHEREFACE @ np.array([(0.8, -0.6), (0.6, 0.8)]).T * 1.5 + (120, 40)
    for x, y in turned:
        picture[round(y) - 3:round(y) + 4, round(x) - 3:round(x) + 4] = 255
    chip = model.chip(picture, face_with(turned.astype(np.float32)))
    assert chip.shape == (112, 112, 3)
    middle = chip[:, 8:104]  # what a network of 96 columns sees
    for x, y in SPHEREFACE:
        assert middle[round(y), round(x)].min() > 128
    assert (middle > 128).mean() < 0.02


@pytest.mark.parametrize("width", [96, 112])
def test_files_for_pictures_of_either_width_are_recognised(own_file, width):
    torch.manual_seed(width)
    network = MobileFaceNetwork(width).eval()
    own_file({"epoch": 3, "net_state_dict": network.state_dict()})
    model = MobileFaceNet()
    chip = portrait()[:112, :112]
    aside = (112 - width) // 2
    seen = torch.from_numpy(chip[:, aside:112 - aside].astype(np.float32)).permute(2, 0, 1)[None]
    with torch.inference_mode():
        wanted = network((seen - 127.5) / 128)[0].numpy()
    (vector,) = model.vectors([chip])
    assert (vector.shape, vector.dtype) == ((128,), np.float32)
    np.testing.assert_allclose(vector, wanted / np.linalg.norm(wanted), atol=1e-5)


def test_without_a_file_or_with_another_networks_it_says_what_to_do(own_file):
    with pytest.raises(WeightsError, match="import FILE"):
        MobileFaceNet()
    own_file({"net_state_dict": {"conv1.weight": torch.zeros(3)}})
    with pytest.raises(WeightsError, match=r"mobilefacenet\.ckpt"):
        MobileFaceNet()
    own_file([1, 2, 3])
    with pytest.raises(WeightsError, match="no state dict"):
        MobileFaceNet()
