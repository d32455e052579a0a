"""The preview window's process: `python -I window.py PICTURE` shows a file anew whenever it changes.

It is a process of its own, so that neither a missing display nor whatever happens to a window can stop the training.
It says "ready" once the window is there, then a word for each key that is the training's business. It ends when the
window is closed or when the training, which holds its standard input, is gone. No package is around it.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import cv2
import numpy as np

NAME = "Understudy: S save, R refresh, M mask, F fit, Enter save and quit"
WORDS = {ord("s"): "save", ord("r"): "refresh", ord("m"): "mask", ord("\r"): "quit", ord("\n"): "quit"}
_FIT = (1600, 900)  # pixels: the picture is shown no larger than this until somebody wants it so
_WAIT = 100  # milliseconds between two looks at the file


class Picture:
    """A picture file, read again when it has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self.pixels: np.ndarray = np.full((90, 160, 3), 42, np.uint8)

    def has_changed(self) -> bool:
        """Whether `pixels` are new; a file that is not there or cannot be read changes nothing."""
        try:
            stat = os.stat(self._path)
            stamp = stat.st_mtime_ns, stat.st_size
            if stamp == self._stamp:
                return False
            pixels = cv2.imdecode(np.fromfile(self._path, np.uint8), cv2.IMREAD_COLOR)
        except (OSError, cv2.error):
            return False
        self._stamp = stamp
        if pixels is None:
            return False
        self.pixels = pixels
        return True


def fitted(width: int, height: int) -> tuple[int, int]:
    """The size at which a picture is shown: its own, or the largest of its shape that fits."""
    factor = min(1.0, _FIT[0] / width, _FIT[1] / height)
    return max(1, round(width * factor)), max(1, round(height * factor))


def main(path: Path) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    cv2.namedWindow(NAME, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
    picture, is_fitted, is_first = Picture(path), True, True
    cv2.imshow(NAME, picture.pixels)
    cv2.waitKey(1)
    print("ready", flush=True)
    while cv2.getWindowProperty(NAME, cv2.WND_PROP_VISIBLE) >= 1:
        if picture.has_changed():
            _show(picture, is_fitted, resized=is_first)  # later the window stays as the person made it
            is_first = False
        key = cv2.waitKey(_WAIT)
        if key in (ord("f"), ord("F")):
            is_fitted = not is_fitted
            _show(picture, is_fitted, resized=True)
        elif key == 27:  # Escape
            return
        elif word := WORDS.get(ord(chr(key).lower()) if 0 <= key < 128 else key):
            print(word, flush=True)
            if word == "quit":
                return


def _show(picture: Picture, is_fitted: bool, resized: bool) -> None:
    height, width = picture.pixels.shape[:2]
    size = fitted(width, height) if is_fitted else (width, height)
    # OpenCV's own way to fit a picture into a window leaves out rows and columns.
    cv2.imshow(NAME, cv2.resize(picture.pixels, size, interpolation=cv2.INTER_AREA))
    if resized:
        cv2.resizeWindow(NAME, *size)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
        code = 0
    except cv2.error as trouble:  # a build of OpenCV without windows
        print(f"failed {trouble.err}", flush=True)
        code = 1
    os._exit(code)  # the thread that waits for the training would keep the interpreter from ending in good order
