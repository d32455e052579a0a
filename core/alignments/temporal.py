"""The job `alignments temporal`: jitter goes out of the landmarks, motion stays where it is."""

from __future__ import annotations

from typing import Any

from ..jobs.messages import Reporter
from ..options.alignments import TemporalOptions
from . import smoothing
from .following import smoothed


def run(options: TemporalOptions, reporter: Reporter) -> dict[str, Any]:
    """Smooth landmarks along each face's track, as `core.faces.smoothing` says; see `smoothing.run` for the rest."""
    return smoothing.run(options, reporter, lambda tracks, counted: [
        smoothed(track) for track in counted(tracks, "Smoothing")])
