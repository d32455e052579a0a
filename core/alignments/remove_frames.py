"""The job `alignments remove-frames`: frames that are gone leave the alignments; those named are forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..extraction.origin import source_info
from ..faces.renumber import move_frames
from ..faces.store import AlignmentsStore
from ..jobs.messages import Reporter
from ..media.ranges import format_frames, parse_frames
from ..media.source import open_source
from ..options.alignments import RemoveFramesOptions
from ..partials import sweep_pictures
from .frames import frame_places
from .pictures import Owners, Picture, all_faces, faces_folder, retell, scan
from .stores import Plan, back_up, counted, opened_unchecked


def run(options: RemoveFramesOptions, reporter: Reporter) -> dict[str, Any]:
    """Drop frames from the alignments. Images that were taken from a folder give those behind them other numbers: the
    alignments, and with a faces folder its pictures, follow, and belong to the folder as it is now.

    Returns:
        {"frames" (dropped, such as "0-99,150", as the alignments numbered them), "faces" (dropped with them), "kept"
        (named, but with a person's work in them), "renumbered", "pictures" (told their new frame), "backup",
        "dry_run", "text" (dry run: what would be done)}.

    Raises:
        SourceError, AlignmentsError, UsageError, FacesError, OutputError: as the parts say, before anything is changed.
        Stopped: while pictures are told; a second run goes on.
    """
    plan = Plan(options.dry_run)
    folder = faces_folder(options.faces) if options.faces.strip() else None
    with open_source(options.source) as source, opened_unchecked(options, write=not plan.dry) as store:
        info = source_info(source)
        places = frame_places(store, source, info)
        kept: list[int] = []
        if options.frames.strip():
            store.require(info)
            kept = _drop_named(store, places, parse_frames(options.frames, len(source)), options.all_faces)
        gone = [frame for frame, place in places.items() if place is None]
        moved = {frame: place for frame, place in places.items() if place is not None and place != frame}
        faces = sum(len(store.faces(frame)) for frame in gone)
        _tell(plan, store, gone, moved)
        backup = ""
        if (gone or moved or store.source != info) and not plan.dry:
            backup = back_up(store)
            move_frames(store, places, info)
        pictures = _tell_pictures(store, folder, moved if plan.dry else {}, plan, reporter) if folder else 0
    if kept:
        reporter.warning(f"{len(kept)} frames stay, because a person edited, added or removed faces in them: "
                         f"{format_frames(kept)}", "--all-faces forgets them, too")
    return plan.result(frames=format_frames(gone), faces=faces, kept=len(kept), renumbered=len(moved),
                       pictures=pictures, backup=backup)


def _drop_named(store: AlignmentsStore, places: dict[int, int | None], named: list[int], everything: bool) -> list[int]:
    """Mark the named frames in `places` as dropped; returns those kept for the work that a person put into them."""
    kept = []
    for frame in named:
        if frame not in places:
            continue
        if not everything and any(face.state != "machine" for face in store.faces(frame, with_removed=True)):
            kept.append(frame)
        else:
            places[frame] = None
    return kept


def _tell(plan: Plan, store: AlignmentsStore, gone: list[int], moved: dict[int, int]) -> None:
    names = store.frame_names()
    for frame in gone:
        plan.say(f"drop frame {frame} ({names.get(frame, 'without a name')}) with {len(store.faces(frame))} faces")
    for frame, place in moved.items():
        plan.say(f"call frame {frame} ({names.get(frame, 'without a name')}) frame {place}")


def _tell_pictures(store: AlignmentsStore, folder: Path, to_come: dict[int, int], plan: Plan,
                   reporter: Reporter) -> int:
    """Bring the frame numbers in pictures' headers up to date.

    Args:
        to_come: changes of number that the store does not have yet (dry runs).
    """
    owner = Owners(all_faces(store), store.source.name)
    stale: list[tuple[Picture, int]] = []
    for picture in scan(folder, reporter):
        face = owner(picture.header) if picture.header.uuid else None
        frame = None if face is None else to_come.get(face.frame, face.frame)
        if frame is not None and frame != picture.header.frame:
            stale.append((picture, frame))
            plan.say(f"tell {picture.path.relative_to(folder)} that it is of frame {frame}")
    if not plan.dry:
        sweep_pictures(folder)
        for picture, frame in counted(reporter, stale, "pictures", "Telling the pictures"):
            retell(picture.path, frame=frame)
    return len(stale)
