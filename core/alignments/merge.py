"""The job `alignments merge`: the faces of several clips in one folder, with one alignments file, to train from.

The merged file belongs to no clip. Its frames are the clips' frames one after the other, each under a name of its own;
faces keep their uuid, landmarks, masks, vectors, thumbnails, state and person, by which training knows them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FacesError, OutputError, UsageError, writing
from ..faces.nouns import SourceInfo
from ..faces.places import IN_FOLDER
from ..faces.png import read_header, replace_header
from ..faces.store import AlignmentsStore, Found
from ..jobs.messages import Reporter
from ..options.alignments import MergeOptions
from ..partials import sweep_pictures
from .building import backed_up, built
from .gathering import Part, gathered
from .pictures import faces_folder, picture_name, scan
from .stores import Plan, counted

SETTINGS = "merged"  # how frames of a merged file were looked at


def run(options: MergeOptions, reporter: Reporter) -> dict[str, Any]:
    """Copy pictures into one folder and write their alignments beside them.

    A face that is there several times is taken once; the first folder and file that have it count. Names that two clips
    share are told apart. Pictures that lie in the output folder already stay where they are.

    Returns:
        {"output", "alignments", "faces", "clips", "copied" (pictures, or on a dry run to be), "twice" (pictures of a
        face that was taken already), "without_alignments" (faces known from their pictures alone), "backup",
        "dry_run", "text" (dry run: what would be done)}.

    Raises:
        FacesError: a folder without faces.
        AlignmentsError: an alignments file that cannot be used.
        UsageError, OutputError: no folder is named, or the output cannot be written.
        Stopped: the person asked to; a second run goes on.
    """
    if not options.folders:
        raise UsageError("No faces folder is named", "Name the folders to merge, with --folders")
    output = Path(options.output).expanduser().absolute()
    pictures = [picture for text in options.folders for picture in scan(faces_folder(text), reporter)]
    plan = Plan(options.dry_run)
    path = output / IN_FOLDER
    stores: list[AlignmentsStore] = []
    try:
        for text in options.stores:
            stores.append(AlignmentsStore.open(Path(text).expanduser()))
        parts = gathered(pictures, stores)
        if not plan.dry:
            with writing(output):
                output.mkdir(parents=True, exist_ok=True)
            sweep_pictures(output)
        copied = _copy(output, parts, plan, reporter)
        plan.say(f"write {path} with {len(parts)} faces")
        backup = ""
        if not plan.dry:
            backup = backed_up(path)
            _write(path, parts, stores, reporter)
    finally:
        for store in stores:
            store.close()
    alone = sum(part.store is None for part in parts)
    if alone and stores:
        reporter.warning(f"{alone} of the {len(parts)} faces are in none of the alignments and are taken from their "
                         "pictures' headers")
    return plan.result(output=str(output), alignments=str(path), faces=len(parts),
                       clips=len({part.clip for part in parts}), copied=copied, twice=len(pictures) - len(parts),
                       without_alignments=alone, backup=backup)


def _copy(output: Path, parts: Sequence[Part], plan: Plan, reporter: Reporter) -> int:
    """Write each face's picture, with a header in step; returns how many were not there as they should be."""
    copied = 0
    for part in counted(reporter, parts, "pictures", "Copying"):
        is_inside = output in part.picture.path.parents
        target = part.picture.path if is_inside else output / picture_name(Path(part.frame_name).stem, part.position)
        there = _header_text(target)
        wanted = part.header.to_json()
        if there == wanted:
            continue
        if there is not None and read_header(target).uuid != part.face.uuid:
            raise OutputError(f"{target} is there already and is another picture", "Choose an empty output folder")
        plan.say(f"write the header of {target} anew" if is_inside else f"copy {part.picture.path} to {target}")
        if not plan.dry:
            masks = read_header(part.picture.path, with_masks=True).masks
            replace_header(part.picture.path, replace(part.header, masks=masks), copy=target)
        copied += 1
    return copied


def _header_text(path: Path) -> str | None:
    """A picture's header, to be compared; None where there is no picture with one."""
    try:
        return read_header(path).to_json()
    except FacesError:
        return None


def _write(path: Path, parts: Sequence[Part], stores: Sequence[AlignmentsStore], reporter: Reporter) -> None:
    order = sorted({(part.clip, part.face.frame, part.frame_name) for part in parts})
    frames = {name: number for number, (_, _, name) in enumerate(order)}
    digest = hashlib.sha256(repr([(part.clip_name, part.face.uuid) for part in parts]).encode()).hexdigest()[:32]
    size = max(part.header.frame_size for part in parts)
    info = SourceInfo(f"merged:{digest}", path.parent.name, *size, "25", len(order), "images")
    with built(path, info) as merged:
        for name, number in frames.items():
            merged.set_frame(number, name, SETTINGS)
        people = [store.people() for store in stores]
        persons: dict[str, int] = {}
        for part in counted(reporter, parts, "faces", "Merging"):
            person = None
            if part.store is not None and part.face.person is not None:
                who = people[part.store][part.face.person]
                if who not in persons:
                    persons[who] = merged.add_person(who)  # persons of one name are one
                person = persons[who]
            face = replace(part.face, frame=frames[part.frame_name], position=part.position, revision=0, person=person)
            merged.put(replace(_found(part, stores), face=face))


def _found(part: Part, stores: Sequence[AlignmentsStore]) -> Found:
    """A face with all that goes with it."""
    if part.store is None:
        header = read_header(part.picture.path, with_masks=True)
        identities = {kind: np.array(vector, np.float32) for kind, vector in header.identities.items()}
        return Found(part.face, identities=identities, masks=header.masks)
    store, uuid = stores[part.store], part.face.uuid
    return Found(part.face, store.thumbnail(uuid) or b"", store.identities_of(uuid), store.packed_masks(uuid))
