"""What stores and face pictures remember of the clip that they are from."""

from __future__ import annotations

from ..faces.nouns import SourceInfo
from ..media.source import Source


def source_info(source: Source) -> SourceInfo:
    """What tells a source from others, for a store to keep."""
    width, height = source.size
    return SourceInfo(source.fingerprint, source.path.name, width, height, str(source.rate), len(source), source.kind)
