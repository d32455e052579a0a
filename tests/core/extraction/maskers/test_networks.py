"""The network maskers, with random weights in the published files' layout: what they load, take and give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from understudy.core.errors import WeightsError
from understudy.core.extraction.maskers.bisenet_fp import BiSeNet, BisenetFp
from understudy.core.extraction.maskers.network import NetworkMasker, blank
from understudy.core.extraction.maskers.unet_dfl import TernausNet, UnetDfl
from understudy.core.extraction.maskers.vgg import FCN8s, VggClear, VggObstructed
from understudy.core.faces.nouns import AlignedFace
from understudy.core.options.maskers import MaskerOptions
from understudy.core.options.rows import MASKERS
from understudy.core.weights.files import folder
from understudy.core.weights.rows import find

from .layouts import BISENET, UNET_DFL, VGG_CLEAR, VGG_OBSTRUCTED

ORIGINAL = MaskerOptions(bisenet_weights="original")
# Name of the weights, their layout, and the published number of tensors and values.
PUBLISHED = {
    "vgg-clear": (VGG_CLEAR, 39, 134_271_430), "vgg-obstructed": (VGG_OBSTRUCTED, 39, 134_489_759),
    "unet-dfl": (UNET_DFL, 40, 22_955_617), "bisenet-original": (BISENET, 191, 13_313_119),
}
NETWORKS = {"vgg-clear": lambda: FCN8s(2, "_r"), "vgg-obstructed": lambda: FCN8s(21, ""), "unet-dfl": TernausNet,
            "bisenet-original": lambda: BiSeNet(19)}


def shapes(layout: str, classes: int | None = None) -> dict[str, tuple[int, ...]]:
    """Key -> shape of every tensor of a layout; `classes`: of BiSeNet's output layers, in place of 19."""
    found: dict[str, tuple[int, ...]] = {}
    for line in layout.replace("\n", " ").split(";"):
        key, kind, size, *without_bias = line.split()
        if kind == "bn":
            found |= {f"{key}.{name}": (int(size),) for name in ("weight", "bias", "running_mean", "running_var")}
            found[f"{key}.num_batches_tracked"] = ()
            continue
        shape = tuple(map(int, size.split("x")))
        if classes and shape[0] == 19:
            shape = (classes, *shape[1:])
        found[f"{key}.weight"] = shape
        if not without_bias:
            found[f"{key}.bias"] = (shape[0 if kind == "conv" else 1],)
    return found


def random_state(wanted: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Random numbers of a size that neither die out nor explode on the way through."""
    chance = torch.Generator().manual_seed(1)
    state: dict[str, Tensor] = {}
    for key, shape in wanted.items():
        if key.endswith("num_batches_tracked"):
            state[key] = torch.tensor(7)
        elif key.endswith("running_var"):
            state[key] = torch.rand(shape, generator=chance) + 0.5
        elif len(shape) == 4:
            state[key] = torch.empty(shape).normal_(0, (2 / np.prod(shape[1:])) ** 0.5, generator=chance)
        else:
            state[key] = torch.empty(shape).normal_(1.0 if ".bn" in key and key.endswith("weight") else 0, 0.1,
                                                    generator=chance)
    return state


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes the weight file of that name, once."""
    place = tmp_path_factory.mktemp("published")

    def file(name: str) -> Path:
        path = place / f"{name}.pth"
        if not path.exists():
            layout = BISENET if name.startswith("bisenet") else PUBLISHED[name][0]
            torch.save(random_state(shapes(layout, None if name in PUBLISHED else 5)), path)
        return path

    return file


@pytest.fixture
def install(files: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts a random file where the weights of that name belong."""
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "home"))

    def put(name: str) -> Path:
        target = folder() / find(name).file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(files(name))
        return target

    return put


def face(size: int, seed: int = 0, centering: str = "face") -> AlignedFace:
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    pixels = np.kron(coarse, np.ones((-(-size // 8), -(-size // 8), 1), np.uint8))[:size, :size]
    return AlignedFace(np.ascontiguousarray(pixels), np.eye(2, 3), np.zeros((68, 2), np.float32), centering, 1.0)


@pytest.mark.parametrize("name", PUBLISHED)
def test_layers_and_values_are_the_published_ones(name: str) -> None:
    layout, tensors, values = PUBLISHED[name]
    wanted = shapes(layout)
    assert len(wanted) == tensors
    assert sum(int(np.prod(shape)) for shape in wanted.values()) == values
    with torch.device("meta"):
        network: nn.Module = NETWORKS[name]()
    assert {key: tuple(value.shape) for key, value in network.state_dict().items()} == wanted


@pytest.mark.parametrize(("name", "masker", "options", "size", "centering"), [
    ("unet-dfl", UnetDfl, MaskerOptions(), 256, "legacy"),
    ("bisenet-face", BisenetFp, MaskerOptions(), 512, "face"),
    ("bisenet-hair", BisenetFp, MaskerOptions(bisenet_hair=True, bisenet_ears=True), 512, "head"),
    ("bisenet-original", BisenetFp, ORIGINAL, 512, "face"),
    pytest.param("vgg-clear", VggClear, MaskerOptions(), 300, "face", marks=pytest.mark.long),
    pytest.param("vgg-obstructed", VggObstructed, MaskerOptions(), 500, "face", marks=pytest.mark.long),
])
def test_every_network_masks_a_batch_as_it_masks_single_faces(
        name: str, masker: Callable[..., NetworkMasker], options: MaskerOptions, size: int, centering: str,
        install: Callable[[str], Path]) -> None:
    install(name)
    made = masker(options, "cpu")
    assert (made.size, made.centering, made.is_drawn) == (size, centering, False)
    made.batch_size = 2
    faces = [face(size, seed) for seed in range(3)]
    together = made.mask(faces)
    assert [(mask.shape, mask.dtype) for mask in together] == [((size, size), np.uint8)] * 3
    assert all(mask.min() < mask.max() for mask in together)  # it looked at the picture
    made.batch_size = 1
    for mask, alone in zip(together, made.mask(faces), strict=True):
        differ = np.abs(mask.astype(int) - alone)
        assert (differ > 1).mean() < 1e-3  # rounding may turn a hard class over at its very edge
    again = made.mask(faces[:1])[0]
    np.testing.assert_array_equal(again, made.mask(faces[:1])[0])  # no dropout
    with pytest.raises(ValueError, match=f"{size} px"):
        made.mask([face(size + 32)])


@pytest.mark.parametrize(("classes", "suffix", "size"), [(2, "_r", 300), (21, "", 500)])
def test_fcn_gives_scores_of_the_pictures_size(classes: int, suffix: str, size: int) -> None:
    """On torch's meta device, which reckons with shapes only: the real thing takes seconds."""
    with torch.device("meta"):
        scores = FCN8s(classes, suffix)(torch.empty(2, 3, size, size))
    assert tuple(scores.shape) == (2, classes, size, size)


def test_fcn_adds_the_scores_of_both_skipped_levels() -> None:
    """With the deepest path silenced, what is left are pool 4 (x 0.01) and pool 3 (x 0.0001), enlarged and cropped."""
    torch.manual_seed(3)
    network = blank(lambda: FCN8s(2, "_r")).eval()
    x = torch.randn(1, 3, 300, 300) * 40
    with torch.inference_mode():
        for name, values in network.named_parameters():
            if name.startswith("fc"):
                values.zero_()  # most of all numbers, and of no account here
            else:
                values.normal_(0, 0.03)
        network.score_fr_r.weight.zero_()
        network.score_fr_r.bias.zero_()
        for name, kernel in (("upscore2_r", 4), ("upscore_pool4_r", 4), ("upscore8_r", 16)):
            weight = getattr(network, name).weight
            weight.zero_()
            weight[0, 0] = weight[1, 1] = 1.0 / (kernel // 2) ** 2
        scores = network(x)
        y = nn.functional.pad(x, (100,) * 4)
        pools = []
        for number in range(1, 6):
            y = nn.functional.max_pool2d(getattr(network, f"conv{number}")(y), 2, ceil_mode=True)
            pools.append(y)
        at4 = network.score_pool4(pools[3] * 0.01)[..., 5:27, 5:27]
        at3 = network.score_pool3(pools[2] * 0.0001)[..., 9:55, 9:55]
        expected = network.upscore8_r(at3 + network.upscore_pool4_r(at4))[..., 31:331, 31:331]
    torch.testing.assert_close(scores, expected)


def test_vgg_takes_bgr_less_the_pictures_mean(install: Callable[[str], Path]) -> None:
    masker = VggClear.__new__(VggClear)
    x = torch.tensor([10.0, 20, 60]).view(1, 3, 1, 1).expand(1, 3, 2, 2).clone()
    x[..., 0, 0] += 4
    prepared = masker._prepared(x)
    np.testing.assert_allclose(prepared[0, :, 0, 0], [3, 3, 3])
    np.testing.assert_allclose(prepared.mean((2, 3)), 0, atol=1e-5)
    y = torch.zeros(1, 2, 1, 1)
    y[:, 1] = torch.log(torch.tensor(3.0))
    np.testing.assert_allclose(masker._finished(y), 0.75)
    other = VggObstructed.__new__(VggObstructed)
    scores = torch.zeros(1, 21, 1, 1)
    np.testing.assert_allclose(other._finished(scores), 20 / 21, rtol=1e-6)


def test_bisenet_masks_the_wanted_classes(install: Callable[[str], Path]) -> None:
    install("bisenet-face")
    install("bisenet-hair")
    install("bisenet-original")

    def masked(options: MaskerOptions) -> list[int]:
        masker = BisenetFp(options)
        count = 19 if options.bisenet_weights == "original" else 5
        scores = torch.eye(count).view(1, count, count, 1)  # pixel n is of class n
        return [int(v) for v in masker._finished(scores)[0, :, 0].nonzero().flatten()]

    plain = MaskerOptions(bisenet_glasses=False)
    assert masked(plain) == [1]
    assert masked(MaskerOptions()) == [1, 4]
    assert masked(replace(plain, bisenet_ears=True, bisenet_hair=True)) == [1, 2, 3]
    assert masked(replace(ORIGINAL, bisenet_glasses=False)) == [1, 2, 3, 4, 5, 10, 11, 12, 13]
    assert masked(replace(ORIGINAL, bisenet_ears=True, bisenet_hair=True)) == [*range(1, 14), 17]
    x = torch.full((1, 3, 1, 1), 255 * 0.485)
    assert float(BisenetFp(ORIGINAL)._prepared(x)[0, 0]) == pytest.approx(0, abs=1e-5)
    assert float(BisenetFp()._prepared(x * 0 + 255 * 0.384)[0, 0]) == pytest.approx(0, abs=1e-5)


def test_threads_share_a_network(install: Callable[[str], Path]) -> None:
    install("bisenet-face")
    assert BisenetFp().network is BisenetFp().network


@pytest.mark.parametrize("row", [row for row in MASKERS if row.weights], ids=lambda row: row.name)
def test_missing_weights_are_told_with_what_to_do(row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match=row.weights[0]):
        row.load()()


def test_damaged_and_foreign_weights_are_told(files: Callable[[str], Path], install: Callable[[str], Path]) -> None:
    place = install("unet-dfl")
    whole = place.read_bytes()
    place.unlink()
    state = torch.load(files("unet-dfl"), weights_only=True)
    for content, words in ((whole[:5000], "cannot be read"), (b"not torch", "cannot be read")):
        place.write_bytes(content)
        with pytest.raises(WeightsError, match=words):
            UnetDfl()
    torch.save({**state, "conv2d_7.weight": torch.zeros(2, 64, 3, 3)}, place)
    with pytest.raises(WeightsError, match=r"conv2d_7\.weight"):
        UnetDfl()
    del state["dec1.conv.bias"]
    torch.save(state, place)
    with pytest.raises(WeightsError, match=r"dec1\.conv\.bias"):
        UnetDfl()
