"""The task behind `understudy samples` and Blender's Load Demo: the two sample clips alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..jobs.messages import Reporter
from ..options.demo import SamplesOptions
from .clips import make_clips


def run(options: SamplesOptions, reporter: Reporter) -> dict[str, Any]:
    """Make the sample clips, unless they are there.

    Returns:
        a, b (the clip whose face is replaced, and the one that lends it), text.

    Raises:
        OutputError, SourceError, Stopped: as `clips.make_clips`.
    """
    a, b = make_clips(Path(options.output).expanduser().absolute(), reporter)
    return {"a": str(a), "b": str(b), "text": f"{a}\n{b}"}
