"""Conversion's options about what is written."""

from __future__ import annotations

from dataclasses import dataclass

from .field import option
from .rows import WRITERS


@dataclass(frozen=True)
class ConvertWritingOptions:
    """What is written, and how."""

    writer: str = option("overlay", label="Writer", help="What to write", choices=WRITERS, group="Output")
