"""Whether the pictures that are trained on still show their faces as the alignments know them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from ..errors import AlignmentsError, FacesError, Stopped
from ..faces.places import IN_FOLDER
from ..faces.png import FaceHeader, read_header
from ..faces.store import AlignmentsStore
from ..jobs.messages import Reporter

_NAMED = 5  # pictures named in a warning
_CHUNK = 64  # pictures between two looks at the reporter


def warn_of_outdated(folder: Path, paths: Sequence[Path], alignments: Sequence[str], reporter: Reporter,
                     label: str) -> None:
    """Warn of pictures that are older than their landmarks, and of those whose faces a person has taken out since.

    Args:
        folder: the faces folder.
        paths: its pictures.
        alignments: files to compare with; none: those inside the folder, or near it by the names of the clips that the
            pictures are from. Where there are none either, nothing is said.
        label: "A" or "B".

    Raises:
        AlignmentsError: named alignments that cannot be read.
        Stopped: the person asked to stop.
    """
    headers = list(_headers(paths, reporter, label))
    old, gone = [], []
    with ExitStack() as stack:
        if alignments:
            stores = [stack.enter_context(AlignmentsStore.open(Path(text).expanduser())) for text in alignments]
        else:
            stores = [stack.enter_context(store) for place in _places(folder, headers)
                      if (store := _opened(place)) is not None]
        for path, header in headers:
            face = next((face for store in stores if (face := store.face(header.uuid)) is not None), None)
            if face is not None and face.state == "removed":
                gone.append(path)
            elif face is not None and not np.array_equal(face.landmarks, header.landmarks):
                old.append(path)
    if old:
        reporter.warning(f"{_counted(old, paths, label)} older than their landmarks ({_some(old)}); to cut them anew: "
                         f"understudy alignments extract CLIP --faces {folder} --update", "\n".join(map(str, old)))
    if gone:
        reporter.warning(f"{_counted(gone, paths, label)} of faces that were removed from the alignments "
                         f"({_some(gone)}); to take them away: understudy alignments leftover-faces CLIP --faces "
                         f"{folder} --action move", "\n".join(map(str, gone)))


def _headers(paths: Sequence[Path], reporter: Reporter, label: str) -> Iterable[tuple[Path, FaceHeader]]:
    for number, path in enumerate(paths):
        if number % _CHUNK == 0 and reporter.progress(number, len(paths), "faces",
                                                      f"Comparing the faces of {label} with their alignments"):
            raise Stopped
        try:
            header = read_header(path)
        except FacesError:
            continue  # removed meanwhile; it is in memory already
        if header.uuid:
            yield path, header


def _places(folder: Path, headers: Iterable[tuple[Path, FaceHeader]]) -> list[Path]:
    """Where alignments of a faces folder may lie: the merged ones inside, or a clip's in or up to two folders above."""
    inside = folder / IN_FOLDER
    if inside.exists():
        return [inside]
    sources = dict.fromkeys(header.source for _, header in headers if header.source)
    near = (folder, folder.parent, folder.parent.parent)
    places = [place / name for source in sources for place in near
              for name in (f"{Path(source).stem}_alignments.db", Path(source) / IN_FOLDER)]
    return [place for place in places if place.is_file()]


def _opened(place: Path) -> AlignmentsStore | None:
    """Alignments that nobody named: of no use where they cannot be read."""
    try:
        return AlignmentsStore.readonly(place)
    except AlignmentsError:
        return None


def _counted(some: Sequence[Path], paths: Sequence[Path], label: str) -> str:
    return f"{len(some)} of the {len(paths)} pictures of side {label} are"


def _some(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths[:_NAMED]) + (", …" if len(paths) > _NAMED else "")
