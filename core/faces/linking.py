"""Finding out who is who in a clip: faces to tracks, tracks to persons (stdlib + numpy; both sides)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from ..errors import AlignmentsError
from ..options.rows import IDENTITIES
from .grouping import group
from .nouns import Face
from .persons import is_automatic, unused_names
from .store import AlignmentsStore
from .tracks import Sighting, follow

LEAST_FACES = 3  # fewer make nobody new: false finds come alone
_DEFAULT_SAME = 0.6  # for vectors of models that are no row here: imported ones
_LOOSE = 1.5  # by how much less alike a few left-over faces may be, as a factor on what is missing to a cosine of 1
_NO_LANDMARKS = np.zeros((0, 2), np.float32)


@dataclass(frozen=True)
class Linked:
    """What linking found: how many persons have faces, how many faces changed hands, and how many are nobody's."""

    persons: int
    changed: int
    nobody: int


@dataclass(frozen=True, eq=False)
class _Track:
    """Faces (indices) that are one person's because they follow each other; `label` if a person said whose."""

    faces: list[int]
    label: int | None


def link(store: AlignmentsStore, identity: str = "", similarity: float = 0.0, least_faces: int = LEAST_FACES,
         undoable: bool = True) -> Linked:
    """Group the faces of a clip into persons.

    Faces are followed from frame to frame by where they are and whom they look like, through short gaps, not across
    cuts; the tracks are then joined by whom they look like, wherever in the clip. Faces in one frame are never one
    person's. What a person chose stays; persons keep their names, going by who has most of their faces.

    Args:
        identity: whose vectors tell people apart; "": those that most faces have.
        similarity: least mean cosine of one person's faces; 0: as the identity model wants it.
        least_faces: from how many a group of unknown faces becomes somebody.
        undoable: whether this is a revision of the store, as when a person asks for it.

    Raises:
        AlignmentsError: no face has vectors of that kind.
    """
    # Without their landmarks, which are half of what a face takes: all of a long film's are held at once.
    faces = [replace(face, landmarks=_NO_LANDMARKS) for _, here in store.iterate() for face in here]
    by_hand = store.chosen_faces()
    chosen = {face.uuid: face.person for face in faces if face.uuid in by_hand}
    vectors, same = _vectors(store, faces, identity, similarity)
    tracks = _tracks(faces, vectors, chosen, same)
    groups = _groups(faces, vectors, tracks, same, least_faces)
    people = _identify(store, faces, groups, least_faces)
    found = {face.uuid: person for face, person in zip(faces, people, strict=True) if face.uuid not in chosen}
    changed = store.set_persons(found, chosen=False, undoable=undoable)
    counts = store.face_counts()
    nobody = counts.pop(None, 0)
    return Linked(len(counts), changed, nobody)


def _vectors(store: AlignmentsStore, faces: list[Face], identity: str,
             similarity: float) -> tuple[list[np.ndarray | None], float]:
    """Each face's vector, of length 1 (None where it has none), and the least cosine of one person's."""
    kinds = store.identity_kinds()
    kind = identity or max(kinds, key=lambda name: kinds[name], default="")
    if faces and kinds.get(kind, 0) == 0:
        has = f"they have: {', '.join(kinds)}" if kinds else "they have none"
        raise AlignmentsError(f"The faces in {store.path} have no identity vectors"
                              f"{f' of {identity}' if identity else ''} ({has})",
                              "Extract the clip again with that identity model")
    uuids, array = store.identities(kind)
    by_uuid = dict(zip(uuids, _unit(array), strict=True))
    same = next((row.same_person for row in IDENTITIES if row.name == kind), _DEFAULT_SAME)
    return [by_uuid.get(face.uuid) for face in faces], similarity or same


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def _tracks(faces: list[Face], vectors: list[np.ndarray | None], chosen: dict[str, int | None],
            same: float) -> list[_Track]:
    """Faces that follow each other; where a person chose different persons within one, it is parted between them.

    What a person chose of one face goes for those that it follows, unless that person is seen elsewhere in these
    frames: then the choice was about that face alone. Such faces, and those chosen to be nobody's, are in no track.
    """
    linkable = [i for i, face in enumerate(faces) if chosen.get(face.uuid, 0) is not None]
    place = {frame: number for number, frame in enumerate(sorted({face.frame for face in faces}))}
    sightings = [Sighting(place[faces[i].frame], faces[i].box, vectors[i]) for i in linkable]
    seen = Counter((face.frame, face.person) for face in faces)
    tracks = []
    for members in follow(sightings, same):
        indices = [linkable[m] for m in members]
        own = Counter((faces[i].frame, faces[i].person) for i in indices)
        said = Counter(chosen[faces[i].uuid] for i in indices if faces[i].uuid in chosen)
        elsewhere = {person for person, count in said.items()
                     if sum(seen[faces[i].frame, person] > own[faces[i].frame, person] for i in indices) > count}
        indices = [i for i in indices if chosen.get(faces[i].uuid) not in elsewhere]
        labels = _spread([chosen.get(faces[i].uuid) for i in indices])
        tracks += [_Track([i for i, own_label in zip(indices, labels, strict=True) if own_label == label], label)
                   for label in dict.fromkeys(labels)]
    return tracks


def _spread(labels: list[int | None]) -> list[int | None]:
    """Each place's label, or that of the nearest place with one; all None where there is none."""
    known = [place for place, label in enumerate(labels) if label is not None]
    if not known:
        return labels
    nearest = np.abs(np.subtract.outer(np.arange(len(labels)), known)).argmin(1)
    return [labels[known[n]] for n in nearest]


def _groups(faces: list[Face], vectors: list[np.ndarray | None], tracks: list[_Track], same: float,
            least_faces: int) -> list[_Track]:
    """The tracks of each person as one."""
    if not tracks:
        return []
    numbers = group(*_compared(faces, vectors, tracks), [track.label for track in tracks], same)
    joined = _joined(tracks, numbers)
    # Then the few that are left over, such as a face turning away before it is lost, go to whom they are most like.
    frozen: list[int | None] = [track.label if track.label is not None else
                                (-1 - n if len(track.faces) >= least_faces else None) for n, track in enumerate(joined)]
    numbers = group(*_compared(faces, vectors, joined), frozen, 1 - _LOOSE * (1 - same))
    return _joined(joined, numbers)


def _joined(tracks: list[_Track], numbers: list[int]) -> list[_Track]:
    groups: list[list[_Track]] = [[] for _ in range(max(numbers) + 1)]
    for track, number in zip(tracks, numbers, strict=True):
        groups[number].append(track)
    return [_Track(sorted(i for track in own for i in track.faces),
                   next((track.label for track in own if track.label is not None), None)) for own in groups]


def _compared(faces: list[Face], vectors: list[np.ndarray | None],
              tracks: list[_Track]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each track the mean vector and the number of faces behind it; and which tracks share a frame."""
    size = next((len(v) for v in vectors if v is not None), 1)
    means, weights = np.zeros((len(tracks), size)), np.zeros(len(tracks))
    for number, track in enumerate(tracks):
        own = [vector for i in track.faces if (vector := vectors[i]) is not None]
        if own:
            means[number], weights[number] = np.mean(own, 0), len(own)
    return means, weights, _apart(faces, tracks)


def _apart(faces: list[Face], tracks: list[_Track]) -> np.ndarray:
    """Pairs of tracks that are in one frame together."""
    apart = np.zeros((len(tracks), len(tracks)), bool)
    here: dict[int, list[int]] = {}
    for number, track in enumerate(tracks):
        for i in track.faces:
            here.setdefault(faces[i].frame, []).append(number)
    for together in {tuple(numbers) for numbers in here.values() if len(numbers) > 1}:
        apart[np.ix_(together, together)] = True
    np.fill_diagonal(apart, False)
    return apart


def _identify(store: AlignmentsStore, faces: list[Face], groups: list[_Track], least_faces: int) -> list[int | None]:
    """Each face's person: whom a person said, else one that is known and has faces in the group, else somebody new."""
    owner = {number: track.label for number, track in enumerate(groups) if track.label is not None}
    names = store.people()
    claims = []
    for number, track in enumerate(groups):
        known = Counter(faces[i].person for i in track.faces)
        claims += [(not is_automatic(names[person]), count, -number, person) for person, count in known.items()
                   if person is not None and number not in owner]
    taken: set[int] = set()
    # Names that a person gave come first, then whoever has more of somebody's faces.
    for _, _, minus_number, person in sorted(claims, reverse=True):
        if -minus_number not in owner and person not in taken:
            owner[-minus_number] = person
            taken.add(person)
    new = [number for number, track in enumerate(groups) if number not in owner and len(track.faces) >= least_faces]
    new.sort(key=lambda number: -len(groups[number].faces))
    for number, name in zip(new, unused_names(store, len(new)), strict=True):
        owner[number] = store.add_person(name)
    people: list[int | None] = [None] * len(faces)
    for number, track in enumerate(groups):
        for i in track.faces:
            people[i] = owner.get(number)
    return people
