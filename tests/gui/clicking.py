"""Real clicks in Blender's window, by xdotool. A button is found by what it does, wherever it has been drawn."""

from __future__ import annotations

import os
import shutil
import subprocess
import time

import bpy
import numpy as np
from acting import area_of

_ROW = 14  # pixels between two places to look at; a button is 20 high
_ACROSS = (0.3, 0.62)  # across the sidebar, as parts of its width: buttons stand beside each other
_SCREENS = 4  # how often the sidebar is scrolled down before the search is given up
_chosen_before = np.zeros((0, 0), bool)  # `_chosen` just before the last press


def possible() -> bool:
    """Whether there is a mouse to move: xdotool, and an X server that has nothing but this Blender."""
    return bool(shutil.which("xdotool") and os.environ.get("DISPLAY"))


def xdotool(*words):
    subprocess.run(["xdotool", *map(str, words)], check=True)


def move(x, y):
    """Move the mouse to a pixel of the first window, counted from below as Blender does."""
    xdotool("mousemove", round(x), bpy.context.window_manager.windows[0].height - 1 - round(y))


def press(operator, then=None):
    """Yields: the mouse goes down the sequencer's sidebar until it is over the button, and clicks.

    Args:
        then: whether it has had its effect; if not soon, it is pressed once more, since rows that come and go while a
            job is under way may move a button away under the mouse.
    """
    for _ in range(3):
        try:
            yield from _press(operator)
        except LookupError:  # its effect came late, and the button has gone
            if then is None or not then():
                raise
        end = time.monotonic() + 8.0
        while then is not None and not then() and time.monotonic() < end:
            yield 0.1
        if then is None or then():
            return
    raise TimeoutError(f"pressing {operator} had no effect")


def _press(operator):
    global _chosen_before
    _chosen_before = _chosen()
    for _ in range(2):  # from what is in sight down to the end, and once more from the top
        for _ in range(_SCREENS):
            if (yield from _press_in_sight(operator)):
                return
            yield from _scroll(6)
        yield from _scroll(-60)
    raise LookupError(f"no button in the sidebar calls {operator}")


def _press_in_sight(operator):
    """Yields; returns whether the button was there."""
    region = _sidebar()
    places = [(region.x + across * region.width, region.y + row)
              for row in range(region.height - _ROW, _ROW, -_ROW) for across in _ACROSS]
    for n, place in enumerate(places):
        move(*place)
        yield 0.04
        if _under_mouse() != operator:
            continue
        for back in (n, n - 1, n - 2):  # on a busy machine Blender may not have seen the last moves
            move(*places[back])
            yield 0.2
            if _under_mouse() == operator:
                xdotool("click", 1)
                yield 0.2
                move(bpy.context.window_manager.windows[0].width / 2, 4)  # no tooltip over what comes
                yield 0.2
                return True
    return False


def _scroll(steps):
    """Yields: the sidebar scrolled by so many turns of the wheel, down or, if negative, up."""
    region = _sidebar()
    move(region.x + _ACROSS[0] * region.width, region.y + region.height / 2)
    xdotool("click", "--repeat", abs(steps), "--delay", 20, 5 if steps > 0 else 4)
    yield 0.5


def confirm():
    """Yields: a click on what the dialog proposes that the last press has opened."""
    yield from _until(lambda: _proposed().any(), "no dialog has come")
    rows, columns = np.nonzero(_proposed())
    move(np.median(columns), bpy.context.window_manager.windows[0].height - np.median(rows))
    yield 0.2
    xdotool("click", 1)
    # Elsewhere that colour may come by now: the bars of what has begun.
    yield from _until(lambda: _proposed()[rows, columns].mean() < 0.5, "the dialog has stayed")


def cancel():
    """Yields: Escape in that dialog."""
    yield from _until(lambda: _proposed().any(), "no dialog has come")
    xdotool("key", "Escape")
    yield from _until(lambda: not _proposed().any(), "the dialog has stayed")


def _until(condition, otherwise):
    end = time.monotonic() + 10.0
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(otherwise)
        yield 0.2


def _sidebar():
    return next(region for region in area_of("SEQUENCE_EDITOR")[1].regions if region.type == "UI")


def _under_mouse():
    """The operator of the button under the mouse, such as "understudy.train"; "" if there is none."""
    window, area = area_of("SEQUENCE_EDITOR")
    with bpy.context.temp_override(window=window, area=area, region=_sidebar()):
        copy = bpy.ops.ui.copy_python_command_button
        if not copy.poll():
            return ""
        copy()
    return bpy.context.window_manager.clipboard.removeprefix("bpy.ops.").split("(")[0]


def _proposed():
    """bool [H, W]: what has that colour since the last press, such as the button that a dialog proposes."""
    return _chosen() & ~_chosen_before


def _chosen():
    """bool [H, W]: which pixels of the screen have the colour that Blender gives what is chosen or proposed."""
    window = bpy.context.window_manager.windows[0]
    raw = subprocess.run(["import", "-window", "root", "-depth", "8", "rgb:-"], check=True, capture_output=True).stdout
    screen = np.frombuffer(raw, np.uint8).reshape(-1, 3)
    screen = screen.reshape(-1, len(screen) // window.height, 3).astype(int)
    theme = np.array(bpy.context.preferences.themes[0].user_interface.wcol_tool.inner_sel)[:3]
    return np.abs(screen - np.round(theme * 255)).max(axis=2) < 12
