"""The numbers of menu items, which are what Blender keeps of a choice (no bpy)."""

from __future__ import annotations

from zlib import crc32

_POSITIVE = 0x7FFFFFFF


def number_of(name: str) -> int:
    """An item's number, from its name: so new items never shift what a saved file means."""
    return crc32(name.encode()) & _POSITIVE
