"""VGGFace2's network with random weights in the published layout."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from understudy.core.errors import WeightsError
from understudy.core.extraction.identity.vggface2 import VggFace2, VggFace2Network
from understudy.core.faces.crop import crop
from understudy.core.faces.geometry import MEAN_FACE, Alignment
from understudy.core.weights.files import folder
from understudy.core.weights.rows import find

from ..conftest import portrait

TENSORS, VALUES = 320, 24_610_293  # of the published file


def published_layout() -> dict[str, tuple[int, ...]]:
    """Key -> shape of vggface2_resnet50_v3.pth."""
    shapes: dict[str, tuple[int, ...]] = {"dim_proj.weight": (512, 2048), "dim_proj.bias": (512,)}

    def layer(name: str, norm: str, outputs: int, inputs: int, kernel: int) -> None:
        shapes[f"resnet.{name}.weight"] = (outputs, inputs, kernel, kernel)
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"resnet.{norm}.{part}"] = (outputs,)
        shapes[f"resnet.{norm}.num_batches_tracked"] = ()

    layer("conv", "bn", 64, 3, 7)
    inputs = 64
    for number, (inside, more) in enumerate([(64, 2), (128, 3), (256, 5), (512, 2)], 1):
        for block in (f"block{number}", *(f"id{number}.{n}" for n in range(more))):
            layer(f"{block}.reduce_conv", f"{block}.reduce_bn", inside, inputs, 1)
            layer(f"{block}.conv", f"{block}.bn", inside, inside, 3)
            layer(f"{block}.increase_conv", f"{block}.increase_bn", 4 * inside, inside, 1)
            if block.startswith("block"):
                layer(f"{block}.proj", f"{block}.proj_bn", 4 * inside, inputs, 1)
            inputs = 4 * inside
    return shapes


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(7)
    return VggFace2Network().state_dict()


@pytest.fixture
def model(state, tmp_path, monkeypatch) -> VggFace2:
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path))
    folder().mkdir(parents=True)
    torch.save(state, folder() / find("vggface2").file)
    return VggFace2()


def landmarks() -> np.ndarray:
    jaw = np.column_stack([np.linspace(-0.1, 1.1, 17), 0.3 + 0.9 * np.sin(np.linspace(0, np.pi, 17))])
    return (np.concatenate([jaw, MEAN_FACE]) * 70 + (120, 85)).astype(np.float32)


def test_the_network_has_the_published_files_keys_shapes_and_counts(state):
    assert {key: tuple(value.shape) for key, value in state.items()} == published_layout()
    assert len(state) == TENSORS
    assert sum(value.numel() for value in state.values()) == VALUES


def test_its_layers_shrink_the_picture_as_the_published_ones_do(model):
    sizes: dict[str, tuple[int, ...]] = {}
    network = model._network
    handles = [network.get_submodule(name).register_forward_hook(
        lambda module, given, made, name=name: sizes.update({name: tuple(made.shape[1:])}))
        for name in ("resnet.conv", "resnet.block1", "resnet.id2", "resnet.id3", "resnet.id4", "dim_proj")]
    network(torch.zeros(1, 3, 224, 224))
    for handle in handles:
        handle.remove()
    assert sizes == {"resnet.conv": (64, 112, 112), "resnet.block1": (256, 55, 55), "resnet.id2": (512, 28, 28),
                     "resnet.id3": (1024, 14, 14), "resnet.id4": (2048, 7, 7), "dim_proj": (512,)}


def test_the_first_layer_is_fed_blue_green_red_without_the_mean(model):
    fed: list[torch.Tensor] = []
    handle = model._network.resnet.register_forward_pre_hook(lambda module, given: fed.append(given[0].clone()))
    model.vectors([np.full((224, 224, 3), (200, 100, 50), np.uint8)])
    handle.remove()
    np.testing.assert_allclose(fed[0].mean((2, 3))[0], (50 - 91.4953, 100 - 103.8827, 200 - 131.0912), atol=1e-3)


def test_vectors_are_of_length_one_and_the_same_alone(model):
    chips = [model.chip(portrait(8 * n, 3 * n), landmarks()) for n in range(3)]
    vectors = model.vectors(chips)
    assert (vectors.shape, vectors.dtype) == ((3, 512), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert (vectors >= 0).all()
    np.testing.assert_allclose(model.vectors(chips[1:2])[0], vectors[1], atol=1e-5)
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-4


def test_the_chip_is_the_legacy_crop(model):
    np.testing.assert_array_equal(model.chip(portrait(), landmarks()),
                                  crop(portrait(), Alignment(landmarks()), 224, "legacy").pixels)


def test_another_networks_file_is_told(model, state):
    torch.save({**state, "dim_proj.weight": torch.zeros(128, 2048)}, folder() / find("vggface2").file)
    with pytest.raises(WeightsError, match=r"another size of dim_proj\.weight"):
        VggFace2()
