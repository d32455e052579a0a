"""Files become weights: checked, taken out of their archive, put in place whole or not at all (stdlib only)."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ..errors import OutputError, WeightsError, writing
from ..jobs.lock import FileLock
from . import files
from .rows import Weights

RECORD = "hashes.json"  # in the weights folder: file name -> SHA-256 of what was first placed under it
_BLOCK = 1 << 20
_LARGEST = 2 << 30  # bytes that a member of an archive may unpack to: several times the largest weights there are
_PATIENCE = 30.0  # seconds to wait for another process that is writing the record


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def recorded(row: Weights) -> str:
    """The SHA-256 of what was first placed for the row; "" if nothing was."""
    value = _read_record().get(row.file, "")
    return value if isinstance(value, str) else ""


def expected(row: Weights) -> str:
    """What the file's SHA-256 has to begin with: the published one, else what was there first; "" while unknown."""
    return row.sha256 or recorded(row)


def check(path: Path, row: Weights) -> str:
    """The file's SHA-256, after a look whether it is what the row says.

    Raises:
        WeightsError: if its size or its hash is another.
    """
    size = path.stat().st_size
    if row.size is not None and size != row.size:
        raise WeightsError(f"{path} is not {row.name}: it has {size:,} bytes instead of {row.size:,}",
                           "It may be cut short; get it again")
    found, wanted = sha256_of(path), expected(row)
    if not found.startswith(wanted):
        whose = "the published one" if row.sha256 else "that of the file which was there first"
        raise WeightsError(f"{path} is not {row.name}: its SHA-256 is {found}, {whose} is {wanted}",
                           "Get it again; if that does not help, do not use it" if row.sha256 else
                           "If it was changed on purpose, import it with --replace")
    return found


def place(path: Path, row: Weights, *, replace: bool = False) -> Path:
    """Copy a file to where the row's weights lie, checked before and in one step: half a file is never there.

    Where nobody publishes the hash, that of this file is recorded and counts from now on.

    Args:
        replace: a file other than the recorded one is welcome; one other than the published one never is.

    Raises:
        WeightsError: if the file is not what the row says.
        OutputError: if the weights folder cannot be written.
    """
    target = files.path_of(row)
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with _temporary(target) as copy:
            # The copy is what is checked: the original could change in between.
            shutil.copyfile(path, copy)
            if replace and not row.sha256:
                digest = sha256_of(copy)
            else:
                digest = _check_copy(copy, path, row)
            _settle(copy)
            if not row.sha256:
                _record(row, digest)
            os.replace(copy, target)
    return target


def place_member(archive: Path, row: Weights, *, replace: bool = False) -> Path:
    """As `place`, of the row's member of an archive.

    Raises:
        WeightsError: if the archive is damaged, lacks the member or would unpack to something huge; as `place`.
        OutputError: as `place`.
    """
    with writing(files.folder()):
        files.folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=files.folder(), prefix=".unpack-") as room:
            return place(_unpack(archive, row, Path(room)), row, replace=replace)


def _unpack(archive: Path, row: Weights, into: Path) -> Path:
    target = into / row.file
    try:
        with zipfile.ZipFile(archive) as zipped:
            entry = _member(zipped, row)
            if entry is None:
                raise WeightsError(f"{archive} does not hold {row.member}", "Get it again")
            if entry.file_size > _LARGEST:
                raise WeightsError(f"{row.member} in {archive} would unpack to {entry.file_size / 1e9:.1f} GB",
                                   "Do not use it")
            with writing(target), zipped.open(entry) as source, open(target, "wb") as out:
                shutil.copyfileobj(source, out, _BLOCK)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise WeightsError(f"{archive} is damaged: {error}", "Get it again") from error
    return target


def holds(archive: Path, row: Weights) -> bool:
    """Whether a file is an archive that has the row's member."""
    if not row.member or not zipfile.is_zipfile(archive):
        return False
    try:
        with zipfile.ZipFile(archive) as zipped:
            return _member(zipped, row) is not None
    except (zipfile.BadZipFile, OSError):
        return False


def _member(zipped: zipfile.ZipFile, row: Weights) -> zipfile.ZipInfo | None:
    """The entry of this name, in whichever folder of the archive it lies."""
    return next((entry for entry in zipped.infolist()
                 if not entry.is_dir() and PurePosixPath(entry.filename).name == row.member), None)


def _check_copy(copy: Path, original: Path, row: Weights) -> str:
    """`check`, with the original's name in the sentence."""
    try:
        return check(copy, row)
    except WeightsError as error:
        raise WeightsError(error.message.replace(str(copy), str(original)), error.hint) from None


@contextmanager
def _temporary(target: Path) -> Iterator[Path]:
    """A file beside the target that is gone afterwards unless it was moved."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    os.close(descriptor)
    path = Path(name)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _settle(path: Path) -> None:
    """Have the disk keep it before its name says that it is whole."""
    path.chmod(0o644)  # `mkstemp` hides its files from other users
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _read_record() -> dict[str, str]:
    try:
        data = json.loads((files.folder() / RECORD).read_text(encoding="utf-8"))
        return data if isinstance(data, dict) else {}
    except (OSError, ValueError):
        return {}


def _record(row: Weights, digest: str) -> None:
    path = files.folder() / RECORD
    with _locked(path):
        record = {**_read_record(), row.file: digest}
        with _temporary(path) as fresh:
            fresh.write_text(json.dumps(record, indent=1, sort_keys=True), encoding="utf-8")
            _settle(fresh)
            os.replace(fresh, path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = FileLock(path.with_name(path.name + ".lock"))
    if not lock.acquire(_PATIENCE):
        raise OutputError(f"Another process holds {path}", "Try again when it has ended")
    try:
        yield
    finally:
        lock.release()

