"""What the service answers about the faces of a clip: `faces_sheet`, a page of them, and `faces_measure`.

The table of the last store stays in memory, so that turning a page reads some thumbnails and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AlignmentsError, Stopped, UsageError
from ..faces.nouns import STATES
from ..faces.store import AlignmentsStore
from ..jobs.messages import Reporter
from ..media.images import write_file
from . import sheet
from .sharpness import Memory
from .table import EVERYBODY, Limits, Table, read_table, stamp_of

MOST_PER_PAGE = 200
_SLICE = 0.2  # seconds for which others wait while faces are measured
_MOST_FRAMES = 60  # on a page of whole frames, which have to be decoded


@dataclass
class _Open:
    stamp: tuple[tuple[int, int], ...]
    table: Table
    memory: Memory
    unmeasured: int


_open: dict[Path, _Open] = {}  # one store at a time


def faces_sheet(values: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """A page of faces as one picture.

    Args:
        values: {"store", "picture" (file to write), "filter", "person" (id, -1 everybody, -2 nobody), "order", "page"
            (from 0; the last one where there are fewer), "per_page", "limits": {"misaligned", "small", "blurred"},
            "source" (the clip, for frames without faces)}.

    Returns:
        {"picture", "size": [w, h], "cell": [w, h], "columns", "cells": [{"uuid" ("" for a frame), "frame", "position",
        "person", "state"}], "page", "pages", "found", "counts": {filter: number}, "unmeasured" (faces whose sharpness
        is not known yet, so that "blurred" counts too few), "usual": {"misaligned", "small"} (the clip's medians),
        "revision"}.

    Raises:
        AlignmentsError, SourceError, OutputError, UsageError.
    """
    path = Path(str(values.get("store", "")))
    limits = Limits(**{name: float(value) for name, value in values.get("limits", {}).items()})
    what, order = str(values.get("filter", "all")), str(values.get("order", "frame"))
    known = _opened(path)
    table = known.table
    with AlignmentsStore.readonly(path) as store:
        if "blurred" in (what, order):
            while known.unmeasured:
                if reporter.progress(len(table) - known.unmeasured, len(table), "faces", "Measuring sharpness"):
                    raise Stopped
                known.unmeasured = known.memory.measure(table, store, _SLICE)
        per_page = min(max(1, int(values.get("per_page", 100))), MOST_PER_PAGE)
        if what == "no-face":
            entries: np.ndarray = table.empty_frames()
            per_page = min(per_page, _MOST_FRAMES)
        else:
            entries = table.chosen(what, int(values.get("person", EVERYBODY)), order, limits,
                                   lambda: _likeness(table, store))
        pages = max(1, -(-len(entries) // per_page))
        page = min(max(0, int(values.get("page", 0))), pages - 1)
        shown = entries[page * per_page:(page + 1) * per_page]
        if what == "no-face":
            cells, pictures = _of_frames(shown.tolist(), str(values.get("source", "")))
        else:
            cells, pictures = _of_faces(table, shown.tolist(), store)
    picture = Path(str(values["picture"]))
    pixels = sheet.draw(pictures)
    write_file(picture, sheet.encoded(pixels))
    there = table.present
    return {"picture": str(picture), "size": [pixels.shape[1], pixels.shape[0]], "cell": list(sheet.CELL),
            "columns": sheet.columns_for(len(cells)), "cells": cells, "page": page, "pages": pages,
            "found": len(entries), "unmeasured": known.unmeasured, "revision": table.revision,
            "counts": counts(table, limits),
            "usual": {"misaligned": _median(table.distances[there]), "small": _median(table.sizes[there])}}


def faces_measure(values: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Measure the sharpness of some more faces: {"store", "limits"} -> {"unmeasured", "counts"}.

    Takes a fifth of a second at most, so that nobody who asks something else has to wait for a whole clip.
    """
    path = Path(str(values.get("store", "")))
    limits = Limits(**{name: float(value) for name, value in values.get("limits", {}).items()})
    known = _opened(path)
    with AlignmentsStore.readonly(path) as store:
        known.unmeasured = known.memory.measure(known.table, store, _SLICE)
    return {"unmeasured": known.unmeasured, "counts": counts(known.table, limits)}


def counts(table: Table, limits: Limits) -> dict[str, int]:
    """How many faces, or frames, each filter lets through."""
    return {**{name: int(mask.sum()) for name, mask in table.masks(limits).items()},
            "no-face": len(table.empty_frames())}


def _opened(path: Path) -> _Open:
    """The store's table, read again when the file has changed.

    Raises:
        AlignmentsError: there is no store, or it cannot be read.
    """
    if not path.is_file():
        raise AlignmentsError(f"There are no alignments in {path}", "Extract the strip's faces first")
    stamp = stamp_of(path)
    known = _open.get(path)
    if known is None or known.stamp != stamp:
        table = read_table(path)
        memory = known.memory if known is not None else Memory(path)
        known = _Open(stamp, table, memory, memory.fill(table))
        _open.clear()
        _open[path] = known
    return known


def _of_faces(table: Table, rows: list[int], store: AlignmentsStore) -> tuple[list[dict[str, Any]], list[sheet.Cell]]:
    pictures = store.thumbnails([table.uuids[row] for row in rows])
    cells, drawn = [], []
    for row in rows:
        uuid, frame, position = table.uuids[row], int(table.frames[row]), int(table.positions[row])
        person, state = int(table.persons[row]), STATES[table.states[row]]
        cells.append({"uuid": uuid, "frame": frame, "position": position, "person": person, "state": state})
        drawn.append(sheet.Cell(sheet.decoded(pictures.get(uuid)), f"{frame}" + (f".{position}" if position else ""),
                                table.names.get(person, ""), state))
    return cells, drawn


def _of_frames(frames: list[int], source: str) -> tuple[list[dict[str, Any]], list[sheet.Cell]]:
    """Whole frames, for those without faces."""
    from ..media.source import open_source

    if not source:
        raise UsageError("The request lacks 'source'", "Update the extension")
    cells = [{"uuid": "", "frame": frame, "position": 0, "person": EVERYBODY, "state": "machine"} for frame in frames]
    with open_source(source) as clip:
        inside: Iterable[int] = [frame for frame in frames if frame < len(clip)]
        pixels = {frame.index: frame.pixels for frame in clip.frames(inside)} if inside else {}
    return cells, [sheet.Cell(pixels.get(frame), str(frame)) for frame in frames]


def _likeness(table: Table, store: AlignmentsStore) -> np.ndarray:
    """How like each face is to the mean of its person's (or of all, where nobody is told apart), cosine, float32 [N].

    Raises:
        AlignmentsError: no face has an identity vector.
    """
    kinds = store.identity_kinds()
    if not kinds:
        raise AlignmentsError(f"No face of {table.source} has an identity vector",
                              "Extract again with an identity model, or choose another order")
    uuids, vectors = store.identities(max(kinds, key=lambda name: kinds[name]))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors / np.where(lengths > 0, lengths, 1)
    rows = {uuid: number for number, uuid in enumerate(table.uuids)}
    where = np.array([rows.get(uuid, -1) for uuid in uuids], np.int64)
    vectors, where = vectors[where >= 0], where[where >= 0]
    found = np.full(len(table), np.inf, np.float32)  # those without a vector come last
    persons = table.persons[where]
    for person in np.unique(persons):
        own = persons == person
        mean = vectors[own].mean(axis=0)
        found[where[own]] = vectors[own] @ mean / (np.linalg.norm(mean) or 1.0)
    return found


def _median(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return round(float(np.median(known)), 4) if len(known) else 0.0
