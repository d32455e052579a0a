"""Renaming pictures safely, and giving them the names that extract gave them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import writing
from ..jobs.messages import Reporter
from ..partials import sweep_pictures
from .pictures import WAITING, Picture, picture_name, retell
from .stores import Plan, counted

_NAMED = 5  # files named in a warning
Move = tuple[Path, Path]  # from, to


def restore_names(folder: Path, pictures: Sequence[Picture], flatten: bool, plan: Plan, reporter: Reporter) -> int:
    """Give pictures their first names again; one whose name another picture has stays as it is, with a warning.

    Args:
        flatten: also bring them out of the folder's subfolders.
        plan: is told every renaming; on a dry run that is all.

    Returns:
        how many were, or would be, renamed.

    Raises:
        OutputError: the folder cannot be written.
    """
    targets = [(folder if flatten else picture.path.parent) / picture.first_name for picture in pictures]
    moves, stuck = renamings(pictures, targets)
    for source, target in moves:
        plan.say(f"rename {source.relative_to(folder)} to {target.relative_to(folder)}")
    if stuck:
        some = ", ".join(path.name for path in stuck[:_NAMED]) + (", …" if len(stuck) > _NAMED else "")
        reporter.warning(f"{len(stuck)} pictures in {folder} keep their names, because others have the names that they "
                         f"should have: {some}", "\n".join(map(str, stuck)))
    if not plan.dry:
        rename_all(moves, reporter)
    return len(moves)


def renumber(folder: Path, numbers: Sequence[tuple[Picture, int]], plan: Plan, reporter: Reporter) -> int:
    """Bring pictures in step with their faces' new numbers: the names that extract gave them, then the headers.

    A killed run is finished by a second one: as long as a header has the old number, its name is looked at again.

    Args:
        numbers: the pictures whose headers have another number than their faces, and the right numbers.

    Returns:
        how many were, or would be, renamed; sorted pictures and those named by a person keep their names.

    Raises:
        OutputError: the folder cannot be written.
        Stopped: the person asked to, after the renaming.
    """
    moving, targets = [], []
    for picture, number in numbers:
        target = picture.path.with_name(picture_name(Path(picture.header.frame_name).stem, number))
        if picture.path.name in (picture.first_name, target.name + WAITING):
            moving.append(picture)
            targets.append(target)
    moves, _ = renamings(moving, targets)
    for source, target in moves:
        plan.say(f"rename {source.relative_to(folder)} to {target.relative_to(folder)}")
    for picture, number in numbers:
        plan.say(f"tell {picture.path.relative_to(folder)} that it is face {number}")
    if not plan.dry:
        sweep_pictures(folder)
        rename_all(moves, reporter)
        now = dict(moves)
        for picture, number in counted(reporter, numbers, "pictures", "Telling the pictures"):
            retell(now.get(picture.path, picture.path), position=number)
    return len(moves)


def renamings(pictures: Sequence[Picture], targets: Sequence[Path]) -> tuple[list[Move], list[Path]]:
    """What must be renamed for each picture to lie at its target.

    Returns:
        (from, to) for those that are elsewhere and can go; and those that must stay where they are, because another
        picture or file has the place: two clips of one name, or two pictures of one face.
    """
    going = {picture.path: target for picture, target in zip(pictures, targets, strict=True)
             if picture.path != target}
    staying = {picture.path for picture in pictures} - set(going)
    stuck: list[Path] = []
    while True:
        taken = set(staying)
        blocked = []
        for source, target in going.items():
            if target in taken or (target not in going and os.path.lexists(target)):
                blocked.append(source)
            taken.add(target)
        if not blocked:
            return list(going.items()), stuck
        stuck += blocked  # and now stand in the way of others, perhaps
        staying.update(blocked)
        for source in blocked:
            del going[source]


def rename_all(moves: Sequence[Move], reporter: Reporter) -> None:
    """Rename files, from `renamings`; names may change hands. Killed at any instant, a second run finishes.

    It takes a moment and is not stopped halfway.

    Raises:
        OutputError: the folder cannot be written.
    """
    leaving = {source for source, _ in moves}
    waiting: list[Move] = []
    for number, (source, target) in enumerate(moves):
        reporter.progress(number, len(moves), "pictures", "Renaming")
        with writing(target):
            if target in leaving:
                # Another's name for now. Its header knows what this is to be called, should all end here.
                aside = target.with_name(target.name + WAITING)
                os.replace(source, aside)
                waiting.append((aside, target))
            else:
                os.replace(source, target)
    for source, target in waiting:
        with writing(target):
            os.replace(source, target)
