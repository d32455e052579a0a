"""The docs' pictures out of those that the gallery's session took: cut to what they are about, few colours, small.

`python tests/gui/pictures.py FROM docs/pictures`; `make screenshots` calls it. Pictures in Chinese go to `zh` there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops

# What each shows: the whole window, a sidebar, or something over the window.
CHOSEN = {
    **dict.fromkeys(("idle", "faces_browser", "training", "loss_graph", "sessions", "converted", "look_over_chart",
                     "live_preview", "five_faces", "overlay", "correcting"), "window"),
    **dict.fromkeys(("start", "shot", "extract", "extract_advanced", "faces", "masks", "tools", "train",
                     "train_advanced", "convert", "convert_advanced", "clip_editor", "jobs"), "sidebar"),
    **dict.fromkeys(("preferences_not_set_up", "preferences", "consent", "run_all", "tool_asks", "restore", "presets",
                     "settings_menu", "overlay_popover", "unsaved", "person", "job_log", "delete"), "over"),
}
STATUS_BAR = slice(974, 1000)  # the rows of `bilingual.WIDE` that change by themselves
MOST_BYTES = 200_000


def cut_below(picture: Image.Image, margin: int = 12) -> Image.Image:
    """Without the rows at the bottom in which nothing is drawn, but for the tabs at the right."""
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    panel = pixels[:, : int(pixels.shape[1] * 0.85)]
    drawn = np.flatnonzero(np.ptp(panel, axis=1).max(1) > 8)
    return picture.crop((0, 0, picture.width, min(picture.height, int(drawn[-1]) + margin)))


def cut_to_change(before: Image.Image, picture: Image.Image, margin: int = 16) -> Image.Image:
    """The part in which two pictures of the screen differ, with some of what is around it."""
    changed = np.asarray(ImageChops.difference(before, picture)).any(2)
    changed[STATUS_BAR] = False
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    return picture.crop((max(int(columns[0]) - margin, 0), max(int(rows[0]) - margin, 0),
                         int(columns[-1]) + margin, int(rows[-1]) + margin))


def opened(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


def main(source: Path, docs: Path) -> int:
    """Returns how many pictures were missing."""
    missing = 0
    for prefix in ("", "zh"):
        (docs / prefix).mkdir(parents=True, exist_ok=True)
        for name, kind in CHOSEN.items():
            path = source / prefix / f"{name}.png"
            if not path.exists():
                print(f"there is no {path}")
                missing += 1
                continue
            picture = opened(path)
            if kind == "sidebar":
                picture = cut_below(picture)
            elif kind == "over":
                picture = cut_to_change(opened(path.with_name(f"{name}__before.png")), picture)
            save_small(picture, docs / prefix / path.name)
    return missing


def save_small(picture: Image.Image, path: Path) -> None:
    """With few colours, and so much smaller that the file is not too large."""
    size = picture.size
    for scale in (1.0, 0.85, 0.75, 0.65, 0.55):
        smaller = picture if scale == 1.0 else picture.resize((round(size[0] * scale), round(size[1] * scale)),
                                                              Image.Resampling.LANCZOS)
        smaller.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
        if path.stat().st_size <= MOST_BYTES:
            return


if __name__ == "__main__":
    sys.exit(1 if main(Path(sys.argv[1]), Path(sys.argv[2])) else 0)
