"""The task `restore`: a backup or snapshot becomes the model again, and what the model was is archived (stdlib only).

Each step can be killed and the whole run again: the archive gets its name when it is whole, the model changes with its
state.json, and a run that finds both done only tidies up.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ..columns import columns
from ..errors import ModelError, OutputError, UsageError, writing
from ..jobs.messages import Reporter
from ..options.models import RestoreOptions
from . import copies
from .copies import Copy
from .files import copy_atomically, in_words, is_weights, require_room, share
from .locking import locked
from .state import LOGS_NAME, PREVIEW_NAME, STATE_NAME, ModelState

_PARTIAL = ".partial"  # ends the name of an archive that is not whole yet


def run(options: RestoreOptions, reporter: Reporter) -> dict[str, Any]:
    """List what can be brought back, or bring it back.

    Returns:
        For a list {"copies": [{"kind", "iterations", "loss", "saved", "size", "place", "preview"}], "text"}; else
        {"restored" (its kind), "iterations", "archive" (what the model was; "" where it was the same already), "text"}.

    Raises:
        UsageError: both a backup and a snapshot are asked for.
        ModelError: there is no such copy, it is damaged, or a training runs in the folder.
        OutputError: the disk is full, or the folder cannot be written.
    """
    model_dir = Path(options.model_dir)
    if options.backup + bool(options.snapshot) + options.list > 1:
        raise UsageError("Backup, snapshot and list exclude each other", "Ask for one of them")
    if not model_dir.is_dir():
        raise ModelError(f"There is no model in {model_dir}", "Choose another folder")
    if not options.backup and not options.snapshot:
        return _listed(model_dir)
    chosen = _chosen(model_dir, options)
    with locked(model_dir, ModelError(f"A training is running in {model_dir}", "Stop it first")):
        reporter.progress(0, None, "files", "Reading the copy")
        if chosen.state is None or not chosen.is_whole():
            raise ModelError(f"The {chosen.kind} in {chosen.place} is damaged",
                             f"Choose another: understudy restore {model_dir} --list")
        archive = bring_back(model_dir, chosen.place, chosen.state, logs=chosen.kind == "snapshot")
    said = f"again; what it was is kept in {archive}" if archive else "already"
    return {"restored": chosen.kind, "iterations": chosen.state.iterations, "archive": str(archive or ""),
            "text": f"The model in {model_dir} is {chosen.name} {said}"}


def bring_back(model_dir: Path, source: Path, state: ModelState, logs: bool) -> Path | None:
    """Make the model in `model_dir` what the copy in `source` is.

    Args:
        state: of the copy, whose weights are whole.
        logs: the copy has TensorBoard's logs of its own.

    Returns:
        Where the model as it was is archived; None where it was the same already.

    Raises:
        OutputError: the disk is full, or a folder cannot be written; the model is still as it was.
    """
    archive = None
    present = copies.state_of(model_dir)
    if not copies.is_of(model_dir, state) or not Copy("model", model_dir, present).is_whole():
        archive = _archive(model_dir)
        copies.keep(source, replace(state, lowest_at=0), model_dir, logs=logs, place=_placing(model_dir, source))
    if not logs:
        _remove_later_logs(model_dir / LOGS_NAME, len(state.sessions))
    return archive


def _placing(model_dir: Path, source: Path) -> copies.Place:
    """The weights get blocks of their own where there is room, so that one bad block does not cost model and copy."""
    try:
        require_room(model_dir, copies.weights_size(source))
    except OutputError:
        return share
    return copy_atomically


def _archive(model_dir: Path) -> Path:
    """Keep the model under a name that says when, whatever state it is in."""
    for leftover in model_dir.absolute().parent.glob(f"*{_PARTIAL}"):
        if leftover.name.startswith(f"{model_dir.absolute().name}_archived_"):
            shutil.rmtree(leftover, ignore_errors=True)
    done = _archived_before(model_dir)
    if done is not None:
        return done
    moment = datetime.now()
    while (place := copies.archive_place(model_dir, moment.strftime("%Y%m%d_%H%M%S"))).exists():
        moment += timedelta(seconds=1)
    partial = place.with_name(place.name + _PARTIAL)
    with writing(place):
        partial.mkdir()
        try:
            for path in sorted(model_dir.iterdir()):
                if is_weights(path.name):
                    share(path, partial / path.name)
                elif path.name == STATE_NAME:
                    copy_atomically(path, partial / path.name)
            copies.copy_companions(model_dir, partial, logs=True)
            os.replace(partial, place)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return place


def _archived_before(model_dir: Path) -> Path | None:
    """The archive that a killed run has made of just this state, if there is one."""
    found = next((copy for copy in copies.find_copies(model_dir) if copy.kind == "archive"), None)
    with suppress(OSError):
        if found and (found.place / STATE_NAME).read_bytes() == (model_dir / STATE_NAME).read_bytes():
            return found.place
    return None


def _remove_later_logs(logs: Path, sessions: int) -> None:
    """TensorBoard's logs of sessions that the model, as it is now, has not seen."""
    for path in logs.glob("session_*"):
        number = path.name.removeprefix("session_")
        if number.isdecimal() and int(number) > sessions:
            shutil.rmtree(path, ignore_errors=True)


def _chosen(model_dir: Path, options: RestoreOptions) -> Copy:
    found = copies.find_copies(model_dir)
    place = copies.backup_place(model_dir) if options.backup else copies.snapshot_place(model_dir, options.snapshot)
    for copy in found:
        if copy.place == place:
            return copy
    what = "backup" if options.backup else f"snapshot of {options.snapshot:,} iterations"
    others = [copy.name for copy in found if copy.kind != "archive"]
    raise ModelError(f"There is no {what} of the model in {model_dir}",
                     f"There is: {', '.join(others)}" if others else "There are no copies of it")


def _listed(model_dir: Path) -> dict[str, Any]:
    found = copies.find_copies(model_dir)
    told = [_told(copy) for copy in found]
    return {"copies": told, "text": "\n".join(table(found)) or f"There are no copies of the model in {model_dir}"}


def _told(copy: Copy) -> dict[str, Any]:
    preview = copy.place / PREVIEW_NAME
    return {"kind": copy.kind, "iterations": copy.state.iterations if copy.state else None,
            "loss": copy.state.lowest_loss if copy.state else None, "saved": _saved(copy), "size": copy.size,
            "place": str(copy.place), "preview": str(preview) if preview.is_file() else ""}


def _saved(copy: Copy) -> str:
    """When it was saved."""
    try:
        return datetime.fromtimestamp((copy.place / STATE_NAME).stat().st_mtime).isoformat(" ", "minutes")
    except OSError:
        return ""


def table(found: list[Copy]) -> list[str]:
    """Copies in columns, for a terminal."""
    rows = [(copy.kind, f"{copy.state.iterations:,} iterations" if copy.state else "damaged", _saved(copy),
             in_words(copy.size), str(copy.place)) for copy in found]
    return columns(rows)
