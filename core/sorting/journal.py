"""The record of one sorting: what was to be moved, and how far it got, so that it can go on or be taken back.

It is on disk before the first picture moves. Its first line is JSON with all steps; after it comes one character for
each thing done: `+` a step, `-` a step taken back, `u` the wish to take back what was done. A step is recorded after it
was done, so that only the first one not recorded can be in doubt, and for that one the names on disk tell.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..errors import FacesError, writing
from ..media.images import write_file
from ..partials import partial_path, sweep_pictures
from .names import is_group
from .plan import Move, same_content

_KEPT = 5  # sortings of one folder that can be taken back, the latest first
_PREFIX, _SUFFIX = ".sort_", ".journal"

Progress = Callable[[str, int, int], None]


class Journal:
    """One sorting of a faces folder.

    Attributes:
        options: what was asked for, as JSON-ready data.
        steps: (from, to), in order.
        copies: pictures are copied rather than moved.
        result: what the task is to answer.
        done: how many steps are done.
        undoing: whether it is being taken back.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            head, _, marks = path.read_text(encoding="utf-8").partition("\n")
            data = json.loads(head)
            folder = path.parent
            self.options: dict[str, Any] = data["options"]
            self.result: dict[str, Any] = data["result"]
            self.copies = bool(data["copies"])
            self.steps: list[Move] = [(folder / source, folder / target) for source, target in data["steps"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FacesError(f"The record {path} of an earlier sorting cannot be read ({error})",
                             "Restore the names with alignments rename, then remove that file") from error
        self.done = marks.count("+") - marks.count("-")
        self.undoing = "u" in marks

    @classmethod
    def begin(cls, folder: Path, steps: Sequence[Move], copies: bool, options: dict[str, Any],
              result: dict[str, Any]) -> Journal:
        """Write the record of a sorting that is about to begin; of older ones the latest few stay.

        Raises:
            OutputError: the folder cannot be written.
        """
        older = journals(folder)
        number = int(older[-1].name[len(_PREFIX):-len(_SUFFIX)]) + 1 if older else 1
        path = folder / f"{_PREFIX}{number:04d}{_SUFFIX}"
        data = {"version": 1, "options": options, "result": result, "copies": copies,
                "steps": [[_relative(path, folder) for path in step] for step in steps]}
        write_file(path, (json.dumps(data, ensure_ascii=False) + "\n").encode())
        for old in older[:1 - _KEPT]:
            old.unlink(missing_ok=True)
        return cls(path)

    @property
    def is_finished(self) -> bool:
        return self.done == len(self.steps) and not self.undoing

    def go_on(self, progress: Progress) -> list[Path]:
        """Do the steps that are left; returns pictures that stay where they are because a file is in the way.

        Raises:
            OutputError: a place cannot be written.
        """
        blocked = []
        sweep_pictures(self.path.parent)
        with _Marks(self.path) as mark:
            for number in range(self.done, len(self.steps)):
                progress("Copying" if self.copies else "Renaming", number, len(self.steps))
                source, target = self.steps[number]
                with writing(target):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    if not (_copy(source, target) if self.copies else _move(source, target)):
                        blocked.append(source)
                mark("+")
                self.done += 1
        _remove_empty({source.parent for source, _ in self.steps}, self.path.parent)
        return blocked

    def take_back(self, progress: Progress) -> list[Path]:
        """Undo the steps that are done, last one first, and remove the record.

        Pictures that were thrown out since are passed over.

        Returns:
            pictures that stay where they are because a file has their former name.

        Raises:
            OutputError: a place cannot be written.
        """
        blocked = []
        with _Marks(self.path) as mark:
            if not self.undoing:
                mark("u")
                self.undoing = True
            for number in reversed(range(self.done)):
                progress("Restoring", len(self.steps) - 1 - number, len(self.steps))
                source, target = self.steps[number]
                with writing(source):
                    if self.copies and same_content(source, target):
                        target.unlink()
                    elif not self.copies:
                        source.parent.mkdir(parents=True, exist_ok=True)
                        if not _move(target, source):
                            blocked.append(target)
                mark("-")
                self.done -= 1
        _remove_empty({target.parent for _, target in self.steps}, self.path.parent)
        self.path.unlink()
        return blocked


def journals(folder: Path) -> list[Path]:
    """The records of a faces folder's sortings, oldest first."""
    return sorted(folder.glob(f"{_PREFIX}[0-9]*{_SUFFIX}"))


class _Marks:
    """Adds characters to a journal, each at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Callable[[str], None]:
        with writing(self._path):
            self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        return self._add

    def _add(self, character: str) -> None:
        with writing(self._path):
            os.write(self._fd, character.encode())

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def _move(source: Path, target: Path) -> bool:
    """Move a file; nothing happens if it is gone. False if another one is in the way."""
    if not os.path.lexists(source):
        return True
    if os.path.lexists(target):
        # From disk to disk a picture is at both ends for a moment.
        if source.stat().st_dev == target.stat().st_dev or not same_content(source, target):
            return False
        source.unlink()
        return True
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(source, target)
        source.unlink()
    return True


def _copy(source: Path, target: Path) -> bool:
    """Copy a file, complete or not at all; nothing happens if it is gone. False if another one is in the way."""
    if not os.path.lexists(source):
        return True
    if os.path.lexists(target):
        return same_content(source, target)
    partial = partial_path(target)
    try:
        shutil.copy2(source, partial)
        os.replace(partial, target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return True


def _remove_empty(places: set[Path], folder: Path) -> None:
    """Remove those of the groups' folders that nothing is left in."""
    for place in places:
        if place != folder and is_group(place.name):
            try:
                place.rmdir()  # refuses where anything is inside
            except OSError:
                continue


def _relative(path: Path, folder: Path) -> str:
    """As the journal keeps it: relative where it is inside, so that the folder may be moved as a whole."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)
