"""What lies on the disk, for the board: read by the keeper's thread, and again only when it has changed (no bpy)."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..core.errors import UnderstudyError
from ..core.faces.places import default_store
from ..core.faces.store import AlignmentsStore
from ..core.media.index import cached_index, file_fingerprint
from .board import FilmView, PersonView, StoreView

_STORE_PAUSE = 2.0  # seconds between two readings of alignments that keep changing


class OnDisk:
    """Folders, films and alignments."""

    def __init__(self) -> None:
        self._stamps: dict[str, tuple[int, int]] = {}
        self._films: dict[str, tuple[tuple[int, ...], FilmView | None]] = {}
        self._stores: dict[Path, tuple[Any, StoreView]] = {}

    def count(self, place: str) -> int:
        """How many files a folder holds; counted again only when it has changed."""
        try:
            stamp = os.stat(place).st_mtime_ns
            if place not in self._stamps or self._stamps[place][0] != stamp:
                with os.scandir(place) as entries:
                    self._stamps[place] = stamp, sum(1 for e in entries if not e.name.startswith("."))
            return self._stamps[place][1]
        except OSError:
            return 0

    def film(self, path: str) -> FilmView | None:
        """What is known of a counted film; None for a folder of images. Its index is read once."""
        stamp = _stamp_of(Path(path))
        if path not in self._films or self._films[path][0] != stamp:
            index = None if os.path.isdir(path) else cached_index(path, file_fingerprint(path))
            self._films[path] = stamp, FilmView(len(index), Fraction(*index.rate)) if index is not None else None
        return self._films[path][1]

    def store(self, film: Path, elsewhere: Path, is_busy: bool) -> StoreView:
        """A film's alignments; read again only when they have changed.

        Args:
            elsewhere: the folder for them where the film's own cannot be written.
            is_busy: jobs are writing: read them only now and then.
        """
        path = default_store(film, elsewhere)
        stamp = _stamp_of(path)
        known = self._stores.get(path)
        pause = _STORE_PAUSE if is_busy else 0.0
        if known is not None and (known[0][0] == stamp or time.monotonic() - known[0][1] < pause):
            return known[1]
        view = replace(read_store(path), stamp=stamp)
        self._stores[path] = (stamp, time.monotonic()), view
        return view


def read_store(path: Path) -> StoreView:
    """What panels show of a clip's alignments; who reads them while they are being written reads a moment later."""
    try:
        with AlignmentsStore.readonly(path) as store:
            counts, names = store.face_counts(), store.people()
    except UnderstudyError:
        return StoreView(str(path), path.exists())
    people = sorted((PersonView(person, names.get(person, ""), count) for person, count in counts.items()
                     if person is not None), key=lambda person: (-person.faces, person.id))
    return StoreView(str(path), True, tuple(people), counts.get(None, 0), sum(counts.values()))


def _stamp_of(path: Path) -> tuple[int, ...]:
    """Changes whenever the file does; a store's commits go to the -wal file first."""
    found: list[int] = []
    for one in (path, path.with_name(path.name + "-wal")):
        try:
            stat = one.stat()
            found += [stat.st_mtime_ns, stat.st_size]
        except OSError:
            found.append(-1)
    return tuple(found)
