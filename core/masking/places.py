"""Where a mask job finds faces and keeps masks: a clip with its alignments, or a folder of face pictures."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Self

from ..errors import FacesError, SourceError, Stopped, UsageError
from ..extraction.origin import source_info
from ..faces.geometry import Alignment
from ..faces.nouns import SourceInfo, StoredMask
from ..faces.persons import wanted
from ..faces.places import default_store
from ..faces.png import FaceHeader, read_header
from ..faces.store import AlignmentsStore
from ..jobs.messages import Reporter
from ..media.images import read_image
from ..media.ranges import parse_frames
from ..media.source import Source, open_source
from ..options.mask import MaskInput
from .pictures import Pictures, back_up, list_pictures, packed, put_masks, unpacked
from .subject import Entry, Subject

_STEP = 64  # faces between two looks at the reporter


class Place(ABC):
    """Faces to mask; a context manager.

    Attributes:
        title: what messages call it.
        entries: the faces that the options choose, by frame.
    """

    title: str
    entries: list[Entry]

    def __init__(self) -> None:
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @abstractmethod
    def read(self, entries: Sequence[Entry]) -> Iterator[Subject]:
        """The entries, which follow each other as in `self.entries`, with their pixels."""

    @abstractmethod
    def mask(self, entry: Entry, kind: str) -> StoredMask | None: ...

    @abstractmethod
    def having(self, kind: str) -> set[str]:
        """Names of the entries that have such a mask."""

    @abstractmethod
    def write(self, masks: Iterable[tuple[Entry, StoredMask]]) -> None:
        """Keep masks, in the place of those of the same kinds."""

    @abstractmethod
    def backup(self) -> Path:
        """Copy what holds the masks beside itself; returns where to."""

    def level(self, reporter: Reporter) -> None:
        """Where store and pictures both hold masks, give each face's second what its first has and it lacks: a job
        that was killed may have written only one of them.

        Raises:
            Stopped: the person asked to.
        """
        if not self.is_double:
            return
        for done, entry in enumerate(self.entries):
            if done % _STEP == 0 and reporter.progress(done, len(self.entries), "faces", "Comparing masks"):
                raise Stopped
            self._level(entry)

    @property
    @abstractmethod
    def is_double(self) -> bool:
        """Whether masks are kept in a store and in pictures."""

    @abstractmethod
    def _level(self, entry: Entry) -> None: ...

    @property
    @abstractmethod
    def journal(self) -> Path:
        """Where a job that can be stopped notes how far it is."""


def open_place(options: MaskInput, writable: bool = True) -> Place:
    """The faces that the options choose.

    Raises:
        SourceError, AlignmentsError, FacesError, UsageError: nothing there, or no such faces.
    """
    if not options.source.strip():
        raise UsageError("No source is given", "Name a clip that was extracted, or a faces folder")
    path = Path(options.source).expanduser().absolute()
    kind = FolderPlace if _is_faces_folder(path) else ClipPlace
    place: Place = kind(path, options, writable)
    if not place.entries:
        place.__exit__()
        raise FacesError(f"{place.title} has no faces in what was chosen",
                         "Choose other frames, persons or face numbers")
    return place


def _is_faces_folder(path: Path) -> bool:
    """A folder counts as one as soon as one of its first pictures has a face header."""
    try:
        paths = [found for found in list_pictures(path) if found.suffix.lower() == ".png"] if path.is_dir() else []
    except OSError as error:
        raise SourceError(f"Cannot read {path} ({error.strerror or error})",
                          "Check the folder's permissions") from error
    for found in paths[:5]:
        try:
            read_header(found)
            return True
        except FacesError:
            continue
    return False


def _chosen(options: MaskInput, entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if options.position in (-1, entry.position)]


class ClipPlace(Place):
    """A clip with its store and, where one is named, the folder of its face pictures."""

    def __init__(self, path: Path, options: MaskInput, writable: bool) -> None:
        super().__init__()
        try:
            self.source: Source = self._open.enter_context(open_source(path))
            self.title = str(self.source.path)
            store = Path(options.alignments).expanduser() if options.alignments.strip() else default_store(path)
            self.store = self._open.enter_context(_store(store, source_info(self.source), writable))
            frames = parse_frames(options.frames, len(self.source))
            is_wanted = wanted(self.store, options.persons)
            self.entries = _chosen(options, [
                Entry(face.uuid, f"{self.source.name(face.frame)}_{face.position}", face.frame, face.position, face.box,
                      face.landmarks, face.person)
                for _, faces in self.store.iterate(frames) for face in faces if is_wanted(face)])
            self.pictures = Pictures(options.faces) if options.faces.strip() else None
        except BaseException:
            self._open.close()
            raise

    def read(self, entries: Sequence[Entry]) -> Iterator[Subject]:
        by_frame: dict[int, list[Entry]] = {}
        for entry in entries:
            by_frame.setdefault(entry.frame, []).append(entry)
        for frame in self.source.frames(by_frame):
            height, width = frame.pixels.shape[:2]
            name = self.source.name(frame.index)
            for entry in by_frame[frame.index]:
                yield Subject(entry, frame.pixels, (width, height), frame_name=name)

    def mask(self, entry: Entry, kind: str) -> StoredMask | None:
        return self.store.mask(entry.uuid, kind)

    def having(self, kind: str) -> set[str]:
        uuids = self.store.faces_with_mask(kind)
        return {entry.name for entry in self.entries if entry.uuid in uuids}

    def write(self, masks: Iterable[tuple[Entry, StoredMask]]) -> None:
        masks = list(masks)
        with self.store.transaction():
            for entry, mask in masks:
                self.store.set_mask(entry.uuid, mask)
        if self.pictures is not None:
            self.pictures.write(masks)

    def backup(self) -> Path:
        return self.store.backup()

    @property
    def is_double(self) -> bool:
        return self.pictures is not None

    def _level(self, entry: Entry) -> None:
        assert self.pictures is not None
        self.pictures.level(entry, self.store)

    @property
    def journal(self) -> Path:
        return self.store.path.with_name(f".{self.store.path.stem}_mask_update.json")


class FolderPlace(Place):
    """A folder of face pictures, whose headers hold the masks; the store as well where its file is named.

    Faces that sorting put into a group's folder are called after that as well, such as "_yaw_001/clip_000012_0".
    """

    def __init__(self, path: Path, options: MaskInput, writable: bool) -> None:
        super().__init__()
        self.folder, self.title = path, str(path)
        self._headers: dict[str, FaceHeader] = {}
        self._kinds: dict[str, set[str]] = {}
        self.store: AlignmentsStore | None = None
        if options.alignments.strip():
            self.store = self._open.enter_context(_store(Path(options.alignments).expanduser(), None, writable))
        try:
            self.entries = _chosen(options, sorted(self._listed(options), key=lambda e: (e.frame, e.position, e.name)))
        except BaseException:
            self._open.close()
            raise

    def _listed(self, options: MaskInput) -> Iterator[Entry]:
        if options.persons and self.store is None:
            raise UsageError(f"The pictures in {self.folder} do not know persons", "Name the alignments file as well")
        is_wanted = wanted(self.store, options.persons) if self.store is not None else None
        highest = 10**9
        frames = set(parse_frames(options.frames, highest)) if options.frames.strip() else None
        for path in list_pictures(self.folder):
            try:
                header = read_header(path, with_masks=True)
            except FacesError:
                continue  # other pictures may lie beside the faces
            if frames is not None and header.frame not in frames:
                continue
            face = self.store.face(header.uuid) if self.store is not None and header.uuid else None
            if is_wanted is not None and options.persons and (face is None or not is_wanted(face)):
                continue
            name = path.relative_to(self.folder).with_suffix("").as_posix()
            self._kinds[name] = {mask.kind for mask in header.masks}
            self._headers[name] = replace(header, masks=())  # thousands of masks are much to hold
            yield Entry(header.uuid, name, header.frame, header.position, header.box, header.landmarks,
                        face.person if face is not None else None, path)

    def read(self, entries: Sequence[Entry]) -> Iterator[Subject]:
        for entry in entries:
            header = self._headers[entry.name]
            assert entry.path is not None
            try:
                pixels = read_image(entry.path)
            except SourceError as error:
                raise FacesError(error.message, "Extract this face again, or remove the file") from error
            matrix = header.matrix
            if matrix is None:  # another tool's picture: head-centred, as far as its header can say
                matrix = Alignment(header.landmarks).matrix(pixels.shape[0], "head")
            yield Subject(entry, pixels, header.frame_size, matrix, Path(header.frame_name).stem)

    def mask(self, entry: Entry, kind: str) -> StoredMask | None:
        assert entry.path is not None
        packed = [mask for mask in read_header(entry.path, with_masks=True).masks if mask.kind == kind]
        return unpacked(packed[0]) if packed else None

    def having(self, kind: str) -> set[str]:
        return {entry.name for entry in self.entries if kind in self._kinds[entry.name]}

    def write(self, masks: Iterable[tuple[Entry, StoredMask]]) -> None:
        masks = list(masks)
        for entry in dict.fromkeys(entry for entry, _ in masks):
            assert entry.path is not None
            own = [mask for owner, mask in masks if owner is entry]
            put_masks(entry.path, [packed(mask) for mask in own])
            self._kinds[entry.name] |= {mask.kind for mask in own}
        if self.store is not None:
            with self.store.transaction():
                for entry, mask in masks:
                    if entry.uuid and self.store.face(entry.uuid) is not None:
                        self.store.set_mask(entry.uuid, mask)

    def backup(self) -> Path:
        """The pictures as they are now, in a folder beside theirs."""
        target = back_up(self.folder, [entry.path for entry in self.entries if entry.path is not None])
        if self.store is not None:
            self.store.backup()
        return target

    @property
    def is_double(self) -> bool:
        return self.store is not None

    def _level(self, entry: Entry) -> None:
        assert self.store is not None
        if not entry.uuid or self.store.face(entry.uuid) is None:
            return
        lacking = self._kinds[entry.name] - set(self.store.mask_kinds(entry.uuid))
        if lacking:
            assert entry.path is not None
            with self.store.transaction():
                for mask in read_header(entry.path, with_masks=True).masks:
                    if mask.kind in lacking:
                        self.store.set_mask(entry.uuid, mask)

    @property
    def journal(self) -> Path:
        return self.folder / ".mask_update.json"


def _store(path: Path, info: SourceInfo | None, writable: bool) -> AlignmentsStore:
    if writable or os.access(path, os.W_OK):
        return AlignmentsStore.open(path, info)
    return AlignmentsStore.readonly(path, info)
