"""Frames as listing jobs see them: which there are, what they are called, and moving their pictures away.

The frames of a folder of images are numbered by the order of the names, so that a picture taken away gives those behind
it other numbers: whenever that happens the alignments are renumbered, by the names that they remember.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import AlignmentsError
from ..extraction.origin import source_info
from ..faces.nouns import SourceInfo
from ..faces.renumber import move_frames
from ..faces.store import AlignmentsStore
from ..jobs.messages import Reporter
from ..media.ranges import format_frames
from ..media.source import Source, open_source
from ..options.alignments import FrameListOptions, ListOptions
from .listing import Item, deliver
from .stores import back_up, opened_unchecked


def frame_files(source: Source) -> list[Path] | None:
    """The picture of each frame; None for a video."""
    return getattr(source, "files", None)


def frame_line(source: Source, index: int) -> str:
    """A frame in a list: its number, and what it is called."""
    files = frame_files(source)
    return f"{index}\t{files[index].name if files else source.name(index)}"


@contextmanager
def opened_in_step(options: FrameListOptions, source: Source) -> Iterator[AlignmentsStore]:
    """The alignments of a source, for a job that lists frames and may move their pictures.

    Where such a move was killed before the alignments had followed, they follow now.

    Raises:
        UsageError, AlignmentsError, OutputError: as `stores.opened`.
    """
    moves = options.action == "move" and not options.dry_run
    with opened_unchecked(options, write=moves) as store:
        info = source_info(source)
        if store.source.fingerprint != info.fingerprint:
            places = frame_places(store, source, info)
            if not moves:
                gone = sum(place is None for place in places.values())
                raise AlignmentsError(f"{gone} frames in {store.path} are no longer in {source.path}",
                                      "Run alignments remove-frames first")
            back_up(store)
            move_frames(store, places, info)
        yield store


def deliver_frames(job: str, options: ListOptions, source: Source, store: AlignmentsStore, frames: Iterable[int],
                   reporter: Reporter) -> dict[str, Any]:
    """Print, write or move frames of a source; after a move the alignments follow.

    Returns:
        as `listing.deliver`, with "frames" such as "0-99,150", for other commands' --frames, and "backup".

    Raises:
        UsageError: frames of a video are to be moved.
        AlignmentsError, OutputError, Stopped: as said there.
    """
    files = frame_files(source)
    frames = sorted(frames)
    items = [Item(frame_line(source, index), files[index] if files else None) for index in frames]
    beside = source.path if source.path.is_dir() else source.path.parent
    will_move = options.action == "move" and bool(items) and not options.dry_run and files is not None
    backup = back_up(store) if will_move else ""
    try:
        result = deliver(job, options, items, beside, reporter)
    finally:
        if will_move:
            follow(store, source.path)
    return {**result, "frames": format_frames(frames), "backup": backup}


def follow(store: AlignmentsStore, path: Path) -> None:
    """Give the store the numbers that frames have now that pictures were taken from the folder `path`."""
    with open_source(path) as source:
        info = source_info(source)
        move_frames(store, frame_places(store, source, info), info)


def frame_places(store: AlignmentsStore, source: Source, info: SourceInfo) -> dict[int, int | None]:
    """Frame of the store -> the same frame of the source as it is now; None where the source does not have it.

    A source that is not, bit for bit, what the store was made of must be it in all but missing frames: the pictures'
    names tell, for a video its name and size.

    Raises:
        AlignmentsError: the store belongs to another clip, or holds faces in frames whose names it does not know.
    """
    known = store.source
    frames = sorted(store.frames_seen() | set(store.counts()))
    if known.fingerprint == info.fingerprint:
        return {frame: frame if frame < info.length else None for frame in frames}
    files = frame_files(source)
    if files is None or known.kind != "images":
        if (known.name, known.kind, known.width, known.height) != (info.name, info.kind, info.width, info.height):
            store.require(info)
        return {frame: frame if frame < info.length else None for frame in frames}
    names = store.frame_names()
    unnamed = [frame for frame in frames if frame not in names]
    if unnamed:
        raise AlignmentsError(f"{store.path} holds faces in frames that were never searched "
                              f"({format_frames(unnamed)}), so that these cannot be found again by name",
                              "Put the pictures back and run extract for these frames first")
    numbers = {file.name: number for number, file in enumerate(files)}
    if not any(name in numbers for name in names.values()):
        store.require(info)
    return {frame: numbers.get(names[frame]) for frame in frames}
