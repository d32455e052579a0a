"""FAN with random weights in the published layout: what it loads, sees, and makes of heatmaps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from understudy.core.errors import WeightsError
from understudy.core.extraction.aligners import fan
from understudy.core.extraction.aligners.fan import Fan, blank_network
from understudy.core.weights.files import folder
from understudy.core.weights.rows import find

from ..conftest import portrait

BOXES = [(80.0, 60.0, 100.0, 110.0), (-20.0, 150.5, 90.0, 80.25)]


def block(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    half, quarter = outputs // 2, outputs // 4
    shapes: dict[str, tuple[int, ...]] = {}
    for number, (into, out) in enumerate([(inputs, half), (half, quarter), (quarter, quarter)], 1):
        shapes |= norm(f"{name}.bn{number}", into) | {f"{name}.conv{number}.weight": (out, into, 3, 3)}
    if inputs != outputs:
        shapes |= norm(f"{name}.downsample.0", inputs) | {f"{name}.downsample.2.weight": (outputs, inputs, 1, 1)}
    return shapes


def norm(name: str, channels: int) -> dict[str, tuple[int, ...]]:
    # As in the file of 2019: from before batch norm counted its batches.
    return {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}


def convolution(name: str, outputs: int, inputs: int, kernel: int = 1) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs, kernel, kernel), f"{name}.bias": (outputs,)}


def published_layout() -> dict[str, tuple[int, ...]]:
    """Key -> shape of 2DFAN4-11f355bf06.pth.tar, as its author's network of that time declares it."""
    shapes = convolution("conv1", 64, 3, 7) | norm("bn1", 64)
    shapes |= block("conv2", 64, 128) | block("conv3", 128, 128) | block("conv4", 128, 256)
    for stack in range(4):
        for level in range(1, 5):
            for part in ("b1", "b2", "b3"):
                shapes |= block(f"m{stack}.{part}_{level}", 256, 256)
        shapes |= block(f"m{stack}.b2_plus_1", 256, 256) | block(f"top_m_{stack}", 256, 256)
        shapes |= convolution(f"conv_last{stack}", 256, 256) | norm(f"bn_end{stack}", 256)
        shapes |= convolution(f"l{stack}", 68, 256)
        if stack < 3:
            shapes |= convolution(f"bl{stack}", 256, 256) | convolution(f"al{stack}", 256, 68)
    return shapes


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(4)
    network = blank_network()
    return {key: value for key, value in network.state_dict().items() if not key.endswith("num_batches_tracked")}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Saves a state dict to where the weights of `fan-2d4` are kept; returns the file."""
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path))

    def save(state: dict[str, torch.Tensor]) -> Path:
        file = folder() / find("fan-2d4").file
        file.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state, file, _use_new_zipfile_serialization=False)  # as files of that time are
        return file
    return save


def test_the_network_has_the_published_files_keys_and_shapes(state):
    assert {key: tuple(value.shape) for key, value in state.items()} == published_layout()


def test_faces_get_the_same_places_alone_and_together(state, place):
    place(state)
    aligner = Fan()
    alone = aligner.align([portrait()] * 2, BOXES)  # a processor takes them one by one
    assert (alone.shape, alone.dtype) == ((2, 68, 2), np.float32)
    assert np.isfinite(alone).all()
    aligner.batch_size = 2
    np.testing.assert_allclose(aligner.align([portrait()] * 2, BOXES), alone, atol=0.05)
    assert aligner.align([], []).shape == (0, 68, 2)


def test_the_crop_and_the_places_are_those_of_the_published_rule(state, place, monkeypatch):
    """A square of 0.8 times both sides; a peak at a heatmap's pixel is the middle of 4 by 4 pixels of the crop."""
    place(state)
    aligner = Fan(decoding="dark")
    seen: list[np.ndarray] = []
    peaks = np.random.default_rng(1).uniform(8, 55, (68, 2))

    def heatmaps(crops: np.ndarray) -> np.ndarray:
        seen.append(crops)
        y, x = np.mgrid[:64, :64]
        squared = (x - peaks[:, 0, None, None]) ** 2 + (y - peaks[:, 1, None, None]) ** 2
        return np.exp(-squared / 4)[None].astype(np.float32)

    monkeypatch.setattr(aligner, "_heatmaps", heatmaps)
    x, y, w, h = 80.0, 60.0, 70.0, 90.0
    (landmarks,) = aligner.align([portrait()], [(x, y, w, h)])
    side = 0.8 * (w + h)
    corner = np.array([x + w / 2 - side / 2, y + h / 2 - side / 2])  # of the area, from the corner of the first pixel
    np.testing.assert_allclose(landmarks + 0.5, corner + (peaks + 0.5) / 64 * side, atol=0.05)
    # 128 pixels of the picture are doubled: every second pixel's neighbourhood has their colours.
    cut = portrait()[int(corner[1]):int(corner[1]) + 128, int(corner[0]):int(corner[0]) + 128].astype(float)
    halved = seen[0][0].reshape(128, 2, 128, 2, 3).mean((1, 3))
    assert np.abs(halved - cut).mean() < 2


def test_the_network_is_fed_rgb_from_0_to_1(state, place, monkeypatch):
    place(state)
    aligner = Fan()
    fed: list[torch.Tensor] = []
    monkeypatch.setattr(aligner, "_network", lambda batch: fed.append(batch.clone()) or [torch.zeros(1, 68, 64, 64)])
    red = np.zeros((300, 320, 3), np.uint8)
    red[..., 0] = 255
    aligner.align([red], [(100.0, 100.0, 50.0, 50.0)])
    assert tuple(fed[0].shape) == (1, 3, 256, 256)
    assert fed[0][0].mean((1, 2)).tolist() == [1, 0, 0]


def test_normalisation_and_decoding_reach_the_crop_and_the_heatmaps(state, place):
    place(state)
    plain = Fan().align([portrait()], BOXES[:1])
    assert np.abs(Fan(normalization="hist").align([portrait()], BOXES[:1]) - plain).max() > 0.5
    stepped = Fan(decoding="neighbour").align([portrait()], BOXES[:1])
    assert np.abs(stepped - plain).max() > 0.05


def test_all_aligners_share_one_network(state, place):
    place(state)
    assert Fan()._network is Fan()._network


def test_weights_that_are_missing_torn_or_of_another_network_are_told(state, place, tmp_path, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match="fan-2d4"):
        Fan()
    file = place({**state, "l3.weight": torch.zeros(98, 256, 1, 1)})
    with pytest.raises(WeightsError, match=r"another size of l3\.weight"):
        Fan()
    place({key: value for key, value in state.items() if not key.startswith("m3")})
    with pytest.raises(WeightsError, match="lack"):
        Fan()
    place({**state, "depth": torch.zeros(1)})
    with pytest.raises(WeightsError, match="unknown depth"):
        Fan()
    place(state)
    file.write_bytes(file.read_bytes()[:1_000_000])
    with pytest.raises(WeightsError, match="2DFAN4"):
        Fan()
    file.write_text("not weights at all")
    with pytest.raises(WeightsError, match="2DFAN4"):
        Fan()


def test_a_file_that_would_run_code_is_refused(place, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    place({"conv1.weight": Bomb()})
    with pytest.raises(WeightsError, match="2DFAN4"):
        Fan()
    assert not (tmp_path / "ran").exists()


def test_a_graphics_card_takes_faces_in_batches():
    assert fan._PER_BATCH["cuda"] > 1
