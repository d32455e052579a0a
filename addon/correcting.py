"""Correcting faces by hand: looking or editing, which face is meant, and what is asked before editing ends.

What moves markers registers itself in `PENDING`; it is then asked for unsaved moves, and told to apply or drop them.
"""

from __future__ import annotations

from typing import Any, Protocol

import bpy


class Pending(Protocol):
    """Something that may hold moves which are not in the alignments yet."""

    def count(self, context: Any) -> int:
        """How many landmarks were moved and not saved. Called while panels are drawn: nothing slow."""

    def apply(self, context: Any) -> None:
        """Save them. Raises `UnderstudyError`; editing then goes on."""

    def discard(self, context: Any) -> None:
        """Put what was moved back to where the alignments have it."""

    def entered(self, context: Any) -> None:
        """Editing has begun."""

    def left(self, context: Any) -> None:
        """Editing has ended; nothing is unsaved any more."""


PENDING: list[Pending] = []


class UNDERSTUDY_Correction(bpy.types.PropertyGroup):
    """Of this session of Blender, never saved."""

    editing: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Edit", description="Faces and landmarks can be moved; off: they are only looked at", options=set())
    face: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Face", description="The face that buttons are about, by its id in the alignments", options={"HIDDEN"})


def state(context: Any) -> Any:
    """`editing` and `face` (a uuid, "" for none)."""
    return context.window_manager.understudy_correction


def is_editing(context: Any) -> bool:
    return bool(state(context).editing)


def unsaved(context: Any) -> int:
    """How many landmarks were moved and are not in the alignments yet."""
    return sum(pending.count(context) for pending in PENDING)


def enter(context: Any) -> None:
    state(context).editing = True
    for pending in PENDING:
        pending.entered(context)


def leave(context: Any, keep: bool) -> None:
    """End editing; what is unsaved is applied or dropped.

    Raises:
        UnderstudyError: it cannot be saved; editing goes on.
    """
    for pending in PENDING:
        if pending.count(context):
            (pending.apply if keep else pending.discard)(context)
    state(context).editing = False
    for pending in PENDING:
        pending.left(context)


def register() -> None:
    bpy.utils.register_class(UNDERSTUDY_Correction)
    bpy.types.WindowManager.understudy_correction = bpy.props.PointerProperty(type=UNDERSTUDY_Correction)


def unregister() -> None:
    del bpy.types.WindowManager.understudy_correction
    bpy.utils.unregister_class(UNDERSTUDY_Correction)
