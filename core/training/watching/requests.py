"""What those who watch a training from outside can ask it for (stdlib only; both sides).

A request is an empty file in the model folder, `ask.save` for instance: a panel, another process, a shell on another
machine that shares the disk, all can make one. The training looks twice a second, does it and removes the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from ...errors import writing

Request = Literal["refresh", "save", "snapshot"]
REQUESTS: tuple[Request, ...] = get_args(Request)


def file_of(model_dir: Path, request: Request) -> Path:
    return model_dir / f"ask.{request}"


def ask(model_dir: Path, request: Request) -> None:
    """Ask the training in `model_dir`: to show how it stands, to save, or to keep a snapshot. A training that has yet
    to save for the first time finds the folder made.

    Raises:
        OutputError: the folder cannot be made or written.
    """
    path = file_of(model_dir, request)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def take(model_dir: Path) -> set[Request]:
    """What was asked since last time; each is answered once."""
    found: set[Request] = set()
    for request in REQUESTS:
        path = file_of(model_dir, request)
        try:
            path.unlink()
            found.add(request)
        except FileNotFoundError:
            pass
        except OSError:
            pass  # a folder that became read-only: better unanswered than answered for ever
    return found
