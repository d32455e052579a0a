"""The page `docs/weights.md`, made from the table; `make reference` writes it anew."""

from __future__ import annotations

from pathlib import Path

from .rows import WEIGHTS, Weights

PAGE = Path(__file__).resolve().parents[2] / "docs" / "weights.md"
_INTRODUCTION = """\
# Weights

Made from the table in `core/weights/rows.py` by `make reference`; a test keeps it true.

Understudy needs no download to work: dlib's models come with it. Everything else is fetched when you ask for it, with
`understudy weights fetch NAME` or in Blender with *Fetch*, into the folder `weights` of your user data, and verified.
Without a network, download the file elsewhere and run `understudy weights import FILE`. `understudy weights verify`
reads all of them again.

**Commercial use** is what the licence of the weights says, or the terms of the data that they were trained on.
*Unknown* means that nobody has stated it: ask the authors before you rely on it. A hash that nobody publishes is
recorded when the file first arrives, and checked from then on.
"""
_TASKS = {"detection": "Detection", "alignment": "Alignment", "mask": "Masks", "identity": "Identity"}


def page() -> str:
    """The whole page in Markdown."""
    parts = [_INTRODUCTION]
    for task, title in _TASKS.items():
        parts.append(f"## {title}\n\n" + _table([row for row in WEIGHTS if row.task == task]))
    return "\n".join(parts)


def _table(rows: list[Weights]) -> str:
    lines = ["| Name | File | Size | SHA-256 | Commercial use | Licence | Origin |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        size = f"{row.size:,}" if row.size is not None else "not published"
        digest = f"`{row.sha256}`" if row.sha256 else "recorded at first"
        origin = row.origin + (f". {row.remark}" if row.remark else "")
        cells = (f"`{row.name}`", _file(row), size, digest, row.commercial, row.licence, origin)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _file(row: Weights) -> str:
    if row.is_embedded:
        return f"{row.file}, in the wheel"
    if row.is_own:
        return "yours"
    return f"[{row.file}]({row.address})" + (" (in the archive)" if row.member else "")


def write() -> Path:
    PAGE.write_text(page(), encoding="utf-8")
    return PAGE
