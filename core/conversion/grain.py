"""Grain match: the noise around a face, measured and put on the swapped one.

Noise is measured in the flattest blocks of the original around the face, as its mean power at each spatial frequency,
for luma and both colour differences apart: strength, coarseness and colour are all in there. New noise of the same
spectrum is white noise through a filter (B. Galerne, Y. Gousseau, J.-M. Morel, "Random phase textures", IEEE TIP 20(1),
2011). It is made in the frame's pixels and carried into the patch, so it neither grows nor shrinks with the face.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..faces.geometry import invert, mean_scale, transform
from .composite import warp_back
from .nouns import Patch

_BLOCK = 32
_LEAST, _MOST = 12, 64  # blocks that are needed, and that are enough
_ENDS = (6.0 / 255, 249.0 / 255)  # luma at which noise is cut off by black or white
_FINENESS = 1.4  # patch pixels per frame pixel that hold grain; from 1.5 on, laying back averages over patch pixels
_LARGEST = 2048  # side of a patch that is enlarged to hold grain, pixels

# BT.601 with colour differences scaled as R - Y and B - Y; any such split does, as long as the way back is its inverse.
_TO_YCC = np.array([[0.299, 0.587, 0.114], [0.701, -0.587, -0.114], [-0.299, -0.587, 0.886]])
_TO_RGB = np.linalg.inv(_TO_YCC)
_WINDOW = np.outer(*[np.hanning(_BLOCK + 2)[1:-1]] * 2)


@dataclass(frozen=True, eq=False)
class Grain:
    """Noise as measured.

    Attributes:
        spectrum: float64 [3, 32, 32]: mean power of luma, R - Y and B - Y at the frequencies of `np.fft.fft2`, so that
            each channel's mean is its variance.
        seed: what the noise is drawn from; the same for the same frame and face.
    """

    spectrum: np.ndarray
    seed: tuple[int, int]

    @property
    def deviations(self) -> np.ndarray:
        """Standard deviations of luma, R - Y and B - Y, [3]."""
        return np.sqrt(self.spectrum.mean(axis=(1, 2)))

    def field(self, width: int, height: int) -> np.ndarray:
        """Noise of that spectrum, float32 [height, width, 3] RGB about 0, frame pixels."""
        random = np.random.default_rng(self.seed)
        channels = []
        for power in self.spectrum:
            # The filter whose response is the root of the spectrum, about the kernel's centre.
            kernel = np.fft.fftshift(np.fft.ifft2(np.sqrt(power)).real).astype(np.float32)
            kernel *= np.sqrt(power.mean() / max(float((kernel.astype(np.float64) ** 2).sum()), 1e-20))
            white = random.standard_normal((height + _BLOCK, width + _BLOCK), dtype=np.float32)
            half = _BLOCK // 2
            channels.append(cv2.filter2D(white, -1, kernel)[half:half + height, half:half + width])
        return (np.stack(channels, -1) @ _TO_RGB.T).astype(np.float32)


def measured(frame: np.ndarray, matrix: np.ndarray, size: int, seed: tuple[int, int]) -> Grain | None:
    """The noise around a face.

    Args:
        frame: uint8 [H, W, 3] RGB.
        matrix: float64 [2, 3], frame -> crop of the face.
        size: side of the crop, pixels. Looked at is what lies around the middle of the crop, up to its own width away;
            where too little of that is flat, the whole frame without the crop's middle.
        seed: see `Grain`.

    Returns:
        None where the frame has no flat places that are neither black nor white.
    """
    height, width = frame.shape[:2]
    corners = transform(np.array([(-0.75, -0.75), (1.75, -0.75), (1.75, 1.75), (-0.75, 1.75)]) * size, invert(matrix))
    low = np.clip(np.floor(corners.min(0)), 0, (width, height)).astype(int)
    high = np.clip(np.ceil(corners.max(0)), 0, (width, height)).astype(int)
    for (x0, y0), (x1, y1) in ((low, high), ((0, 0), (width, height))):
        blocks = _blocks(frame[y0:y1, x0:x1], np.array([x0, y0]), matrix, size)
        if len(blocks) >= _LEAST:
            return Grain(_spectrum(blocks), seed)
    return None


def _blocks(part: np.ndarray, origin: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """The flattest blocks [N, 32, 32, 3] (luma, R - Y, B - Y in 0..1) of a part of the frame; it begins at `origin`."""
    rows, columns = part.shape[0] // _BLOCK, part.shape[1] // _BLOCK
    if not rows or not columns:
        return np.zeros((0, _BLOCK, _BLOCK, 3))
    part = part[:rows * _BLOCK, :columns * _BLOCK]
    ycc = part.astype(np.float32) / np.float32(255) @ _TO_YCC.T.astype(np.float32)

    def blocked(values: np.ndarray) -> np.ndarray:
        split = values.reshape(rows, _BLOCK, columns, _BLOCK, -1).swapaxes(1, 2)
        return split.reshape(rows * columns, _BLOCK, _BLOCK, -1)

    centres = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1).reshape(-1, 2) * _BLOCK + _BLOCK / 2
    inside = transform(centres + origin, matrix) / size
    on_face = ((inside > 0.2) & (inside < 0.8)).all(1)
    luma = blocked(ycc[..., :1])
    usable = ~on_face & (luma.min((1, 2, 3)) > _ENDS[0]) & (luma.max((1, 2, 3)) < _ENDS[1])
    # How much a block shows of the scene is judged by its coarse part, where there is little noise: to pick by all of
    # it would pick the blocks whose noise happens to be weak.
    coarse = blocked(cv2.GaussianBlur(ycc, (0, 0), 3.0))
    steps = np.abs(np.diff(coarse, axis=1)).mean((1, 2, 3)) + np.abs(np.diff(coarse, axis=2)).mean((1, 2, 3))
    order = np.argsort(np.where(usable, steps, np.inf), kind="stable")[:max(_LEAST, min(_MOST, usable.sum() // 4))]
    return blocked(ycc)[order[usable[order]]]


def _surface() -> tuple[np.ndarray, np.ndarray]:
    """Surfaces of the second degree over a block, orthonormal [1024, 6], and what is left of white noise without them.

    The latter, [32, 32], is the share of the power at each frequency.
    """
    y, x = (axis.ravel() / _BLOCK - 0.5 for axis in np.mgrid[:_BLOCK, :_BLOCK])
    surfaces, _ = np.linalg.qr(np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1))
    images = surfaces.T.reshape(-1, _BLOCK, _BLOCK) * _WINDOW
    lost = (np.abs(np.fft.fft2(images)) ** 2).sum(0) / (_WINDOW ** 2).sum()
    return surfaces, 1.0 - lost


_SURFACES, _LEFT = _surface()


def _spectrum(blocks: np.ndarray) -> np.ndarray:
    """Mean power by frequency, float64 [3, 32, 32]."""
    values = blocks.reshape(len(blocks), _BLOCK * _BLOCK, 3).astype(np.float64)
    values -= _SURFACES @ (_SURFACES.T @ values)  # the scene's shading, and with it some of the coarsest noise
    noise = values.reshape(-1, _BLOCK, _BLOCK, 3) * _WINDOW[..., None]
    power = np.abs(np.fft.fft2(noise, axes=(1, 2))) ** 2 / (_WINDOW ** 2).sum()
    # A frequency's powers over the blocks have an exponential distribution, whose mean is its median / ln 2; blocks
    # with an edge or with texture in them count no more than others.
    spectrum = np.moveaxis(np.median(power, axis=0) / np.log(2), -1, 0)
    known = _LEFT > 0.3
    coarse = known & (np.hypot(*np.meshgrid(*[np.fft.fftfreq(_BLOCK) * _BLOCK] * 2)) < 3.5)
    result = spectrum / np.where(known, _LEFT, 1.0)
    result[:, ~known] = result[:, coarse].mean(1)[:, None]  # of the very coarsest too little is left to go by
    return result


def grainy(patch: Patch, grain: Grain, strength: float) -> Patch:
    """A patch with grain on it, enlarged as far as it needs to hold the frame's pixels.

    Args:
        strength: 1: as measured.
    """
    finer = _FINENESS / mean_scale(patch.matrix)
    larger = enlarged(patch, min(_LARGEST, round(patch.mask.shape[0] * finer))) if finer > 1 else patch
    size = larger.mask.shape[0]
    x, y, width, height = area = _area(larger.matrix, size)
    field = grain.field(width, height) * np.float32(strength)
    shifted = larger.matrix.copy()
    shifted[:, 2] += larger.matrix[:, :2] @ (x, y)
    noise = cv2.warpAffine(field, shifted, (size, size), flags=cv2.INTER_CUBIC)
    # Carried there and back, the finest grain loses some of its strength.
    back, inside = warp_back(replace(larger, rgb=noise + 0.5, mask=np.ones((size, size), np.float32)), area)
    kept = float(back[inside > 0.999].std()) if (inside > 0.999).any() else 0.0
    gain = min(2.0, float(field.std()) / kept) if kept > 0 else 1.0
    return replace(larger, rgb=np.clip(larger.rgb + noise * np.float32(gain), 0.0, 1.0))


def _area(matrix: np.ndarray, size: int) -> tuple[int, int, int, int]:
    """The frame's pixels (x, y, w, h) under a patch and around it, whether the frame has them or not."""
    corners = transform(np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * (size - 1.0), invert(matrix))
    low, high = np.floor(corners.min(0)).astype(int) - 2, np.ceil(corners.max(0)).astype(int) + 3
    return int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])


def enlarged(patch: Patch, size: int) -> Patch:
    """The same patch with `size` pixels along each side."""
    factor = size / patch.mask.shape[0]

    def larger(picture: np.ndarray) -> np.ndarray:
        return np.clip(cv2.resize(picture, (size, size), interpolation=cv2.INTER_CUBIC), 0.0, 1.0)

    matrix = patch.matrix * factor
    matrix[:, 2] += (factor - 1) / 2
    raw = None if patch.raw_mask is None else larger(patch.raw_mask)
    return replace(patch, rgb=larger(patch.rgb), mask=larger(patch.mask), matrix=matrix, raw_mask=raw)
