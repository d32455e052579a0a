"""How a trained model computes fastest without its pictures changing: memory layout and arithmetic."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch.nn import functional

from .base import Side, SwapModel
from .folder import TrainedModel, inference

TOLERANCE = 1 / 255  # by which bfloat16 may change a value of a picture
_PROBES = 2


def quicken(model: TrainedModel, precision: str = "auto", side: Side = "b") -> TrainedModel:
    """Have `model` compute in a precision from now on, channels last; returns it.

    Args:
        precision: "float32", "bfloat16", or "auto": bfloat16 where the device has instructions for it and where this
            model's answers to a few fixed pictures stay within `TOLERANCE`. Nothing is timed: the same model on the
            same kind of machine computes the same, today and in a restart.
        side: whose faces it will be asked for.
    """
    model.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if precision == "bfloat16" or (precision == "auto" and has_bfloat16(model.device)):
        half = copy.deepcopy(model.model).to(torch.bfloat16)
        if precision == "bfloat16" or deviation(model, half, side) <= TOLERANCE:
            model.model, model.precision = half, torch.bfloat16
    return model


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device has instructions of its own for bfloat16."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def deviation(model: TrainedModel, other: SwapModel, side: Side = "b") -> float:
    """The greatest difference, 0..1, between the answers of `model` and of a copy of it in bfloat16."""
    faces = torch.from_numpy(_probes(model.input_size)).permute(0, 3, 1, 2).to(model.device)
    with inference(model.model), inference(other):
        exact, rough = model.model(faces, side), other(faces.to(torch.bfloat16), side)
    return float((exact.float() - rough.float()).abs().max())


def _probes(size: int) -> np.ndarray:
    """float32 [N, size, size, 3] in 0..1: coarse fields of colour with finer ones on them, as faces have; fixed."""
    chance = torch.Generator().manual_seed(0)
    faces = torch.full((_PROBES, 3, size, size), 0.5)
    for cells, strength in ((4, 0.35), (16, 0.1), (64, 0.04)):
        noise = torch.rand((_PROBES, 3, cells, cells), generator=chance) * 2 - 1
        faces += strength * functional.interpolate(noise, (size, size), mode="bilinear")
    return faces.clamp(0, 1).permute(0, 2, 3, 1).contiguous().numpy()
