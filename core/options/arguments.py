"""The command line, derived from the options classes (argparse; stdlib only)."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from ..errors import UsageError
from .field import Option, check, options_of


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Wraps the sentences, keeps descriptions as written, and leaves a readable column for the flags."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=100)


def add_options(parser: argparse.ArgumentParser, cls: type) -> None:
    """Add an argument for every option of `cls`, under its group's heading.

    Nothing that was not given appears in the parsed namespace, so that a `--config` file can stand below it.
    """
    headings: dict[str, argparse._ArgumentGroup] = {}
    for option in options_of(cls):
        if option.declaration.positional:
            # Never required by argparse: the source may stand in the --config file.
            parser.add_argument(option.name, nargs="*" if option.many else "?", default=argparse.SUPPRESS,
                                type=_parser_of(option), metavar=option.name.upper(), help=_help(option))
            continue
        group = option.declaration.group
        if group not in headings:
            headings[group] = parser.add_argument_group(group)
        _add_flag(headings[group], option)


def _add_flag(group: argparse._ArgumentGroup, option: Option) -> None:
    flags: list[str] = [option.flag]
    common: dict[str, Any] = {"dest": option.name, "default": argparse.SUPPRESS, "help": _help(option)}
    if option.type is bool and not option.many:
        group.add_argument(*flags, action=argparse.BooleanOptionalAction, **common)
        return
    if option.many:
        # The flag alone empties a list of words; of choices at least one is meant, unless none is the default.
        common["nargs"] = "*" if option.default == () or not option.declaration.choices else "+"
    if option.declaration.alone:
        common |= {"nargs": "?", "const": option.declaration.alone}
    group.add_argument(*flags, type=_parser_of(option), metavar=_metavar(option), **common)


def _metavar(option: Option) -> str:
    d = option.declaration
    if d.choices and len(", ".join(d.choice_names)) <= 34:
        return "{" + ",".join(d.choice_names) + "}"
    if d.kind != "value":
        return ("NAME=" if d.named else "") + {"file": "FILE", "folder": "DIR", "path": "PATH"}[d.kind]
    return {int: "N", float: "X", str: "NAME"}.get(option.type, "VALUE")


def _parser_of(option: Option) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        value: Any = text
        try:
            if option.type is int:
                value = int(text)
            elif option.type is float:
                value = float(text)
        except ValueError:
            pass  # `check` says what was expected
        try:
            checked = check(option, (value,) if option.many else value)
        except UsageError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return checked[0] if option.many else checked

    return parse


def _help(option: Option) -> str:
    d = option.declaration
    notes = []
    if d.required:
        notes.append("required")
    elif option.type is bool:
        notes.append("default: on" if option.default else "default: off")
    elif option.default not in ("", (), None):
        notes.append(f"default: {_shown(option.default)}")
    if d.alone:
        notes.append(f"alone: {d.alone}")
    allowed = option.allowed()
    if allowed:
        notes.append(allowed)
    elif d.unit:
        notes.append(d.unit)
    text = d.sentence + (f" ({'; '.join(notes)})" if notes else "")
    return text.replace("%", "%%")


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(str(v) for v in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def given(namespace: argparse.Namespace, cls: type) -> dict[str, Any]:
    """The options of `cls` that stand in a parsed namespace, as name -> value (tuples for lists)."""
    found = {}
    for option in options_of(cls):
        if hasattr(namespace, option.name):
            value = getattr(namespace, option.name)
            found[option.name] = tuple(value) if option.many else value
    return found


def missing(values: dict[str, Any], cls: type) -> list[str]:
    """How the required options that `values` lacks are written on the command line."""
    return [
        option.name.upper() if option.declaration.positional else option.flag
        for option in options_of(cls)
        if option.declaration.required and not values.get(option.name)
    ]


def written(options: Any, *, only_changed: bool = True) -> list[str]:
    """The words of a command line that `add_options` reads back to the same options; positional ones come first.

    Args:
        only_changed: leave out what is as by default.
    """
    first: list[str] = []
    rest: list[str] = []
    for option in options_of(options):
        value = getattr(options, option.name)
        if value is None or (only_changed and value == option.default and not option.declaration.positional):
            continue
        values = [str(one) for one in (value if option.many else (value,))]
        if option.declaration.positional:
            first += [word for word in values if word]
        elif option.type is bool and not option.many:
            rest.append(option.flag if value else f"--no-{option.key}")
        elif option.many:
            rest += [option.flag, *values]
        else:
            # What begins with a dash would be taken for a flag, unless it stands in one word with its own.
            rest += [f"{option.flag}={values[0]}"] if values[0].startswith("-") else [option.flag, values[0]]
    return first + rest
