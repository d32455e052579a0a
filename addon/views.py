"""How a person looks at pictures of the core's: whether they update by themselves, and small ones for panels."""

from __future__ import annotations

from typing import Any

import bpy
import bpy.utils.previews

_thumbnails: Any = None
_loaded: dict[str, str] = {}  # path -> the name under which its latest version is


class UNDERSTUDY_Views(bpy.types.PropertyGroup):
    """Of this session of Blender, never saved."""

    live: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Auto Update", default=True, description="Read previews and graphs anew whenever the training has "
        "made new ones; off: they stay as they are until Refresh Now")


def thumbnail(path: str, version: str) -> int:
    """The icon of a picture. Blender reads the file in a thread of its own, the first time that the icon is drawn.

    Args:
        version: changes whenever the file does.
    """
    name = f"{path}#{version}"
    if _loaded.get(path) != name:
        _thumbnails.load(name, path, "IMAGE")
        old = _loaded.pop(path, None)
        if old is not None:
            _thumbnails.pop(old, None)
        _loaded[path] = name
    return int(_thumbnails[name].icon_id)


def register() -> None:
    global _thumbnails
    bpy.utils.register_class(UNDERSTUDY_Views)
    bpy.types.WindowManager.understudy_views = bpy.props.PointerProperty(type=UNDERSTUDY_Views)
    _thumbnails = bpy.utils.previews.new()


def unregister() -> None:
    global _thumbnails
    bpy.utils.previews.remove(_thumbnails)
    _thumbnails = None
    _loaded.clear()
    del bpy.types.WindowManager.understudy_views
    bpy.utils.unregister_class(UNDERSTUDY_Views)
