"""Our keys in the sequencer's preview, the Clip Editor and over pages of faces.

A person changes them in our preferences or in Blender's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import bpy

# (operator, its properties, key, modifiers, whether holding it repeats). None of these keys has a meaning of Blender's
# own in these editors. Those that change faces do so only while editing is on.
KEYS: tuple[tuple[str, dict[str, Any], str, tuple[str, ...], bool], ...] = (
    ("understudy.jump_frame", {"direction": "PREVIOUS"}, "LEFT_BRACKET", (), True),
    ("understudy.jump_frame", {"direction": "NEXT"}, "RIGHT_BRACKET", (), True),
    ("understudy.jump_frame", {"direction": "PREVIOUS", "step": 100}, "LEFT_BRACKET", ("shift",), True),
    ("understudy.jump_frame", {"direction": "NEXT", "step": 100}, "RIGHT_BRACKET", ("shift",), True),
    ("understudy.jump_frame", {"direction": "FIRST"}, "LEFT_BRACKET", ("ctrl",), False),
    ("understudy.jump_frame", {"direction": "LAST"}, "RIGHT_BRACKET", ("ctrl",), False),
    ("understudy.jump_kind", {}, "F", ("alt",), False),
    ("understudy.select_face", {}, "F", ("shift",), False),
    ("understudy.edit_landmarks", {}, "M", ("alt",), False),
    ("understudy.face_box", {}, "B", ("alt",), False),
    ("understudy.landmarks_move", {}, "G", ("shift", "alt"), False),
    ("understudy.landmarks_scale", {}, "E", ("shift", "alt"), False),
    ("understudy.landmarks_rotate", {}, "R", ("shift", "alt"), False),
    ("understudy.faces_copy", {"way": "PREVIOUS"}, "C", ("shift",), False),
    ("understudy.faces_copy", {"way": "NEXT"}, "V", ("shift",), False),
    ("understudy.frame_revert", {}, "V", ("alt",), False),
    ("understudy.face_delete", {}, "X", ("alt",), False),
    ("understudy.markers_apply", {}, "RET", ("ctrl",), False),
)
# The same for the faces browser, where Blender's own keys are taken as long as a page of faces is shown.
BROWSER: tuple[tuple[str, dict[str, Any], str, tuple[str, ...], bool], ...] = (
    ("understudy.browse_choose", {"what": "ALL"}, "A", (), False),
    ("understudy.browse_choose", {"what": "NONE"}, "A", ("alt",), False),
    ("understudy.browse_choose", {"what": "INVERT"}, "I", ("ctrl",), False),
    ("understudy.browse_remove", {}, "X", (), False),
    ("understudy.browse_remove", {}, "DEL", (), False),
    ("understudy.browse_page", {"step": 1}, "PAGE_DOWN", (), True),
    ("understudy.browse_page", {"step": -1}, "PAGE_UP", (), True),
)
# (operator, what the left button does, modifiers)
MOUSE: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("understudy.browse_pick", "PRESS", ()), ("understudy.browse_pick", "PRESS", ("shift",)),
    ("understudy.browse_jump", "DOUBLE_CLICK", ()),
)
# Properties that tell the keys of one operator apart.
_TELLING = {"understudy.jump_frame": ("direction", "step"), "understudy.faces_copy": ("way",),
            "understudy.browse_choose": ("what",), "understudy.browse_page": ("step",)}
_OURS = {operator for operator, *_ in (*KEYS, *BROWSER, *MOUSE)}
_HEADINGS = {"SEQUENCE_EDITOR": "Sequencer, Preview", "CLIP_EDITOR": "Clip Editor", "IMAGE_EDITOR": "Image Editor"}
_IMAGE = "Image", "IMAGE_EDITOR"
_TOOL = "Image Editor Tool: Sample"  # the Image Editor's usual tool takes the mouse before the editor does
_added: list[tuple[Any, Any]] = []
_words: dict[tuple[Any, ...], str] = {}
_PAUSE = 3.0  # seconds between two looks at the keymaps
_read = float("-inf")


def _keymaps() -> tuple[tuple[str, str], ...]:
    """(name, space) of the keymaps for landmarks. The preview's was renamed after 4.2."""
    default = bpy.context.window_manager.keyconfigs.default
    known = default is not None and "Preview" in default.keymaps
    preview = "Preview" if known or bpy.app.version >= (4, 5) else "SequencerPreview"
    return (preview, "SEQUENCE_EDITOR"), ("Clip Editor", "CLIP_EDITOR")


def register() -> None:
    config = bpy.context.window_manager.keyconfigs.addon
    if config is None:  # `blender -b` has no keys
        return
    for keys, places in ((KEYS, _keymaps()), (BROWSER, (_IMAGE,))):
        for name, space in places:
            keymap = config.keymaps.new(name=name, space_type=space, region_type="WINDOW")
            for operator, values, key, modifiers, repeat in keys:
                _add(keymap, operator, key, "PRESS", modifiers, repeat, values)
    image = config.keymaps.new(name=_IMAGE[0], space_type=_IMAGE[1], region_type="WINDOW")
    tool = config.keymaps.new(name=_TOOL, space_type=_IMAGE[1], region_type="WINDOW", tool=True)
    for operator, click, modifiers in MOUSE:
        for keymap in (tool, image):
            _add(keymap, operator, "LEFTMOUSE", click, modifiers)


def _add(keymap: Any, operator: str, key: str, value: str, modifiers: tuple[str, ...], repeat: bool = False,
         values: Mapping[str, Any] = MappingProxyType({})) -> None:
    item = keymap.keymap_items.new(operator, key, value, repeat=repeat, **dict.fromkeys(modifiers, True))
    for name, given in values.items():
        setattr(item.properties, name, given)
    _added.append((keymap, item))


def unregister() -> None:
    for keymap, item in _added:
        keymap.keymap_items.remove(item)
    _added.clear()
    forget()


def forget() -> None:
    """Look the keys up again at the next call."""
    global _read
    _words.clear()
    _read = float("-inf")


def items() -> Iterator[tuple[Any, Any]]:
    """(keymap, item) of our keys as the person has them."""
    user = bpy.context.window_manager.keyconfigs.user
    if user is None:
        return
    for name, space in (*_keymaps(), _IMAGE, (_TOOL, _IMAGE[1])):
        keymap = user.keymaps.find(name, space_type=space, region_type="WINDOW")
        for item in keymap.keymap_items if keymap is not None else ():
            if item.idname in _OURS:
                yield keymap, item


def look_again() -> None:
    """Look up what the keys are called now, though not at every call; panels show what was found last."""
    global _read
    if time.monotonic() - _read < _PAUSE:
        return
    _read = time.monotonic()
    found: dict[tuple[Any, ...], str] = {}
    for keymap, item in items():
        if item.active and item.type != "NONE":
            values = (getattr(item.properties, name) for name in _TELLING.get(item.idname, ()))
            key = (keymap.space_type, item.idname, *values)
            found.setdefault(key, item.to_string())
    _words.clear()
    _words.update(found)


def word(space: str, operator: str, *values: Any) -> str:
    """What the key of an operator is called in a space, such as "Shift ["; "" if it has none.

    Args:
        values: of the operator's properties in `_TELLING`, such as direction and step of `jump_frame`.
    """
    return _words.get((space, operator, *values), "")


def draw(layout: Any, context: Any) -> None:
    """Our keys, to be changed; for the preferences."""
    import rna_keymap_ui

    user = context.window_manager.keyconfigs.user
    shown = ""
    for keymap, item in items():
        if keymap.space_type != shown:
            shown = keymap.space_type
            layout.label(text=_HEADINGS[shown])
        column = layout.column()
        column.context_pointer_set("keymap", keymap)
        rna_keymap_ui.draw_kmi([], user, keymap, item, column, 0)
