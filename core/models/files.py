"""Files of a model folder on their way to the disk: whole or not at all, checked, shared where safe (stdlib only)."""

from __future__ import annotations

import os
import re
import shutil
import zlib
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from ..errors import OutputError

# ".tmp…" is what a killed write leaves, ours or the library's.
TEMPORARY = ".tmp"
_WEIGHTS = re.compile(r"(model|optimizer)\.(\d+)\.safetensors")
_BLOCK = 1 << 22


def is_weights(name: str) -> bool:
    """Whether a file of that name holds the weights or the optimiser of some save."""
    return _WEIGHTS.fullmatch(name) is not None


def next_save(folder: Path) -> int:
    """A number of a save that no weight file of the folder bears."""
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:
        return 1
    return 1 + max((int(found[2]) for name in names if (found := _WEIGHTS.fullmatch(name))), default=0)


def checksum(path: Path) -> str:
    """The CRC-32 of a file, 8 hexadecimal digits.

    It tells a damaged file from a whole one as surely as a cryptographic hash, and reads a model several times as fast
    as SHA-256 does on processors without instructions for that.
    """
    value = 0
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            value = zlib.crc32(block, value)
    return f"{value:08x}"


def is_whole(path: Path, expected: str | None) -> bool:
    """Whether the file is there and has the checksum; without one, whether it is there."""
    try:
        return path.is_file() if expected is None else checksum(path) == expected
    except OSError:
        return False


def write_atomically(path: Path, data: bytes) -> None:
    """Write beside `path`, flush to the disk and rename into place (OSError where that fails)."""
    beside = _beside(path)
    try:
        with open(beside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    sync_folder(path.parent)


def copy_atomically(source: Path, target: Path) -> None:
    """Copy a file and flush it, beside `target` until it is whole; one that has the name is replaced (OSError)."""
    beside = _beside(target)
    try:
        shutil.copyfile(source, beside)
        sync_file(beside)
        os.replace(beside, target)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def copy_folder(source: Path, target: Path) -> None:
    """Copy a folder's files, also those of folders in it (the first OSError, where `shutil.copytree` gathers them)."""
    for path in sorted(source.rglob("*")):
        if path.is_file():
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)


def _beside(path: Path) -> Path:
    return path.with_name(f"{TEMPORARY}.{path.name}")


def share(source: Path, target: Path) -> None:
    """Give a file a second name, at no cost; where the file system has no such thing, copy it (OSError).

    For files that are never written to again, only replaced or removed: weights. `target` must not be there.
    """
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # FAT, some network shares, another disk
        require_room(target.parent, source.stat().st_size)
        copy_atomically(source, target)


def part(path: Path) -> None:
    """Give a file that shares its blocks with others blocks of its own, so that one bad block is not the end of both.

    Nothing happens where there is no room for that.
    """
    with suppress(OSError, OutputError):
        status = path.stat()
        if status.st_nlink > 1:
            require_room(path.parent, status.st_size)
            copy_atomically(path, path)
            sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Have the system write a file's content to the disk now (OSError)."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make renames survive a power cut; Windows has no such call and needs none."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def require_room(folder: Path, size: int) -> None:
    """Make sure that the disk has room for `size` more bytes; nothing is written.

    Raises:
        OutputError: it has not.
    """
    place = next((place for place in (folder, *folder.absolute().parents) if place.is_dir()), None)
    if place is None:
        return
    try:
        free = shutil.disk_usage(place).free
    except OSError:
        return  # writing will tell
    if free < size:
        raise OutputError(f"The disk is full: {folder} needs {in_words(size)} more and {in_words(free)} are free",
                          "Free some space; running the same command again continues")


def in_words(size: int) -> str:
    """Bytes as a person reads them: "984 MB", "0.3 MB", "2.1 GB"."""
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.0f} MB" if size >= 1e7 else f"{size / 1e6:.1f} MB"


def remove_weights(folder: Path, but: Collection[str] = ()) -> None:
    """Remove what earlier and interrupted saves left, but for the weight files named."""
    with suppress(OSError):
        for path in folder.iterdir():
            if (is_weights(path.name) or path.name.startswith(TEMPORARY)) and path.name not in but:
                with suppress(OSError):  # held open by a reader on Windows: gone with the next save
                    path.unlink()
