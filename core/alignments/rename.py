"""The job `alignments rename`: pictures get the names back that extract gave them, alignments what only these know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..faces.nouns import Face
from ..faces.png import read_header
from ..faces.store import AlignmentsStore
from ..jobs.messages import Reporter
from ..options.alignments import RenameOptions, StoreOptions
from ..options.maskers import DRAWN
from .naming import restore_names
from .pictures import Owners, Picture, all_faces, faces_folder, scan
from .stores import Plan, back_up, counted, named, opened_unchecked


def run(options: RenameOptions, reporter: Reporter) -> dict[str, Any]:
    """Rename the pictures of a faces folder by their headers; bring what only they know to the alignments, if named.

    Returns:
        {"pictures" (looked at), "renamed" (or, on a dry run, to be), "masks", "vectors" (brought to the alignments),
        "backup" (of these; "" where nothing was brought), "dry_run", "text" (dry run: what would be done)}.

    Raises:
        FacesError: no faces folder.
        AlignmentsError: the alignments cannot be used.
        OutputError: something cannot be written.
        Stopped: the person asked to; a second run goes on.
    """
    folder = faces_folder(options.faces)
    pictures = scan(folder, reporter)
    plan = Plan(options.dry_run)
    brought: dict[str, Any] = {"masks": 0, "vectors": 0, "backup": ""}
    if options.alignments.strip():
        with opened_unchecked(StoreOptions(alignments=options.alignments), write=not plan.dry) as store:
            brought = _bring(store, pictures, plan, reporter)
    renamed = restore_names(folder, pictures, options.flatten, plan, reporter)
    return plan.result(pictures=len(pictures), renamed=renamed, **brought)


@dataclass(frozen=True, eq=False)
class _Lack:
    """What a face's picture has and the alignments lack."""

    face: Face
    path: Path
    masks: tuple[str, ...]
    vectors: tuple[str, ...]


def _bring(store: AlignmentsStore, pictures: Sequence[Picture], plan: Plan, reporter: Reporter) -> dict[str, Any]:
    lacks = list(_lacking(store, pictures, reporter))
    for lack in lacks:
        plan.say(f"bring {', '.join((*lack.masks, *lack.vectors))} of {named(lack.face)} from {lack.path.name}")
    backup = back_up(store) if lacks and not plan.dry else ""
    for lack in () if plan.dry else counted(reporter, lacks, "faces", "Bringing masks and vectors"):
        header = read_header(lack.path, with_masks=True)
        with store.transaction():
            for mask in header.masks:
                if mask.kind in lack.masks:
                    store.set_mask(lack.face.uuid, mask)
            for kind in lack.vectors:
                store.set_identity(lack.face.uuid, kind, np.array(header.identities[kind], np.float32))
    return {"masks": sum(len(lack.masks) for lack in lacks), "vectors": sum(len(lack.vectors) for lack in lacks),
            "backup": backup}


def _lacking(store: AlignmentsStore, pictures: Sequence[Picture], reporter: Reporter) -> Iterator[_Lack]:
    """Pictures that are older than their faces' landmarks have nothing to bring."""
    owner = Owners(all_faces(store), store.source.name)
    for picture in counted(reporter, pictures, "pictures", "Comparing with the alignments"):
        face = owner(picture.header)
        if face is None or np.abs(face.landmarks - picture.header.landmarks).max() > Owners.SAME:
            continue
        there = {*store.mask_kinds(face.uuid), *DRAWN}
        masks = tuple(mask.kind for mask in read_header(picture.path, with_masks=True).masks if mask.kind not in there)
        vectors = tuple(kind for kind in picture.header.identities if kind not in store.identities_of(face.uuid))
        if masks or vectors:
            yield _Lack(face, picture.path, masks, vectors)
