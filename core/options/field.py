"""How an option is declared: one typed dataclass field with its sentence, limits, choices, unit and group.

Everything else is derived from these fields: the command line (`arguments`), the saved settings (`toml`), the
reference page (`reference`) and Blender's property groups (`addon.properties`). Stdlib only; both sides import it.

An options class is a frozen dataclass; its docstring's first line is the command's one-line help:

    @dataclass(frozen=True)
    class SharpenOptions:
        \"\"\"Sharpen the swapped face.\"\"\"
        amount: float = option(1.5, label="Amount", help="Strength of the sharpening", min=1.0, max=5.0, group="Detail")
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any, Literal

from ..errors import UsageError
from .rows import Row

Kind = Literal["value", "file", "folder", "path"]
_METADATA_KEY = "understudy"
_GIVEN = "_given"  # attribute of options that `make` made: the names of those that were given


@dataclass(frozen=True)
class Declaration:
    """What a person is told about one option.

    Attributes:
        label: name in a panel, title case, no colon.
        help: one sentence, no final full stop; tooltip, `--help` and reference page.
        min, max: inclusive limits of a number (of each element for a tuple).
        step: allowed increment counted from `min` (numbers only; None: any).
        choices: allowed values: strings or rows; empty: any.
        unit: "px", "%", "°", "frames", "s" … shown after the value.
        group: heading of the panel section and of the `--help` group.
        kind: "file", "folder" or "path" (either) gives a Blender file button; "value" for all else.
        named: a path, or each of several, stands behind a name and a sign: Anna=/models/anna.
        positional: a bare argument on the command line rather than `--flag`.
        required: the command line demands it (its default is then only the panel's start value).
        advanced: below the *Advanced* heading in panels.
        per_shot: shown in Blender; False for those that the panel fills in by itself (sources, folders).
        fixed: of training: a model keeps the value that it was made with.
        trainers: names of the trainers that have this option; empty: it is not a trainer's.
        only_with: another option's name and those of its values with which this one says anything; see `is_meant`.
        alone: its value on the command line where the flag stands alone; "": it has to be given one.
    """

    label: str
    help: str
    min: float | None = None
    max: float | None = None
    step: float | None = None
    choices: tuple[str | Row, ...] = ()
    unit: str = ""
    group: str = "General"
    kind: Kind = "value"
    named: bool = False
    positional: bool = False
    required: bool = False
    advanced: bool = False
    per_shot: bool = True
    fixed: bool = False
    trainers: tuple[str, ...] = ()
    only_with: tuple[str, tuple[Any, ...]] | None = None
    alone: str = ""

    @property
    def sentence(self) -> str:
        """The help with what the declaration itself says beyond it."""
        whose = f"; for {', '.join(self.trainers)}" if self.trainers else ""
        if self.only_with is not None:
            other, values = self.only_with
            whose += f"; with {other.replace('_', '-')} {', '.join(map(str, values))}"
        return self.help + whose + ("; fixed once the model exists" if self.fixed else "")

    @property
    def choice_names(self) -> tuple[str, ...]:
        return tuple(c.name if isinstance(c, Row) else c for c in self.choices)


@dataclass(frozen=True)
class Option:
    """One field of an options class, resolved.

    Attributes:
        name: the field's name, `snake_case`; the flag and the TOML key are the same with hyphens.
        type: bool, int, float or str; the element's type for tuples.
        many: the value is a tuple of `type`.
        optional: None is allowed and means "not given".
        default: value when nothing is given.
    """

    name: str
    type: type
    many: bool
    optional: bool
    default: Any
    declaration: Declaration

    @property
    def flag(self) -> str:
        return "--" + self.key

    @property
    def key(self) -> str:
        return self.name.replace("_", "-")

    def allowed(self) -> str:
        """The allowed range in words, for help and error messages; "" where anything goes."""
        d = self.declaration
        unit = f" {d.unit}" if d.unit else ""
        if d.choices:
            return "one of " + ", ".join(d.choice_names)
        text = ""
        if d.min is not None and d.max is not None:
            text = f"{d.min:g} to {d.max:g}{unit}"
        elif d.min is not None:
            text = f"{d.min:g}{unit} or more"
        elif d.max is not None:
            text = f"at most {d.max:g}{unit}"
        if d.step is not None:
            text += f" in steps of {d.step:g}"
        return text.strip()


def option(default: Any, *, label: str, help: str, choices: Sequence[str | Row] = (), **declaration: Any) -> Any:
    """Declare an option as a dataclass field; the arguments are those of `Declaration`."""
    declared = Declaration(label=label, help=help, choices=tuple(choices), **declaration)
    return dataclasses.field(default=default, metadata={_METADATA_KEY: declared})


def is_meant(option: Option, value_of: Callable[[str], Any]) -> bool:
    """Whether an option says anything beside the others: a trainer's own do with that trainer only, and so on.

    Args:
        value_of: the value of another option, by its name; None where there is none.
    """
    d = option.declaration
    if d.trainers and value_of("trainer") not in d.trainers:
        return False
    return d.only_with is None or value_of(d.only_with[0]) in d.only_with[1]


def change_paths(option: Option, value: Any, change: Callable[[str], str]) -> Any:
    """The option's value with its paths changed; whatever is no path, and what is empty, stays as it is."""
    if option.declaration.kind == "value" or not value:
        return value
    return tuple(_changed(option, word, change) for word in value) if option.many else _changed(option, value, change)


def _changed(option: Option, word: str, change: Callable[[str], str]) -> str:
    if not option.declaration.named:
        return change(word)
    name, sign, path = (part.strip() for part in word.partition("="))
    return f"{name}={change(path)}" if sign and path else word  # what is no pair is told of when it is used


def options_of(options: type | Any) -> Iterator[Option]:
    """The options of a dataclass (or instance), in order of declaration, its own before inherited ones."""
    return iter(_options(options if isinstance(options, type) else type(options)))


@cache
def _options(cls: type) -> tuple[Option, ...]:
    """Found out once: panels ask at every redraw, and resolving the hints of forty fields takes milliseconds."""
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}
    names = dict.fromkeys(name for base in cls.__mro__ for name in vars(base).get("__annotations__", ()))
    found = []
    for field in (fields[name] for name in names if name in fields):
        if _METADATA_KEY in field.metadata:
            kind, many, optional = _resolve(hints[field.name])
            found.append(Option(field.name, kind, many, optional, field.default, field.metadata[_METADATA_KEY]))
    return tuple(found)


def _resolve(hint: Any) -> tuple[type, bool, bool]:
    optional = False
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        members = [a for a in typing.get_args(hint) if a is not type(None)]
        optional = len(members) < len(typing.get_args(hint))
        (hint,) = members
    if typing.get_origin(hint) is tuple:
        return typing.get_args(hint)[0], True, optional
    return hint, False, optional


def check(option: Option, value: Any) -> Any:
    """`value` as the option's type, within its limits.

    Raises:
        UsageError: naming the option and the allowed range.
    """
    if value is None and option.optional:
        return None
    if option.many:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise UsageError(f"{option.key} is a list, not {value!r}", f"Give {option.allowed() or 'a list of values'}")
        return tuple(_check_one(option, v) for v in value)
    return _check_one(option, value)


def _check_one(option: Option, value: Any) -> Any:
    d = option.declaration
    try:
        typed = _typed(option.type, value)
    except (TypeError, ValueError):
        wanted = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}[option.type]
        raise UsageError(f"{option.key} must be {wanted}, not {value!r}", _allowed_hint(option)) from None
    if d.choices and typed not in d.choice_names:
        close = get_close_matches(str(typed), d.choice_names, 1)
        guess = f" (did you mean {close[0]}?)" if close else ""
        raise UsageError(f"{option.key} cannot be {typed!r}{guess}", _allowed_hint(option))
    if option.type in (int, float):
        below = d.min is not None and not typed >= d.min  # `not >=` also refuses NaN
        above = d.max is not None and not typed <= d.max
        off_step = d.step is not None and abs((typed - (d.min or 0)) / d.step % 1 - 0.5) < 0.5 - 1e-6
        if below or above or off_step:
            raise UsageError(f"{option.key} cannot be {typed:g}", _allowed_hint(option))
    return typed


def _typed(wanted: type, value: Any) -> Any:
    if wanted is bool:
        if not isinstance(value, bool):
            raise TypeError
        return value
    if isinstance(value, bool):
        raise TypeError
    if wanted is int:
        if isinstance(value, float) and not value.is_integer():
            raise ValueError
        return int(value)
    if wanted is float:
        return float(value)
    if not isinstance(value, str):
        raise TypeError
    return value


def _allowed_hint(option: Option) -> str:
    allowed = option.allowed()
    return f"Allowed: {allowed}" if allowed else ""


def make(cls: type, values: dict[str, Any], *, where: str = "") -> Any:
    """An options instance from names (hyphens or underscores) and values; the rest keep their defaults.

    Which names were among them is remembered, see `was_given`.

    Raises:
        UsageError: for an unknown name (the nearest known one is suggested) or a value out of range.
    """
    known = {o.name: o for o in options_of(cls)}
    given = {}
    for key, value in values.items():
        name = key.replace("-", "_")
        if name not in known:
            close = get_close_matches(name, known, 1)
            everything = ", ".join(o.key for o in known.values())
            hint = f"Did you mean {known[close[0]].key}?" if close else f"Known: {everything}"
            raise UsageError(f"Unknown option {key!r}{' in ' + where if where else ''}", hint)
        given[name] = check(known[name], value)
    made = cls(**given)
    object.__setattr__(made, _GIVEN, frozenset(given))
    return made


def was_given(options: Any, name: str) -> bool:
    """Whether an option was among the values that `make` made these options from, be it with its default value."""
    return name in getattr(options, _GIVEN, ())
