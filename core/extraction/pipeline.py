"""decode ∥ detect, align, identify, cut ∥ write: frames stream through, and only a handful is held at any time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import TypeVar

from ..errors import Stopped
from ..faces.geometry import Alignment
from ..faces.nouns import Face, PackedMask
from ..faces.store import AlignmentsStore, Found
from ..jobs.messages import Reporter
from ..media.frame import Frame
from ..media.source import Source
from .cores import Costs, worker_count
from .folder import FacesFolder, frame_file_name
from .stages import Examiner, SeenFrame
from .stream import stream

WORKERS = worker_count()
BATCH_FRAMES, BATCH_SECONDS = 16, 2.0  # where nobody says otherwise, alignments are saved after so many or so long
BATCH_BYTES = 64 << 20  # encoded pictures that wait to be saved, at most
FRAME_BYTES = 1 << 30  # decoded frames that wait or are looked at, at most

R = TypeVar("R")


@dataclass
class Tally:
    """What a run did: frames read, faces found in them, faces left out by which rule, pictures written."""

    frames: int = 0
    faces: int = 0
    pictures: int = 0
    left_out: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, eq=False)
class Picture:
    """A face's picture on its way into a folder: encoded, b"" where none is wanted; `size` is the frame's."""

    folder: FacesFolder
    face: Face
    data: bytes
    size: tuple[int, int]
    identities: Mapping[str, Sequence[float]]
    masks: Sequence[PackedMask]

    def write(self, tally: Tally) -> None:
        if self.data:
            self.folder.write(self.face, self.data, self.size, self.identities, self.masks)
            tally.pictures += 1


@dataclass(frozen=True, eq=False)
class _CutFrame:
    pictures: tuple[Picture, ...]

    @property
    def weight(self) -> int:
        return sum(len(picture.data) for picture in self.pictures)


class Flow:
    """Frames of one source through threads, with progress, stops and saves.

    Args:
        save_interval: frames between two saves; 0: as it suits.
        total: frames that the run is about, those done before included.
        tally: counts what is done.
    """

    def __init__(self, source: Source, reporter: Reporter, tally: Tally, save_interval: int = 0, done: int = 0,
                 total: int = 0) -> None:
        self.source, self.tally = source, tally
        self._reporter, self._save_interval, self._done, self._total = reporter, save_interval, done, total

    def run(self, frames: Iterable[int], work: Callable[[list[Frame]], Sequence[R]],
            save: Callable[[Sequence[R]], None], batch_size: int = 1, text: str = "") -> None:
        """`work` on chunks of frames (ascending) in threads, and `save` what it gives, in order, in this thread.

        Args:
            batch_size: frames that `work` is to be given at once.
            text: said before the first face is found.

        Raises:
            Stopped: after the person's wish; everything that was finished is saved.
            SourceError: at a frame that cannot be decoded; the frames before it are saved.
        """
        size, window = chunking(batch_size, self.source.size)
        self.take(stream(chunks(self.source.frames(frames), size), work, WORKERS, window), save, text)

    def stopping(self) -> bool:
        """Whether the person has asked to stop."""
        return self._reporter.progress(self._done, self._total, "frames", self._text(""))

    def take(self, results: Generator[Sequence[R], None, None], save: Callable[[Sequence[R]], None],
             text: str = "") -> None:
        """`save` what comes of frames, in order, wherever they were worked on; otherwise as `run`."""
        if self._reporter.progress(self._done, self._total, "frames", text):
            raise Stopped
        batch: list[R] = []
        since = time.monotonic()
        failed = True
        try:
            for result in results:
                stopping = False
                for item in result:
                    batch.append(item)
                    self._done += 1
                    stopping |= self._reporter.progress(self._done, self._total, "frames", self._text(text))
                if stopping or self._is_due(batch, since):
                    ready, batch = batch, []
                    save(ready)
                    since = time.monotonic()
                if stopping:
                    raise Stopped
            failed = False
        finally:
            # Also after a frame that cannot be decoded: what came before it is good. A failed save stays failed.
            results.close()
            if batch:
                _save_rest(save, batch, quietly=failed)

    def _is_due(self, batch: Sequence, since: float) -> bool:
        if sum(item.weight for item in batch) >= BATCH_BYTES:
            return True
        if self._save_interval:
            return len(batch) >= self._save_interval
        return len(batch) >= BATCH_FRAMES or time.monotonic() - since >= BATCH_SECONDS

    def _text(self, text: str) -> str:
        return f"{self.tally.faces} faces" if self.tally.faces else text


class Finding:
    """Stores what is seen in frames.

    Args:
        folders: where pictures of the faces go.
        identity: kind of the faces' vectors.
        settings: the word under which frames are recorded as seen.
        costs: where the time of writing is booked.
    """

    def __init__(self, flow: Flow, store: AlignmentsStore, folders: Sequence[FacesFolder], identity: str,
                 settings: str, costs: Costs) -> None:
        self._flow, self._store, self._folders = flow, store, folders
        self._identity, self._settings, self._costs = identity, settings, costs

    def run(self, frames: Iterable[int], examiner: Examiner, text: str = "") -> None:
        """Look at frames here; see `Flow.run`."""
        draws = [folder.draw for folder in self._folders]
        self._flow.run(frames, lambda chunk: examiner.look(chunk, draws), self._save, examiner.batch_size, text)

    def take(self, seen: Generator[Sequence[SeenFrame], None, None], text: str = "") -> None:
        """Store what others saw; see `Flow.take`."""
        self._flow.take(seen, self._save, text)

    def _save(self, batch: Sequence[SeenFrame]) -> None:
        clock = time.thread_time()
        pictures: list[Picture] = []
        with self._store.transaction():
            for frame in batch:
                pictures += self._save_frame(frame)
        self._flow.tally.frames += len(batch)
        self._flow.tally.faces += sum(len(frame.faces) for frame in batch)
        self._flow.tally.left_out.update(rule for frame in batch for rule in frame.left_out)
        # Pictures follow the transaction: if the job dies in between, the next run sees that they are missing.
        for picture in pictures:
            picture.write(self._flow.tally)
        self._costs.add("write", clock)

    def _save_frame(self, frame: SeenFrame) -> list[Picture]:
        """Store a frame; returns the pictures that are now to be written."""
        kind = self._identity
        found = [Found(seen.face, seen.thumbnail, {kind: seen.vector}, seen.masks) for seen in frame.faces]
        before = self._store.faces(frame.index)
        name = frame_file_name(self._flow.source, frame.index)
        now = self._store.write_frame(frame.index, name, self._settings, found)
        uuids = {face.uuid for face in now}
        for face in before:
            if face.uuid not in uuids:
                # Before the face goes from the store: a job that dies here leaves a face without picture, which the
                # next run mends, rather than a picture without face.
                for folder in self._folders:
                    folder.remove(face)
        looks = {seen.face.landmarks.tobytes(): seen for seen in frame.faces}
        fresh = [(face, looks[face.landmarks.tobytes()]) for face in now if face.landmarks.tobytes() in looks]
        return [Picture(folder, face, data, frame.size, {kind: seen.vector.tolist()},
                        self._store.packed_masks(face.uuid) if seen.masks else ())
                for face, seen in fresh for folder, data in zip(self._folders, seen.pictures, strict=True)]


def write_pictures(flow: Flow, store: AlignmentsStore, folders: Sequence[FacesFolder], frames: Iterable[int]) -> None:
    """Cut the pictures that stored faces of these frames (ascending) lack, from their landmarks as they stand."""
    def cut(chunk: list[Frame]) -> list[_CutFrame]:
        return [_CutFrame(tuple(
            Picture(folder, face, folder.draw(frame.pixels, Alignment(face.landmarks)), frame.pixels.shape[1::-1],
                    {kind: vector.tolist() for kind, vector in store.identities_of(face.uuid).items()},
                    store.packed_masks(face.uuid))
            for face in store.faces(frame.index) for folder in folders if folder.lacks(face))) for frame in chunk]

    def save(batch: Sequence[_CutFrame]) -> None:
        for frame in batch:
            for picture in frame.pictures:
                picture.write(flow.tally)

    flow.run(frames, cut, save, text="Writing pictures")


def chunks(frames: Iterator[Frame], size: int) -> Iterator[list[Frame]]:
    """Frames in lists of at most `size`, each of pictures of one size; a failure comes after the frames before it."""
    chunk: list[Frame] = []
    try:
        for frame in frames:
            if chunk and (len(chunk) == size or frame.pixels.shape != chunk[0].pixels.shape):
                yield chunk
                chunk = []
            chunk.append(frame)
            del frame
    except Exception:
        if chunk:
            yield chunk
        raise
    finally:
        close = getattr(frames, "close", None)
        if close is not None:
            close()
    if chunk:
        yield chunk


def chunking(wanted: int, frame_size: tuple[int, int]) -> tuple[int, int]:
    """How many frames a chunk has and how many chunks may wait, so that memory is bounded for large frames too."""
    window = max(WORKERS + 1, ceil((2 * WORKERS + 2) / wanted))
    affordable = FRAME_BYTES // (3 * frame_size[0] * frame_size[1] * (window + 2))
    return max(1, min(wanted, affordable)), window


def _save_rest(save: Callable[[Sequence], None], batch: Sequence, quietly: bool) -> None:
    try:
        save(batch)
    except Exception:
        if not quietly:  # while another error is on its way it is that one which counts
            raise
