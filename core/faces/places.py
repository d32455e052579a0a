"""Where a source's alignments are kept (stdlib; both sides import it)."""

from __future__ import annotations

import os
from pathlib import Path

IN_FOLDER = "alignments.db"  # what the alignments inside a folder are called


def default_store(source: Path | str, fallback: Path | str | None = None) -> Path:
    """`<stem>_alignments.db` beside a video, `alignments.db` inside an image folder.

    Args:
        fallback: folder for places that cannot be written (Blender's side gives the .blend's); a store that is
            already there is found again as well. None: always beside the source.
    """
    source = Path(source).absolute()
    is_folder = source.is_dir()
    beside = source / IN_FOLDER if is_folder else source.with_name(f"{source.stem}_alignments.db")
    if fallback is None or beside.exists():
        return beside
    elsewhere = Path(fallback) / f"{source.name if is_folder else source.stem}_alignments.db"
    if elsewhere.exists() or not os.access(beside.parent, os.W_OK):
        return elsewhere
    return beside
