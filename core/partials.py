"""Half-written files and folders: until one is whole it is called `.NAME.PROCESS.partial` (videos keep their ending
behind that, SQLite puts its journal's there), so that what a killed process left can be told from what is being
written.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

# Earlier versions of Understudy wrote `.part`.
_PARTIAL = re.compile(r"\.(.+)\.(\d+)\.part(?:ial)?(?:\.\w+|-\w+)?")
_BEGUN = time.time() - 2  # seconds; some file systems keep times to two


def partial_path(path: Path, keep_ending: bool = False) -> Path:
    """Where to write what is to be at `path` when it is whole; FFmpeg goes by a name's ending and needs it kept."""
    name, ending = (path.stem, path.suffix) if keep_ending else (path.name, "")
    return path.with_name(f".{name}.{os.getpid()}.partial{ending}")


def sweep(folder: Path, is_mine: Callable[[str], bool]) -> None:
    """Remove what killed processes of this machine left half-written in a folder.

    Args:
        is_mine: whether what has this name is this run's to write. The rest may be another machine's, at work.
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
        if match and is_mine(match[1]) and not _is_at_work(int(match[2]), folder / name):
            _remove(folder / name)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _is_at_work(process: int, path: Path) -> bool:
    """Whether the process of this number may still be writing at `path`; what cannot be told counts as writing."""
    if process == os.getpid():  # in a container every run may have the number of the last one
        with suppress(OSError):
            return path.stat().st_mtime >= _BEGUN
    if os.name == "nt":
        return True  # asking for it there would end it
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
