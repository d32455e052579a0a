"""The job `alignments missing-frames`: frames in the alignments that the source no longer has."""

from __future__ import annotations

from typing import Any

from ..extraction.origin import source_info
from ..jobs.messages import Reporter
from ..media.ranges import format_frames
from ..media.source import open_source
from ..options.alignments import MissingFramesOptions
from .frames import frame_places
from .listing import Item, deliver
from .stores import opened_unchecked


def run(options: MissingFramesOptions, reporter: Reporter) -> dict[str, Any]:
    """List the frames that only the alignments know; `alignments remove-frames` drops them.

    Returns:
        as `listing.deliver`, with "frames" such as "0-99,150": the numbers that they have in the alignments.

    Raises:
        SourceError, AlignmentsError, OutputError: what is named cannot be used or written.
    """
    with open_source(options.source) as source, opened_unchecked(options, write=False) as store:
        places, names = frame_places(store, source, source_info(source)), store.frame_names()
    missing = [frame for frame, place in places.items() if place is None]
    items = [Item(f"{frame}\t{names.get(frame, '')}".rstrip()) for frame in missing]
    beside = source.path if source.path.is_dir() else source.path.parent
    return {**deliver("missing-frames", options, items, beside, reporter), "frames": format_frames(missing)}
