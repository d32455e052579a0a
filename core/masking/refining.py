"""Refining a stream of masks: each face waits until enough of its person's later sightings have come by."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..extraction.maskers.landmark import draw
from ..extraction.maskers.stored import inside_frame, lay
from ..extraction.stream import stream
from ..faces.nouns import StoredMask
from ..faces.tracks import Sighting, follow
from ..options.maskers import refined_name
from .occlusion import CENTERING, SIZE, Look, cover, look
from .subject import Entry, Subject

HELD = 200  # sightings at hand at a time, half of them before a face and half after it; about 100 MB
_SAME_PERSON = 0.5  # cosine of identity vectors below which a track ends; there are none here


@dataclass(frozen=True, eq=False)
class Masked:
    """A face with its masks.

    Attributes:
        keep: the masks to be stored as they are.
        refine: the masks whose refined ones are wanted.
        look: what the face looks like; None where nothing is to be refined.
        unknown: too few sightings to say what covers it; its refined masks equal its masks.
    """

    entry: Entry
    keep: list[StoredMask]
    refine: list[StoredMask]
    look: Look | None = None
    unknown: bool = False


@dataclass(frozen=True, eq=False)
class _Waiting:
    masked: Masked
    person: int


def look_at(subject: Subject) -> Look:
    """What refining needs of a face, so that its frame can go."""
    cut = subject.crop(SIZE, CENTERING)
    inside = inside_frame(np.full((SIZE, SIZE), 255, np.uint8), cut.matrix, subject.frame_size) > 0
    face = draw(cut.landmarks, SIZE, "extended") > 127
    return look(subject.alignment.normalized[17:], cut.pixels, inside, face)


def persons_of(entries: Sequence[Entry]) -> dict[str, int]:
    """Entry name -> a number for whose face it is.

    The store's persons, where it knows; a face of nobody's is taken for the person who is in its place before and
    after, and failing that for somebody of its own.
    """
    places = {frame: place for place, frame in enumerate(sorted({entry.frame for entry in entries}))}
    tracks = follow([Sighting(places[entry.frame], entry.box, None) for entry in entries], _SAME_PERSON)
    unused = 1 + max((entry.person for entry in entries if entry.person is not None), default=0)
    numbers: dict[str, int] = {}
    for number, track in enumerate(tracks, unused):
        known = Counter(person for i in track if (person := entries[i].person) is not None)
        somebody = known.most_common(1)[0][0] if known else number
        numbers |= {entries[i].name: somebody if (own := entries[i].person) is None else own for i in track}
    return numbers


def refined(stream_of: Iterable[Masked], persons: dict[str, int], workers: int) -> Generator[Masked, None, None]:
    """The faces in their order, with refined masks among those to keep; several threads share the work."""
    with closing(stream(_windows(stream_of, persons), _refined, workers, 2 * workers)) as results:
        yield from results


def _windows(faces: Iterable[Masked], persons: dict[str, int]) -> Generator[tuple[Masked, list[Look]], None, None]:
    """Each face with the other sightings of its person at hand."""
    held: deque[_Waiting] = deque()
    passed = 0  # how many of `held` have been given out
    with closing(faces):  # type: ignore[type-var]
        for masked in faces:
            held.append(_Waiting(masked, persons[masked.entry.name]))
            while len(held) - passed > HELD // 2:
                yield _given(held, passed)
                passed += 1
                if passed > HELD // 2:
                    held.popleft()
                    passed -= 1
        while passed < len(held):
            yield _given(held, passed)
            passed += 1


def _given(held: deque[_Waiting], place: int) -> tuple[Masked, list[Look]]:
    one = held[place]
    return one.masked, [other.masked.look for i, other in enumerate(held)
                        if i != place and other.person == one.person and other.masked.look is not None]


def _refined(item: tuple[Masked, list[Look]]) -> Masked:
    masked, others = item
    if masked.look is None or not masked.refine:
        return masked
    covered = cover(masked.look, others)
    matrix = None if covered is None else _matrix(masked.entry)
    corrected = [mask if covered is None or matrix is None else _without(mask, covered, matrix)
                 for mask in masked.refine]
    kept = [*masked.keep, *(replace(mask, kind=refined_name(mask.kind)) for mask in corrected)]
    return replace(masked, keep=kept, unknown=covered is None)


def _matrix(entry: Entry) -> np.ndarray:
    return entry.alignment.matrix(SIZE, CENTERING)


def _without(mask: StoredMask, covered: np.ndarray, matrix: np.ndarray) -> StoredMask:
    if not covered.any():
        return mask
    share = StoredMask("", (covered * 255).round().astype(np.uint8), matrix)
    there = lay(share, mask.matrix, mask.pixels.shape[0])
    free = cv2.subtract(np.full_like(there, 255), there)
    return replace(mask, pixels=cv2.multiply(mask.pixels, free, scale=1 / 255))
