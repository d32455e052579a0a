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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..core import consent
from ..core.errors import UnderstudyError
from ..core.folders import user_cache, user_data
from ..core.jobs import client, queueing
from ..core.jobs.folder import JobFolder, write_json
from ..core.jobs.follow import Follower
from ..core.models.files import in_words
from ..core.weights import files
from ..core.weights.rows import WEIGHTS
from . import cleaning, environment
from .board import Board, JobView, view_of
from .counting import Counter
from .followers import Followers
from .models import Models
from .on_disk import OnDisk

BUSY, IDLE = 0.25, 1.0  # seconds between two looks
_NOTES = "followed.json"  # in a job folder: what Blender's side has done about the job's end


@dataclass(frozen=True)
class _Aims:
    """What is looked after, as `Keeper.look_at` was told."""

    folders: tuple[Path, ...] = ()
    places: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    python: str = ""
    stores: frozenset[tuple[Path, Path]] = frozenset()
    pictures: frozenset[str] = frozenset()
    models: frozenset[str] = frozenset()


class Keeper:
    """Owns the thread. Everything public may be called from Blender's main thread and returns at once."""

    def __init__(self) -> None:
        self.board = Board()
        self._followers = Followers()
        self._disk = OnDisk()
        self._watch = environment.Watch()
        self._wants_device = False
        self._mutex = threading.Lock()  # guards the followers; never held while a worker is started
        self._counter = Counter()
        self._wanted = _Aims()
        self._models = Models()
        self._space: cleaning.SpaceView | None = None
        self._notes: dict[Path, dict[str, Any]] = {}
        self._todo: queue.SimpleQueue[Callable[[], Any]] = queue.SimpleQueue()
        self._troubles: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._news: queue.SimpleQueue[str] = queue.SimpleQueue()
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
                stores: Iterable[tuple[Path, Path]] = (), pictures: Iterable[Path] = (),
                models: Iterable[Path] = ()) -> None:
        """What to look after from now on: job folders, folders whose files to count, films whose frames to count, the
        interpreter of the preferences, films whose alignments to read, each with the folder for them where its own
        cannot be written, pictures that may change, and folders of models.
        """
        wanted = _Aims(tuple(dict.fromkeys((*folders, environment.setup_jobs()))), frozenset(map(str, places)),
                       frozenset(map(str, sources)), python, frozenset(stores), frozenset(map(str, pictures)),
                       frozenset(map(str, models)))
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
        return _drained(self._troubles)

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
        aims, chosen = self._wanted, self._wanted.python
        with self._mutex:
            self._followers.watch(*aims.folders)
            self._followers.poll()
            followers = self._followers.sorted()
        views = tuple(self._view(f) for f in followers)
        self._watch.refresh(chosen)
        if self._wants_device:
            self._watch.find_device()
        state = self._watch.state
        python = Path(state.python) if state is not None and state.usable else None
        old = self.board
        told = self._counter.look(aims.sources, python)
        films = {path: film for path, why in told.items() if not why and (film := self._disk.film(path)) is not None}
        models = {path: view for path in aims.models if (view := self._models.look(path)) is not None}
        fresh = Board(views, {p: self._disk.count(p) for p in aims.places}, told, state, consent.given(), films,
                      {str(film): self._disk.store(film, other, self.board.busy) for film, other in aims.stores},
                      frozenset(row.name for row in WEIGHTS if files.is_present(row.name)), _written(aims.pictures),
                      models, self._space, self._watch.device, old.version)
        self._advance(fresh, chosen)
        if fresh != old:
            self.board = replace(fresh, version=old.version + 1)

    def find_device(self) -> None:
        """Somebody wants to know where the core computes: the board will tell it. May be called at every redraw."""
        self._wants_device = True

    def measure(self, wanted: cleaning.Wanted | None) -> None:
        """Find what could be deleted, in the thread; the board then tells it. None: forget what was found."""
        def look() -> None:
            self._space = cleaning.look(wanted, self.busy_paths()) if wanted is not None else None

        self.later(look)

    def delete(self, items: Iterable[cleaning.Item], wanted: cleaning.Wanted) -> None:
        """Delete what was chosen, in the thread, and measure again; what it freed is among the `news`."""
        chosen = list(items)

        def work() -> None:
            try:
                count, freed = cleaning.delete(chosen, self.busy_paths())
                self._news.put(f"Deleted {count} {'item' if count == 1 else 'items'}: {in_words(freed)} are free again")
            finally:
                self._space = cleaning.look(wanted, self.busy_paths())

        self.later(work)

    def busy_paths(self) -> list[str]:
        """Every path in the options of jobs under way, and what any job may read: caches, environment, weights."""
        found = [str(user_cache()), str(user_data())] if self.board.busy else []
        for view in self.board.jobs:
            for value in view.options.values() if view.going else ():
                found += [one for one in (value if isinstance(value, (list, tuple)) else [value])
                          if isinstance(one, str) and os.path.isabs(one)]
        return found

    def news(self) -> list[str]:
        """Sentences about what the thread has done; each is given once."""
        return _drained(self._news)

    def _advance(self, board: Board, chosen: str) -> None:
        """Start what waits, once the job before it has ended; if that was to finish and did not, it ends as well."""
        for view in board.jobs:
            if view.status != "waiting":
                continue
            if view.job.state().launched:
                continue  # the job before it has started it just now
            before = board.job(queueing.awaited(view.tag))
            if before is not None and before.going:
                continue
            try:
                if view.tag.get("after") and (before is None or before.status != "finished"):
                    queueing.give_up(view.job, before.label if before else "", before.status if before else "")
                else:
                    client.launch(view.job, environment.ready(chosen), environment.install_core_copy())
            except (UnderstudyError, OSError) as error:
                state = view.job.state()
                if not view.job.alive(state):  # else somebody was quicker
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


def _drained(sentences: queue.SimpleQueue[str]) -> list[str]:
    found = []
    while not sentences.empty():
        found.append(sentences.get_nowait())
    return found


def _written(pictures: Iterable[str]) -> dict[str, int]:
    """When each picture was written; without those that are gone."""
    found = {}
    for picture in pictures:
        with suppress(OSError):
            found[picture] = os.stat(picture).st_mtime_ns
    return found


def _read_notes(path: Path) -> dict[str, Any]:
    try:
        data = json.loads((path / _NOTES).read_text(encoding="utf-8"))
        return data if isinstance(data, dict) else {}
    except (OSError, ValueError):
        return {}
