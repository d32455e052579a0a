"""decode ∥ detect, align, cut ∥ identity, write: frames stream through, and only a handful is held at any time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import Stopped
from ..faces.geometry import Alignment
from ..faces.nouns import Face
from ..faces.store import AlignmentsStore, Found
from ..jobs.messages import Reporter
from ..media.frame import Frame
from ..media.source import Source
from .folder import FacesFolder, frame_file_name
from .stages import Examiner, SeenFrame
from .stream import stream

# dlib's detector lets go of Python's lock, so a thread per core pays; beyond four decoding is the limit.
WORKERS = max(1, min(4, os.cpu_count() or 1))
WINDOW = 2 * WORKERS + 2
BATCH_FRAMES, BATCH_SECONDS = 16, 2.0  # a transaction is written after so many frames or so long


@dataclass
class Tally:
    """What a run did: frames read, faces found in them, pictures written."""

    frames: int = 0
    faces: int = 0
    pictures: int = 0


class Extraction:
    """One run over one source.

    Args:
        settings: the word under which frames are recorded as seen.
        folder: the faces folder; None: no pictures.
        offset, total: frames done before and in all, for the progress.
        tally: counts what is done.
    """

    def __init__(self, source: Source, store: AlignmentsStore, folder: FacesFolder | None, examiner: Examiner,
                 settings: str, reporter: Reporter, offset: int, total: int, tally: Tally) -> None:
        self._source, self._store, self._folder = source, store, folder
        self._examiner, self._settings, self._reporter = examiner, settings, reporter
        self._done, self._total = offset, total
        self.tally = tally

    def find_faces(self, frames: Iterable[int]) -> None:
        """Look at frames (ascending) and store what is there.

        Raises:
            Stopped: after the person's wish; everything that was finished is stored.
            SourceError: at a frame that cannot be decoded; the frames before it are stored.
        """
        self._run(frames, self._examiner.look, self._flush)

    def write_pictures(self, faces: Iterable[Face]) -> None:
        """Cut pictures of stored faces (ascending frames) from their landmarks, as they stand."""
        by_frame: dict[int, list[Face]] = {}
        for face in faces:
            by_frame.setdefault(face.frame, []).append(face)

        def cut(frame: Frame) -> tuple[tuple[int, int], list[tuple[Face, bytes]]]:
            height, width = frame.pixels.shape[:2]
            pictures = [(face, self._examiner.picture(frame.pixels, Alignment(face.landmarks)))
                        for face in by_frame[frame.index]]
            return (width, height), pictures

        def write(batch: Sequence[tuple[tuple[int, int], list[tuple[Face, bytes]]]]) -> None:
            assert self._folder is not None
            for size, pictures in batch:
                for face, picture in pictures:
                    self._folder.write(face, picture, size)
                    self.tally.pictures += 1

        self._run(list(by_frame), cut, write)

    def _run(self, frames: Iterable[int], work: Callable[[Frame], object],
             write: Callable[[Sequence], None]) -> None:
        batch: list[object] = []
        since = time.monotonic()
        if self._reporter.progress(self._done, self._total, "frames"):
            raise Stopped
        results = stream(self._source.frames(frames), work, WORKERS, WINDOW)
        failed = True
        try:
            for result in results:
                batch.append(result)
                self._done += 1
                stopping = self._reporter.progress(self._done, self._total, "frames", self._text())
                if stopping or len(batch) >= BATCH_FRAMES or time.monotonic() - since >= BATCH_SECONDS:
                    ready, batch = batch, []
                    write(ready)
                    since = time.monotonic()
                if stopping:
                    raise Stopped
            failed = False
        finally:
            # Also after a frame that cannot be decoded: what came before it is good. A failed write stays failed.
            results.close()
            if batch:
                _write_rest(write, batch, quietly=failed)

    def _text(self) -> str:
        return f"{self.tally.faces} faces" if self.tally.faces else ""

    def _flush(self, batch: Sequence[SeenFrame]) -> None:
        clock = time.thread_time()
        chips = [face.chip for frame in batch for face in frame.faces]
        vectors = list(self._examiner.identity.vectors(chips)) if chips else []
        clock = self._examiner.costs.add("identity", clock)
        gone: list[Face] = []
        written: list[tuple[Face, bytes, tuple[int, int]]] = []
        kind = self._examiner.identity_name
        remaining = iter(vectors)
        with self._store.transaction():
            for frame in batch:
                found = [Found(seen.face, seen.thumbnail, {kind: np.asarray(next(remaining))}, seen.masks)
                         for seen in frame.faces]
                before = self._store.faces(frame.index)
                now = self._store.write_frame(frame.index, frame_file_name(self._source, frame.index),
                                              self._settings, found)
                uuids = {face.uuid for face in now}
                gone += [face for face in before if face.uuid not in uuids]
                pictures = {seen.face.landmarks.tobytes(): seen.picture for seen in frame.faces}
                written += [(face, pictures[face.landmarks.tobytes()], frame.size) for face in now
                            if face.landmarks.tobytes() in pictures]
        self.tally.frames += len(batch)
        self.tally.faces += len(chips)
        # Pictures follow the transaction: if the job dies in between, the next run sees that they are missing.
        if self._folder is not None:
            for face in gone:
                self._folder.remove(face)
            for face, picture, size in written:
                self._folder.write(face, picture, size)
                self.tally.pictures += 1
        self._examiner.costs.add("write", clock)


def _write_rest(write: Callable[[Sequence], None], batch: Sequence, quietly: bool) -> None:
    try:
        write(batch)
    except Exception:
        if not quietly:  # while another error is on its way it is that one which counts
            raise
