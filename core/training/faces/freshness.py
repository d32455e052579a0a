"""Whether the pictures that are trained on still show their faces as the alignments know them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from ...errors import AlignmentsError, Stopped
from ...faces.places import IN_FOLDER
from ...faces.store import AlignmentsStore
from ...jobs.messages import Reporter
from .checks import some
from .data import FaceSet, Origin

_CHUNK = 64  # pictures between two looks at the reporter


def outdated(faces: FaceSet, reporter: Reporter) -> list[tuple[str, list[Path]]]:
    """Which pictures are older than their landmarks, and which are of faces that a person has taken out since.

    Where no alignments are named, those inside the faces folder count, or near it by the names of the clips that the
    pictures are from; where there are none either, nothing is found.

    Returns:
        what is to be said, each with the pictures that it is about.

    Raises:
        Stopped: the person asked to stop.
    """
    old, gone = (list(faces.outdated), []) if faces.alignments else _by_alignments_near(faces, reporter)
    recut = f"to cut them anew: understudy alignments extract CLIP --faces {_folder_of(old)} --update"
    found = []
    if old and faces.alignments:
        found.append((f"{_counted(old, faces)} older than their landmarks ({some(old)}); the alignments' landmarks are "
                      f"learned, and what those pictures do not show is black; {recut}", old))
    elif old:
        found.append((f"{_counted(old, faces)} older than their landmarks ({some(old)}); {recut}", old))
    if gone:
        found.append((f"{_counted(gone, faces)} of faces that were removed from the alignments ({some(gone)}); to take "
                      f"them away: understudy alignments leftover-faces CLIP --faces {_folder_of(gone)} --action move",
                      gone))
    return found


def _folder_of(paths: list[Path]) -> str:
    """The folder to name: a side may have several."""
    return str(paths[0].parent) if paths else ""


def _by_alignments_near(faces: FaceSet, reporter: Reporter) -> tuple[list[Path], list[Path]]:
    """Pictures that are outdated, and those of removed faces."""
    old, gone = [], []
    with ExitStack() as stack:
        near = dict.fromkeys(place for folder in faces.folders for place in _places(folder, faces.origins))
        stores = [stack.enter_context(store) for place in near if (store := _opened(place)) is not None]
        known = [origin for origin in faces.origins if origin.uuid] if stores else []
        for number, origin in enumerate(known):
            if number % _CHUNK == 0 and reporter.progress(number, len(known), "faces", f"Comparing the faces of "
                                                          f"{faces.label} with their alignments"):
                raise Stopped
            face = next((face for store in stores if (face := store.face(origin.uuid)) is not None), None)
            if face is not None and face.state == "removed":
                gone.append(origin.path)
            elif face is not None and not np.array_equal(face.landmarks, origin.landmarks):
                old.append(origin.path)
    return old, gone


def _places(folder: Path, origins: Iterable[Origin]) -> list[Path]:
    """Where alignments of a faces folder may lie: the merged ones inside, or a clip's in or up to two folders above."""
    inside = folder / IN_FOLDER
    if inside.exists():
        return [inside]
    sources = dict.fromkeys(origin.source for origin in origins if origin.source)
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


def _counted(some_: Sequence[Path], faces: FaceSet) -> str:
    return f"{len(some_)} of the {len(faces)} pictures of side {faces.label} are"
