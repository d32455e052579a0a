"""Opening the alignments that a job is about, choosing faces in them, and saying what would be done."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ..errors import AlignmentsError, Stopped, UsageError
from ..extraction.origin import source_info
from ..faces.nouns import Face
from ..faces.persons import wanted
from ..faces.places import default_store
from ..faces.store import AlignmentsStore
from ..jobs.messages import Reporter
from ..media.ranges import parse_frames
from ..media.source import Source, open_source
from ..options.alignments import ChosenOptions, StoreOptions

T = TypeVar("T")
_STEP = 64  # items between two looks at the reporter


def store_path(options: StoreOptions) -> Path:
    """Where the alignments are.

    Raises:
        UsageError: neither the clip nor the alignments are named.
        AlignmentsError: nothing is there.
    """
    if options.alignments.strip():
        path = Path(options.alignments).expanduser().absolute()
    elif options.source.strip():
        path = default_store(Path(options.source).expanduser())
    else:
        raise UsageError("Neither a clip nor its alignments are named", "Name the clip, or give --alignments FILE")
    if not path.is_file():
        raise AlignmentsError(f"There are no alignments at {path}", "Run extract on the clip first, or name its "
                              "alignments file")
    return path


@contextmanager
def opened(options: StoreOptions, *, write: bool, source: Source | None = None) -> Iterator[AlignmentsStore]:
    """The alignments, made sure to belong to the clip where that is named.

    Args:
        write: whether they are to be changed.
        source: the clip, where the job has opened it already.

    Raises:
        UsageError, SourceError: nothing, or nothing usable, is named.
        AlignmentsError: missing, damaged, or of another clip.
        OutputError: to be changed, and read-only.
    """
    info = None
    if source is not None:
        info = source_info(source)
    elif options.source.strip():
        store_path(options)  # the quicker answer, where there are none
        with open_source(options.source) as clip:
            info = source_info(clip)
    with opened_unchecked(options, write=write) as store:
        if info is not None:
            store.require(info)
        yield store


@contextmanager
def opened_unchecked(options: StoreOptions, *, write: bool) -> Iterator[AlignmentsStore]:
    """The alignments, whichever clip they belong to; as `opened` otherwise."""
    path = store_path(options)
    # A writer's connection waits for a running transaction; a reader's shows what it knew last.
    can_write = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    with (AlignmentsStore.open if write or can_write else AlignmentsStore.readonly)(path) as store:
        yield store


def chosen_frames(store: AlignmentsStore, frames: str) -> list[int] | None:
    """The frames that the person named, ascending; None for all."""
    return parse_frames(frames, store.source.length) if frames.strip() else None


def chosen(store: AlignmentsStore, options: ChosenOptions) -> Iterator[tuple[int, list[Face]]]:
    """(frame, its faces) for the frames and persons that are meant, ascending; frames left without a face are absent.

    Raises:
        UsageError: frames that the clip does not have.
        AlignmentsError: a person that nobody is called.
    """
    frames = chosen_frames(store, options.frames)
    is_wanted = wanted(store, options.persons)
    for frame, faces in store.iterate(frames):
        meant = [face for face in faces if is_wanted(face)]
        if meant:
            yield frame, meant


def counted(reporter: Reporter, items: Collection[T], unit: str, text: str) -> Iterator[T]:
    """`items`, with progress.

    Raises:
        Stopped: the person asked to; what was done with the items so far stays done.
    """
    total = len(items)
    for number, item in enumerate(items):
        if number % _STEP == 0 and reporter.progress(number, total, unit, text):
            raise Stopped
        yield item
    reporter.progress(total, total, unit, text)


class Plan:
    """What a job would do, or did, in sentences; the console prints them one a line.

    Attributes:
        dry: nothing is to be changed.
        lines: the sentences.
    """

    def __init__(self, dry: bool) -> None:
        self.dry = dry
        self.lines: list[str] = []

    def say(self, would: str) -> None:
        """Note an action, in the imperative: "remove face 1 of frame 12"."""
        self.lines.append(would)

    def result(self, **figures: Any) -> dict[str, Any]:
        """A task's result: the figures, whether it was a dry run and, then, what would have been done."""
        told = {"text": "\n".join(self.lines) or "Nothing would be changed."} if self.dry else {}
        return {**figures, "dry_run": self.dry, **told}


def named(face: Face) -> str:
    """A face in words."""
    return f"face {face.position} of frame {face.frame}"


def back_up(store: AlignmentsStore) -> str:
    """Copy the alignments beside themselves before they are changed; returns where to."""
    return str(store.backup())
