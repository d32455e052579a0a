"""Making a whole store anew, beside its place, so that there is never half of one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import writing
from ..faces.nouns import SourceInfo
from ..faces.store import AlignmentsStore


@contextmanager
def built(path: Path, info: SourceInfo) -> Iterator[AlignmentsStore]:
    """A new, empty store that takes its place at `path` when the block has ended well.

    What was there before is gone then; see `backed_up`.

    Raises:
        OutputError: the place cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear(part)
    try:
        # One transaction: there is no reader yet, and a commit for every face would take minutes.
        with AlignmentsStore.create(part, info) as store, store.transaction():
            yield store
        with writing(path):
            os.replace(part, path)
    except BaseException:
        _clear(part)
        raise


def backed_up(path: Path) -> str:
    """Copy the store at `path` beside itself; returns where to, "" where there is none.

    Raises:
        AlignmentsError: what is there is no store, or a damaged one.
    """
    if not path.exists():
        return ""
    with AlignmentsStore.open(path) as store:
        return str(store.backup())


def _clear(part: Path) -> None:
    for name in (part.name, f"{part.name}-journal"):
        part.with_name(name).unlink(missing_ok=True)
