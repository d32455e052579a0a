"""Colour augmentation of whole batches: shifts of L, a and b, and equalised local contrast (CLAHE).

`vary` is for graphics cards. On a processor the same tensors took two to three times as long as OpenCV's 8-bit tables
(see `vary_in_8_bits`), even with the colour spaces joined into one map and their curves without branches.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil

import cv2
import numpy as np
import torch
from torch.nn import functional

CLIP_LIMIT = 2.0
LEVELS = 256
_KNEE, _SLOPE = 6 / 29, (29 / 6) ** 2 / 3  # below the knee the cube root of CIE LAB goes on as its tangent
_DARK, _GAIN = 0.0031308, 12.92  # below this light the curve of sRGB is a line
# Linear sRGB to X, Y and Z as parts of the white of D65 (ITU-R BT.709; the figures are OpenCV's).
_TO_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
_TO_XYZ /= np.array([[0.950456], [1.0], [1.088754]])
# Cube roots of X, Y and Z to OpenCV's 8-bit L, a and b (L stretched to 255, a and b around 128), and the 1 beside them.
_TO_LAB = np.array([[0, 116 * 2.55, 0, -16 * 2.55], [500, -500, 0, 128], [0, 200, -200, 128], [0, 0, 0, 1]])


def vary(pictures: torch.Tensor, shifts: np.ndarray, grids: np.ndarray) -> torch.Tensor:
    """Shift L, a and b of each picture, then equalise the local contrast of L in some.

    Between the cube roots of X, Y and Z and CIE LAB there is but a linear map (CIE 15:2004), and so is the shift: the
    pictures never have to be in LAB themselves.

    Args:
        pictures: uint8 [N, 3, H, H], RGB.
        shifts: [N, 3] in -1 .. 1: each channel x of 8-bit LAB becomes x + (255 - x) r for r >= 0 and x (1 + r) below.
        grids: int [N]: tiles per side for CLAHE; 0: the picture goes without.

    Returns:
        float32 [N, 3, H, H], RGB in [0, 1].
    """
    count, side, device = len(pictures), pictures.shape[-1], pictures.device
    roots = _to_roots(pictures).flatten(2)
    linear, offset = (torch.from_numpy(part).to(device, torch.float32) for part in _shift_in_roots(shifts))
    roots = torch.baddbmm(offset, linear, roots).view(count, 3, side, side)
    to_level, zero = _TO_LAB[0, 1], _TO_LAB[0, 3]
    for grid in sorted(set(grids.tolist()) - {0}):
        which = torch.from_numpy(np.flatnonzero(grids == grid)).to(device)
        chosen = roots[which]
        lightness = chosen[:, 1] * to_level + zero
        # a and b are differences of the three roots: what is added to all of them changes L alone.
        roots[which] = chosen + ((clahe(lightness, grid) - lightness) / to_level)[:, None]
    return _from_roots(roots)


def vary_in_8_bits(crops: np.ndarray, shifts: np.ndarray, grids: np.ndarray) -> np.ndarray:
    """The same on a processor by OpenCV, whose tables and fixed-point arithmetic take a third of the time.

    Args:
        crops: uint8 [N, H, H, 3 or more], RGB and what else there is.
        shifts, grids: as for `vary`.

    Returns:
        uint8 [N, H, H, 3]: what `vary` gives, within the rounding of 8-bit LAB.
    """
    lab = _convert(crops if crops.shape[-1] == 4 else crops[..., :3], cv2.COLOR_RGB2LAB)  # a fourth channel is skipped
    tables = lab_tables(shifts)
    for index, grid in enumerate(grids.tolist()):
        cv2.LUT(lab[index], tables[index], dst=lab[index])
        if grid:
            lightness = np.ascontiguousarray(lab[index, ..., 0])
            lab[index, ..., 0] = cv2.createCLAHE(CLIP_LIMIT, (grid, grid)).apply(lightness)
    return _convert(lab, cv2.COLOR_LAB2RGB)


def lab_tables(shifts: np.ndarray) -> np.ndarray:
    """Lookup tables uint8 [N, 1, 256, 3] for relative shifts [N, 3] in -1 .. 1."""
    x, r = np.arange(256.0)[None, :, None], shifts[:, None, :]
    return np.rint(np.where(r >= 0, x + (255 - x) * r, x * (1 + r))).astype(np.uint8)[:, None]


def _convert(pictures: np.ndarray, code: int) -> np.ndarray:
    """Colour conversion of a whole batch in one call: uint8 [N, H, W, C] -> uint8 [N, H, W, 3]."""
    count, height, width, channels = pictures.shape
    flat = np.ascontiguousarray(pictures).reshape(count * height, width, channels)
    return cv2.cvtColor(flat, code).reshape(count, height, width, 3)


def _shift_in_roots(shifts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The shifts of L, a and b as a map of cube roots: [N, 3, 3] and [N, 3, 1]."""
    shift = np.zeros((len(shifts), 4, 4))
    shift[:, range(3), range(3)] = 1 - np.abs(shifts)
    shift[:, :3, 3] = 255 * np.maximum(shifts, 0)
    shift[:, 3, 3] = 1
    whole = np.linalg.inv(_TO_LAB) @ shift @ _TO_LAB
    return whole[:, :3, :3], whole[:, :3, 3:]


@lru_cache(maxsize=8)
def _constant(name: str, device: torch.device) -> torch.Tensor:
    if name == "light":  # what each of the 256 values of sRGB stands for (IEC 61966-2-1)
        x = np.arange(LEVELS) / 255
        value = np.where(x <= 0.04045, x / _GAIN, ((x + 0.055) / 1.055) ** 2.4)
    else:
        value = {"to_xyz": _TO_XYZ, "from_xyz": np.linalg.inv(_TO_XYZ)}[name]
    return torch.tensor(value, dtype=torch.float32, device=device)


def _to_roots(pictures: torch.Tensor) -> torch.Tensor:
    """uint8 RGB [N, 3, H, W] -> the cube roots (of LAB, with their tangent near 0) of X, Y and Z, float32."""
    device = pictures.device
    light = _constant("light", device).index_select(0, pictures.flatten().int())
    xyz = _constant("to_xyz", device) @ light.view(len(pictures), 3, -1)
    # A sum of two limited parts instead of a choice between two values: half the time on a processor.
    low = xyz.clamp(max=_KNEE**3).sub_(_KNEE**3).mul_(_SLOPE)
    return xyz.clamp_(min=_KNEE**3).log2_().mul_(1 / 3).exp2_().add_(low).view(pictures.shape)


def _from_roots(roots: torch.Tensor) -> torch.Tensor:
    """The inverse of `_to_roots`, but for the rounding: float32 RGB in [0, 1]."""
    low = roots.clamp(max=_KNEE).sub_(_KNEE).div_(_SLOPE)
    high = roots.clamp(min=_KNEE)
    xyz = (high * high).mul_(high).add_(low)
    light = (_constant("from_xyz", roots.device) @ xyz.flatten(2)).clamp_(0, 1)
    low = light.clamp(max=_DARK).sub_(_DARK).mul_(_GAIN)
    return light.clamp_(min=_DARK).log2_().mul_(1 / 2.4).exp2_().mul_(1.055).sub_(0.055).add_(low).view(roots.shape)


def clahe(lightness: torch.Tensor, grid: int) -> torch.Tensor:
    """Contrast limited adaptive histogram equalisation, K. Zuiderveld in "Graphics Gems IV", 1994.

    With OpenCV's rules, so that its results are met within the rounding: clip limit 2, a grid that does not divide the
    side is continued by the mirrored picture, what is clipped is spread over all levels.

    Args:
        lightness: float32 [N, H, H] in 0 .. 255.
        grid: tiles per side, at least 1, at most H.

    Returns:
        float32 [N, H, H] in 0 .. 255.
    """
    count, side = lightness.shape[:2]
    tile = ceil(side / grid)
    levels = lightness.round().clamp_(0, LEVELS - 1)
    beyond = tile * grid - side
    padded = functional.pad(levels[:, None], (0, beyond, 0, beyond), mode="reflect")[:, 0] if beyond else levels
    tables = _tables(padded.int(), tile, grid).flatten()
    levels = levels.int()
    place = torch.arange(side, device=lightness.device) / tile - 0.5
    before = place.floor()
    weight = place - before
    first, second = before.int().clamp_(min=0), before.int().add_(1).clamp_(max=grid - 1)
    faces = torch.arange(count, device=lightness.device, dtype=torch.int32)[:, None, None] * grid

    def look_up(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        tiles = (faces + rows[:, None]) * grid + columns
        return tables.index_select(0, (tiles * LEVELS + levels).flatten()).view(lightness.shape)

    above = torch.lerp(look_up(first, first), look_up(first, second), weight)
    below = torch.lerp(look_up(second, first), look_up(second, second), weight)
    return torch.lerp(above, below, weight[:, None])


def _tables(levels: torch.Tensor, tile: int, grid: int) -> torch.Tensor:
    """What each level becomes in each tile: int levels [N, S, S], S = tile * grid -> float32 [N * grid * grid, 256]."""
    device, area = levels.device, tile * tile
    line = torch.arange(tile * grid, device=device, dtype=torch.int32) // tile
    faces = torch.arange(len(levels), device=device, dtype=torch.int32)[:, None, None] * grid
    places = ((faces + line[:, None]) * grid + line) * LEVELS + levels
    # Integers: however the additions are ordered, the sums are the same.
    histogram = torch.zeros(len(levels) * grid * grid * LEVELS, dtype=torch.int32, device=device)
    histogram.scatter_add_(0, places.flatten().long(), torch.ones_like(places).flatten())
    histogram = histogram.view(-1, LEVELS)
    limit = max(int(CLIP_LIMIT * area / LEVELS), 1)
    excess = (histogram - limit).clamp_(min=0).sum(1, keepdim=True, dtype=torch.int32)
    rest = excess % LEVELS
    step = (LEVELS // rest.clamp(min=1)).clamp_(min=1)
    bins = torch.arange(LEVELS, device=device, dtype=torch.int32)
    extra = (bins % step == 0) & (bins // step < rest)
    histogram = histogram.clamp_(max=limit) + excess // LEVELS + extra
    return (histogram.cumsum(1) * (255 / area)).round_().clamp_(max=255)
