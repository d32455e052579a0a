"""Talking and blinking on a still portrait: the mouth parts along a line, the lids close, the brows rise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .performance import Moment
from .portraits import Stage


@dataclass(frozen=True)
class Expression:
    """Displacement fields of a staged portrait, on the canvas at half its resolution (step 2), for motion of 1 px.

    Attributes:
        lower, upper: float32 [h, w], how far down the skin below and above the parting goes.
        narrow: float32 [h, w], how far right the skin goes when the lips spread.
        brows: float32 [h, w], how far up the brows go.
        parting: float32 [W], y of the line between the lips for every canvas column.
        corners: x of the mouth's corners.
        lids: per eye (left, right, upper [W], lower [W]) x limits and lid edges for every canvas column.
        skin: per eye the colour of its closed lid, float32 [3].
    """

    stage: Stage
    lower: np.ndarray
    upper: np.ndarray
    narrow: np.ndarray
    brows: np.ndarray
    parting: np.ndarray
    corners: tuple[float, float]
    lids: tuple[tuple[float, float, np.ndarray, np.ndarray], ...]
    skin: tuple[np.ndarray, ...]

    def render(self, picture: np.ndarray, seen: np.ndarray, moment: Moment) -> np.ndarray:
        """The head's colours in the shot.

        Args:
            picture: float32 [H, W, 3], the head's layer on the canvas.
            seen: float32 [h, w, 2], which canvas pixel of the unmoved face is seen at each pixel of the shot.
        """
        unit, portrait = self.stage.unit, self.stage.portrait
        amount = moment.mouth * (portrait.jaw if moment.mouth > 0 else portrait.closing) * unit
        spread, raised = moment.width * 0.05 * unit, moment.brows * portrait.brow * unit
        low = self._resolve(seen, amount, self.lower, spread, raised)
        high = self._resolve(seen, amount, self.upper, spread, raised)
        line_low = np.interp(low[..., 0], np.arange(self.parting.size), self.parting)
        line_high = np.interp(high[..., 0], np.arange(self.parting.size), self.parting)
        is_low = np.clip(low[..., 1] - line_low + 0.5, 0, 1)
        is_inside = np.clip(0.5 - (line_high - high[..., 1]), 0, 1) * np.clip(1 - is_low, 0, 1)
        is_inside = np.where(high[..., 1] - low[..., 1] > 0.3, is_inside, 0)  # only where the lips have parted
        above, below = self._sample(picture, high, moment), self._sample(picture, low, moment)
        inside = self._interior(high, high[..., 1] - line_high, line_low - low[..., 1])
        skin = above + (below - above) * is_low[..., None]
        return (skin + (inside - skin) * is_inside[..., None]).astype(np.float32)

    def _resolve(self, seen: np.ndarray, amount: float, jaw: np.ndarray, spread: float, raised: float) -> np.ndarray:
        """Where in the portrait the skin comes from that has moved to `seen`: fixed-point inversion of the fields."""
        at = seen
        for _ in range(5):
            u, v = at[..., 0] / 2, at[..., 1] / 2
            dy = amount * cv2.remap(jaw, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            if raised:
                dy -= raised * cv2.remap(self.brows, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            dx = spread * cv2.remap(self.narrow, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            at = seen - np.stack([dx, dy], axis=-1)
        return at

    def _sample(self, picture: np.ndarray, at: np.ndarray, moment: Moment) -> np.ndarray:
        if moment.blink <= 0:
            return cv2.remap(picture, at[..., 0], at[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        at = at.copy()
        paint = []
        for (left, right, upper, lower), skin in zip(self.lids, self.skin, strict=True):
            paint.append((*self._close(at, left, right, upper, lower, moment.blink), skin))
        colours = cv2.remap(picture, at[..., 0], at[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        for lid, lash, skin in paint:
            colours += (skin - colours) * lid[..., None]
            colours = colours * (1 - 0.62 * lash[..., None])
        return colours

    def _close(self, at: np.ndarray, left: float, right: float, upper: np.ndarray, lower: np.ndarray,
               blink: float) -> tuple[np.ndarray, np.ndarray]:
        """Pull the upper lid over one eye, in place; how much of a pixel is painted lid, and how much is lashes."""
        unit, columns = self.stage.unit, np.arange(upper.size)
        x, y = at[..., 0], at[..., 1]
        top, floor = np.interp(x, columns, upper), np.interp(x, columns, lower)
        reach = np.clip(4 * (x - left) * (right - x) / (right - left) ** 2, 0, 1)  # 0 at the corners
        edge = top + blink * 0.94 * (floor - top)
        fold = top - (0.02 + 0.09 * self.stage.portrait.lid) * unit  # above it the skin stays
        lid = (y > fold) & (y < edge) & (x > left) & (x < right)
        # The upper lashes are not stretched but painted anew at the lid's edge.
        lash = min(1.0, 2 * blink) * 0.022 * self.stage.portrait.lid * unit
        pulled = fold + (y - fold) * (top - lash - fold) / np.maximum(edge - fold, 1e-3)
        shift = np.where(lid, pulled - y, 0)
        at[..., 1] += shift
        soft = 0.012 * unit
        within = np.clip((y - top + soft) / (2 * soft), 0, 1) * np.clip((edge - y) / soft + 0.5, 0, 1)
        painted = within * np.clip(reach * 3, 0, 1) * (0.9 - 0.25 * self.stage.portrait.lid)
        width = 0.014 * unit
        lashes = np.exp(-((y - edge) / width) ** 2) * np.clip(reach * 2.5, 0, 1) * min(1.0, 2 * blink)
        return painted.astype(np.float32), lashes.astype(np.float32)

    def _interior(self, at: np.ndarray, below_upper: np.ndarray, above_lower: np.ndarray) -> np.ndarray:
        """The inside of the mouth: dark, a hint of the tongue below, and upper teeth where the portrait has none."""
        unit = self.stage.unit
        left, right = self.corners
        across = np.clip((at[..., 0] - left) / (right - left) * 2 - 1, -1, 1)
        tongue = np.exp(-np.clip(above_lower, 0, None) / (0.04 * unit)) * (1 - across ** 2)
        colour = np.array([38.0, 14, 12]) + tongue[..., None] * np.array([72.0, 30, 28])
        if self.stage.portrait.teeth:
            height = self.stage.portrait.teeth * unit * np.sqrt(np.clip(1 - (across / 0.8) ** 2, 0, 1))
            tooth = np.clip((height - below_upper) / 1.5, 0, 1) * np.clip(below_upper / 2.5, 0.5, 1)
            tooth *= np.clip((below_upper + above_lower - 2) / 4, 0, 1)  # none to be seen in a narrow gap
            shade = (0.92 - 0.4 * across ** 2)[..., None]
            colour = colour + tooth[..., None] * (shade * np.array([226.0, 206, 180]) - colour)
        return colour


def build(stage: Stage) -> Expression:
    """The displacement fields and curves of a staged portrait."""
    height, width = stage.pixels.shape[:2]
    x, y = np.meshgrid(np.arange(0, width, 2, dtype=np.float64), np.arange(0, height, 2, dtype=np.float64))
    unit, face = stage.unit, stage.landmarks
    parting, (left, right) = _curve(stage, stage.portrait.parting, width)
    line = parting[::2][None, :]
    across = np.abs(2 * (x - left) / (right - left) - 1)  # 0 at the middle of the mouth, 1 at its corners
    gap = np.clip(1 - across ** 2, 0, 1) ** 0.8 * 0.92
    ramp = _step((y - line) / (unit * (0.12 + 0.3 * np.clip(across, 0, 2))))
    chin, lower_jaw = face[8, 1], face[8, 1] - face[57, 1]
    lateral = np.exp(-((x - face[8, 0]) / (0.5 * unit)) ** 4)
    jaw = ramp * lateral * (1 - _step((y - chin - 0.05 * lower_jaw) / (0.5 * unit)))
    lower = jaw + gap * (1 - ramp)
    upper = -0.14 * gap * np.exp(-(np.clip(line - y, 0, None) / (0.16 * unit)) ** 2)
    middle = (left + right) / 2
    narrow = (x - middle) / (0.5 * (right - left)) * np.exp(-((x - middle) / (0.38 * unit)) ** 2
                                                            - ((y - line) / (0.2 * unit)) ** 2)
    brows = np.zeros_like(x)
    for mark in face[17:27]:
        brows = np.maximum(brows, np.exp(-((x - mark[0]) / (0.14 * unit)) ** 2 - ((y - mark[1]) / (0.11 * unit)) ** 2))
    brows = np.asarray(cv2.GaussianBlur(brows, (0, 0), 0.03 * unit / 2), np.float64)
    lids, skin = [], []
    for top, bottom in stage.portrait.eyes:
        upper_lid, (start, end) = _curve(stage, top, width)
        lids.append((start, end, upper_lid, _curve(stage, bottom, width)[0]))
        skin.append(_lid_colour(stage, stage.to_canvas(bottom)))
    fields = [field.astype(np.float32) for field in (lower, upper, narrow, brows, parting)]
    return Expression(stage, fields[0], fields[1], fields[2], fields[3], fields[4], (left, right), tuple(lids),
                      tuple(skin))


def _curve(stage: Stage, points: object, width: int) -> tuple[np.ndarray, tuple[float, float]]:
    """float64 [width]: a smooth curve through `points`, level beyond its ends; and where it begins and ends."""
    marks = stage.to_canvas(points)
    columns = np.arange(width)
    rows = np.interp(columns, marks[:, 0], marks[:, 1])
    smooth = cv2.GaussianBlur(rows[None], (0, 0), max(0.8, 0.03 * stage.unit), borderType=cv2.BORDER_REPLICATE)[0]
    return smooth, (float(marks[0, 0]), float(marks[-1, 0]))


def _lid_colour(stage: Stage, lower: np.ndarray) -> np.ndarray:
    """float32 [3]: the skin just below an eye, a little darker, as a closed lid is."""
    left, right = int(lower[0, 0]), int(lower[-1, 0]) + 1
    top = int(lower[:, 1].max() + 0.04 * stage.unit)
    patch = stage.pixels[top : top + max(2, int(0.09 * stage.unit)), left:right].reshape(-1, 3)
    return (0.88 * np.median(patch, axis=0)).astype(np.float32)


def _step(t: np.ndarray) -> np.ndarray:
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)
