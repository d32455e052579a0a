"""What a listing job found: printed, written to a text file, or moved into a folder of its own."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import OutputError, UsageError, writing
from ..jobs.messages import Reporter
from ..media.images import write_file
from ..options.alignments import ListOptions
from .stores import Plan, counted


@dataclass(frozen=True)
class Item:
    """One thing found.

    Attributes:
        line: how it is listed.
        path: the picture that `move` moves; None where there is none.
        place: folder below the target into which it goes.
    """

    line: str
    path: Path | None = None
    place: str = ""


def stamp() -> str:
    """The time for names of files and folders."""
    return datetime.now().strftime("%Y-%m-%d_%H.%M.%S")


def deliver(job: str, options: ListOptions, items: Sequence[Item], beside: Path, reporter: Reporter) -> dict[str, Any]:
    """Print, write or move what was found.

    Args:
        job: names the file or folder that is made.
        beside: the folder that was searched.

    Returns:
        {"found", "text" (for printing), "file" or "folder" (what was made), "moved", "dry_run"}.

    Raises:
        UsageError: what was found cannot be moved (the frames of a video).
        OutputError: the target cannot be written, or holds a file of that name already.
        Stopped: the person asked to; what was moved stays moved.
    """
    plan = Plan(options.dry_run)
    result: dict[str, Any] = {"found": len(items)}
    if options.action == "move":
        folder = _target(options, beside, f"{job}_{stamp()}")
        moves = _moves(items, folder)
        for source, target in moves:
            plan.say(f"move {source} to {target}")
        if not options.dry_run:
            _move(moves, reporter)
        return plan.result(**result, folder=str(folder) if moves else "", moved=0 if options.dry_run else len(moves))
    lines = [item.line for item in items]
    if options.action == "file":
        path = _target(options, beside, f"{job}_{stamp()}.txt")
        plan.say(f"write {len(lines)} lines to {path}")
        if not options.dry_run:
            write_file(path, "".join(f"{line}\n" for line in lines).encode())
        return plan.result(**result, file=str(path))
    return {**result, "dry_run": options.dry_run, "text": "\n".join(lines) or "None."}


def _target(options: ListOptions, beside: Path, name: str) -> Path:
    return Path(options.output).expanduser().absolute() if options.output.strip() else beside / name


def _moves(items: Sequence[Item], folder: Path) -> list[tuple[Path, Path]]:
    moves = []
    for item in items:
        if item.path is None:
            raise UsageError("The frames of a video cannot be moved", "Use --action file, or --action console")
        moves.append((item.path, folder / item.place / item.path.name))
    for target, count in Counter(target for _, target in moves).items():
        if count > 1:
            raise OutputError(f"Several pictures would become {target}", "Restore their names first, with alignments "
                              "rename")
        if os.path.lexists(target):
            raise OutputError(f"{target} is there already", "Choose another output folder")
    return moves


def _move(moves: Sequence[tuple[Path, Path]], reporter: Reporter) -> None:
    for source, target in counted(reporter, moves, "pictures", "Moving"):
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.replace(source, target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                _copy_over(source, target)


def _copy_over(source: Path, target: Path) -> None:
    """To another disk: the copy is complete under its name before the original goes."""
    write_file(target, source.read_bytes())
    source.unlink()
