"""What a frame shows, read from the alignments by a thread: drawing and timers never wait for a disk (no bpy).

A store is opened for each reading (1 ms) rather than kept open: an open file could not be replaced on Windows, nor the
log of a session of edits be folded in.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...core.errors import UnderstudyError
from ...core.faces.geometry import Alignment, transform
from ...core.faces.hulls import depth
from ...core.faces.nouns import Box, Face, StoredMask
from ...core.faces.places import default_store
from ...core.faces.store import AlignmentsStore
from ...core.options.maskers import DRAWN
from .geometry import crop_corners

PAUSE = 0.5  # seconds between two looks at whether alignments have changed
PATIENCE = 0.008  # seconds for which a change of frame waits for its faces: they are then drawn with it
_DRAWN_SIZE = 128
_KEPT = 64  # answers: going back and forth reads nothing

Stamp = tuple[int, ...]


@dataclass(frozen=True)
class Crop:
    """The crop that a model sees: see `Alignment.matrix`."""

    centering: str
    coverage: float
    vertical_offset: float


@dataclass(frozen=True)
class Request:
    """What is wanted.

    Attributes:
        source: the footage.
        elsewhere: folder for its alignments where its own cannot be written.
        frame: of the footage.
        mask: which kind of mask, "" for none; also of those that are never stored.
        crop: None: no crops.
    """

    source: Path
    elsewhere: Path | None
    frame: int
    mask: str = ""
    crop: Crop | None = None


@dataclass(frozen=True, eq=False)
class ShownFace:
    """A face, ready to draw.

    Attributes:
        landmarks: float32 [68, 2], frame pixels.
        distance: `Alignment.average_distance`; infinite where the landmarks are nowhere.
        person: a name, "" for nobody's.
        crop: float64 [4, 2], corners in frame pixels; None if not asked for, or if the landmarks have none.
        mask: None if not asked for, or not there.
    """

    uuid: str
    number: int
    box: Box
    landmarks: np.ndarray
    state: str
    score: float
    person: str
    distance: float
    crop: np.ndarray | None = None
    mask: StoredMask | None = None


@dataclass(frozen=True, eq=False)
class ShownFrame:
    """The answer to a request.

    Attributes:
        store: where the alignments are, or would be.
        stamp: changes whenever the file does.
        exists: whether there are alignments that could be read.
        seen: whether extraction has looked at the frame.
        size: width and height in pixels that the faces' coordinates count in.
    """

    request: Request
    store: Path
    stamp: Stamp
    exists: bool = False
    seen: bool = False
    size: tuple[int, int] = (0, 0)
    faces: tuple[ShownFace, ...] = ()
    kinds: tuple[str, ...] = ()  # of masks that these faces have


class Reader:
    """Owns the thread. Everything public may be called from Blender's main thread and returns at once."""

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self.version = 0  # counts new answers
        self._changed = changed
        self._wanted: tuple[Request, ...] = ()
        self._answers: dict[Request, ShownFrame] = {}
        self._condition = threading.Condition()
        self._is_due = False
        self._end = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._end = False
        self._thread = threading.Thread(target=self._run, name="understudy-faces", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        with self._condition:
            self._end = True
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join(2.0)
            self._thread = None

    def want(self, requests: Iterable[Request], wait: float = 0.0) -> None:
        """What editors show from now on; waits for answers to all of it for so many seconds at most."""
        wanted = tuple(dict.fromkeys(requests))
        with self._condition:
            if wanted != self._wanted:
                self._wanted, self._is_due = wanted, True
                self._condition.notify_all()
            if wait and self._thread is not None:
                self._condition.wait_for(lambda: all(request in self._answers for request in wanted), wait)

    def answer(self, request: Request) -> ShownFrame | None:
        """None until it has been read."""
        return self._answers.get(request)

    def look_now(self) -> None:
        """The alignments were changed: do not wait for the next look."""
        with self._condition:
            self._is_due = True
            self._condition.notify_all()

    def look(self) -> None:
        """One look at everything wanted: the thread's body."""
        wanted = self._wanted
        for request in wanted:
            known = self._answers.get(request)
            store = default_store(request.source, request.elsewhere)
            stamp = stamp_of(store)
            if known is None or known.store != store or known.stamp != stamp:
                shown = read_frame(request, store, stamp)
                if known is None or shown.exists or shown.stamp:
                    self._publish(shown, wanted)

    def _publish(self, shown: ShownFrame, wanted: tuple[Request, ...]) -> None:
        with self._condition:
            answers = {**self._answers, shown.request: shown}
            for request in list(answers)[:-_KEPT]:
                if request not in wanted:
                    del answers[request]
            self._answers = answers
            self.version += 1
            self._condition.notify_all()
        self._changed()

    def _run(self) -> None:
        while not self._end:
            try:
                self.look()
            except Exception as error:
                # Whatever one odd file does, the next frame is to be shown again.
                print(f"Understudy: cannot read the faces of a frame ({type(error).__name__}: {error})")
                time.sleep(PAUSE)
            with self._condition:
                self._condition.wait_for(lambda: self._is_due or self._end, PAUSE)
                self._is_due = False


def read_frame(request: Request, store: Path, stamp: Stamp) -> ShownFrame:
    """Read one frame of a store; where it is not there or cannot be read, the answer says so."""
    try:
        with AlignmentsStore.readonly(store) as alignments:
            info = alignments.source
            people = alignments.people()
            found = alignments.faces(request.frame)
            placed = [Alignment(face.landmarks) for face in found]
            if request.crop is not None:
                Alignment.solve_all(placed)
            faces = tuple(_shown(face, one, request, people, alignments)
                          for face, one in zip(found, placed, strict=True))
            kinds = tuple(dict.fromkeys(kind for face in found for kind in alignments.mask_kinds(face.uuid)))
            return ShownFrame(request, store, stamp, True, bool(found) or alignments.is_seen(request.frame),
                              (info.width, info.height), faces, kinds)
    except UnderstudyError:
        # Of a store that is there, somebody may be writing just now: the next look tries again.
        return ShownFrame(request, store, () if store.exists() else stamp)


def _shown(face: Face, alignment: Alignment, request: Request, people: dict[int, str],
           store: AlignmentsStore) -> ShownFace:
    crop, distance = None, float("inf")
    try:
        distance = alignment.average_distance
        if request.crop is not None:
            crop = crop_corners(alignment, request.crop.centering, request.crop.coverage, request.crop.vertical_offset)
    except (ValueError, np.linalg.LinAlgError):
        pass  # all points in one place: there is nothing that a crop could be cut by
    mask = None
    if request.mask in DRAWN:
        mask = drawn_mask(face.landmarks, request.mask)
    elif request.mask:
        mask = store.mask(face.uuid, request.mask)
    name = people.get(face.person, "") if face.person is not None else ""
    return ShownFace(face.uuid, face.position, face.box, face.landmarks, face.state, face.score, name, distance, crop,
                     mask)


def drawn_mask(landmarks: np.ndarray, kind: str) -> StoredMask:
    """The mask that is drawn from the landmarks wherever it is needed, over a square around them."""
    size, margin = _DRAWN_SIZE, 0.2  # raised brows reach above the highest landmark
    lowest, highest = landmarks.min(0).astype(np.float64), landmarks.max(0).astype(np.float64)
    scale = size / max(float((highest - lowest).max()) * (1 + 2 * margin), 1e-3)
    corner = (lowest + highest) / 2 - size / scale / 2
    matrix = np.array([[scale, 0, -corner[0] * scale - 0.5], [0, scale, -corner[1] * scale - 0.5]])
    places = np.arange(size, dtype=np.float64)
    inside = depth(transform(landmarks, matrix), kind, places[None, :], places[:, None])
    return StoredMask(kind, np.rint(np.clip(inside + 0.5, 0, 1) * 255).astype(np.uint8), matrix)


def stamp_of(store: Path) -> Stamp:
    """Changes whenever the file does, or another takes its place; a session's commits go to the log beside it."""
    found: list[int] = []
    for path in (store, store.with_name(f"{store.name}-wal")):
        try:
            stat = os.stat(path)
            found += [stat.st_ino, stat.st_mtime_ns, stat.st_size]
        except OSError:
            found.append(-1)
    return tuple(found)
