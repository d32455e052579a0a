"""How panels place buttons."""

from __future__ import annotations

from typing import Any


def unless(layout: Any, reason: str) -> Any:
    """A row for a button that is grey where there is a reason, which the button's tooltip says."""
    row = layout.row(align=True)
    row.enabled = not reason
    return row
