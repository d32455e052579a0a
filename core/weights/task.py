"""The tasks `weights list`, `fetch`, `import` and `verify`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..columns import columns
from ..errors import JobError, Stopped, UsageError, WeightsError, writing
from ..jobs.lock import FileLock
from ..jobs.messages import Reporter
from ..options.weights import WeightsFetchOptions, WeightsImportOptions, WeightsListOptions, WeightsVerifyOptions
from . import files, needs, placing
from .rows import WEIGHTS, Weights, find

_OFFLINE = "UNDERSTUDY_OFFLINE"
_DOWNLOADS = ".downloads"  # in the weights folder: parts and archives
_MB = 1_000_000


def list_(options: WeightsListOptions, reporter: Reporter) -> dict[str, Any]:
    """Every row, with whether it is here: {"here", "missing", "rows", "text"}."""
    rows = [row for row in WEIGHTS if not (options.missing and files.is_present(row.name))]
    here = sum(files.is_present(row.name) for row in rows)
    told = [{"name": row.name, "task": row.task, "status": _status(row), "file": row.file, "size": row.size,
             "sha256": placing.expected(row), "licence": row.licence, "commercial": row.commercial,
             "origin": row.origin, "address": row.address, "remark": row.remark} for row in rows]
    return {"here": here, "missing": len(rows) - here, "folder": str(files.folder()), "rows": told,
            "text": "\n".join(_table(rows))}


def fetch(options: WeightsFetchOptions, reporter: Reporter) -> dict[str, Any]:
    """Download what is missing of the named weights: {"fetched": [names], "here": [names], "folder", "text"}.

    Raises:
        UsageError: for a name that means nothing, or none at all.
        WeightsError: offline, unreachable, refused, or not the file that was published; or with no address to ask.
        OutputError: if the disk is full or the folder cannot be written.
        Stopped: after a stop; the same fetch goes on where it was.
    """
    if not options.names:
        raise UsageError("Which weights?", "Name them; `understudy weights list` shows all")
    rows = needs.resolve(options.names)
    wanted = [row for row in rows if not files.is_present(row.name)]
    for row in wanted:
        if row.is_own:
            raise WeightsError(f"{row.name} cannot be downloaded", files.how_to_get(row))
    if wanted:
        _refuse_offline(options.online, wanted)
    for address in dict.fromkeys(row.address for row in wanted):
        _fetch_address(address, [row for row in wanted if row.address == address], reporter)
    fetched, here = [row.name for row in wanted], [row.name for row in rows if row not in wanted]
    return {"fetched": fetched, "here": here, "folder": str(files.folder()),
            "text": _sentences(("Fetched", fetched), ("Already here", here))}


def import_(options: WeightsImportOptions, reporter: Reporter) -> dict[str, Any]:
    """Put a file, an archive or a folder of them in place: {"imported": [names], "folder", "text"}.

    Raises:
        WeightsError: if it is nothing that we know, or not what its name says.
        OutputError: if the folder cannot be written.
    """
    path = Path(options.file)
    if not path.exists():
        raise WeightsError(f"There is no {path}", "Choose a file of weights")
    if path.is_dir() and options.name:
        raise UsageError(f"{path} is a folder, and --name means one file", "Choose the file")
    found = sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
    imported: list[str] = []
    for number, one in enumerate(found):
        if reporter.progress(number, len(found), "files", f"Importing {one.name}"):
            raise Stopped
        rows = [find(options.name)] if options.name else recognise(one)
        if not rows and path.is_file():
            raise WeightsError(f"{path} is none of the weights that Understudy knows, by name or by hash",
                               "Say which they are with --name; `understudy weights list` shows all")
        imported += [_import_one(one, row, options.replace) for row in rows]
    if not imported:
        raise WeightsError(f"There are no weights that Understudy knows in {path}", "`understudy weights list` shows "
                           "what they are called")
    names = list(dict.fromkeys(imported))
    return {"imported": names, "folder": str(files.folder()), "text": _sentences(("Imported", names))}


def verify(options: WeightsVerifyOptions, reporter: Reporter) -> dict[str, Any]:
    """Compare hashes: {"verified": [names], "missing": [names], "text"}.

    Raises:
        WeightsError: if any are damaged, naming them all.
    """
    rows = needs.resolve(options.names) if options.names else list(WEIGHTS)
    present = [row for row in rows if _is_there(row)]
    verified, damaged = [], []
    for number, row in enumerate(present):
        if reporter.progress(number, len(present), "files", f"Reading {row.name}"):
            raise Stopped
        try:
            placing.check(files.path_of(row), row)
            verified.append(row.name)
        except WeightsError as error:
            damaged.append(row.name)
            reporter.warning(str(error))
    if damaged:
        raise WeightsError(f"Damaged weights: {', '.join(damaged)}, in {files.folder()}",
                           f"Fetch them anew: understudy weights fetch {' '.join(damaged)}, after deleting their files")
    return {"verified": verified, "missing": [row.name for row in rows if row not in present],
            "text": _sentences(("As they should be", verified)) or "None of them are here"}


def recognise(path: Path) -> list[Weights]:
    """The rows that a file is for: by its hash, by what an archive holds, or by its name where no hash is published.

    Raises:
        WeightsError: if its name is that of published weights, but not its hash.
    """
    digest = placing.sha256_of(path)
    known = [row for row in WEIGHTS if row.sha256 and digest.startswith(row.sha256) and not row.is_embedded]
    if known:
        return known
    if inside := [row for row in WEIGHTS if placing.holds(path, row)]:
        return inside
    named = [row for row in WEIGHTS if row.file == path.name and not row.is_embedded]
    for row in named:
        placing.check(path, row)
    return named


def _import_one(path: Path, row: Weights, replace: bool) -> str:
    if row.is_embedded:
        raise WeightsError(f"{row.name} comes with the package {row.package}", files.how_to_get(row))
    (placing.place_member if placing.holds(path, row) else placing.place)(path, row, replace=replace)
    return row.name


def _fetch_address(address: str, rows: list[Weights], reporter: Reporter) -> None:
    """One download, one at a time whoever asks, and what it brings put in place."""
    from .download import download  # pooch and requests, which listing and importing do without

    room = files.folder() / _DOWNLOADS
    target = room / address.rpartition("/")[2]
    with writing(room):
        room.mkdir(parents=True, exist_ok=True)
    lock = FileLock(target.with_name(target.name + ".lock"))
    text = f"Fetching {', '.join(row.name for row in rows)}"

    def tell(have: int, total: int | None) -> bool:
        whole = total if total is not None else rows[0].size if not rows[0].member else None
        return reporter.progress(have // _MB, max(1, -(-whole // _MB)) if whole else None, "MB", text)

    with writing(room):
        if not lock.acquire():
            raise JobError(f"Another process is fetching {target.name}", "Wait until it has ended")
    try:
        rows = [row for row in rows if not files.is_present(row.name)]  # another may just have fetched them
        if rows:
            whole = rows[0].sha256 if not rows[0].member and len(rows[0].sha256) == 64 else ""
            download(address, target, tell, whole)
            _place_download(target, rows)
    finally:
        lock.release()


def _place_download(target: Path, rows: Iterable[Weights]) -> None:
    """Whatever comes of it, the download goes: a bad one would be taken for complete the next time."""
    try:
        for row in rows:
            (placing.place_member if row.member else placing.place)(target, row)
    finally:
        target.unlink(missing_ok=True)


def _refuse_offline(online: bool, rows: list[Weights]) -> None:
    by_environment = os.environ.get(_OFFLINE, "") not in ("", "0")
    if online and not by_environment:
        return
    why = f"{_OFFLINE} is set" if by_environment else "online access is off"
    way = f"Unset {_OFFLINE}" if by_environment else "Turn on Allow Online Access in Preferences > System"
    addresses = ", ".join(dict.fromkeys(row.address for row in rows))
    raise WeightsError(f"Fetching {', '.join(row.name for row in rows)} needs the internet, and {why}",
                       f"{way}, or download elsewhere and import the file: {addresses}")


def _sentences(*told: tuple[str, list[str]]) -> str:
    return "\n".join(f"{what}: {', '.join(names)}" for what, names in told if names)


def _is_there(row: Weights) -> bool:
    try:
        return files.path_of(row).is_file()
    except WeightsError:
        return False


def _status(row: Weights) -> str:
    if row.is_embedded:
        return "embedded"
    if files.is_present(row.name):
        return "here"
    return "bring your own" if row.is_own else "missing"


def _table(rows: list[Weights]) -> list[str]:
    """The rows in columns, for a terminal."""
    cells = [("name", "for", "status", "size", "commercial use", "licence")]
    cells += [(row.name, row.task, _status(row), f"{row.size / 1e6:.1f} MB" if row.size else "?", row.commercial,
               row.licence) for row in rows]
    return columns(cells)
