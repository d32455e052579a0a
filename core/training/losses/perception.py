"""LDR-FLIP: the difference that a person sees who flips between two pictures on a screen.

Andersson, Nilsson, Akenine-Möller, Oskarsson, Åström and Fairchild 2020, "FLIP: A Difference Evaluator for Alternating
Images"; section numbers below are the paper's. The screen is 0.7 m away, 0.7 m wide and has 3840 pixels across.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch

from .blurring import apply, gaussian

_PIXELS_PER_DEGREE = 67.02
# Sensitivity to contrast (4.1.1): weight and width of the gaussians of lightness, red-green and blue-yellow.
_SENSITIVITY = (((1.0, 0.0047),), ((1.0, 0.0053),), ((34.1, 0.04), (13.5, 0.025)))
_RADIUS = math.ceil(3 * math.sqrt(0.04 / (2 * math.pi**2)) * _PIXELS_PER_DEGREE)
_COLOUR_POWER, _FEATURE_POWER = 0.7, 0.5
_KNEE, _KNEE_ERROR = 0.4, 0.95  # the first 0.4 of the colour differences spread over 0.95 of the errors (4.1.3)
_FEATURE_DEGREES = 0.082  # width of the features that are compared (4.2)
_TO_XYZ = ((10135552 / 24577794, 8788810 / 24577794, 4435075 / 24577794),
           (2613072 / 12288897, 8788810 / 12288897, 887015 / 12288897),
           (1425312 / 73733382, 8788810 / 73733382, 70074185 / 73733382))
_TINY = 1e-6  # where roots and powers would have no slope


def flip(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """The error map, [N, 1, H, W] from 0 to 1."""
    pictures = torch.cat((y, target))
    opponent = _opponent(_linear(pictures))
    colour = _colour_difference(*_seen(opponent).chunk(2))
    feature = _feature_difference(*((opponent[:, :1] + 16) / 116).chunk(2))
    return colour.clamp_min(_TINY) ** (1 - feature)


def _colour_difference(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """From what is seen of two pictures, linear RGB (4.1.2 and 4.1.3)."""
    largest = _largest_difference()
    error = _distance(_hunt(_lab(y)), _hunt(_lab(target))) ** _COLOUR_POWER
    knee = _KNEE * largest
    above = _KNEE_ERROR + (error - knee) / (largest - knee) * (1 - _KNEE_ERROR)
    return torch.where(error < knee, error * (_KNEE_ERROR / knee), above)


@lru_cache(maxsize=1)
def _largest_difference() -> float:
    """Green against blue."""
    primaries = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])[..., None, None]
    return float(_distance(*_hunt(_lab(primaries)).chunk(2)) ** _COLOUR_POWER)


def _distance(x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """HyAB (Abasi et al. 2020): lightness by its amount, colour by its distance; [N, 1, H, W]."""
    lightness, *colours = (x - z).unbind(1)
    chroma = (torch.stack(colours).square().sum(0) + _TINY**2).sqrt()
    return (lightness.abs() + chroma)[:, None]


def _feature_difference(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """How much edges and points differ, from lightness [N, 1, H, W] in [0, 1]."""
    edges = (_strength(x, _derivative(1)) for x in (y, target))
    points = (_strength(x, _derivative(2)) for x in (y, target))
    edge, point = ((first - second).abs() for first, second in (edges, points))
    return (torch.maximum(edge, point) / math.sqrt(2)).clamp_min(_TINY) ** _FEATURE_POWER


def _strength(lightness: torch.Tensor, derivative: tuple[float, ...]) -> torch.Tensor:
    calm = gaussian(len(derivative), _feature_sigma())
    across, down = apply(lightness, calm, derivative, "edge"), apply(lightness, derivative, calm, "edge")
    return (across.square() + down.square() + _TINY**2).sqrt()


def _feature_sigma() -> float:
    return 0.5 * _FEATURE_DEGREES * _PIXELS_PER_DEGREE


def _derivative(order: int) -> tuple[float, ...]:
    """Weights of a gaussian's first or second derivative; what is above 0 sums up to 1, what is below to -1."""
    sigma = _feature_sigma()
    places = torch.arange(-math.ceil(3 * sigma), math.ceil(3 * sigma) + 1.0, dtype=torch.float64)
    bell = torch.exp(-places**2 / (2 * sigma**2))
    wave = -places * bell if order == 1 else (places**2 / sigma**2 - 1) * bell
    wave = torch.where(wave > 0, wave / wave.clamp_min(0).sum(), wave / -wave.clamp_max(0).sum())
    return tuple(wave.tolist())


def _seen(opponent: torch.Tensor) -> torch.Tensor:
    """What is left of YCxCz at that distance, as linear RGB in [0, 1] (4.1.1)."""
    channels = []
    for index, bells in enumerate(_SENSITIVITY):
        channel, total, blurred = opponent[:, index: index + 1], 0.0, None
        for amplitude, width in bells:
            sigma = math.sqrt(width / 2) / math.pi * _PIXELS_PER_DEGREE
            weights = gaussian(2 * _RADIUS + 1, sigma)
            # `gaussian` makes the sum 1; this is what the sum was, so that several keep their proportion
            mass = amplitude * math.sqrt(math.pi / width) * _bell_sum(sigma) ** 2
            part = mass * apply(channel, weights, weights, "edge")
            total, blurred = total + mass, part if blurred is None else blurred + part
        assert blurred is not None
        channels.append(blurred / total)
    return _rgb(torch.cat(channels, 1)).clamp(0, 1)


def _bell_sum(sigma: float) -> float:
    return sum(math.exp(-place**2 / (2 * sigma**2)) for place in range(-_RADIUS, _RADIUS + 1))


def _linear(srgb: torch.Tensor) -> torch.Tensor:
    """Linear values of sRGB's (IEC 61966-2-1)."""
    srgb = srgb.clamp(0, 1)
    return torch.where(srgb > 0.04045, ((srgb.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4, srgb / 12.92)


@lru_cache(maxsize=8)
def _xyz(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """The matrices from linear RGB to XYZ as parts of white's, and back."""
    to_xyz = torch.tensor(_TO_XYZ, dtype=torch.float64)
    to_xyz = to_xyz / to_xyz.sum(1, keepdim=True)
    return to_xyz.float().to(device), torch.linalg.inv(to_xyz).float().to(device)


def _mixed(matrix: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return torch.einsum("ij,njhw->nihw", matrix, x)


def _opponent(linear: torch.Tensor) -> torch.Tensor:
    """YCxCz of linear RGB: lightness, red-green, blue-yellow."""
    x, y, z = _mixed(_xyz(linear.device)[0], linear).unbind(1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), 1)


def _rgb(opponent: torch.Tensor) -> torch.Tensor:
    """Linear RGB of YCxCz."""
    lightness, red_green, blue_yellow = opponent.unbind(1)
    y = (lightness + 16) / 116
    xyz = torch.stack((y + red_green / 500, y, y - blue_yellow / 200), 1)
    return _mixed(_xyz(opponent.device)[1], xyz)


def _lab(linear: torch.Tensor) -> torch.Tensor:
    """CIELAB of linear RGB."""
    ratio = _mixed(_xyz(linear.device)[0], linear)
    knee = 6 / 29
    root = torch.where(ratio > knee**3, ratio.clamp_min(knee**3) ** (1 / 3), ratio / (3 * knee**2) + 4 / 29)
    x, y, z = root.unbind(1)
    return torch.stack((116 * y - 16, 500 * (x - y), 200 * (y - z)), 1)


def _hunt(lab: torch.Tensor) -> torch.Tensor:
    """Colours are seen less in the dark (Hunt 1952): a and b times L / 100."""
    lightness = lab[:, :1]
    return torch.cat((lightness, lab[:, 1:] * lightness / 100), 1)
