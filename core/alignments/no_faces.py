"""The job `alignments no-faces`: frames that were searched and hold no face."""

from __future__ import annotations

from typing import Any

from ..jobs.messages import Reporter
from ..media.ranges import parse_frames
from ..media.source import open_source
from ..options.alignments import NoFacesOptions
from .frames import deliver_frames, opened_in_step


def run(options: NoFacesOptions, reporter: Reporter) -> dict[str, Any]:
    """List the frames without a face, or move their pictures away.

    Returns:
        as `frames.deliver_frames`.

    Raises:
        SourceError, AlignmentsError, UsageError, OutputError, Stopped: as `opened_in_step` and `deliver_frames` say.
    """
    with open_source(options.source) as source, opened_in_step(options, source) as store:
        frames = set(parse_frames(options.frames, len(source))) & store.frames_seen() - set(store.counts())
        return deliver_frames("no-faces", options, source, store, frames, reporter)
