"""What alignments that a person names say of the pictures in a faces folder: whose face, its landmarks, its mask."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from ...alignments.pictures import Owners, all_faces, picture_name
from ...errors import AlignmentsError, UsageError
from ...faces.nouns import Face, StoredMask
from ...faces.persons import wanted
from ...faces.png import FaceHeader
from ...faces.store import AlignmentsStore
from ...sorting.names import without_number


class Entry(NamedTuple):
    """A picture's entry.

    Attributes:
        face: as the alignments know it, which may be removed.
        is_meant: whether it is of a chosen person.
        mask: the stored mask that was asked for; None where it has none.
        kinds: of all its stored masks, if they were asked for.
    """

    face: Face
    is_meant: bool
    mask: StoredMask | None
    kinds: tuple[str, ...]


class Entries:
    """Alignments files that know a faces folder; one thread at a time."""

    def __init__(self, stores: Sequence[AlignmentsStore], names: Sequence[str]) -> None:
        self._files = [_File(store, is_meant) for store, is_meant in zip(stores, _chosen(stores, names), strict=True)]

    def of(self, path: Path, header: FaceHeader | None, kind: str = "", with_kinds: bool = False) -> Entry | None:
        """The entry of a picture; None where it has none.

        Args:
            header: None: another program dropped it, and the picture is known by its name.
            kind: of the stored mask that is needed; "": none.
            with_kinds: whether to say what masks there are.
        """
        for file in self._files:
            face = file.owner(path, header)
            if face is not None:
                return Entry(face, file.is_meant(face), file.store.mask(face.uuid, kind) if kind else None,
                             tuple(file.store.mask_kinds(face.uuid)) if with_kinds else ())
        return None


@contextmanager
def open_entries(alignments: Sequence[str], persons: Sequence[str], label: str) -> Iterator[Entries | None]:
    """The named alignments; None where there are none.

    Args:
        persons: names of those whose faces are meant; a name need not be known to all files. Empty: everyone.
        label: "A" or "B", for messages.

    Raises:
        UsageError: persons are named and no alignments.
        AlignmentsError: alignments that cannot be read, or a name that none of them knows.
    """
    if not alignments:
        if persons:
            raise UsageError(f"The pictures of side {label} do not say whose they are",
                             f"Name their alignments with --alignments-{label.lower()}")
        yield None
        return
    stores: list[AlignmentsStore] = []
    try:
        for text in alignments:
            path = Path(text).expanduser()
            # A writer's connection waits for a running transaction; a reader's shows what it knew last.
            open_store = AlignmentsStore.open if os.access(path, os.W_OK) else AlignmentsStore.readonly
            stores.append(open_store(path))
        yield Entries(stores, persons)
    finally:
        for store in stores:
            store.close()


class _File:
    """One alignments file."""

    def __init__(self, store: AlignmentsStore, is_meant: Callable[[Face], bool]) -> None:
        self.store, self.is_meant = store, is_meant

    def owner(self, path: Path, header: FaceHeader | None) -> Face | None:
        if header is None:
            return self._by_name.get(path.name) or self._by_name.get(without_number(path.name))
        return self.store.face(header.uuid) if header.uuid else self._owners(header)

    @cached_property
    def _owners(self) -> Owners:
        """For pictures of other programs, which do not know our faces' ids."""
        return Owners(all_faces(self.store), self.store.source.name)

    @cached_property
    def _by_name(self) -> dict[str, Face]:
        """For pictures without a header: each face by what extract calls its picture."""
        names = self.store.frame_names()
        return {picture_name(Path(names[face.frame]).stem, face.position): face
                for face in all_faces(self.store) if face.frame in names}


def _chosen(stores: Sequence[AlignmentsStore], names: Sequence[str]) -> list[Callable[[Face], bool]]:
    """Per file, whether a face is of one of the persons.

    Raises:
        AlignmentsError: a name that no file knows.
    """
    if not names:
        return [lambda face: True] * len(stores)
    known: dict[str, list[AlignmentsStore]] = {name: [] for name in names}
    unknown: dict[str, AlignmentsError] = {}
    for store in stores:
        for name in names:
            try:
                wanted(store, (name,))
                known[name].append(store)
            except AlignmentsError as error:
                unknown[name] = error
    for name, having in known.items():
        if not having:
            raise unknown[name]
    return [_of_any(store, [name for name in names if store in known[name]]) for store in stores]


def _of_any(store: AlignmentsStore, names: Sequence[str]) -> Callable[[Face], bool]:
    return wanted(store, tuple(names)) if names else lambda face: False
