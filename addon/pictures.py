"""Pictures that the core makes (previews, graphs, tables) in an Image Editor, brought up to date when they change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ..core.errors import UnderstudyError
from .board import Board

_UNTIL_DRAWN = 0.2  # seconds
_STAMP = "understudy_stamp"  # on our images: how the file was when it was last read


def show(path: Path) -> None:
    """Open a picture in an Image Editor: one that is there already, or one in a new window. Looks at the disk.

    Raises:
        UnderstudyError: it is not there, or Blender cannot read it.
    """
    try:
        stamp = str(path.stat().st_mtime_ns)
    except OSError:
        raise UnderstudyError(f"{path} is not there yet", "Previews and graphs come with the first save") from None
    image = next((found for found in ours() if path_of(found) == path), None)
    if image is None:
        try:
            image = bpy.data.images.load(str(path))
        except RuntimeError:
            raise UnderstudyError(f"Blender cannot read {path}", "Make it again") from None
    else:
        image.reload()
    image[_STAMP] = stamp
    if bpy.app.background:
        print(path)
        return
    area = _editor(image) or new_editor("IMAGE_EDITOR")
    area.spaces.active.image = image
    area.tag_redraw()
    bpy.app.timers.register(lambda: fit(image), first_interval=_UNTIL_DRAWN)


def update(path: Path) -> bool:
    """Read a picture of ours anew, wherever it is shown; False if it is nowhere in the file. Looks at the disk."""
    image = next((found for found in ours() if path_of(found) == path), None)
    if image is None or not path.exists():
        return False
    image.reload()
    image[_STAMP] = str(path.stat().st_mtime_ns)
    for _, area in areas():
        if area.spaces.active.image == image:
            area.tag_redraw()
    return True


def fit(image: Any) -> None:
    """Show a picture as a whole, once the editor that shows it has been drawn and so has a size."""
    for window, area in areas():
        region = next((region for region in area.regions if region.type == "WINDOW"), None)
        if area.spaces.active.image == image and region is not None:
            with bpy.context.temp_override(window=window, area=area, region=region):
                bpy.ops.image.view_all(fit_view=True)


def ours() -> list[Any]:
    """The images in this file that show our pictures."""
    return [image for image in bpy.data.images if _STAMP in image]


def path_of(image: Any) -> Path:
    return Path(bpy.path.abspath(image.filepath))


def is_ours(image: Any) -> bool:
    return image is not None and _STAMP in image


def refresh(board: Board, asked: bool = False) -> None:
    """Read anew what the keeper's thread has seen to have changed.

    Args:
        asked: a person asks for it, also where pictures are not to update by themselves.
    """
    if not asked and not bpy.context.window_manager.understudy_views.live:
        return
    changed = False
    for image in ours():
        stamp = board.pictures.get(str(path_of(image)))
        if stamp is not None and str(stamp) != image[_STAMP]:
            image[_STAMP] = str(stamp)
            image.reload()
            changed = True
    if changed:
        for _, area in areas():
            area.tag_redraw()


def areas() -> list[tuple[Any, Any]]:
    """Every Image Editor and its window."""
    return [(window, area) for window in bpy.context.window_manager.windows for area in window.screen.areas
            if area.type == "IMAGE_EDITOR"]


def _editor(image: Any) -> Any | None:
    """The Image Editor that shows the image or another of ours, or else one that shows nothing."""
    editors = [area for _, area in areas()]
    shown = {area: area.spaces.active.image for area in editors}
    for is_fit in (lambda one: one == image, lambda one: one is not None and _STAMP in one, lambda one: one is None):
        found = next((area for area in editors if is_fit(shown[area])), None)
        if found is not None:
            return found
    return None


def new_editor(kind: str) -> Any:
    """An area of this type in a window of its own, so that nobody's layout changes."""
    manager = bpy.context.window_manager
    before = {window.as_pointer() for window in manager.windows}
    with bpy.context.temp_override(window=bpy.context.window or manager.windows[0]):
        bpy.ops.wm.window_new()
    window = next(window for window in manager.windows if window.as_pointer() not in before)
    area = max(window.screen.areas, key=lambda one: one.width * one.height)
    area.type = kind
    return area
