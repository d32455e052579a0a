"""A thread that looks after the jobs, so that no callback of Blender's ever waits for a disk (no bpy).

It reads the job folders, starts a job once the one before it has finished, counts faces folders, reads who is in the
alignments and looks after the core's Python. Panels draw from `Board`, which it replaces as a whole whenever something
has changed.
"""

from __future__ import annotations

import json
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..core import consent
from ..core.errors import UnderstudyError
from ..core.faces.places import default_store
from ..core.faces.store import AlignmentsStore
from ..core.jobs import client
from ..core.jobs.folder import JobFolder, write_json
from ..core.jobs.follow import Follower
from ..core.media.index import cached_index, file_fingerprint
from ..core.weights import files
from ..core.weights.rows import WEIGHTS
from . import environment
from .board import Board, FilmView, JobView, PersonView, StoreView, view_of
from .counting import Counter
from .jobs import Jobs

BUSY, IDLE = 0.25, 1.0  # seconds between two looks
_STORE_PAUSE = 2.0  # seconds between two readings of alignments that keep changing
_NOTES = "followed.json"  # in a job folder: what Blender's side has done about the job's end


class Keeper:
    """Owns the thread. Everything public may be called from Blender's main thread and returns at once."""

    def __init__(self) -> None:
        self.board = Board()
        self._jobs = Jobs()
        self._watch = environment.Watch()
        self._mutex = threading.Lock()  # guards the followers; never held while a worker is started
        self._counter = Counter()
        self._wanted: tuple[tuple[Path, ...], frozenset[str], frozenset[str], str, frozenset[tuple[Path, Path]],
                            frozenset[str]] = ((), frozenset(), frozenset(), "", frozenset(), frozenset())
        self._films: dict[str, tuple[tuple[int, ...], FilmView | None]] = {}
        self._stores: dict[Path, tuple[Any, StoreView]] = {}
        self._stamps: dict[str, tuple[int, int]] = {}
        self._notes: dict[Path, dict[str, Any]] = {}
        self._todo: queue.SimpleQueue[Callable[[], Any]] = queue.SimpleQueue()
        self._troubles: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._wake = threading.Event()
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._end.clear()
        self._thread = threading.Thread(target=self._run, name="understudy-follow", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(2.0)
            self._thread = None

    def look_at(self, folders: Iterable[Path], places: Iterable[Path], sources: Iterable[Path], python: str,
                stores: Iterable[tuple[Path, Path]] = (), pictures: Iterable[Path] = ()) -> None:
        """What to look after from now on: job folders, folders whose files to count, films whose frames to count, the
        interpreter of the preferences, films whose alignments to read, each with the folder for them where its own
        cannot be written, and pictures that may change.
        """
        wanted = (tuple(dict.fromkeys((*folders, environment.setup_jobs()))), frozenset(map(str, places)),
                  frozenset(map(str, sources)), python, frozenset(stores), frozenset(map(str, pictures)))
        if wanted != self._wanted:
            self._wanted = wanted
            self.wake()

    def wake(self) -> None:
        """Look now rather than at the next turn."""
        self._wake.set()

    def later(self, action: Callable[[], Any]) -> None:
        """Do something slow in the thread; the sentence of an `UnderstudyError` goes to `troubles`."""
        self._todo.put(action)
        self.wake()

    def troubles(self) -> list[str]:
        """Sentences that the thread has to say; each is given once."""
        found = []
        while not self._troubles.empty():
            found.append(self._troubles.get_nowait())
        return found

    def _work(self) -> None:
        while not self._todo.empty():
            try:
                self._todo.get_nowait()()
            except (UnderstudyError, OSError) as error:
                self._troubles.put(environment.explain(error))

    def note(self, job: JobFolder, **what: Any) -> None:
        """Remember, in the job's folder, what was done about its end."""
        notes = {**self._notes.get(job.path, {}), **what}
        self._notes[job.path] = notes
        try:
            write_json(job.path / _NOTES, notes)
        except OSError:
            pass  # a read-only place: then it is remembered as long as Blender runs
        self.wake()

    def _run(self) -> None:
        while not self._end.is_set():
            try:
                self.look()
            except Exception as error:
                # One odd folder must not end the following of all others.
                print(f"Understudy: cannot follow the jobs ({type(error).__name__}: {error})")
            self._wake.wait(BUSY if self.board.busy else IDLE)
            self._wake.clear()

    def look(self) -> None:
        """One look at everything; the thread's body, and what `blender -b` calls itself."""
        self._work()
        folders, places, sources, chosen, stores, pictures = self._wanted
        with self._mutex:
            if self._jobs._folders != folders:
                self._jobs.watch(*folders)
            self._jobs.poll()
            followers = sorted(self._jobs.followers.values(), key=lambda f: (f.spec.created, f.job.path.name))
        views = tuple(self._view(f) for f in followers)
        self._watch.refresh(chosen)
        state = self._watch.state
        python = Path(state.python) if state is not None and state.usable else None
        old = self.board
        told = self._counter.look(sources, python)
        films = {path: film for path, why in told.items() if not why and (film := self._film(path)) is not None}
        fresh = Board(views, {p: self._count(p) for p in places}, told, state, consent.given(), films,
                      {str(film): self._store(film, other) for film, other in stores},
                      frozenset(row.name for row in WEIGHTS if files.is_present(row.name)), _written(pictures),
                      old.version)
        self._advance(fresh, chosen)
        if fresh != old:
            self.board = replace(fresh, version=old.version + 1)

    def _count(self, place: str) -> int:
        """How many files a folder holds; counted again only when it has changed."""
        try:
            stamp = os.stat(place).st_mtime_ns
            if place not in self._stamps or self._stamps[place][0] != stamp:
                with os.scandir(place) as entries:
                    self._stamps[place] = stamp, sum(1 for e in entries if not e.name.startswith("."))
            return self._stamps[place][1]
        except OSError:
            return 0

    def _film(self, path: str) -> FilmView | None:
        """What is known of a counted film; None for a folder of images. Its index is read once."""
        stamp = _stamp_of(Path(path))
        if path not in self._films or self._films[path][0] != stamp:
            index = None if os.path.isdir(path) else cached_index(path, file_fingerprint(path))
            self._films[path] = stamp, FilmView(len(index), Fraction(*index.rate)) if index is not None else None
        return self._films[path][1]

    def _store(self, film: Path, elsewhere: Path) -> StoreView:
        """A film's alignments; read again only when they have changed, and while jobs write, only now and then."""
        path = default_store(film, elsewhere)
        stamp = _stamp_of(path)
        known = self._stores.get(path)
        pause = _STORE_PAUSE if self.board.busy else 0.0
        if known is not None and (known[0][0] == stamp or time.monotonic() - known[0][1] < pause):
            return known[1]
        view = read_store(path)
        self._stores[path] = (stamp, time.monotonic()), view
        return view

    def _advance(self, board: Board, chosen: str) -> None:
        """Start what waits, once the job before it has finished; give up on it if that one did not."""
        for view in board.jobs:
            if view.status != "waiting":
                continue
            before = board.job(view.tag.get("after", ""))
            if before is not None and before.going:
                continue
            try:
                if before is not None and before.status != "finished":
                    client.remove(view.job)
                else:
                    client.launch(view.job, environment.ready(chosen), environment.install_core_copy())
            except (UnderstudyError, OSError) as error:
                state = view.job.state()
                state.status, state.error, state.ended = "failed", environment.explain(error), time.time()
                view.job.write_state(state)
            self.wake()

    def _view(self, follower: Follower) -> JobView:
        state, spec = follower.state, follower.spec
        status = follower.status
        if status == "queued" and not state.launched:
            status = "waiting"
        path = follower.job.path
        if path not in self._notes:
            self._notes[path] = _read_notes(path)
        return view_of(follower, status, spec.tag, dict(self._notes[path]))


def read_store(path: Path) -> StoreView:
    """What panels show of a clip's alignments; who reads them while they are being written reads a moment later."""
    try:
        with AlignmentsStore.readonly(path) as store:
            counts, names = store.face_counts(), store.people()
    except UnderstudyError:
        return StoreView(str(path), path.exists())
    people = sorted((PersonView(person, names.get(person, ""), count) for person, count in counts.items()
                     if person is not None), key=lambda person: (-person.faces, person.id))
    return StoreView(str(path), True, tuple(people), counts.get(None, 0), sum(counts.values()))


def _written(pictures: Iterable[str]) -> dict[str, int]:
    """When each picture was written; without those that are gone."""
    found = {}
    for picture in pictures:
        with suppress(OSError):
            found[picture] = os.stat(picture).st_mtime_ns
    return found


def _stamp_of(path: Path) -> tuple[int, ...]:
    """Changes whenever the file does; a store's commits go to the -wal file first."""
    found: list[int] = []
    for one in (path, path.with_name(path.name + "-wal")):
        try:
            stat = one.stat()
            found += [stat.st_mtime_ns, stat.st_size]
        except OSError:
            found.append(-1)
    return tuple(found)


def _read_notes(path: Path) -> dict[str, Any]:
    try:
        data = json.loads((path / _NOTES).read_text(encoding="utf-8"))
        return data if isinstance(data, dict) else {}
    except (OSError, ValueError):
        return {}
