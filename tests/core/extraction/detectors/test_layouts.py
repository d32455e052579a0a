"""Networks without files at hand: chance weights in the published layout are loaded, run, and answer sanely."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from face_alignment.detection.sfd.net_s3fd import s3fd
from torch import Tensor

from understudy.core.errors import WeightsError
from understudy.core.extraction.detectors.mtcnn import Mtcnn
from understudy.core.extraction.detectors.mtcnn_networks import Output, Proposals, Refinement
from understudy.core.extraction.detectors.retinaface import RetinaFaceMobileNet, RetinaFaceResNet
from understudy.core.extraction.detectors.retinaface_network import MobileNet, ResNet50, RetinaFaceNetwork
from understudy.core.extraction.detectors.s3fd import S3fd

FRAMES = [np.random.default_rng(seed).integers(0, 256, (72, 128, 3), dtype=np.uint8) for seed in range(3)]

# Name and shape of every tensor in the published MTCNN files.
MTCNN = {
    "mtcnn-pnet": {"conv1": (10, 3, 3, 3), "prelu1": (10,), "conv2": (16, 10, 3, 3), "prelu2": (16,),
                   "conv3": (32, 16, 3, 3), "prelu3": (32,), "conv4_1": (2, 32, 1, 1), "conv4_2": (4, 32, 1, 1)},
    "mtcnn-rnet": {"conv1": (28, 3, 3, 3), "prelu1": (28,), "conv2": (48, 28, 3, 3), "prelu2": (48,),
                   "conv3": (64, 48, 2, 2), "prelu3": (64,), "dense4": (128, 576), "prelu4": (128,),
                   "dense5_1": (2, 128), "dense5_2": (4, 128)},
    "mtcnn-onet": {"conv1": (32, 3, 3, 3), "prelu1": (32,), "conv2": (64, 32, 3, 3), "prelu2": (64,),
                   "conv3": (64, 64, 3, 3), "prelu3": (64,), "conv4": (128, 64, 2, 2), "prelu4": (128,),
                   "dense5": (256, 1152), "prelu5": (256,), "dense6_1": (2, 256), "dense6_2": (4, 256),
                   "dense6_3": (10, 256)},
}
NETWORKS = {"mtcnn-pnet": Proposals, "mtcnn-rnet": Refinement, "mtcnn-onet": Output}


def drawn(shapes: Mapping[str, tuple[int, ...]], seed: int = 0) -> dict[str, Tensor]:
    """Tensors of these shapes that keep signals at about their size."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in shapes.items():
        if name.endswith(("running_var", "norm.weight")):
            state[name] = torch.ones(shape)
        elif name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(0)
        else:
            size = int(np.prod(shape[1:])) if len(shape) > 1 else 4
            state[name] = torch.randn(shape, generator=generator) * (2 / size) ** 0.5
    return state


def of(network: torch.nn.Module, seed: int = 0) -> dict[str, Tensor]:
    return drawn({name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}, seed)


def mtcnn_state(name: str, seed: int = 0) -> dict[str, Tensor]:
    shapes = {f"{layer}.weight": shape for layer, shape in MTCNN[name].items()}
    shapes |= {f"{layer}.bias": shape[:1] for layer, shape in MTCNN[name].items() if not layer.startswith("prelu")}
    return drawn(shapes, seed)


def resnet_layout() -> dict[str, tuple[int, ...]]:
    """Names and shapes of the published file, from the architecture's own regularity."""
    shapes: dict[str, tuple[int, ...]] = {}

    def bn(name: str, channels: int) -> None:
        shapes.update({f"{name}.{kind}": (channels,) for kind in ("weight", "bias", "running_mean", "running_var")})
        shapes[f"{name}.num_batches_tracked"] = ()

    def conv(name: str, norm: str, outputs: int, inputs: int, kernel: int) -> None:
        shapes[f"{name}.weight"] = (outputs, inputs, kernel, kernel)
        bn(norm, outputs)

    conv("body.conv1", "body.bn1", 64, 3, 7)
    inputs = 64
    for layer, (blocks, width) in enumerate(zip((3, 4, 6, 3), (64, 128, 256, 512), strict=True), 1):
        for block in range(blocks):
            at = f"body.layer{layer}.{block}"
            conv(f"{at}.conv1", f"{at}.bn1", width, inputs, 1)
            conv(f"{at}.conv2", f"{at}.bn2", width, width, 3)
            conv(f"{at}.conv3", f"{at}.bn3", 4 * width, width, 1)
            if block == 0:
                conv(f"{at}.downsample.0", f"{at}.downsample.1", 4 * width, inputs, 1)
            inputs = 4 * width
    for level, channels in enumerate((512, 1024, 2048), 1):
        conv(f"fpn.output{level}.0", f"fpn.output{level}.1", 256, channels, 1)
        for name, outputs, own in (("conv3X3", 128, 256), ("conv5X5_1", 64, 256), ("conv5X5_2", 64, 64),
                                   ("conv7X7_2", 64, 64), ("conv7x7_3", 64, 64)):
            conv(f"ssh{level}.{name}.0", f"ssh{level}.{name}.1", outputs, own, 3)
        for head, values in (("ClassHead", 4), ("BboxHead", 8), ("LandmarkHead", 20)):
            shapes[f"{head}.{level - 1}.conv1x1.weight"] = (values, 256, 1, 1)
            shapes[f"{head}.{level - 1}.conv1x1.bias"] = (values,)
    for merge in (1, 2):
        conv(f"fpn.merge{merge}.0", f"fpn.merge{merge}.1", 256, 256, 3)
    return shapes


def assert_sane(detector, least: float) -> None:
    """Answers of chance are still boxes with scores in range, the same alone and in a batch."""
    together = detector.detect(FRAMES)
    assert len(together) == len(FRAMES)
    for faces, frame in zip(together, FRAMES, strict=True):
        for face in faces:
            assert np.isfinite(face.box).all()
            assert least <= face.score <= 1 + 1e-6
        assert [face.score for face in faces] == sorted((face.score for face in faces), reverse=True)
        (alone,) = detector.detect([frame])
        assert len(alone) == pytest.approx(len(faces), abs=1)  # a score at the very limit may fall on either side


def test_retinaface_resnet_loads_the_published_layout(put):
    """And the file is as published: with the five points' head, and named as by several cards."""
    put("retinaface-resnet", {f"module.{name}": tensor for name, tensor in drawn(resnet_layout()).items()})
    detector = RetinaFaceResNet(128, 0.5)
    maps = detector.maps(detector.prepared(np.stack([np.zeros((96, 128, 3), np.uint8)])))
    assert [(tuple(level.scores.shape), level.stride) for level in maps] == [
        ((1, 12, 16, 2), 8), ((1, 6, 8, 2), 16), ((1, 3, 4, 2), 32)]
    assert [tuple(level.offsets.shape) for level in maps] == [(1, 12, 16, 2, 4), (1, 6, 8, 2, 4), (1, 3, 4, 2, 4)]
    assert_sane(detector, 0.5)


@pytest.mark.parametrize("made", [(MobileNet, 64), (ResNet50, 256)], ids=["mobilenet", "resnet"])
def test_retinaface_takes_files_without_the_five_points_too(put, made):
    backbone, width = made
    put("retinaface-mobilenet" if width == 64 else "retinaface-resnet", of(RetinaFaceNetwork(backbone(), width)))
    (RetinaFaceMobileNet if width == 64 else RetinaFaceResNet)(128)


def test_s3fd_loads_the_published_layout(put):
    put("s3fd", of(s3fd()))
    detector = S3fd(128, 0.5)
    maps = detector.maps(detector.prepared(np.zeros((2, 96, 128, 3), np.uint8)))
    assert [level.stride for level in maps] == [4, 8, 16, 32, 64, 128]
    assert [level.sides for level in maps] == [(16,), (32,), (64,), (128,), (256,), (512,)]
    assert maps[0].scores.shape == (2, 24, 32, 1)
    for level in maps:
        assert level.offsets.shape == (*level.scores.shape, 4)
        assert float(level.scores.min()) >= 0
        assert float(level.scores.max()) <= 1
    assert_sane(detector, 0.5)


@pytest.mark.parametrize("name", MTCNN)
def test_mtcnns_networks_have_the_published_layout(name):
    assert {key: tuple(tensor.shape) for key, tensor in NETWORKS[name]().state_dict().items()} == {
        key: tuple(tensor.shape) for key, tensor in mtcnn_state(name).items()}


def test_mtcnn_runs_on_weights_of_chance(put):
    for name in MTCNN:
        put(name, mtcnn_state(name))
    assert_sane(Mtcnn(128, 0.3), 0.3)


def test_files_of_other_networks_and_of_other_things_are_refused_by_name(put):
    state = of(s3fd())
    put("s3fd", {name: tensor for name, tensor in state.items() if name != "fc7.bias"})
    with pytest.raises(WeightsError, match=r"s3fd-619a316812\.pth.*fc7\.bias"):
        S3fd()
    put("s3fd", state | {"fc7.bias": torch.zeros(3)})
    with pytest.raises(WeightsError, match=r"s3fd-619a316812\.pth.*fc7\.bias"):
        S3fd()
    put("retinaface-mobilenet", state)
    with pytest.raises(WeightsError, match=r"retinaface_mobilenet0\.25\.pth"):
        RetinaFaceMobileNet()


def test_a_hostile_file_runs_nothing(put, tmp_path):
    import pickle

    class Hostile:
        def __reduce__(self):
            return (open, (str(tmp_path / "was here"), "w"))

    put("s3fd", pickle.dumps({"conv1_1.weight": Hostile()}, protocol=2))
    with pytest.raises(WeightsError):
        S3fd()
    assert not (tmp_path / "was here").exists()


def bright(name: str) -> dict[str, Tensor]:
    """Weights with which each of MTCNN's networks says "face" where its window is bright, and moves nothing."""
    state = {key: torch.zeros_like(tensor) for key, tensor in mtcnn_state(name).items()}
    for key in [key for key in state if key.endswith("weight") and state[key].ndim > 1]:
        layer = key.removesuffix(".weight")
        if "_" in layer:
            continue
        if layer == "conv1":
            state[key][0] = 1 / 27
        else:
            state[key][0] = 0
            flat = state[key][0]
            if flat.ndim == 3:
                flat[0] = 1 / flat[0].numel()
            else:  # of the flattened map: the first channel's cells
                cells = flat.numel() // (64 if name == "mtcnn-rnet" else 128)
                flat.view(cells, -1)[:, 0] = 1 / cells
    state.update({key: torch.ones_like(tensor) for key, tensor in state.items() if key.startswith("prelu")})
    head = {"mtcnn-pnet": "conv4_1", "mtcnn-rnet": "dense5_1", "mtcnn-onet": "dense6_1"}[name]
    state[f"{head}.weight"][1, 0] = 20.0
    state[f"{head}.bias"][1] = -4.0  # bright means above 0.2 of -1 .. 1, on average
    return state


def test_mtcnn_finds_bright_squares_with_weights_made_for_them(put):
    for name in MTCNN:
        put(name, bright(name))
    frame = np.zeros((120, 200, 3), np.uint8)
    frame[40:80, 30:70] = 255
    frame[20:100, 110:190] = 255
    detector = Mtcnn(640, 0.7)
    for frames in ([frame], [np.zeros_like(frame), frame, frame[::-1].copy()]):
        found = detector.detect(frames)
        faces = found[0] if len(frames) == 1 else found[1]
        for x, y, side in ((30, 40, 40), (110, 20, 80)):
            centres = [(face.box[0] + face.box[2] / 2, face.box[1] + face.box[3] / 2) for face in faces
                       if abs(face.box[0] + face.box[2] / 2 - x - side / 2) < side / 2]
            assert centres
            assert np.abs(np.mean(centres, 0) - (x + side / 2, y + side / 2)).max() < 0.2 * side
        if len(frames) == 3:
            assert found[0] == []
            assert len(found[2]) > 0
