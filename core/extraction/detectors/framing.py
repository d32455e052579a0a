"""Frames brought into a network's input, once for a whole batch, and boxes brought back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ...faces.nouns import Detection


@dataclass(frozen=True, eq=False)
class Framed:
    """Frames of one size, scaled alike, centred on a canvas whose rest is black.

    Attributes:
        pixels: uint8 [N, H, W, 3] RGB.
        scale: (across, down): frame pixels per canvas pixel.
        origin: (left, top) of the scaled frame on the canvas, canvas pixels.
    """

    pixels: np.ndarray
    scale: tuple[float, float]
    origin: tuple[int, int]

    def detections(self, boxes: np.ndarray, scores: np.ndarray) -> list[Detection]:
        """Corner boxes on the canvas as detections in the frame, best first.

        Args:
            boxes: [N, 4] left, top, right, bottom on the canvas, whose top left pixel reaches from 0 to 1. A box that
                just holds pixels 3 to 7 is then 3 .. 8, and in the frame x = 3, w = 5.
            scores: [N].
        """
        (across, down), (left, top) = self.scale, self.origin
        x, y = (boxes[:, 0] - left) * across, (boxes[:, 1] - top) * down
        width, height = (boxes[:, 2] - boxes[:, 0]) * across, (boxes[:, 3] - boxes[:, 1]) * down
        order = np.argsort(-scores, kind="stable")
        return [Detection((float(x[i]), float(y[i]), float(width[i]), float(height[i])), float(scores[i]))
                for i in order]


def reduced(frames: Sequence[np.ndarray], longest: int, multiple: int = 1) -> Framed:
    """Frames made smaller, never larger, so that no side exceeds `longest`, on a canvas of whole multiples."""
    height, width = frames[0].shape[:2]
    scale = min(1.0, longest / max(width, height))
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    canvas = -(-inner[0] // multiple) * multiple, -(-inner[1] // multiple) * multiple
    return _framed(frames, inner, canvas)


def squared(frames: Sequence[np.ndarray], side: int) -> Framed:
    """Frames made to fit a square canvas exactly: larger ones smaller, smaller ones larger."""
    height, width = frames[0].shape[:2]
    scale = side / max(width, height)
    return _framed(frames, (max(1, round(width * scale)), max(1, round(height * scale))), (side, side))


def _framed(frames: Sequence[np.ndarray], inner: tuple[int, int], canvas: tuple[int, int]) -> Framed:
    height, width = frames[0].shape[:2]
    left, top = (canvas[0] - inner[0]) // 2, (canvas[1] - inner[1]) // 2
    scale = width / inner[0], height / inner[1]
    pixels = np.zeros((len(frames), canvas[1], canvas[0], 3), np.uint8)
    for place, frame in zip(pixels, frames, strict=True):
        place[top:top + inner[1], left:left + inner[0]] = resized(frame, inner)
    return Framed(pixels, scale, (left, top))


def resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture at another size (width, height): by area where it shrinks, cubic where it grows."""
    height, width = pixels.shape[:2]
    if size == (width, height):
        return pixels
    shrinks = size[0] * size[1] <= width * height
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
