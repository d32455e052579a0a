"""What a person is told of the faces before a training that may take days: how many, which are left out, what lacks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...errors import FacesError
from ...options.maskers import how_to_get

LEAST_FACES, FEW_FACES, GOOD_FACES, MANY_FACES = 25, 250, 500, 10_000
MANY_TWINS = 0.5  # part of the faces that have a near twin, beyond which few that differ are worth a warning
_NAMED = 5  # files named in a message
Unusable = Sequence[tuple[Path, FacesError]]


def counted(count: int, noun: str) -> str:
    """ "1 picture", "1,234 pictures"."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def some(paths: Sequence[Path]) -> str:
    """The names of the first few files."""
    return ", ".join(path.name for path in paths[:_NAMED]) + (", …" if len(paths) > _NAMED else "")


def require_enough(count: int, folder: Path | str, label: str, unusable: Unusable = (), others: int = 0,
                   least: int = LEAST_FACES) -> None:
    """Make sure that a side has enough faces.

    Args:
        unusable: files that are left out, and why.
        others: faces that are left out since they are of other persons.

    Raises:
        FacesError: it has too few.
    """
    if count >= least:
        return
    why = f"; the first of {len(unusable)} unusable files: {unusable[0][1].message}" if unusable else ""
    why += "; the others are of other persons" if others else ""
    raise FacesError(f"Side {label} has {count} usable faces in {folder} and training needs {LEAST_FACES}{why}",
                     "Extract from a longer clip, or from more frames")


def about_count(count: int, label: str) -> str:
    """What is to be said of a side's number of faces, in one sentence; "" where it is a good one."""
    if count < LEAST_FACES:
        return f"Side {label} has {counted(count, 'face')}; training needs {LEAST_FACES}"
    if count < FEW_FACES:
        return (f"Side {label} has {count} faces only; expect better results from {FEW_FACES} or more, with varied "
                "expressions, directions and light")
    if count < GOOD_FACES:
        return f"Side {label} has {count} faces; {GOOD_FACES} or more that differ from each other give better results"
    if count > MANY_FACES:
        return (f"Side {label} has {count:,} faces; more than {MANY_FACES:,} seldom help and can do harm, so choose "
                "those that differ most")
    return ""


def about_unusable(unusable: Unusable, total: int, folder: Path | str) -> str:
    """Which files of `total` are left out, and why the first is; "" where none is."""
    if not unusable:
        return ""
    return (f"{len(unusable)} of {total} files in {folder} cannot be used as faces and are left out: "
            f"{some([path for path, _ in unusable])} ({unusable[0][1].message})")


def about_twins(share: float, different: int, label: str, *, always: bool = False) -> str:
    """What is to be said of near twins; "" where they are few, or do no harm since enough others are there.

    Args:
        share: part of the faces that have one.
        different: how many faces differ from each other, up to `GOOD_FACES`.
        always: say it of few as well.
    """
    if share > MANY_TWINS and different < GOOD_FACES:
        return (f"{round(share * 100)} % of the faces of {label} have a near twin among them: together they teach "
                f"about as much as {different} that differ. Footage in other light, directions and moods helps more "
                "than further frames of the same")
    apart = f"{different} or more" if different >= GOOD_FACES else f"{different}"
    return (f"{round(share * 100)} % of the faces of {label} have a near twin among them; {apart} differ from each "
            "other") if always else ""


def missing_masks(lacking: Sequence[Path], total: int, folder: Path | str, label: str, kind: str,
                  source: str) -> FacesError:
    """What is said rather than train without some faces that a person wants in.

    Args:
        source: what the mask tool makes them for.
    """
    return FacesError(f"{len(lacking)} of the {total} faces of {label} in {folder} have no mask {kind}: "
                      f"{some(lacking)}", f"{how_to_get(kind).replace('SOURCE', source)}. Or choose another mask")
