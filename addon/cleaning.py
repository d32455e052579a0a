"""What Understudy has on the disk and could go: found, measured and deleted by the keeper's thread (no bpy)."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..core.environment import default_environment
from ..core.errors import OutputError, writing
from ..core.folders import user_cache, user_data, user_logs
from ..core.models.copies import find_copies
from ..core.weights.files import folder as weights_folder
from .environment import core_copies

KINDS = {"faces": "Faces", "backup": "Backup", "snapshot": "Snapshot", "archive": "Archive",
         "converted": "Converted", "alignments": "Alignments Backup", "cache": "Cache", "environment": "Core",
         "weights": "Weights", "logs": "Logs"}
ICONS = {"faces": "IMAGE_DATA", "backup": "FILE_BACKUP", "snapshot": "OUTLINER_OB_CAMERA", "archive": "PACKAGE",
         "converted": "RENDERLAYERS", "alignments": "FILE_BACKUP", "cache": "FILE_CACHE", "environment": "SYSTEM",
         "weights": "IMPORT", "logs": "TEXT"}
_ASIDE = ".removed-"  # begins the name of what is being deleted


@dataclass(frozen=True)
class Item:
    """Something that could go.

    Attributes:
        kind: one of `KINDS`.
        label: what it is, for a person.
        path: a folder or file; all of it goes.
        size: bytes that become free; what shares its blocks with another file does not count.
        used: why it cannot go now; "" if it can.
    """

    kind: str
    label: str
    path: str
    size: int
    used: str = ""


@dataclass(frozen=True)
class Wanted:
    """Where to look.

    Attributes:
        work: work folders.
        models: folders of models that lie elsewhere.
        stores: alignments of the clips.
        used: path -> what uses it, such as "on the timeline: actor_a".
        names: path -> what it is called, such as "faces of A (actor_a)".
    """

    work: tuple[Path, ...]
    models: tuple[Path, ...] = ()
    stores: tuple[Path, ...] = ()
    used: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SpaceView:
    """What was found: `items`, how much is `free` on the disk of the work folder (of the user's data where there is
    none), and when that was (seconds).
    """

    items: tuple[Item, ...] = ()
    free: int = 0
    at: float = 0.0


def look(wanted: Wanted, busy: Iterable[str] = ()) -> SpaceView:
    """Find and measure everything; takes as long as it takes.

    Args:
        busy: paths that jobs under way read or write.
    """
    going = [Path(path) for path in busy]
    items = []
    for kind, path, name in dict.fromkeys(_candidates(wanted)):
        size = size_of(path)
        if size or path.exists():
            reason = wanted.used.get(str(path), "") or ("Used by a job" if _touches(path, going) else "")
            items.append(Item(kind, wanted.names.get(str(path), name), str(path), size, reason))
    order = list(KINDS)
    items.sort(key=lambda item: (order.index(item.kind), -item.size))
    try:
        place = wanted.work[0] if wanted.work else user_data()
        free = shutil.disk_usage(next(p for p in (place, *place.parents) if p.is_dir())).free
    except (OSError, StopIteration):
        free = 0
    return SpaceView(tuple(items), free, time.time())


def _candidates(wanted: Wanted) -> Iterable[tuple[str, Path, str]]:
    """(kind, path, what it is called where a shot has no better name for it)"""
    models = list(wanted.models)
    for work in wanted.work:
        for kind in ("faces", "converted"):
            yield from ((kind, path, path.name) for path in _folders(work / kind))
        models += [path for path in _folders(work / "models") if (path / "state.json").is_file()]
        if (work / "cache").is_dir():
            yield "cache", work / "cache", "Pages of faces"
    for model in dict.fromkeys(models):
        for copy in find_copies(model):
            what = KINDS[copy.kind]
            yield (copy.kind, copy.place, f"{what} of {copy.state.iterations:,} iterations, {model.name}"
                   if copy.state is not None else f"{what} that is damaged, {model.name}")
    for store in wanted.stores:
        for path in sorted(store.parent.glob(f"{store.stem}_backup_*{store.suffix}")):
            yield "alignments", path, path.name
    for kind, path, name in (("cache", user_cache(), "Understudy's cache"),
                             ("environment", default_environment(), "The core's environment"),
                             ("environment", core_copies(), "Copies of the core"),
                             ("weights", weights_folder(), "Weights"), ("logs", user_logs(), "Logs")):
        if path.is_dir():
            yield kind, path, name


def consequences(items: Iterable[Item]) -> list[str]:
    """What a person will have to do once these are gone, a sentence each."""
    sentences = {str(default_environment()): "Set Up has to build the core's environment again.",
                 str(weights_folder()): "Weights have to be fetched or imported again."}
    return [sentences[item.path] for item in items if item.path in sentences]


def _folders(place: Path) -> list[Path]:
    try:
        return sorted(path for path in place.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []


def _touches(path: Path, others: Iterable[Path]) -> bool:
    """Whether a job has to do with it: with itself, something in it, or the folder that it is in."""
    return any(other == path or other in path.parents or path in other.parents for other in others)


def size_of(path: Path) -> int:
    """Bytes that deleting a file or folder frees."""
    if path.is_file():
        return _size(path)
    total = 0
    for folder, _, files in os.walk(path):
        total += sum(_size(Path(folder, name)) for name in files)
    return total


def _size(path: Path) -> int:
    try:
        stat = os.stat(path, follow_symlinks=False)
        return stat.st_size if stat.st_nlink == 1 else 0
    except OSError:
        return 0


def delete(items: Iterable[Item], busy: Iterable[str] = ()) -> tuple[int, int]:
    """Delete what was chosen; returns how many went and how many bytes that freed.

    Args:
        busy: paths that jobs under way read or write, looked at again: one may have begun since.

    Raises:
        OutputError: something is used, or cannot be deleted; what came before it is gone.
    """
    going = [Path(path) for path in busy]
    count = freed = 0
    for item in items:
        path = Path(item.path)
        if item.used or _touches(path, going):
            raise OutputError(f"{item.path} is in use ({item.used or 'by a job'})", "It was left alone")
        if path.is_symlink() or not path.exists():
            continue  # somebody else's, or gone already
        size = size_of(path)
        with writing(path):
            aside = path.with_name(f"{_ASIDE}{path.name}")
            path.rename(aside)  # at once, so that nothing half deleted is ever taken for whole
            if aside.is_dir():
                shutil.rmtree(aside)
            else:
                aside.unlink()
        count, freed = count + 1, freed + size
    return count, freed
