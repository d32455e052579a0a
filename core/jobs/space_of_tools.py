"""How much room the tools want that write many files: see `space` (stdlib only; both sides)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..faces.places import default_store
from ..faces.store import AlignmentsStore
from ..media.ranges import parse_frames

FACE = 1.7  # bytes per pixel of a picture of a face (PNG)
PICTURE = 2.4  # bytes per pixel of a whole frame (PNG)
_MASK = 0.25  # bytes per pixel of a stored mask, which is packed
_LARGEST_MASK = 512  # what 0 for "as the network makes them" comes to at most
_COPY = 3  # times a film's size that its copy at a constant rate takes, however well it was packed before


def _faces_folder(options: Mapping[str, Any]) -> dict[Path, int]:
    """`alignments extract`: a picture of each face."""
    if options.get("update") or options.get("dry_run"):
        return {}
    faces, _, _ = _chosen(options, options.get("every", 1))
    return {Path(options["faces"]): round(faces * options.get("face_size", 512) ** 2 * FACE)}


def _drawn(options: Mapping[str, Any]) -> dict[Path, int]:
    """`alignments draw`: every chosen frame."""
    _, frames, (width, height) = _chosen(options)
    place = Path(options["output"]) if options.get("output") else Path(options["source"]).parent
    return {place: round(frames * width * height * PICTURE)}


def _mask_pictures(options: Mapping[str, Any]) -> dict[Path, int]:
    """`mask output`: a picture for each mask of each face, or of each frame."""
    faces, frames, (width, height) = _chosen(options)
    pixels = frames * width * height if options.get("full_frame") else faces * options.get("size", 512) ** 2
    panels = 3 if options.get("kind", "combined") == "combined" else 1
    masks = max(1, len(options.get("mask", ())))
    return {Path(options["output"]): round(pixels * panels * masks * PICTURE)}


def _masks(options: Mapping[str, Any]) -> dict[Path, int]:
    """`mask add`, `mask update`, `mask import`: masks in the alignments, and in the headers of the pictures."""
    if options.get("dry_run") or not _store(options).exists():
        return {}
    faces, _, _ = _chosen(options)
    masks = max(1, len(options.get("masker", ())))
    size = round(faces * masks * ((options.get("mask_size") or _LARGEST_MASK) ** 2) * _MASK)
    found = {_store(options).parent: size + _store(options).stat().st_size}  # with the backup
    if options.get("faces"):
        found[Path(options["faces"])] = size
    return found


def _sorted(options: Mapping[str, Any]) -> dict[Path, int]:
    """`sort`: nothing where pictures are only moved."""
    if options.get("dry_run") or options.get("undo") or not (options.get("keep") or options.get("output")):
        return {}
    return {Path(options.get("output") or options["faces"]): _size(Path(options["faces"]))}


def _merged(options: Mapping[str, Any]) -> dict[Path, int]:
    """`alignments merge`: the pictures of all folders once more."""
    if options.get("dry_run"):
        return {}
    return {Path(options["output"]): sum(_size(Path(folder)) for folder in options.get("folders", ()))}


def _copied(options: Mapping[str, Any]) -> dict[Path, int]:
    """`constant-rate`: the film once more."""
    place = Path(options.get("output") or options["source"]).parent
    return {place: Path(options["source"]).stat().st_size * _COPY}


ESTIMATES: dict[str, Callable[[Mapping[str, Any]], dict[Path, int]]] = {
    "alignments extract": _faces_folder, "alignments draw": _drawn, "alignments merge": _merged,
    "mask output": _mask_pictures, "mask add": _masks, "mask update": _masks, "mask import": _masks,
    "sort": _sorted, "constant-rate": _copied}


def _store(options: Mapping[str, Any]) -> Path:
    return Path(options["alignments"]) if options.get("alignments") else default_store(Path(options["source"]))


def _chosen(options: Mapping[str, Any], every: int = 1) -> tuple[int, int, tuple[int, int]]:
    """(faces, frames, width and height of a frame) of what the options choose of the alignments."""
    with AlignmentsStore.readonly(_store(options)) as store:
        source, counts = store.source, store.counts()
    frames = [n for n in parse_frames(options.get("frames", ""), source.length) if n % max(1, every) == 0]
    return sum(counts.get(frame, 0) for frame in frames), len(frames), (source.width, source.height)


def _size(folder: Path) -> int:
    """Bytes of the files in a folder and in those in it."""
    return sum(os.path.getsize(os.path.join(place, name)) for place, _, names in os.walk(folder) for name in names)
