"""Which tool wrote a file, by its content rather than its name."""

from __future__ import annotations

from pathlib import Path

from ..errors import AlignmentsError
from ..faces.chunks import SIGNATURE
from .fsa import read_fsa
from .json_files import read_json
from .nouns import ForeignFile
from .pictures import JPEG, read_folder, read_picture

_MOST_BYTES = 2 * 1024**3
_HINT = ("Name faceswap's alignments (.fsa, .json), JSON that alignments export wrote, or faces that faceswap or "
         "DeepFaceLab extracted")


def read_foreign(path: Path) -> ForeignFile:
    """What another tool's file, or a folder of its faces, holds.

    Raises:
        AlignmentsError, FacesError: if it is of no known kind, is damaged, or is not safe to read.
    """
    if path.is_dir():
        return read_folder(path)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise AlignmentsError(f"{path} is larger than any alignments file", _HINT)
        with path.open("rb") as file:
            start = file.read(64)
            if start.startswith((SIGNATURE, JPEG)):
                return ForeignFile("a picture of a face", 1, iter((read_picture(path),)), [])
            data = start + file.read()
    except OSError as error:
        raise AlignmentsError(f"Cannot read {path} ({error.strerror})", "Check the path") from error
    if start[:1] in (b"\x78", b"\x80"):
        return read_fsa(path, data)
    if start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
        return read_json(path, data)
    raise AlignmentsError(f"{path} is no alignments file that is known", _HINT)
