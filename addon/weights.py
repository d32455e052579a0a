"""Which weights a task lacks (no bpy)."""

from __future__ import annotations

from typing import Any

from ..core.weights import needs
from .board import Board


def lacking(options: type, values: dict[str, Any], board: Board) -> list[str]:
    """Names of the weights that a task of this options class, with these values, needs and that are not here."""
    return sorted(needs.of_values(options, values) - board.weights)


def problem(options: type, values: dict[str, Any], board: Board) -> str:
    """Why what is chosen cannot run for want of weights; "" if it can."""
    names = lacking(options, values, board)
    return f"Fetch or import the weights first: {', '.join(names)}" if names else ""
