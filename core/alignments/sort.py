"""The job `alignments sort`: the faces of each frame are numbered from left to right."""

from __future__ import annotations

from typing import Any

from ..faces.nouns import Face
from ..faces.renumber import set_positions
from ..faces.store import AlignmentsStore
from ..jobs.messages import Reporter
from ..options.alignments import SortFacesOptions
from .naming import renumber
from .pictures import Owners, Picture, all_faces, faces_folder, scan
from .stores import Plan, back_up, chosen_frames, counted, opened


def run(options: SortFacesOptions, reporter: Reporter) -> dict[str, Any]:
    """Number faces by the middle of their boxes, removed ones behind the others; pictures follow where their folder
    is named.

    Returns:
        {"frames" (whose faces are numbered anew), "faces", "pictures" (told their number), "renamed", "backup",
        "dry_run", "text" (dry run: what would be done)}.

    Raises:
        AlignmentsError, FacesError, UsageError, OutputError: as the parts say, before anything is changed.
        Stopped: while pictures are told; a second run goes on.
    """
    plan = Plan(options.dry_run)
    folder = faces_folder(options.faces) if options.faces.strip() else None
    pictures = scan(folder, reporter) if folder else []
    with opened(options, write=not plan.dry) as store:
        orders = _orders(store, chosen_frames(store, options.frames), reporter)
        positions = {face.uuid: number for faces in orders for number, face in enumerate(faces)}
        for faces in orders:
            numbers = ", ".join(str(face.position) for face in faces)
            plan.say(f"number the faces of frame {faces[0].frame} anew: {numbers} become 0 to {len(faces) - 1}")
        backup = ""
        if orders and not plan.dry:
            backup = back_up(store)
            set_positions(store, positions)
        owner = Owners(all_faces(store), store.source.name)
    stale = _stale(pictures, owner, positions if plan.dry else {})
    renamed = renumber(folder, stale, plan, reporter) if folder is not None else 0
    return plan.result(frames=len(orders), faces=len(positions), pictures=len(stale), renamed=renamed, backup=backup)


def _orders(store: AlignmentsStore, frames: list[int] | None, reporter: Reporter) -> list[list[Face]]:
    """For each frame that is out of order its faces, removed ones too, as they are to be numbered."""
    counts = store.counts()
    some = [frame for frame in (counts if frames is None else frames) if counts.get(frame, 0) > 1]
    orders = []
    for frame in counted(reporter, some, "frames", "Looking at the faces' places"):
        faces = store.faces(frame, with_removed=True)
        order = sorted(faces, key=lambda face: (face.state == "removed", face.box[0] + face.box[2] / 2, face.position))
        if [face.uuid for face in order] != [face.uuid for face in faces]:
            orders.append(order)
    return orders


def _stale(pictures: list[Picture], owner: Owners, to_come: dict[str, int]) -> list[tuple[Picture, int]]:
    """The pictures that give their face another number than it has, or will have, and that number."""
    stale = []
    for picture in pictures:
        face = owner(picture.header) if picture.header.uuid else None
        position = None if face is None else to_come.get(face.uuid, face.position)
        if position is not None and position != picture.header.position:
            stale.append((picture, position))
    return stale
