"""One store while a person edits it: open, backed up before the first edit, brought to a revision (no bpy)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from ..core.errors import UnderstudyError
from ..core.faces.store import AlignmentsStore

PATIENCE = 10.0  # seconds that a thread or `blender -b` waits for another writer's transaction


class Session:
    """One store that is edited.

    Attributes:
        backup: the copy that was made before the first edit.
        revision: where we left the store; None before the first edit.
        floor: undo goes back so far: what others wrote is not ours to undo.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.backup: Path | None = None
        self.revision: int | None = None
        self.floor = 0
        self.wanted: int | None = None  # the revision that undo or redo asks for
        self.trouble = ""
        self.used = 0.0
        self._store: AlignmentsStore | None = None
        self._thread: threading.Thread | None = None

    @property
    def is_busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def store(self, wait: float) -> AlignmentsStore:
        """The open store; it stays open for the next edit.

        Raises:
            AlignmentsError, OutputError: missing, damaged, locked by another writer, read-only.
        """
        self.used = time.monotonic()
        if self._store is not None and not self.path.is_file():
            self.close()
        if self._store is None:
            self._store = AlignmentsStore.open(self.path, wait=wait)
        self._store._connection.execute(f"PRAGMA busy_timeout = {round(wait * 1000)}")
        return self._store

    def close(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def in_thread(self, work: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                work()
            except UnderstudyError as error:
                self.trouble = str(error)
            except Exception as error:
                self.trouble = f"Internal error ({type(error).__name__}: {error})"

        self._thread = threading.Thread(target=guarded, name="understudy-corrections", daemon=True)
        self._thread.start()

    def back_up(self) -> None:
        """Copy the store beside itself, once; a large one takes seconds."""
        if self.backup is None:
            with AlignmentsStore.open(self.path, wait=PATIENCE) as own:
                self.backup = own.backup()

    def begin(self, store: AlignmentsStore) -> None:
        """Note where the store stands; what others did since we last looked cannot be undone from here."""
        here = store.revision
        if here != self.revision:
            self.floor = self.revision = here

    def follow(self, wait: float = PATIENCE) -> None:
        """Bring the store to the revision that undo or redo asks for, also one that is asked for meanwhile."""
        while (wanted := self.wanted) is not None:
            store = self.store(wait)
            if store.revision != self.revision:
                self.begin(store)
                self.wanted = None
                self.trouble = (f"{self.path.name} was changed by somebody else meanwhile, so that this step was not "
                                "taken back. Undo Change, under Tools, can")
                return
            store.go_to(wanted)
            self.revision = wanted
            if self.wanted == wanted:
                self.wanted = None
