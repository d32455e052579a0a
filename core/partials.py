"""Half-written files: each is called `.NAME.PROCESS.part` or `.partial` (videos keep their ending behind that) until it
is whole, so that one whose process was killed can be told from one that is being written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

_PARTIAL = re.compile(r"\.(.+)\.(\d+)\.part(?:ial)?(?:\.\w+)?")


def sweep(folder: Path, is_mine: Callable[[str], bool]) -> None:
    """Remove the files in a folder that killed processes of this machine left half-written.

    Args:
        is_mine: whether a file of this name is this run's to write. Others may be another machine's, at work.
    """
    with suppress(OSError):
        _sweep(folder, os.listdir(folder), is_mine)


def sweep_pictures(folder: Path) -> None:
    """`sweep` what was to become the picture of a face, in a faces folder and the groups that sorting made in it."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        _sweep(Path(place), names, lambda name: name.lower().endswith(".png"))


def _sweep(folder: Path, names: Iterable[str], is_mine: Callable[[str], bool]) -> None:
    for name in names:
        match = _PARTIAL.fullmatch(name)
        if match and is_mine(match[1]) and not _is_running(int(match[2])):
            with suppress(OSError):
                (folder / name).unlink()


def _is_running(process: int) -> bool:
    """Whether another process of this number may still be writing; what cannot be told counts as running."""
    if process == os.getpid():
        return False  # in a container every run may have the number of the last one
    if os.name == "nt":
        return True  # asking for it there would end it
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
