"""The reference page `docs/reference.md`, derived from the options classes.

To write it anew: `python -m understudy.core.options.reference`.
"""

from __future__ import annotations

from collections.abc import Iterable
from inspect import cleandoc
from pathlib import Path

from ..jobs.tasks import TASKS
from . import rows
from .field import Option, options_of
from .maskers import DRAWN_IN_BLENDER, MASKS
from .rows import Row

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference.md"

_ROWS = (
    ("Detectors", rows.DETECTORS),
    ("Aligners", rows.ALIGNERS),
    ("Masks", (*MASKS, *DRAWN_IN_BLENDER)),
    ("Identity models", rows.IDENTITIES),
    ("Ways to sort faces", rows.SORT_METHODS),
    ("Trainers", rows.TRAINERS),
    ("Loss functions", rows.LOSS_FUNCTIONS),
    ("Optimisers", rows.OPTIMIZERS),
    ("Colour methods", rows.COLOURS),
    ("Writers", rows.WRITERS),
)


def page() -> str:
    """The whole page in Markdown."""
    parts = [
        "# Reference\n\nMade from the options' declarations by `python -m understudy.core.options.reference`; "
        "a test keeps it true.\n",
    ]
    for task in TASKS.values():
        parts.append(f"## {task.label}: `understudy {task.name}`\n\n{cleandoc(task.options.__doc__ or '')}\n")
        parts.append(_options_table(options_of(task.options)))
    parts.append("## What can be chosen\n")
    for title, table in _ROWS:
        parts.append(f"### {title}\n\n" + _rows_table(table))
    return "\n".join(parts)


def _options_table(options: Iterable[Option]) -> str:
    lines = ["| Option | In panels | Default | Allowed | Meaning |", "|---|---|---|---|---|"]
    for option in options:
        d = option.declaration
        name = f"`{option.name.upper()}`" if d.positional else f"`{option.flag}`"
        default = "" if option.default in ("", (), None) else f"`{_default(option)}`"
        lines.append(f"| {name} | {d.label} | {default} | {option.allowed()} | {_cell(d.sentence)} |")
    return "\n".join(lines) + "\n"


def _default(option: Option) -> str:
    if option.type is bool:
        return "on" if option.default else "off"
    if option.many:
        return " ".join(str(v) for v in option.default)
    return f"{option.default:g}" if option.type is float else str(option.default)


def _rows_table(table: tuple[Row, ...]) -> str:
    lines = ["| Name | In panels | Strengths and limits |", "|---|---|---|"]
    lines += [f"| `{row.name}` | {row.label} | {_cell(row.help)} |" for row in table]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    from ..weights import page as weights_page

    PAGE.write_text(page(), encoding="utf-8")
    print(f"Wrote {PAGE} and {weights_page.write()}")
