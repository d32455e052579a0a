"""Copies of a model: the backup of its best save, snapshots, and what was archived when one was brought back (stdlib).

    <model>/backup/                       the save with the lowest loss so far
    <model>_snapshot_<iterations>_iters/  how the model was at that iteration, with its metrics and logs
    <model>_archived_<date>_<time>/       what a restoring replaced

Each is a model folder of its own: it can be converted with, trained on, moved to another machine or restored. Its
weight files share their blocks with those of the model where the file system can do that, so that making one costs no
time; room is taken when the model is saved again. Its state.json comes last, so that a copy is there or not.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ..errors import ModelError, writing
from .files import (
    TEMPORARY,
    copy_atomically,
    copy_folder,
    is_weights,
    is_whole,
    next_save,
    remove_weights,
    share,
    sync_folder,
    write_atomically,
)
from .state import HISTORY_NAME, LOGS_NAME, STATE_NAME, ModelState, exists, read_state

BACKUP_NAME = "backup"
_PICTURES = ".png"
Kind = Literal["model", "backup", "snapshot", "archive"]
Place = Callable[[Path, Path], None]
_SIBLINGS: dict[Kind, str] = {"snapshot": r"_snapshot_(\d+)_iters", "archive": r"_archived_(\d{8}_\d{6})"}


@dataclass(frozen=True)
class Copy:
    """One copy of a model, or the model itself.

    Attributes:
        place: its folder.
        state: what it is; None: its state.json is damaged.
    """

    kind: Kind
    place: Path
    state: ModelState | None

    @property
    def name(self) -> str:
        """What a person calls it: "the backup of 1,250 iterations"."""
        number = f"{self.state.iterations:,} iterations" if self.state else "unknown age"
        return f"the {self.kind} of {number}"

    def is_whole(self) -> bool:
        """Whether all its files are as they were saved; reads them."""
        return not self.damaged_files()

    def damaged_files(self) -> list[Path]:
        """Files that are missing or not as they were saved; reads them all."""
        if self.state is None:
            return [self.place / STATE_NAME]
        return [self.place / name for name in self.state.weight_files
                if not is_whole(self.place / name, self.state.checksums.get(name))]

    @property
    def size(self) -> int:
        """Bytes of its weights, whether it shares them with the model or not."""
        return weights_size(self.place)


def backup_place(model_dir: Path) -> Path:
    return model_dir / BACKUP_NAME


def snapshot_place(model_dir: Path, iterations: int) -> Path:
    return _sibling(model_dir, f"_snapshot_{iterations}_iters")


def archive_place(model_dir: Path, stamp: str) -> Path:
    return _sibling(model_dir, f"_archived_{stamp}")


def _sibling(model_dir: Path, suffix: str) -> Path:
    whole = model_dir.absolute()  # "." has no name
    return whole.with_name(whole.name + suffix)


def find_copies(model_dir: Path) -> list[Copy]:
    """All copies of a model: its backup, snapshots and archives, the latest of each first."""
    found = [Copy("backup", backup_place(model_dir), state_of(backup_place(model_dir)))]
    beside = model_dir.absolute()
    for kind, suffix in _SIBLINGS.items():
        name = re.compile(re.escape(beside.name) + suffix)
        try:
            places = [(int(match[1].replace("_", "")), path) for path in beside.parent.iterdir()
                      if (match := name.fullmatch(path.name))]
        except OSError:
            continue
        found += [Copy(kind, path, state_of(path)) for _, path in sorted(places, reverse=True)]
    return [copy for copy in found if exists(copy.place)]


def find_backup(model_dir: Path) -> ModelState | None:
    """What the backup of a model is; None where there is none, or a damaged one."""
    return state_of(backup_place(model_dir))


def state_of(place: Path) -> ModelState | None:
    """What the model in a folder is; None where there is none, or a damaged one."""
    try:
        return read_state(place)
    except ModelError:
        return None


def is_of(place: Path, state: ModelState) -> bool:
    """Whether the model in a folder is of the same save as `state`, whatever the numbers in its files' names."""
    def told(one: ModelState) -> tuple[object, ...]:
        return one.settings, one.iterations, one.sessions, sorted(one.checksums.values())

    found = state_of(place)
    return found is not None and told(found) == told(state)


def way_back(model_dir: Path) -> str:
    """What to do when a model is damaged, as a hint: the command that brings its latest whole copy back."""
    if model_dir.name == BACKUP_NAME and exists(model_dir.parent):
        return "Train on until the next backup, or bring a snapshot back"
    for copy in find_copies(model_dir):
        if copy.kind != "archive" and copy.state and copy.is_whole():
            what = "--backup" if copy.kind == "backup" else f"--snapshot {copy.state.iterations}"
            return f"Bring {copy.name} back: understudy restore {_quoted(model_dir)} {what}"
    return "Put a copy of the model folder in its place, or train anew in an empty folder"


def _quoted(path: Path) -> str:
    return f'"{path}"' if " " in str(path) else str(path)


def keep(model_dir: Path, state: ModelState, target: Path, *, logs: bool, place: Place = share) -> ModelState:
    """Make `target` a model folder that is what `model_dir` is now; what it was before stands until that is done.

    Args:
        state: what `model_dir` holds.
        logs: TensorBoard's logs come along.
        place: how weight files get there, (from, to): `share`, or `copy_atomically` for blocks of their own.

    Returns:
        The state as `target` has it.

    Raises:
        OutputError: the disk is full, or the place cannot be written.
    """
    old = state_of(target)
    new = _renumbered(state, next_save(target))
    made = not target.is_dir()
    with writing(target):
        try:
            target.mkdir(parents=True, exist_ok=True)
            for source, name in zip(state.weight_files, new.weight_files, strict=True):
                place(model_dir / source, target / name)
            copy_companions(model_dir, target, logs)
            sync_folder(target)
            write_atomically(target / STATE_NAME, new.to_json())
        except BaseException:
            if made:
                shutil.rmtree(target, ignore_errors=True)
            else:
                remove_weights(target, but=old.weight_files if old else ())
            raise
    remove_weights(target, but=new.weight_files)
    return new


def _renumbered(state: ModelState, save: int) -> ModelState:
    new = replace(state, save=save)
    names = {state.model_file: new.model_file, state.optimizer_file: new.optimizer_file}
    return replace(new, checksums={names[name]: value for name, value in state.checksums.items() if name in names})


def copy_companions(model_dir: Path, target: Path, logs: bool) -> None:
    """Copy what goes with a model's weights: pictures to know it by, and what its training wrote down (OSError)."""
    for path in sorted(model_dir.iterdir()):
        if path.is_file() and path.suffix == _PICTURES and not path.name.startswith(TEMPORARY):
            copy_atomically(path, target / path.name)
    for name in (HISTORY_NAME, LOGS_NAME) if logs else (HISTORY_NAME,):
        if (model_dir / name).is_dir():
            shutil.rmtree(target / name, ignore_errors=True)
            copy_folder(model_dir / name, target / name)


def weights_size(folder: Path) -> int:
    """Bytes of the weight files in a folder."""
    total = 0
    with suppress(OSError):
        total = sum(path.stat().st_size for path in folder.iterdir() if is_weights(path.name))
    return total
