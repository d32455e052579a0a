"""One at a time changes a model folder (stdlib only)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ModelError, writing
from ..jobs.lock import FileLock
from .state import LOCK_NAME


@contextmanager
def locked(model_dir: Path, refusal: ModelError) -> Iterator[None]:
    """Nobody else changes the model meanwhile.

    Args:
        model_dir: is there.
        refusal: what is raised where somebody else does already.

    Raises:
        OutputError: the folder cannot be written.
    """
    with writing(model_dir):
        lock = FileLock(model_dir / LOCK_NAME)
        free = lock.acquire()
    if not free:
        raise refusal
    try:
        yield
    finally:
        lock.release()
