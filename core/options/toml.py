"""Saved settings: TOML files with one table per command, such as `[train]` (stdlib only).

Keys are the command line's flags without the dashes. Keys above the first table belong to whichever command reads
the file.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .field import make, options_of


def load(path: Path | str, command: str, cls: type, commands: tuple[str, ...]) -> dict[str, Any]:
    """The values that a settings file gives to `command`, checked, as name -> value.

    Args:
        commands: all known table names; other tables are refused.

    Raises:
        UsageError: for a missing or malformed file, an unknown table or option, or a value out of range.
    """
    data = _read(path)
    tables = {key: value for key, value in data.items() if isinstance(value, dict)}
    for name in tables:
        if name not in commands:
            raise UsageError(f"{path} has a table [{name}] that no command reads", f"Known: {', '.join(commands)}")
    values = {key: value for key, value in data.items() if key not in tables}
    values.update(tables.get(command, {}))
    checked = make(cls, values, where=str(path))
    names = {key.replace("-", "_") for key in values}
    return {name: getattr(checked, name) for name in names}


def tables_of(path: Path | str) -> list[str]:
    """The commands that a settings file has tables for; [] for one whose keys belong to whichever reads it.

    Raises:
        UsageError: for a missing or malformed file.
    """
    return [key for key, value in _read(path).items() if isinstance(value, dict)]


def _read(path: Path | str) -> dict[str, Any]:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a text file"
        raise UsageError(f"Cannot read the settings file {path} ({reason})",
                         "Check the path given to --config") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}", "Correct that line") from None


def dump(command: str, options: Any, *, only_changed: bool = False, names: Collection[str] | None = None) -> str:
    """`options` as a TOML table that `load` reads back to the same values, each under its sentence.

    Args:
        names: of the options to write; None: all.
    """
    lines = [f"[{command}]"]
    for option in options_of(options):
        value = getattr(options, option.name)
        if names is not None and option.name not in names:
            continue
        if value is None or (only_changed and value == option.default):
            continue
        lines.append(f"# {option.declaration.help}" + (f" ({option.allowed()})" if option.allowed() else ""))
        lines.append(f"{option.key} = {_literal(value)}")
    return "\n".join(lines) + "\n"


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(_literal(v) for v in value) + "]"
    if isinstance(value, str):
        # JSON's escapes are TOML's, but for DEL, which TOML wants escaped.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
