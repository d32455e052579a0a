"""A staged portrait cut into layers: the plate behind, the head that turns, and the clothes in front of the neck."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .portraits import Polygon, Stage


@dataclass(frozen=True)
class Layers:
    """What a shot is composed of, back to front. Canvas pixels; pixels float32 [H, W, 3] RGB 0..255, alpha [H, W] 0..1.

    Attributes:
        plate: the picture without the head: background and shoulders, filled in behind the head.
        head: the head, its colours carried on beyond its edge so that no background rides along.
        head_alpha: how much of a pixel is head.
        front_alpha: how much of a pixel is clothing in front of the neck; its colours are the plate's.
    """

    plate: np.ndarray
    head: np.ndarray
    head_alpha: np.ndarray
    front_alpha: np.ndarray


def cut(stage: Stage) -> Layers:
    """Separate head, plate and front.

    The outlines drawn for the portrait are refined in a narrow band by GrabCut (Rother et al. 2004); colours at the
    soft edge are replaced by those from inside (head) and outside (plate), so that neither carries a halo of the other.
    """
    unit, pixels = stage.unit, stage.pixels
    head_alpha = _matte(stage, stage.portrait.head, 0.04 * unit, soft=0.008 * unit)
    body_alpha = _matte(stage, stage.portrait.body, 0.05 * unit, soft=0.008 * unit)
    over_head = body_alpha if stage.portrait.throat else np.zeros_like(body_alpha)
    solid = (head_alpha > 0.98) & (over_head < 0.02)
    solid = cv2.erode(solid.astype(np.uint8), disc(0.012 * unit)) > 0
    head = np.where(solid[..., None], pixels, fill(pixels, solid))
    if stage.portrait.throat:  # so that nothing opens where the neck slides out from under the collar
        throat = _inside(stage, stage.portrait.throat).astype(np.float32)
        head_alpha = np.maximum(head_alpha, cv2.GaussianBlur(throat, (0, 0), 0.01 * unit))
    plate = _plate(stage, head_alpha, body_alpha)
    return Layers(plate, head.astype(np.float32), head_alpha.astype(np.float32), over_head)


def fill(pixels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Carry known pixels into unknown ones, smoothly and far: push-pull (Gortler et al. 1996) on image pyramids.

    Args:
        pixels: float32 [H, W, 3].
        known: bool [H, W].
    """
    weight = known.astype(np.float32)
    levels = [(pixels * weight[..., None], weight)]
    while min(levels[-1][1].shape) > 3:
        colour, total = levels[-1]
        levels.append((np.asarray(cv2.pyrDown(colour)), np.asarray(cv2.pyrDown(total))))
    colour, total = levels[-1]
    result = colour / np.maximum(total, 1e-4)[..., None]
    for colour, total in reversed(levels[:-1]):
        h, w = total.shape
        coarse = cv2.resize(result, (w, h), interpolation=cv2.INTER_LINEAR)
        trust = np.clip(total * 4, 0, 1)[..., None]
        result = coarse * (1 - trust) + trust * colour / np.maximum(total, 1e-4)[..., None]
    return result


def _plate(stage: Stage, head_alpha: np.ndarray, body_alpha: np.ndarray) -> np.ndarray:
    """Background and body without the head. The background is slightly out of focus, as behind a portrait lens, which
    also hides that what is filled in has no detail."""
    unit, pixels, collar = stage.unit, stage.pixels, bool(stage.portrait.throat)
    head = _grow(stage.mirrored(head_alpha) > 0.02, 0.06 * unit)
    body = _grow(stage.mirrored(body_alpha) > 0.02, 0.03 * unit)
    background = cv2.GaussianBlur(_inpaint(pixels, head | body, unit), (0, 0), 0.02 * unit)
    if not collar:  # what lies behind the neck is known from the outline alone; further down the neck hardly moves
        head[round(stage.to_canvas((0, stage.portrait.neck[0]))[0, 1] + 0.25 * unit):] = False
        body_alpha = np.where(head, _inside(stage, stage.portrait.body), body_alpha)
    clothes = _inpaint(pixels, (head & ~((body_alpha > 0.98) & collar)) | (body_alpha < 0.98), unit)
    alpha = cv2.GaussianBlur(body_alpha * stage.inside, (0, 0), 0.008 * unit)[..., None]
    return (background * (1 - alpha) + clothes * alpha).astype(np.float32)


def _inpaint(pixels: np.ndarray, unknown: np.ndarray, unit: float) -> np.ndarray:
    """Fill `unknown` by fast marching (Telea 2004), which carries edges on; at half the resolution, for speed."""
    h, w = unknown.shape
    size = (w // 2, h // 2)
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).clip(0, 255).astype(np.uint8)
    hole = (cv2.resize(unknown.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0).astype(np.uint8)
    filled = cv2.inpaint(small, hole, max(2.0, 0.04 * unit), cv2.INPAINT_TELEA).astype(np.float32)
    return np.where(unknown[..., None], cv2.resize(filled, (w, h), interpolation=cv2.INTER_LINEAR), pixels)


def _matte(stage: Stage, outline: Polygon, reach: float, soft: float) -> np.ndarray:
    """float32 [H, W] 0..1: the outline's inside, with its edge moved to the picture's within `reach` px."""
    shape = _inside(stage, outline)
    kernel = disc(reach)
    labels = np.full(shape.shape, cv2.GC_BGD, np.uint8)
    labels[cv2.dilate(shape, kernel) > 0] = cv2.GC_PR_BGD
    labels[shape > 0] = cv2.GC_PR_FGD
    labels[cv2.erode(shape, kernel) > 0] = cv2.GC_FGD
    picture = np.ascontiguousarray(stage.pixels[..., ::-1].clip(0, 255).astype(np.uint8))
    cv2.setRNGSeed(1)  # its colour models start from k-means
    everywhere = (0, 0, 0, 0)  # not used: the labels say it
    cv2.grabCut(picture, labels, everywhere, np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK)
    hard = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.uint8)
    for operation in (cv2.MORPH_OPEN, cv2.MORPH_CLOSE):
        hard = cv2.morphologyEx(hard, operation, disc(reach * 0.4))
    smooth = cv2.GaussianBlur(hard.astype(np.float32), (0, 0), max(1.0, 2.5 * soft))
    firm = np.clip((smooth - 0.5) * 1.6 + 0.42, 0, 1)  # rounds off the staircase and pulls the edge in a little
    return cv2.GaussianBlur(firm, (0, 0), max(0.6, soft))


def _inside(stage: Stage, outline: Polygon) -> np.ndarray:
    shape = np.zeros(stage.pixels.shape[:2], np.uint8)
    return cv2.fillPoly(shape, [np.round(stage.to_canvas(outline)).astype(np.int32)], 1)


def _grow(mask: np.ndarray, radius: float) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), disc(radius)) > 0


def disc(radius: float) -> np.ndarray:
    size = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
