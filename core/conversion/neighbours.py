"""The same face in the frames before and after: what motion blur and steady colours look at."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from ..alignments.following import steadied, tracks
from ..faces.nouns import Face
from ..faces.store import AlignmentsStore
from ..options.convert import ConvertOptions
from .stored_masks import StoredMasks


def reach_of(options: ConvertOptions) -> int:
    """How many frames before and after have a say in a picture; 0: none."""
    steady = options.color_stable_frames if options.color_stable != "off" else 0
    return max(steady, 1 if options.motion_blur > 0 else 0)


def neighbours_of(options: ConvertOptions, store: AlignmentsStore,
                  is_meant: Callable[[Face], bool]) -> Neighbours | None:
    """The faces that are swapped, followed through the whole clip, so that a part of it sees what all of it does.

    Returns:
        None where no option looks beyond its frame.
    """
    reach = reach_of(options)
    if not reach:
        return None
    found = tracks(store)
    if options.smooth_alignments:
        steady = {face.uuid: face for faces in steadied(store, store.frames_seen()).values() for face in faces}
        found = [[steady.get(face.uuid, face) for face in track] for track in found]
    return Neighbours(([face for face in track if face.state != "removed" and is_meant(face)] for track in found),
                      reach)


class Neighbours:
    """Faces by the tracks that they are in.

    Args:
        tracks: the faces of each, at most one of each frame.
        reach: how many frames before and after count.
    """

    def __init__(self, tracks: Iterable[Sequence[Face]], reach: int) -> None:
        self.reach = reach
        self._frames: list[np.ndarray] = []
        self._tracks: list[list[Face]] = []
        self._place: dict[str, tuple[int, int]] = {}
        self._digests: dict[str, bytes] = {}
        for track in tracks:
            faces = sorted(track, key=lambda face: face.frame)
            self._place.update((face.uuid, (len(self._tracks), row)) for row, face in enumerate(faces))
            self._frames.append(np.array([face.frame for face in faces]))
            self._tracks.append(faces)

    def beside(self, face: Face) -> tuple[Face | None, Face | None]:
        """The same face exactly one frame before and one after, where it is seen there."""
        near = {other.frame - face.frame: other for other in self.within(face, 1)}
        return near.get(-1), near.get(1)

    def within(self, face: Face, reach: int | None = None) -> list[Face]:
        """The same face in all frames up to `reach` before and after, itself among them, ascending."""
        if face.uuid not in self._place:
            return [face]
        reach = self.reach if reach is None else reach
        number, _ = self._place[face.uuid]
        first, last = np.searchsorted(self._frames[number], (face.frame - reach, face.frame + reach + 1))
        return self._tracks[number][int(first):int(last)]

    def key(self, face: Face, masks: StoredMasks | None) -> bytes:
        """Bytes that change whenever one of the neighbours does that count, or its masks."""
        return b"".join(self._digest(other, masks) for other in self.within(face))

    def _digest(self, face: Face, masks: StoredMasks | None) -> bytes:
        if face.uuid not in self._digests:
            digest = hashlib.sha256(face.frame.to_bytes(8, "little"))
            digest.update(np.ascontiguousarray(face.landmarks, "<f4").tobytes())
            digest.update(masks.key([face]) if masks is not None else b"")
            self._digests[face.uuid] = digest.digest()
        return self._digests[face.uuid]
