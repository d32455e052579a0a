"""Each person's landmarks from frame to frame, steadied: for the job `alignments temporal` and for convert."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

import numpy as np

from ..faces.nouns import Face
from ..faces.smoothing import pieces, smooth
from ..faces.store import AlignmentsStore
from ..faces.tracks import Sighting, follow

Smoother = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (frames [T], landmarks [T, 68, 2]) -> landmarks


def tracks(store: AlignmentsStore) -> list[list[Face]]:
    """The faces of a store, followed from frame to frame; two persons are never in one track, cuts part it.

    Returns:
        faces by frame, at most one of each frame; every face is in one track.
    """
    places = {frame: place for place, frame in enumerate(sorted(store.frames_seen() | set(store.counts())))}
    by_person: dict[int | None, list[Face]] = {}
    for _, faces in store.iterate():
        for face in faces:
            by_person.setdefault(face.person, []).append(face)
    found = []
    for faces in by_person.values():
        # Whose they are is settled already, so that boxes are all that is needed to follow them.
        sightings = [Sighting(places[face.frame], face.box, None) for face in faces]
        for members in follow(sightings, cut=0.0):
            found += _parted([faces[member] for member in members])
    return found


def _parted(track: list[Face]) -> list[list[Face]]:
    frames = np.array([face.frame for face in track])
    return [[track[row] for row in rows] for rows in pieces(frames, np.stack([face.landmarks for face in track]))]


def smoothed(track: Sequence[Face], smoother: Smoother = smooth) -> list[Face]:
    """A track with other landmarks."""
    landmarks = smoother(np.array([face.frame for face in track]), np.stack([face.landmarks for face in track]))
    return [replace(face, landmarks=points) for face, points in zip(track, landmarks, strict=True)]


def steadied(store: AlignmentsStore, frames: Collection[int]) -> dict[int, list[Face]]:
    """The faces of some frames as `alignments temporal` would leave them; the store stays as it is.

    Faces that a person edited or added are as that person left them; those that were smoothed before, too.

    Returns:
        frame -> its faces, by position; frames without faces are absent.
    """
    left_alone = store.moved_faces()
    steady: dict[str, Face] = {}
    for track in tracks(store):
        if any(face.state == "machine" and face.uuid not in left_alone for face in track):
            steady.update((face.uuid, face) for face in smoothed(track)
                          if face.state == "machine" and face.uuid not in left_alone)
    return {frame: [steady.get(face.uuid, face) for face in faces] for frame, faces in store.iterate(frames)}
