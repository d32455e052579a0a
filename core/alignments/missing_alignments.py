"""The job `alignments missing-alignments`: frames that were never searched for faces."""

from __future__ import annotations

from typing import Any

from ..jobs.messages import Reporter
from ..media.ranges import parse_frames
from ..media.source import open_source
from ..options.alignments import MissingAlignmentsOptions
from .frames import deliver_frames, opened_in_step


def run(options: MissingAlignmentsOptions, reporter: Reporter) -> dict[str, Any]:
    """List the frames of the source that the alignments do not know, or move their pictures away.

    Returns:
        as `frames.deliver_frames`.

    Raises:
        SourceError, AlignmentsError, UsageError, OutputError, Stopped: as `opened_in_step` and `deliver_frames` say.
    """
    with open_source(options.source) as source, opened_in_step(options, source) as store:
        known = store.frames_seen() | set(store.counts())
        frames = set(parse_frames(options.frames, len(source))) - known
        return deliver_frames("missing-alignments", options, source, store, frames, reporter)
