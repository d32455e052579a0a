"""Our keys in the sequencer's preview and the Clip Editor; a person changes them in our preferences or in Blender's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import bpy

# (operator, its properties, key, modifiers, whether holding it repeats). None of these keys has a meaning of Blender's
# own in these editors.
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
)
_OURS = {operator for operator, *_ in KEYS}
_added: list[tuple[Any, Any]] = []
_words: dict[tuple[Any, ...], str] = {}
_PAUSE = 3.0  # seconds between two looks at the keymaps
_read = float("-inf")


def _keymaps() -> tuple[tuple[str, str], ...]:
    """(name, space) of the keymaps that we add to. The preview's was renamed after 4.2."""
    default = bpy.context.window_manager.keyconfigs.default
    known = default is not None and "Preview" in default.keymaps
    preview = "Preview" if known or bpy.app.version >= (4, 5) else "SequencerPreview"
    return (preview, "SEQUENCE_EDITOR"), ("Clip Editor", "CLIP_EDITOR")


def register() -> None:
    config = bpy.context.window_manager.keyconfigs.addon
    if config is None:  # `blender -b` has no keys
        return
    for name, space in _keymaps():
        keymap = config.keymaps.new(name=name, space_type=space, region_type="WINDOW")
        for operator, values, key, modifiers, repeat in KEYS:
            item = keymap.keymap_items.new(operator, key, "PRESS", repeat=repeat,
                                           **dict.fromkeys(modifiers, True))
            for prop, value in values.items():
                setattr(item.properties, prop, value)
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
    for name, space in _keymaps():
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
            key = (keymap.space_type, item.idname, *_values(item))
            found.setdefault(key, item.to_string())
    _words.clear()
    _words.update(found)


def _values(item: Any) -> tuple[Any, ...]:
    if item.idname != "understudy.jump_frame":
        return ()
    return item.properties.direction, item.properties.step


def word(space: str, operator: str, *values: Any) -> str:
    """What the key of an operator is called in a space, such as "Shift ["; "" if it has none.

    Args:
        values: of `jump_frame` direction and step.
    """
    return _words.get((space, operator, *values), "")


def draw(layout: Any, context: Any) -> None:
    """Our keys, to be changed; for the preferences."""
    import rna_keymap_ui

    user = context.window_manager.keyconfigs.user
    shown = ""
    for keymap, item in items():
        if keymap.name != shown:
            shown = keymap.name
            layout.label(text="Sequencer, Preview" if keymap.space_type == "SEQUENCE_EDITOR" else "Clip Editor")
        column = layout.column()
        column.context_pointer_set("keymap", keymap)
        rna_keymap_ui.draw_kmi([], user, keymap, item, column, 0)
