"""Whose pictures of a faces folder are trained on, where not everyone's are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import AlignmentsError, FacesError, UsageError
from ..faces.persons import wanted
from ..faces.png import read_header
from ..faces.store import AlignmentsStore


def faces_of(names: Sequence[str], alignments: Sequence[str], label: str) -> frozenset[str] | None:
    """The uuids of the faces of some persons; None where everyone is meant.

    Args:
        names: of the persons.
        alignments: files that know them; a name need not be known to all.
        label: "A" or "B", for messages.

    Raises:
        UsageError: persons are named and no alignments.
        AlignmentsError: alignments that cannot be read, or a name that none of them knows.
    """
    if not names:
        return None
    if not alignments:
        raise UsageError(f"The pictures of side {label} do not say whose they are",
                         f"Name their alignments with --alignments-{label.lower()}")
    found: set[str] = set()
    unknown: dict[str, AlignmentsError] = {}
    known: set[str] = set()
    for path in map(Path, alignments):
        # A writer's connection waits for a running transaction; a reader's shows what it knew last.
        opened = AlignmentsStore.open if os.access(path.expanduser(), os.W_OK) else AlignmentsStore.readonly
        with opened(path.expanduser()) as store:
            for name in names:
                try:
                    is_meant = wanted(store, (name,))
                except AlignmentsError as error:
                    unknown[name] = error
                    continue
                known.add(name)
                found |= {face.uuid for _, faces in store.iterate() for face in faces if is_meant(face)}
    for name, reason in unknown.items():
        if name not in known:
            raise reason
    return frozenset(found)


def pictures_of(files: Sequence[Path], faces: frozenset[str] | None) -> list[Path]:
    """Those of the files that are pictures of these faces (None: all), and those that are no face pictures at all."""
    if faces is None:
        return list(files)
    return [path for path in files if (uuid := _uuid(path)) is None or uuid in faces]


def _uuid(path: Path) -> str | None:
    try:
        return read_header(path).uuid
    except FacesError:
        return None  # whoever reads the picture says what is wrong with it
