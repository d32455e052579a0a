"""The task `alignments import`: other tools' faces into a clip's alignments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import AlignmentsError, Stopped, UsageError
from ..extraction.origin import source_info
from ..faces.matching import match
from ..faces.nouns import Face, SourceInfo, State
from ..faces.places import default_store
from ..faces.store import AlignmentsStore, Found
from ..jobs.messages import Reporter
from ..media.source import Source, open_source
from ..options.interop import ImportOptions
from .frames import Frames
from .nouns import ForeignFace, ForeignFile, ForeignFrame
from .recognition import read_foreign

SETTINGS = "imported"  # how frames were looked at that only a file knows
_FRAMES_PER_COMMIT = 200
_NAMED = 5  # how many of many a warning names


def run(options: ImportOptions, reporter: Reporter) -> dict[str, Any]:
    """Bring faces in, file by file; a second run finds them there and changes nothing.

    A face that overlaps one already there is that face: it stays as it is, or with `replace` takes what the file says
    and keeps its uuid, person and history.

    Returns:
        {"alignments", "backup" ("" if none), "frames", "added", "replaced", "already_there", "unmatched" (faces whose
        frame the clip does not have), "unreadable" (faces), "formats" (of the files)}; with `dry_run` what would be.

    Raises:
        UsageError: no file, or neither clip nor alignments named.
        AlignmentsError, FacesError: a file of no known kind, damaged or unsafe; alignments of another clip.
        SourceError, OutputError: as the clip and the alignments file give cause.
        Stopped: after the person's wish; running again continues.
    """
    if not options.files:
        raise UsageError("No file to import is named", "Name faceswap's .fsa, or a folder of extracted faces")
    tally = Tally()
    with closing(_Target.of(options)) as target:
        for path in [Path(name).expanduser().absolute() for name in options.files]:
            foreign = read_foreign(path)
            tally.formats.append(foreign.format)
            _import_file(path, foreign, target, options, tally, reporter)
    if not tally.frames:
        raise AlignmentsError(f"No frame of {target.info.name} is in {', '.join(options.files)}",
                              "Check that the file is of this clip; frames are told by name or number")
    return {"alignments": str(target.path), "backup": target.backup, "frames": tally.frames, **tally.faces(),
            "unreadable": tally.unreadable, "formats": tally.formats, "dry_run": options.dry_run}


@dataclass
class Tally:
    """What became of what was in the files."""

    frames: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0
    formats: list[str] = field(default_factory=list)

    def faces(self) -> dict[str, int]:
        return {name: self.counts[name] for name in ("added", "replaced", "already_there", "unmatched")}


@dataclass
class _Target:
    """The alignments that faces go into; opened for writing, and backed up, by the first that does."""

    path: Path
    info: SourceInfo
    names: dict[int, str]
    dry_run: bool
    backup: str = ""
    is_new: bool = False
    seen: set[int] = field(default_factory=set)
    _store: AlignmentsStore | None = None

    @classmethod
    def of(cls, options: ImportOptions) -> _Target:
        source = options.source.strip()
        alignments = options.alignments.strip()
        if not source and not alignments:
            raise UsageError("Neither a clip nor its alignments are named", "Name the clip with --source, or give "
                             "--alignments FILE")
        if not source:
            path = Path(alignments).expanduser().absolute()
            with AlignmentsStore.open(path) as store:
                return cls(path, store.source, store.frame_names(), options.dry_run)
        path = Path(alignments).expanduser().absolute() if alignments else default_store(Path(source).expanduser())
        with open_source(source) as clip:
            info, names = source_info(clip), frame_names(clip)
        if path.exists():
            AlignmentsStore.open(path, info).close()  # it is this clip's, or says so before anything is read
        return cls(path, info, names, options.dry_run)

    def store(self) -> AlignmentsStore | None:
        """The open store; None where there is none and none is to be made."""
        if self._store is None:
            is_there = self.path.is_file() and self.path.stat().st_size > 0
            if self.dry_run and not is_there:
                return None
            self._store = AlignmentsStore.create(self.path, self.info)
            self.is_new = not is_there
            self.seen = self._store.frames_seen()
        return self._store

    def back_up(self) -> None:
        """Once, before the first change to alignments that were there before."""
        if self._store is not None and not (self.backup or self.is_new or self.dry_run):
            self.backup = str(self._store.backup())

    def close(self) -> None:
        if self._store is not None:
            self._store.close()

    def name(self, frame: int) -> str:
        """What the store calls a frame."""
        clip = Path(self.info.name)
        return self.names.get(frame) or (f"{clip.stem}_{frame:06d}{clip.suffix}" if self.info.kind == "video" else "")


def frame_names(source: Source) -> dict[int, str]:
    """Index -> file name of the images of a folder; empty for a video."""
    return {index: path.name for index, path in enumerate(getattr(source, "files", []))}


def _import_file(path: Path, foreign: ForeignFile, target: _Target, options: ImportOptions, tally: Tally,
                 reporter: Reporter) -> None:
    frames = Frames(target.info, target.names)
    unmatched: list[str] = []
    done = 0
    for batch in _batches(foreign):
        if reporter.progress(done, foreign.count, "frames", f"Importing {path.name}"):
            raise Stopped
        known = [(frames.find(frame), frame) for frame in batch]
        unmatched += [frame.name for index, frame in known if index is None]
        tally.counts["unmatched"] += sum(len(frame.faces) for index, frame in known if index is None)
        _import_batch([(index, frame) for index, frame in known if index is not None], target, options, tally)
        done += len(batch)
    reporter.progress(foreign.count, foreign.count, "frames", f"Importing {path.name}")
    tally.unreadable += len(foreign.problems)
    _tell(path, target, frames, unmatched, foreign.problems, reporter)


def _tell(path: Path, target: _Target, frames: Frames, unmatched: list[str], problems: list[str],
          reporter: Reporter) -> None:
    if unmatched:
        reporter.warning(f"{len(unmatched)} frames of {path} are not in {target.info.name}: {_some(unmatched)}",
                         "\n".join(unmatched))
    if problems:
        reporter.warning(f"{len(problems)} faces of {path} cannot be read: {_some(problems, '; ')}",
                         "\n".join(problems))
    if frames.others:
        reporter.warning(f"The frames of {path} are called after {_some(sorted(frames.others))}, and the clip is "
                         f"{target.info.name}; they were told by their numbers")


def _some(names: list[str], separator: str = ", ") -> str:
    return separator.join(names[:_NAMED]) + (f"{separator}…" if len(names) > _NAMED else "")


def _batches(foreign: ForeignFile) -> Iterator[list[ForeignFrame]]:
    batch: list[ForeignFrame] = []
    for frame in foreign.frames:
        batch.append(frame)
        if len(batch) == _FRAMES_PER_COMMIT:
            yield batch
            batch = []
    if batch:
        yield batch


def _import_batch(frames: list[tuple[int, ForeignFrame]], target: _Target, options: ImportOptions, tally: Tally
                  ) -> None:
    tally.frames += len({index for index, _ in frames})
    store = target.store() if frames else None
    if store is None:
        tally.counts["added"] += sum(len(frame.faces) for _, frame in frames)
        return
    if _changes(store, frames, target, options):
        target.back_up()
    with _changing(store, options.dry_run):
        people = {name: person for person, name in store.people().items()}
        for index, frame in frames:
            if index not in target.seen:
                store.set_frame(index, target.name(index), SETTINGS)
                target.seen.add(index)
            if frame.pts is not None or frame.keyframe is not None:
                store.set_video_meta(index, frame.pts, frame.keyframe)
            for new, old in _pairs(store, index, frame):
                tally.counts[_write(store, index, new, old, options, people)] += 1


def _changes(store: AlignmentsStore, frames: list[tuple[int, ForeignFrame]], target: _Target, options: ImportOptions
             ) -> bool:
    """Whether there is anything to write."""
    return options.replace or any(
        index not in target.seen or any(old is None for _, old in _pairs(store, index, frame))
        for index, frame in frames)


class _Undone(Exception):
    """Rolls a dry run back."""


@contextmanager
def _changing(store: AlignmentsStore, dry_run: bool) -> Iterator[None]:
    try:
        with store.transaction():
            yield
            if dry_run:
                raise _Undone
    except _Undone:
        pass


def _pairs(store: AlignmentsStore, index: int, frame: ForeignFrame) -> list[tuple[ForeignFace, Face | None]]:
    """Each imported face with the face already there that it is: the one of its uuid, or one that it overlaps."""
    known = {face.uuid: face for face in store.faces(index, with_removed=True)}
    pairs: list[tuple[ForeignFace, Face | None]] = []
    others: list[ForeignFace] = []
    for face in frame.faces:
        old = known.pop(face.uuid, None) if face.uuid else None
        if old is not None:
            pairs.append((face, old))
        elif face.uuid and store.face(face.uuid) is not None:
            others.append(replace(face, uuid=""))  # it is that of a face in another frame
        else:
            others.append(face)
    left = list(known.values())
    found = match([face.box for face in others], [face.box for face in left])
    return pairs + [(face, left[found[i]] if i in found else None) for i, face in enumerate(others)]


def _write(store: AlignmentsStore, frame: int, new: ForeignFace, old: Face | None, options: ImportOptions,
           people: dict[str, int]) -> str:
    """Write one face; returns what became of it, as `Tally.counts` calls it."""
    if old is not None and not options.replace:
        return "already_there"
    state: State = new.state or "added"
    if options.protect and state == "machine":
        state = "added"
    if not options.protect and new.state is None:
        state = "machine"
    face = Face(frame, new.box, new.landmarks, score=new.score, state=state)
    if new.uuid:
        face = replace(face, uuid=new.uuid)
    face = store.put(Found(face, new.thumbnail, new.identities, new.masks), old)
    if new.person:
        if new.person not in people:
            people[new.person] = store.add_person(new.person)
        store.set_persons({face.uuid: people[new.person]}, undoable=False)
    return "added" if old is None else "replaced"
