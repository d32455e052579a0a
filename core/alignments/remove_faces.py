"""The job `alignments remove-faces`: faces whose pictures a person deleted leave the alignments, and stay out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import FacesError
from ..faces.geometry import Alignment
from ..faces.nouns import Face
from ..faces.store import AlignmentsStore
from ..jobs.messages import Reporter
from ..options.alignments import RemoveFacesOptions
from .naming import restore_names
from .pictures import Owners, Picture, all_faces, faces_folder, scan
from .stores import Plan, back_up, chosen, counted, named, opened

Cut = tuple[int, float]  # every so many frames, least size of a face in its frame in pixels


def run(options: RemoveFacesOptions, reporter: Reporter) -> dict[str, Any]:
    """Mark the faces without a picture as removed (one step in the history) and restore the other pictures' names.

    Only faces that can have had one are meant. What pictures a folder was to have, those that are left tell: from every
    so many frames, of faces so large at least; where it was cut more than once, any of the cuts will do.

    Returns:
        {"removed", "kept", "added_kept" (added by hand, without a picture), "never_pictured" (stay as well),
        "renamed", "backup" ("" where nothing was removed), "dry_run", "text" (dry run: what would be done)}.

    Raises:
        FacesError: no faces folder, or none of this clip's.
        AlignmentsError: the alignments cannot be used.
        OutputError: they or the folder cannot be written.
        Stopped: before anything was changed.
    """
    folder = faces_folder(options.faces)
    pictures = scan(folder, reporter)
    plan = Plan(options.dry_run)
    with opened(options, write=not options.dry_run) as store:
        pictured, cuts = _pictured(store, pictures)
        if not pictured:
            raise FacesError(f"None of the {len(pictures)} pictures in {folder} is of a face in {store.path}",
                             "Name the faces folder of this clip")
        without = [face for _, faces in chosen(store, options) for face in faces if face.uuid not in pictured]
        meant = [face for face in without if options.all_faces or face.state != "added"]
        gone = [face for face in meant if _had_picture(face, cuts)]
        for face in gone:
            plan.say(f"remove {named(face)}")
        backup = _remove(store, gone, reporter) if gone and not plan.dry else ""
        kept = store.stats()["faces"] - (len(gone) if plan.dry else 0)
    renamed = restore_names(folder, pictures, False, plan, reporter) if options.restore_names else 0
    return plan.result(removed=len(gone), kept=kept, added_kept=len(without) - len(meant),
                       never_pictured=len(meant) - len(gone), renamed=renamed, backup=backup)


def _pictured(store: AlignmentsStore, pictures: list[Picture]) -> tuple[set[str], set[Cut]]:
    """The uuids of the faces that have a picture, and the cuts that made these."""
    owner = Owners(all_faces(store), store.source.name)
    found = {face.uuid: picture.header for picture in pictures if (face := owner(picture.header)) is not None}
    return set(found), {(header.every, header.least_size) for header in found.values()}


def _had_picture(face: Face, cuts: Iterable[Cut]) -> bool:
    size = Alignment(face.landmarks).source_size
    return any(face.frame % every == 0 and size >= least for every, least in cuts)


def _remove(store: AlignmentsStore, gone: list[Face], reporter: Reporter) -> str:
    backup = back_up(store)
    with store.edit():
        for face in counted(reporter, gone, "faces", "Removing"):
            store.remove_face(face.uuid)
    return backup
