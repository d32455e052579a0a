"""Keys as they are set now, for the panels of the editors that have them."""

from __future__ import annotations

from typing import Any

from ..addon import keymap
from ..addon.language import CONTEXT, told

# (what it does, operator, values that tell its keys apart)
LANDMARKS = (("Previous, Next", "understudy.jump_frame", (("PREVIOUS", 1), ("NEXT", 1))),
             ("100 Back, Forward", "understudy.jump_frame", (("PREVIOUS", 100), ("NEXT", 100))),
             ("First, Last", "understudy.jump_frame", (("FIRST", 1), ("LAST", 1))),
             ("Next Kind of Frames", "understudy.jump_kind", ((),)),
             ("Select Face", "understudy.select_face", ((),)),
             ("View or Edit", "understudy.edit_landmarks", ((),)))
EDITING = (("Draw Box", "understudy.face_box", ((),)),
           ("Move", "understudy.landmarks_move", ((),)),
           ("Scale", "understudy.landmarks_scale", ((),)),
           ("Rotate", "understudy.landmarks_rotate", ((),)),
           ("Copy Previous", "understudy.faces_copy", (("PREVIOUS",),)),
           ("Copy Next", "understudy.faces_copy", (("NEXT",),)),
           ("Revert", "understudy.frame_revert", ((),)),
           ("Delete", "understudy.face_delete", ((),)),
           ("Apply", "understudy.markers_apply", ((),)))
BROWSER = (("All, None", "understudy.browse_choose", (("ALL",), ("NONE",))),
           ("Invert", "understudy.browse_choose", (("INVERT",),)),
           ("Remove Faces", "understudy.browse_remove", ((),)),
           ("Turn Page", "understudy.browse_page", ((-1,), (1,))))


_SHARES = {"IMAGE_EDITOR": 0.42}  # of the labels in a line's width: Page Up and Page Down are long


def draw_keys(column: Any, space: str, rows: tuple[tuple[str, str, tuple[tuple[Any, ...], ...]], ...]) -> None:
    """A line for each: what it does, and its keys in this kind of editor."""
    for label, operator, values in rows:
        words = [keymap.word(space, operator, *one) for one in values]
        split = column.split(factor=_SHARES.get(space, 0.55))
        split.label(text=label, text_ctxt=CONTEXT)
        split.label(text="   ".join(word for word in words if word) or told("None"), translate=False)
