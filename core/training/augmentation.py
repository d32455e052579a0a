"""What the training does to faces so that the model learns people rather than pictures: colour, place, mirror, warp.

Batches are numpy arrays; the per-face steps are OpenCV calls, which release the interpreter's lock, so a background
thread prepares batches while the networks compute. Everything random is drawn from the generator that is handed in.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, fields, replace

import cv2
import numpy as np


@dataclass(frozen=True)
class Amounts:
    """How much of what; the defaults are those of the field's trainers.

    Attributes:
        color, flip, warp: whether colours are varied, faces mirrored, inputs warped.
        lightness, chroma: largest relative shift of L, and of a and b.
        clahe_chance: share of faces whose local contrast is equalised.
        clahe_size: largest number of half steps by which CLAHE's grid grows beyond its least size.
        rotation: largest turn in degrees.
        zoom: largest relative change of scale.
        shift: largest move along each axis, as a part of the side.
        flip_chance: share of faces that are mirrored.
        warp_spread: standard deviation of the warp's grid points, as a part of the side.
        relight: how much the light of the inputs alone is changed, see `Augmenter.relight`; 0: not at all.
    """

    color: bool = True
    flip: bool = True
    warp: bool = True
    lightness: float = 0.30
    chroma: float = 0.08
    clahe_chance: float = 0.5
    clahe_size: int = 4
    rotation: float = 10.0
    zoom: float = 0.05
    shift: float = 0.05
    flip_chance: float = 0.5
    warp_spread: float = 5 / 256
    relight: float = 0.0


@dataclass(frozen=True)
class Growth:
    """Amounts that change while training goes on: little at first, so that the model soon knows the face, and more
    later, so that it does not learn the pictures by heart.

    Attributes:
        late: what the amounts become.
        first, last: the iterations between which they change, evenly.
    """

    late: Amounts
    first: int
    last: int

    def at(self, early: Amounts, iteration: int) -> Amounts:
        """The amounts of one iteration; `early` are those at the start."""
        share = min(max((iteration - self.first) / (self.last - self.first), 0.0), 1.0)
        grown = {f.name: (1 - share) * getattr(early, f.name) + share * getattr(self.late, f.name)
                 for f in fields(Amounts) if f.type == "float"}
        return replace(early, **grown)


@dataclass(frozen=True)
class Batch:
    """Faces as the training step takes them.

    Attributes:
        feed: uint8 [N, input, input, 3] RGB, augmented and warped.
        target: uint8 [N, output, output, 3] RGB, augmented but not warped.
        mask: uint8 [N, output, output], 255 inside the face.
        landmarks: float32 [N, 68, 2] in pixels of the crop as it was placed (not warped); once it has passed `Batches`,
            less the mean shape of the side, in tenths of the crop's side. None where nobody asked for them.
    """

    feed: np.ndarray
    target: np.ndarray
    mask: np.ndarray
    landmarks: np.ndarray | None = None


class Augmenter:
    """Makes training batches out of cached crops.

    Args:
        size: side of the crops in pixels (the process size: the larger of the model's input and output).
        input_size, output_size: of the model.
        amounts: see `Amounts`.
        in_one: place, warp and shrink in one interpolation per picture, for crops larger than the model's pictures.
            Otherwise in the field's three steps, whose interpolations soften feed and target alike.
    """

    def __init__(self, size: int, input_size: int, output_size: int, amounts: Amounts = Amounts(), *,
                 in_one: bool = False) -> None:
        self.size, self.input_size, self.output_size, self.amounts = size, input_size, output_size, amounts
        self.in_one = in_one
        self._spread = _grid_to_map(size)
        self._feed_spread = _grid_to_map(input_size)
        self._target_spread = _grid_to_map(output_size)

    def __call__(self, crops: np.ndarray, rng: np.random.Generator, landmarks: np.ndarray | None = None) -> Batch:
        """Augment the faces `crops`, uint8 [N, size, size, 4] (RGB and mask), and their landmarks, float32 [N, 68, 2].

        What is given stays unchanged.
        """
        if self.amounts.color:
            crops = self.vary_color(crops, rng)
        placements = self.placements(len(crops), rng)
        moved = None if landmarks is None else place_landmarks(landmarks, placements)
        if self.in_one:
            return self._in_one(crops, placements, rng, moved)
        placed = self.place(crops, placements)
        target = _resize(placed, self.output_size)
        warped = self.warp(placed, rng) if self.amounts.warp else placed
        return Batch(feed=self.relight(_resize(warped, self.input_size)[..., :3], rng),
                     target=np.ascontiguousarray(target[..., :3]), mask=np.ascontiguousarray(target[..., 3]),
                     landmarks=moved)

    def _in_one(self, crops: np.ndarray, placements: np.ndarray, rng: np.random.Generator,
                landmarks: np.ndarray | None) -> Batch:
        back = _invert(placements)
        calm = np.broadcast_to(self._grid(), (len(crops), 2, 5, 5))
        bent = calm + self._grid_noise(len(crops), rng) if self.amounts.warp else calm
        feed = _fetch(crops, _through(back, self._feed_spread @ bent @ self._feed_spread.T))
        target = _fetch(crops, _through(back, self._target_spread @ calm @ self._target_spread.T))
        return Batch(feed=self.relight(feed[..., :3], rng), target=np.ascontiguousarray(target[..., :3]),
                     mask=np.ascontiguousarray(target[..., 3]), landmarks=landmarks)

    def with_amounts(self, amounts: Amounts) -> Augmenter:
        """The same with other amounts."""
        other = copy(self)
        other.amounts = amounts
        return other

    def vary_color(self, crops: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Shift L, a and b of OpenCV's 8-bit LAB per face, then equalise the local contrast of L in some.

        Per channel r ~ U(-a, a); the value x becomes x + (255 - x) r for r >= 0 and x (1 + r) below.
        CLAHE: Zuiderveld 1994, "Contrast Limited Adaptive Histogram Equalization", clip limit 2.
        """
        count, amounts = len(crops), self.amounts
        limits = np.array([amounts.lightness, amounts.chroma, amounts.chroma])
        tables = lab_tables(rng.uniform(-limits, limits, (count, 3)))
        grids = self._clahe_grids(count, rng)
        lab = _convert_all(crops[..., :3], cv2.COLOR_RGB2LAB)
        for index in range(count):
            lab[index] = cv2.LUT(lab[index], tables[index])
            if grids[index]:
                clahe = cv2.createCLAHE(2.0, (int(grids[index]),) * 2)
                lab[index, ..., 0] = clahe.apply(np.ascontiguousarray(lab[index, ..., 0]))
        return np.concatenate((_convert_all(lab, cv2.COLOR_LAB2RGB), crops[..., 3:]), axis=-1)

    def _clahe_grids(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Tiles per side of CLAHE's grid for each face; 0: the face is left alone."""
        base = max(2, self.size // 128)
        grids = rng.integers(0, self.amounts.clahe_size, count, endpoint=True) * (base // 2) + base
        return np.where(rng.random(count) < self.amounts.clahe_chance, grids, 0)

    def place(self, crops: np.ndarray, matrices: np.ndarray) -> np.ndarray:
        """Turn, scale, move and mirror each face and its mask in one step; the border repeats the edge."""
        out = np.empty_like(crops)
        for index, matrix in enumerate(matrices):
            out[index] = cv2.warpAffine(crops[index], matrix, (self.size, self.size), flags=cv2.INTER_LINEAR,
                                        borderMode=cv2.BORDER_REPLICATE)
        return out

    def placements(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Random crop -> crop matrices, float64 [count, 2, 3], about the centre of the crop."""
        amounts, centre = self.amounts, (self.size - 1) / 2
        angle = np.radians(rng.uniform(-amounts.rotation, amounts.rotation, count))
        scale = rng.uniform(1 - amounts.zoom, 1 + amounts.zoom, count)
        shift = rng.uniform(-amounts.shift, amounts.shift, (count, 2)) * self.size
        mirror = np.where(amounts.flip & (rng.random(count) < amounts.flip_chance), -1.0, 1.0)
        cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
        linear = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], 1)
        linear[:, 0] *= mirror[:, None]
        shift[:, 0] *= mirror
        offset = centre + shift - linear @ np.full(2, centre)
        return np.concatenate([linear, offset[..., None]], axis=2)

    def warp(self, crops: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Bend each face along a 5x5 grid whose points are moved at random; black where the grid leaves the crop."""
        maps = self.warp_maps(len(crops), rng)
        out = np.empty_like(crops)
        for index in range(len(crops)):
            out[index] = cv2.remap(crops[index], maps[index, 0], maps[index, 1], cv2.INTER_LINEAR,
                                   borderMode=cv2.BORDER_CONSTANT, borderValue=0)
        return out

    def relight(self, feed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Give each input, uint8 [N, H, W, 3], another gamma and a slope of light across it.

        The target keeps its light, so the model learns to see the same face in any: that of the other performer too.
        With the amount r the gamma is exp(N(0, 0.3 r)), and brightness changes from the middle to each edge by
        N(0, 0.25 r) of itself along x and y. What would be brighter than white darkens the whole picture instead.
        """
        if not self.amounts.relight:
            return np.ascontiguousarray(feed)
        count, height, width = feed.shape[:3]
        gamma = np.exp(rng.normal(0, 0.3 * self.amounts.relight, (count, 1, 1, 1))).astype(np.float32)
        slope = rng.normal(0, 0.25 * self.amounts.relight, (2, count, 1, 1, 1)).astype(np.float32)
        across = np.linspace(-1, 1, width, dtype=np.float32)[:, None]
        down = np.linspace(-1, 1, height, dtype=np.float32)[:, None, None]
        light = np.maximum(1 + slope[0] * across + slope[1] * down, 0.05)
        lit = (feed * np.float32(1 / 255)) ** gamma * light
        lit /= np.maximum(lit.max(axis=(1, 2, 3), keepdims=True), 1)
        return np.rint(lit * 255).astype(np.uint8)

    def warp_maps(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Where each pixel is fetched from: float32 [count, 2 (x, y), size, size], centres at integers.

        A grid whose points do not move fetches each pixel from its own place: half a pixel beside it, as in other
        trainers, and the model would learn to shift every face by that much.
        """
        grid = self._grid() + self._grid_noise(count, rng)
        return (self._spread @ grid @ self._spread.T).astype(np.float32)

    def _grid(self) -> np.ndarray:
        line = np.linspace(0, self.size, 5) - 0.5
        return np.stack(np.meshgrid(line, line))

    def _grid_noise(self, count: int, rng: np.random.Generator) -> np.ndarray:
        return rng.normal(0, self.amounts.warp_spread * self.size, (count, 2, 5, 5))


# Where each of the 68 points is found in the mirror: the person's left eye stands where the right one was.
MIRRORED = np.array([*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, *range(35, 30, -1),
                     45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, *range(54, 47, -1), *range(59, 54, -1),
                     *range(64, 59, -1), 67, 66, 65])


def place_landmarks(landmarks: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Landmarks [N, 68, 2] through `Augmenter.placements` [N, 2, 3]; in mirrored faces each point keeps its meaning."""
    moved = landmarks @ matrices[:, :, :2].transpose(0, 2, 1) + matrices[:, None, :, 2]
    mirrored = np.linalg.det(matrices[:, :, :2]) < 0
    moved[mirrored] = moved[mirrored][:, MIRRORED]
    return moved.astype(np.float32)


def neutral_shape(landmarks: np.ndarray, size: int) -> np.ndarray:
    """Mean of landmarks [N, 68, 2] in crops of `size` pixels and of their mirror images, [68, 2]."""
    mean = landmarks.mean(axis=0)
    mirror = np.column_stack((size - 1 - mean[:, 0], mean[:, 1]))[MIRRORED]
    return (mean + mirror) / 2


def lab_tables(shifts: np.ndarray) -> np.ndarray:
    """Lookup tables uint8 [N, 1, 256, 3] for relative shifts [N, 3] in -1 .. 1."""
    x, r = np.arange(256.0)[None, :, None], shifts[:, None, :]
    return np.rint(np.where(r >= 0, x + (255 - x) * r, x * (1 + r))).astype(np.uint8)[:, None]


def _grid_to_map(size: int) -> np.ndarray:
    """Weights [size, 5] that enlarge 5 grid values to one per pixel, bilinearly along one axis.

    The outermost grid points lie on the crop's edges (at -0.5 and size - 0.5), so that the grid covers it evenly.
    """
    place = (np.arange(size) + 0.5) * 4 / size
    left = np.minimum(place.astype(int), 3)
    weights = np.zeros((size, 5))
    weights[np.arange(size), left] = 1 - (place - left)
    weights[np.arange(size), left + 1] = place - left
    return weights


def _invert(matrices: np.ndarray) -> np.ndarray:
    """Inverses of [N, 2, 3] matrices."""
    linear = np.linalg.inv(matrices[:, :, :2])
    return np.concatenate([linear, -linear @ matrices[:, :, 2:]], axis=2)


def _through(matrices: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Where the points of `maps` [N, 2, H, W] lie after `matrices` [N, 2, 3]; float32 [N, 2, H, W]."""
    points = maps.reshape(*maps.shape[:2], -1)
    return (matrices[:, :, :2] @ points + matrices[:, :, 2:]).reshape(maps.shape).astype(np.float32)


def _fetch(pictures: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W, C]: the pictures at the points of `maps` [N, 2, H, W]; beyond the edge, the edge."""
    return np.stack([cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
                     for picture, (x, y) in zip(pictures, maps, strict=True)])


def _convert_all(pictures: np.ndarray, code: int) -> np.ndarray:
    """Colour conversion of a whole batch in one call: uint8 [N, H, W, 3] -> the same shape."""
    count, height, width, channels = pictures.shape
    flat = np.ascontiguousarray(pictures).reshape(count * height, width, channels)
    return cv2.cvtColor(flat, code).reshape(pictures.shape)


def _resize(pictures: np.ndarray, size: int) -> np.ndarray:
    if pictures.shape[1] == size:
        return pictures
    return np.stack([cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA) for picture in pictures])
