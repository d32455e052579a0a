"""What sorting calls pictures and folders (stdlib): extraction finds sorted pictures by it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..options.rows import SORT_METHODS

_NUMBER = re.compile(r"^\d{6,}_(?=.)")
_GROUP = re.compile(rf"_({'|'.join(re.escape(row.name) for row in SORT_METHODS)})_\d{{3,}}(_.*)?")


def numbered(name: str, number: int) -> str:
    """A picture's name with its place in a row."""
    return f"{number:06d}_{name}"


def without_number(name: str) -> str:
    """The name without the place in a row; unchanged where it has none."""
    return _NUMBER.sub("", name, count=1)


def group_name(method: str, number: int, label: str) -> str:
    """What the folder of a group is called, such as "_yaw_001_18_to_54"."""
    return f"_{method}_{number:03d}" + (f"_{label}" if label else "")


def is_group(name: str) -> bool:
    """Whether a folder of this name is one that sorting makes."""
    return _GROUP.fullmatch(name) is not None


def places(folder: Path) -> list[Path]:
    """A faces folder and the groups' folders in it.

    Raises:
        OSError: no such folder, or it may not be read.
    """
    with os.scandir(folder) as entries:
        return [folder, *sorted(Path(entry.path) for entry in entries if is_group(entry.name) and entry.is_dir())]


def sorted_pictures(folder: Path) -> dict[str, Path]:
    """Where pictures are that sorting renamed or grouped, by their names without its numbers.

    A clip's own name may look like a number of ours: whether a picture is the one that is meant, its header tells.

    Raises:
        OSError: no such folder, or it may not be read.
    """
    found: dict[str, Path] = {}
    for place in places(folder):
        with os.scandir(place) as entries:
            for entry in entries:
                name = without_number(entry.name)
                if name.lower().endswith(".png") and not name.startswith(".") and (
                        place != folder or name != entry.name):
                    found.setdefault(name, Path(entry.path))
    return found
