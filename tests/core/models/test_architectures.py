"""Each trainer's network: parameters to the last one, shapes, shares, directions and starts."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from understudy.core.models import initial
from understudy.core.models.base import SwapModel, build
from understudy.core.models.layers import Conv, Dense, PixelShuffle, Residual
from understudy.core.models.style import Style
from understudy.core.options.rows import TRAINERS

NAMES = [row.name for row in TRAINERS]
FIELD = [name for name in NAMES if name != "sketch"]

# Trainer, options, and in millions: encoder, A's part, B's part (None: shared), all, all with learned masks.
COUNTS: list[tuple[str, dict[str, Any], float, float | None, float | None, float, float | None]] = [
    ("lightweight", {}, 29.81, 10.63, 10.63, 51.07, 72.31),
    ("original", {}, 69.66, 6.20, 6.20, 82.06, 94.46),
    ("original", {"lowmem": True}, 48.17, 6.20, 6.20, 60.57, 72.96),
    ("iae", {}, 17.21, 25.18, 25.18, 117.82, 142.89),
    ("dfaker", {}, 73.33, 21.83, 21.83, 117.00, 148.27),
    ("dfaker", {"output_size": 256}, 174.00, 69.03, 69.03, 312.05, 399.95),
    ("unbalanced", {}, 83.96, 43.63, 79.45, 207.05, 247.54),
    ("unbalanced", {"lowmem": True}, 54.60, 28.94, 24.43, 107.96, 127.18),
    ("unbalanced", {"input_size": 64}, 46.19, 43.63, 79.45, 169.27, None),
    ("unbalanced", {"input_size": 256}, 235.06, 43.63, 79.45, 358.14, None),
    ("dfl-h128", {}, 77.02, 15.35, 15.35, 107.72, 138.40),
    ("dfl-h128", {"lowmem": True}, 40.56, 3.84, 3.84, 48.24, 55.92),
    ("dfl-sae", {}, 75.96, 27.02, 27.02, 130.01, 137.48),
    ("dfl-sae", {"multiscale_decoder": True}, 75.96, 27.08, 27.08, 130.12, 137.59),
    ("dfl-sae", {"architecture": "liae"}, 16.68, None, 34.38, 121.75, 128.58),
    ("dfl-sae", {"input_size": 256}, 225.48, 27.02, 27.02, 279.53, None),
    ("villain", {}, 112.03, 21.54, 21.54, 155.12, 185.80),
    ("villain", {"lowmem": True}, 75.57, 21.54, 21.54, 118.66, 149.35),
    ("realface", {}, 29.60, 64.20, 144.44, 238.24, 268.80),
    ("realface", {"output_size": 64}, 29.60, 64.07, 143.56, 237.24, None),
    ("realface", {"output_size": 96}, 29.60, 63.49, 142.79, 235.89, None),
    ("realface", {"output_size": 160}, 29.60, 65.90, 148.11, 243.61, None),
    ("realface", {"input_size": 128, "output_size": 256}, 29.60, 123.88, 240.81, 394.30, None),
    ("dlight", {}, 61.78, 6.87, 74.96, 143.61, 148.52),
    ("dlight", {"details": "fast"}, 61.78, 6.87, 95.05, 163.71, 168.62),
    ("dlight", {"features": "lowmem"}, 22.67, 6.87, 74.96, 104.50, 109.41),
    ("dlight", {"features": "fair"}, 45.24, 6.87, 74.96, 127.07, 131.98),
    ("dlight", {"output_size": 128}, 61.78, 6.87, 46.65, 115.30, 120.21),
    ("dlight", {"output_size": 384}, 61.78, 6.87, 122.15, 190.81, 195.71),
]
IDS = [" ".join((name, *map(str, options.values()))) for name, options, *_ in COUNTS]
EXACT = {("original", "encoder"): 69_662_976, ("original", "b"): 6_199_747, ("iae", "b"): 25_175_040,
         ("villain", "encoder"): 112_027_904, ("dlight", "encoder"): 61_783_296, ("unbalanced", "encoder"): 83_964_932,
         ("realface", "b"): 144_441_027}


def count(model: SwapModel, part: str = "") -> int:
    """Parameters and running averages, as the field counts them, of all or of the children of that name or ending."""
    chosen = [child for name, child in model.named_children()
              if not part or name == part or (name.endswith(f"_{part}") and not name.startswith("mask"))]
    return sum(t.numel() for child in chosen for t in (*child.parameters(), *child.buffers()) if t.ndim)


def on_meta(trainer: str, options: dict[str, Any] | None = None, **kind: Any) -> SwapModel:
    with torch.device("meta"):
        return build(trainer, options, **kind)


@pytest.mark.parametrize(("trainer", "options", "encoder", "part_a", "part_b", "total", "with_masks"), COUNTS, ids=IDS)
def test_parameters_are_as_many_as_in_the_field(trainer: str, options: dict[str, Any], encoder: float,
                                                part_a: float | None, part_b: float | None, total: float,
                                                with_masks: float | None) -> None:
    model = on_meta(trainer, options)
    assert round(count(model) / 1e6, 2) == total
    assert round(count(model, "encoder") / 1e6, 2) == encoder
    for side, millions in (("a", part_a), ("b", part_b)):
        assert round(count(model, side) / 1e6, 2) == (millions or 0)
    for (name, part), exact in EXACT.items():
        if name == trainer and not options:
            assert count(model, part) == exact
    if with_masks is not None:
        assert round(count(on_meta(trainer, options, learn_mask=True)) / 1e6, 2) == with_masks


def test_the_table_above_has_every_trainer_of_the_field() -> None:
    assert {name for name, *_ in COUNTS} == set(FIELD)


@pytest.mark.parametrize(("trainer", "options"), [(name, options) for name, options, *_ in COUNTS] + [("sketch", {})],
                         ids=[*IDS, "sketch"])
def test_pictures_keep_their_promised_shapes(trainer: str, options: dict[str, Any]) -> None:
    for learn_mask in (False, True):
        model = on_meta(trainer, options, learn_mask=learn_mask)
        x = torch.empty(2, 3, model.input_size, model.input_size, device="meta")
        for made, faces in zip(model.forward_both(x, x[:1]), (2, 1), strict=True):
            assert [tuple(face.shape) for face in made.faces] == [(faces, 3, size, size) for size in model.output_sizes]
            size = model.output_size
            assert (made.mask is not None) == learn_mask
            assert made.mask is None or tuple(made.mask.shape) == (faces, 1, size, size)
        assert tuple(model(x, "b").shape) == (2, 3 + learn_mask, size, size)
        if options.get("multiscale_decoder"):
            assert model.output_sizes == (32, 64, 128)


@pytest.mark.parametrize(("trainer", "options"), [
    ("sketch", {}), ("lightweight", {}), ("original", {}), ("iae", {}), ("dfaker", {}), ("dfl-h128", {}),
    ("villain", {}), ("dlight", {}), ("unbalanced", {"input_size": 64}), ("dfl-sae", {"input_size": 64}),
    ("realface", {"output_size": 64})])
def test_every_style_suits_every_trainer(trainer: str, options: dict[str, Any]) -> None:
    """Mirrored padding needs pictures larger than itself, which the smallest sizes have to leave."""
    model = on_meta(trainer, options, learn_mask=True, style=Style(True, True, True, True))
    x = torch.empty(1, 3, model.input_size, model.input_size, device="meta")
    assert tuple(model(x, "b").shape) == (1, 4, model.output_size, model.output_size)
    assert any(module.reflect for module in model.modules() if isinstance(module, Conv))
    assert all(module.by_block for module in model.modules() if isinstance(module, PixelShuffle))


@pytest.mark.parametrize("row", TRAINERS, ids=NAMES)
def test_a_class_is_called_as_in_its_row(row: Any) -> None:
    model_class = row.load()
    assert (model_class.name, model_class.label) == (row.name, row.label)


@pytest.mark.parametrize(("trainer", "options", "side", "used"), [
    *((name, {}, side, {"encoder", *(f"{part}_{side}" for part in parts)})
      for name, parts in (("lightweight", ("decoder",)), ("original", ("decoder",)), ("dfaker", ("decoder",)),
                          ("unbalanced", ("decoder",)), ("dfl-h128", ("decoder",)), ("dfl-sae", ("decoder",)),
                          ("villain", ("decoder",)), ("realface", ("stem", "decoder"))) for side in "ab"),
    ("dlight", {}, "a", {"encoder", "decoder_a"}),
    ("dlight", {}, "b", {"encoder", "stem_b", "decoder_b"}),
    *(("iae", {}, side, {"encoder", "inter_both", f"inter_{side}", "decoder"}) for side in "ab"),
    ("dfl-sae", {"architecture": "liae"}, "a", {"encoder", "inter_both", "decoder"}),
    ("dfl-sae", {"architecture": "liae"}, "b", {"encoder", "inter_both", "inter_b", "decoder"}),
])
def test_a_side_goes_through_what_is_shared_and_what_is_its_own(trainer: str, options: dict[str, Any], side: Any,
                                                                used: set[str]) -> None:
    """The gradient of a picture reaches all weights of these parts, and no other."""
    model = on_meta(trainer, options)
    model(torch.empty(1, 3, model.input_size, model.input_size, device="meta"), side).sum().backward()
    for name, child in model.named_children():
        assert {p.grad is not None for p in child.parameters()} <= {name in used}, name


@pytest.mark.parametrize(("trainer", "options"), [(name, options) for name, options, *_ in COUNTS] + [("sketch", {})],
                         ids=[*IDS, "sketch"])
def test_a_step_reaches_every_weight(trainer: str, options: dict[str, Any]) -> None:
    """A forgotten layer would stay at its random start for ever."""
    model = on_meta(trainer, options, learn_mask=True)
    x = torch.empty(1, 3, model.input_size, model.input_size, device="meta")
    values = [value for made in model.forward_both(x, x) for value in (*made.faces, made.mask, made.landmarks)]
    sum(value.mean() for value in values if value is not None).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_a_learned_mask_is_a_fourth_channel() -> None:
    torch.manual_seed(0)
    model = build("sketch", learn_mask=True)
    x = torch.rand(2, 3, 64, 64)
    made = model.decode(model.encode(x), "b")
    assert made.mask is not None
    assert torch.equal(model(x, "b"), torch.cat((made.faces[-1], made.mask), 1))


@pytest.mark.parametrize("trainer", NAMES)
def test_the_optimiser_gets_every_parameter_once(trainer: str) -> None:
    model = on_meta(trainer)
    groups = model.parameters_for(model.recipe, 1e-4)
    given = [id(p) for group in groups for p in group["params"]]
    assert sorted(given) == sorted(id(p) for p in model.parameters())


@pytest.mark.parametrize(("trainer", "options"), [
    ("original", {"depth": 3}), ("iae", {"lowmem": True}), ("dfaker", {"output_size": 192}),
    ("unbalanced", {"input_size": 96}), ("dfl-sae", {"architecture": "saehd"}), ("dfl-sae", {"input_size": 100}),
    ("realface", {"output_size": 80}), ("realface", {"input_size": 100}), ("dlight", {"output_size": 200}),
    ("dlight", {"features": "all"})])
def test_options_that_make_no_model_are_refused(trainer: str, options: dict[str, Any]) -> None:
    """A model folder that was edited by hand is told as damaged: the folder turns these errors into that."""
    with pytest.raises((TypeError, ValueError)):
        on_meta(trainer, options)


def test_realface_starts_its_decoders_near_the_size_of_the_code() -> None:
    for input_size, output_size, side, filters in ((64, 64, 4, 1024), (64, 128, 4, 1024), (64, 96, 3, 1088),
                                                   (64, 160, 5, 960), (128, 128, 8, 768), (128, 256, 8, 768)):
        model = on_meta("realface", {"input_size": input_size, "output_size": output_size})
        assert model.stem_b[0].shape == (filters, side, side)


# Which kernels begin from a normal distribution of standard deviation 0.02; all others are uniform.
NORMAL = {"dfaker": lambda name: name.startswith("decoder") and name.endswith("first"),
          "unbalanced": lambda name: name.startswith(("encoder", "decoder")) and not name.endswith(".conv"),
          "villain": lambda name: name.startswith(("encoder", "decoder")) and not name.endswith(".conv")}


@pytest.mark.parametrize("trainer", FIELD)
def test_kernels_begin_as_the_trainer_wants_them(trainer: str) -> None:
    """Told from which function each layer draws; what the functions draw is tested with them."""
    model = on_meta(trainer, learn_mask=True)
    for name, module in model.named_modules():
        if isinstance(module, Residual):
            assert module.second.start is initial.faint_uniform
        if isinstance(module, (Conv, Dense)) and not name.endswith(".second"):
            usual = initial.he_uniform if isinstance(module, Conv) else initial.glorot_uniform
            wanted = initial.normal_02 if NORMAL.get(trainer, lambda name: False)(name) else usual
            assert module.start is wanted, name


def test_a_start_by_style_is_drawn_once() -> None:
    """Not where saved weights, or those of the first of several processes, take its place."""
    weights = []
    for style, start in ((Style(), True), (Style(conv_aware_init=True), False), (Style(conv_aware_init=True), True)):
        torch.manual_seed(0)
        weights.append(build("sketch", style=style, start=start).encoder[1].weight)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
