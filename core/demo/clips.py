"""The two sample clips: portraits that turn their heads, talk and blink, rendered frame by frame and written as mp4."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from ..errors import Stopped
from ..jobs.messages import Reporter
from . import expression, head, layers, portraits
from .performance import KEY_LIGHT, Moment, perform
from .portraits import ASTRONAUT, HOPPER, Portrait

SIZE = (640, 360)
RATE = Fraction(25)
FRAMES = 150
SEEDS = {ASTRONAUT.name: 7, HOPPER.name: 19}


class Studio:
    """A portrait made ready to be performed: every frame is a pure function of its moment and number."""

    def __init__(self, portrait: Portrait, size: tuple[int, int] = SIZE) -> None:
        self.stage = portraits.stage(portrait, size)
        self.layers = layers.cut(self.stage)
        self.head = head.build(self.stage)
        self.expression = expression.build(self.stage)
        (width, height), m = size, self.stage.margin
        x, y = np.meshgrid(np.arange(width, dtype=np.float32) + m, np.arange(height, dtype=np.float32) + m)
        self._grid = np.stack([x, y], axis=-1)
        below = (y - self.stage.landmarks[8, 1]) / self.stage.unit
        self._body = np.clip(0.5 + below, 0, 1)  # the shoulders sway, the background far less

    def render(self, moment: Moment, number: int) -> np.ndarray:
        """uint8 [H, W, 3] RGB. `number` seeds the grain."""
        sway = np.array(moment.sway, np.float32) * self.stage.unit
        still = self._grid - sway * (0.15 + 0.85 * self._body[..., None])
        frame = _remap(self.layers.plate, still)
        seen = self.head.backward(moment.pose) - sway
        alpha = _remap(self.layers.head_alpha, seen) * (1 - _remap(self.layers.front_alpha, still))
        rows, columns = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
        part = np.s_[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]  # the face's work is done where the head is
        colours = self.expression.render(self.layers.head, seen[part], moment)
        colours *= self._shading(seen[part], moment)[..., None]
        frame[part] += (colours - frame[part]) * alpha[part][..., None]
        return self._develop(frame, moment, number)

    def _shading(self, seen: np.ndarray, moment: Moment) -> np.ndarray:
        """float32 [H, W]: how much brighter the turned head is under the moved light than the portrait was."""
        at = seen / self.head.step
        normals = _remap(self.head.normals, at)
        before = 0.55 + 0.45 * np.clip(normals @ _unit(KEY_LIGHT), 0, 1)
        turned = normals @ (head.rotation(moment.pose).T @ np.array(moment.light)).astype(np.float32)
        ratio = (0.55 + 0.45 * np.clip(turned, 0, 1)) / before
        return 1 + (np.clip(ratio, 0.7, 1.35) - 1) * _remap(self.head.weight, at)

    def _develop(self, frame: np.ndarray, moment: Moment, number: int) -> np.ndarray:
        """Colour temperature, exposure and grain."""
        tint = 1 + 0.035 * moment.warmth * np.array([1.0, 0.1, -1.0])
        noise = np.random.default_rng(number).standard_normal(frame.shape[:2]).astype(np.float32)
        grain = 2.2 * cv2.GaussianBlur(noise, (0, 0), 0.6) / 0.47
        lit = frame * (tint * moment.exposure).astype(np.float32) + grain[..., None]
        return np.clip(lit + 0.5, 0, 255).astype(np.uint8)


def _unit(vector: tuple[float, float, float]) -> np.ndarray:
    array = np.array(vector, np.float32)
    return array / np.linalg.norm(array)


def _remap(layer: np.ndarray, at: np.ndarray) -> np.ndarray:
    at = np.ascontiguousarray(at, np.float32)
    return cv2.remap(layer, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def make_clips(folder: Path | str, reporter: Reporter) -> tuple[Path, Path]:
    """Make the sample clips in `folder`, unless they are there: (A, whose face is replaced; B, who lends the face).

    Raises:
        OutputError: if the folder cannot be written.
        SourceError: if a portrait is missing.
        Stopped: if the person asked to stop; no half-written clip is left.
    """
    return sample(ASTRONAUT, folder, reporter), sample(HOPPER, folder, reporter)


def sample(portrait: Portrait, folder: Path | str, reporter: Reporter) -> Path:
    """The sample clip of one portrait in `folder`, made unless it is there; raises as `make_clips` does."""
    path = Path(folder) / f"{portrait.name}.mp4"
    if not path.is_file():
        write_clip(portrait, path, reporter, SIZE, FRAMES)
    return path


def write_clip(portrait: Portrait, path: Path, reporter: Reporter, size: tuple[int, int] = SIZE,
               frames: int = FRAMES) -> None:
    """Render one clip and write it as H.264 mp4; raises as `make_clips` does."""
    from ..media.writers import VideoWriter

    text = f"Making the sample clip {path.name}"
    if reporter.progress(0, frames, "frames", text):
        raise Stopped
    studio = Studio(portrait, size)
    with VideoWriter(path, None, rate=RATE) as writer:
        for number, moment in enumerate(perform(frames, float(RATE), SEEDS[portrait.name])):
            writer.write(number, studio.render(moment, number))
            if reporter.progress(number + 1, frames, "frames", text) and number + 1 < frames:
                raise Stopped
