"""What has to be moved where, decided before anything is: names, groups' folders, and an order without collisions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..alignments.pictures import WAITING
from ..errors import OutputError
from .names import group_name, numbered
from .pictures import Picture
from .protocols import Group

Move = tuple[Path, Path]  # from, to


def in_a_row(pictures: Sequence[Picture], order: Sequence[int], folder: Path) -> list[Move]:
    """Each picture to its place in a row: NNNNNN_<first name>, in one folder."""
    return [(pictures[index].path, folder / numbered(pictures[index].first_name, place))
            for place, index in enumerate(order)]


def grouped(pictures: Sequence[Picture], groups: Sequence[Group], method: str, folder: Path,
            order: Sequence[int] | None) -> list[Move]:
    """Each picture into its group's folder, under its first name or, with an `order`, numbered in it."""
    rank = np.arange(len(pictures))
    if order is not None:
        rank[np.asarray(order)] = np.arange(len(pictures))
    moves: list[Move] = []
    for group in groups:
        place = folder / group_name(method, group.number, group.label)
        members = sorted(group.members.tolist(), key=lambda index: rank[index])
        if order is not None:
            moves += in_a_row(pictures, members, place)
            continue
        taken: set[str] = set()
        for number, index in enumerate(members):
            name = pictures[index].first_name
            if name.casefold() in taken:  # copies of one picture, or clips of one name
                name = numbered(name, number)
            taken.add(name.casefold())
            moves.append((pictures[index].path, place / name))
    return moves


def steps(moves: Sequence[Move], copies: bool) -> list[Move]:
    """The moves in an order in which no name is taken when it is needed; those that already lie right are left out.

    A picture that is to have another's name steps aside first. Pictures that are copied, and are there already from an
    earlier run, are left out as well.

    Raises:
        OutputError: a file that is no part of the move has a name that is needed.
    """
    going = [(source, target) for source, target in moves if source != target]
    leaving = set() if copies else {source for source, _ in going}
    for source, target in going:
        if os.path.lexists(target) and target not in leaving and not (copies and same_content(source, target)):
            raise OutputError(f"{target} is there already", "Choose another output folder, or move that file away")
    if copies:
        return [(source, target) for source, target in going if not os.path.lexists(target)]
    aside = [(source, source.with_name(source.name + WAITING), target) for source, target in going if target in leaving]
    return [*((source, waiting) for source, waiting, _ in aside),
            *((source, target) for source, target in going if target not in leaving),
            *((waiting, target) for _, waiting, target in aside)]


def same_content(one: Path, other: Path) -> bool:
    """Whether two files hold the same bytes."""
    try:
        return one.stat().st_size == other.stat().st_size and one.read_bytes() == other.read_bytes()
    except OSError:
        return False
