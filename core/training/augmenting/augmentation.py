"""What the training does to faces so that the model learns people rather than pictures: colour, place, mirror, warp.

Whole batches at once, on the device that trains; everything random comes from the draws that are handed in.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import numpy as np
import torch

from . import colour, landmark_warp
from .amounts import Amounts
from .batch import Batch
from .draws import Draws
from .warping import fetch, grid_points, inverted, shrink, spread, through

_PROCESSOR, _USUAL = torch.device("cpu"), Amounts()
_CACHED = 2**17  # pixels that a processor works on together: what it has just written, it then finds in its cache


@dataclass(frozen=True, eq=False)
class Shapes:
    """Landmarks of faces, float32 [N, 68, 2] in their crops' pixels.

    Attributes:
        own: where they are.
        neutral: mean shape of each face's side, where the batch is to tell the landmarks; see `neutral_shape`.
        towards: of faces whose shapes the inputs take; None: inputs are warped at random.
    """

    own: np.ndarray
    neutral: np.ndarray | None = None
    towards: np.ndarray | None = None

    def faces(self, which: slice) -> Shapes:
        """Those of some of the faces."""
        neutral, towards = (None if points is None else points[which] for points in (self.neutral, self.towards))
        return Shapes(self.own[which], neutral, towards)


class Augmenter:
    """Makes training batches out of cached crops.

    Args:
        size: side of the crops in pixels (the process size: the larger of the model's input and output, or more).
        input_size, output_sizes: of the model, smallest output first.
        amounts: how much is done.
        in_one: place, warp and shrink in one interpolation per picture, for crops larger than the model's pictures.
            Otherwise in the field's three steps, whose interpolations soften feed and target alike.
        device: where the batches are made, and lie then.
    """

    def __init__(self, size: int, input_size: int, output_sizes: tuple[int, ...], amounts: Amounts = _USUAL, *,
                 in_one: bool = False, device: torch.device = _PROCESSOR) -> None:
        self.size, self.input_size, self.output_sizes, self.amounts = size, input_size, output_sizes, amounts
        self.in_one, self.device = in_one, device

    def __call__(self, crops: torch.Tensor, draws: Draws, shapes: Shapes | None = None) -> Batch:
        """Augment faces.

        Args:
            crops: uint8 [N, size, size, 4 or 6] (RGB, mask, and those of eyes and mouth) on the processor; they stay
                unchanged.
            draws: of N faces.
            shapes: of N faces, for models that learn landmarks and for inputs that are warped to others'.
        """
        at_once = max(1, _CACHED // self.size**2) if self.device.type == "cpu" else len(crops)
        parts = [slice(start, start + at_once) for start in range(0, len(crops), at_once)]
        made = [self._make(crops[part], draws.faces(part), None if shapes is None else shapes.faces(part))
                for part in parts]
        return made[0] if len(made) == 1 else Batch.joined(made)

    def _make(self, crops: torch.Tensor, draws: Draws, shapes: Shapes | None) -> Batch:
        placements = self.placements(draws)
        pictures = self._pictures(crops, draws)
        placed = fetch(pictures, self._map(inverted(placements), grid_points(self.size)[None],
                                           self.output_sizes[-1] if self.in_one else self.size), edge=True)
        feed = self._feed(pictures, placed, placements, draws, shapes)
        sizes = [shrink(placed, size) for size in self.output_sizes]
        masks = [tuple(x[:, channel: channel + 1] for x in sizes) for channel in range(3, placed.shape[1])]
        faces, eyes, mouths = masks if len(masks) == 3 else (masks[0], (), ())
        landmarks = None if shapes is None else self._landmarks(shapes, placements)
        return Batch(self.relight(feed, draws), tuple(x[:, :3] for x in sizes), faces, eyes, mouths, landmarks)

    def with_amounts(self, amounts: Amounts) -> Augmenter:
        """The same with other amounts."""
        other = copy(self)
        other.amounts = amounts
        return other

    # --- what is drawn ----------------------------------------------------------------------------------------------

    def shifts(self, draws: Draws) -> np.ndarray:
        """Relative shifts of L, a and b for each face, [N, 3]."""
        return between(draws.colors, np.array([self.amounts.lightness, self.amounts.chroma, self.amounts.chroma]))

    def clahe_grids(self, draws: Draws) -> np.ndarray:
        """Tiles per side of CLAHE's grid for each face, int [N]; 0: the face is left alone."""
        base = max(2, self.size // 128)
        steps = (draws.clahe[:, 1] * (self.amounts.clahe_size + 1)).astype(int)
        return np.where(draws.clahe[:, 0] < self.amounts.clahe_chance, steps * (base // 2) + base, 0)

    def placements(self, draws: Draws) -> np.ndarray:
        """Crop -> crop matrices, float64 [N, 2, 3]: turned, scaled and moved about the crop's centre, then mirrored."""
        amounts, centre = self.amounts, (self.size - 1) / 2
        angle = np.radians(between(draws.turn, amounts.rotation))
        scale = 1 + between(draws.zoom, amounts.zoom)
        shift = between(draws.shift, amounts.shift * self.size)
        mirror = np.where(amounts.flip & (draws.mirror < amounts.flip_chance), -1.0, 1.0)
        cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
        linear = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], 1)
        linear[:, 0] *= mirror[:, None]
        shift[:, 0] *= mirror
        offset = centre + shift - linear @ np.full(2, centre)
        return np.concatenate([linear, offset[..., None]], axis=2)

    def bent(self, draws: Draws) -> np.ndarray:
        """The warp's grid points, float64 [N, 2, 5, 5], see `warping`.

        At rest each pixel is fetched from its own place: not half a pixel beside it, as in other trainers, which would
        teach the model to shift every face by that much.
        """
        return grid_points(self.size) + draws.bends * (self.amounts.warp_spread * self.size)

    # --- what is done -----------------------------------------------------------------------------------------------

    def _pictures(self, crops: torch.Tensor, draws: Draws) -> torch.Tensor:
        """The crops on the device as float32 [N, C, size, size] in [0, 1], their colours varied."""
        pictures = torch.empty(len(crops), crops.shape[-1], self.size, self.size, device=self.device)
        sent = crops.to(self.device, non_blocking=True).permute(0, 3, 1, 2)
        if not self.amounts.color:
            return pictures.copy_(sent).mul_(1 / 255)
        shifts, grids = self.shifts(draws), self.clahe_grids(draws)
        pictures[:, 3:] = sent[:, 3:]
        if self.device.type == "cpu":
            varied = colour.vary_in_8_bits(crops.numpy(), shifts, grids)
            pictures[:, :3] = torch.from_numpy(varied).permute(0, 3, 1, 2)
            return pictures.mul_(1 / 255)
        pictures[:, 3:] *= 1 / 255
        pictures[:, :3] = colour.vary(sent[:, :3].contiguous(), shifts, grids)
        return pictures

    def _feed(self, pictures: torch.Tensor, placed: torch.Tensor, placements: np.ndarray, draws: Draws,
              shapes: Shapes | None) -> torch.Tensor:
        """What the model is to see, before its light is changed: float32 [N, 3, input, input]."""
        if not (self.amounts.warp or self.in_one):
            return shrink(placed[:, :3], self.input_size)
        source, back, size = placed, np.broadcast_to(np.eye(2, 3), placements.shape), self.size
        if self.in_one:
            # Twice the pixels in each direction is as much as a bilinear look can shrink without skipping any.
            source, back, size = pictures, inverted(placements), self.input_size * max(1, size // (2 * self.input_size))
        edge = self.in_one
        if not self.amounts.warp:
            map_ = self._map(back, grid_points(self.size)[None], size)
        elif shapes is None or shapes.towards is None:
            map_ = self._map(back, self.bent(draws), size)
        else:
            map_, edge = self._landmark_map(shapes, placements, back, draws, size), True
        return shrink(fetch(source[:, :3], map_, edge=edge), self.input_size)

    def _map(self, back: np.ndarray, points: np.ndarray, size: int) -> torch.Tensor:
        points = np.broadcast_to(points, (len(back), *points.shape[1:]))
        return spread(through(back, points), size, self.size, self.device)

    def _landmark_map(self, shapes: Shapes, placements: np.ndarray, back: np.ndarray, draws: Draws,
                      size: int) -> torch.Tensor:
        assert shapes.towards is not None
        goals = through(placements, shapes.towards.transpose(0, 2, 1)).transpose(0, 2, 1)
        goals += draws.nudges * (landmark_warp.SPREAD * self.size)
        return landmark_warp.maps(shapes.own, goals, placements, back, self.size, size, self.device)

    def _landmarks(self, shapes: Shapes, placements: np.ndarray) -> torch.Tensor | None:
        """See `Batch.landmarks`."""
        if shapes.neutral is None:
            return None
        relative = (place_landmarks(shapes.own, placements) - shapes.neutral) * (10 / self.size)
        return torch.from_numpy(relative.astype(np.float32)).flatten(1).to(self.device, non_blocking=True)

    def relight(self, feed: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Give each input, float32 [N, 3, S, S] in [0, 1], another gamma and a slope of light across it.

        The target keeps its light, so the model learns to see the same face in any: that of the other performer too.
        With the amount r the gamma is exp(N(0, 0.3 r)), and brightness changes from the middle to each edge by
        N(0, 0.25 r) of itself along x and y. What would be brighter than white darkens the whole picture instead.
        """
        if not self.amounts.relight:
            return feed
        light = draws.light * self.amounts.relight * np.array([0.3, 0.25, 0.25])
        light[:, 0] = np.exp(light[:, 0])
        gamma, along_x, along_y = torch.from_numpy(light.T[..., None, None, None]).to(feed.device, torch.float32)
        line = torch.linspace(-1, 1, feed.shape[-1], device=feed.device)
        slope = (1 + along_x * line + along_y * line[:, None]).clamp_(min=0.05)
        lit = feed.log2().mul_(gamma).exp2_().mul_(slope)
        return lit.div_(lit.amax(dim=(1, 2, 3), keepdim=True).clamp_(min=1))


def between(uniform: np.ndarray, limit: np.ndarray | float) -> np.ndarray:
    """Uniform numbers of [0, 1) as ones of [-limit, limit)."""
    return (2 * uniform - 1) * limit


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
    """Mean of landmarks [N, 68, 2] in crops of `size` pixels and of their mirror images, [68, 2].

    What is left of a face's landmarks without it is pose and expression, and means the same on both sides.
    """
    mean = landmarks.mean(axis=0)
    mirror = np.column_stack((size - 1 - mean[:, 0], mean[:, 1]))[MIRRORED]
    return (mean + mirror) / 2
