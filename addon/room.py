"""Whether the disks have room for what is about to be queued."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

from ..core.errors import UnderstudyError
from ..core.jobs import space
from ..core.media.listing import list_images
from .board import Board
from .stages import Planned

_STILLS = Fraction(25)  # frames a second of a folder of images


def check(planned: Iterable[Planned], board: Board) -> list[str]:
    """A warning for each disk that will be nearly full. Looks at the disk: for operators, not for panels.

    Raises:
        OutputError: there is not room enough.
    """
    def clip_of(path: str) -> tuple[int, Fraction] | None:
        film = board.films.get(path)
        if film is not None:
            return film.frames, film.rate
        try:
            return (len(list_images(path)), _STILLS) if Path(path).is_dir() else None
        except UnderstudyError:
            return None

    return space.check(need for one in planned
                       for need in space.needs(one.task, dataclasses.asdict(one.options), one.label, clip_of))
