"""What extraction is going to read, said before it begins."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

from ..core.errors import UnderstudyError
from ..core.media.ranges import parse_frames
from ..core.options import purpose
from . import shot
from .board import Board


def expectation(scene: Any, role: str, board: Board) -> str:
    """How many frames of a strip extraction will read and how many faces that gives, such as "A: every 12th frame,
    about 40 faces of each person to expect"; "" while nothing can be said. No disk is touched.
    """
    strip = shot.strip_of(scene, role)
    if strip is None:
        return ""
    settings, film = shot.active(scene).extract, board.films.get(str(shot.source_path(strip)))
    scene_rate = _rate(scene.render.fps, scene.render.fps_base)
    rate = film.rate if film is not None else scene_rate
    frames = round(strip.frame_final_duration * rate / scene_rate)
    if film is not None and not shot.active(scene).strip_only:
        frames = film.frames
    if settings.frames.strip():
        try:
            frames = len(parse_frames(settings.frames, film.frames if film is not None else frames))
        except UnderstudyError as error:
            return f"{role.upper()}: {error}"
    return f"{role.upper()}: {_told(settings.purpose, settings.every, rate, frames)}"


@lru_cache(maxsize=64)
def _rate(fps: int, base: float) -> Fraction:
    return Fraction(fps) / Fraction(base).limit_denominator(1001)


@lru_cache(maxsize=64)
def _told(wanted: str, every: int, rate: Fraction, frames: int) -> str:
    step = purpose.step(wanted, every, rate)
    return purpose.expectation(step, purpose.expected_faces(-(-frames // step)), measured=False)
