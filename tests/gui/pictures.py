"""The docs' pictures out of those that the sessions took: cut to what they are about, few colours, small files.

`python tests/gui/pictures.py FROM docs/pictures`; `make screenshots` calls it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

# What a session calls it, what the docs do; whether the even ground below the last panel goes.
CHOSEN = (
    ("idle", "idle", False), ("swap_training", "training_panels", False), ("converted", "converted", False),
    ("extract_panels_sidebar", "extract_panels", True), ("tools_panels_sidebar", "tools_panels", True),
    ("shots_sidebar", "shots", True), ("masks_sidebar", "masks_panel", True),
    ("faces_browser_wide", "faces_browser", False), ("swap_overlay", "overlay", False),
    ("swap_correcting", "correcting", False), ("jobs_panels_sidebar", "jobs", True),
    ("cleanup_panels_sidebar", "cleanup", True), ("swap_live", "live_preview", False),
    ("swap_five_faces", "five_faces", False), ("swap_looked_over_sidebar", "look_over", True),
    ("watching_loss", "loss_graph", False), ("zh_sidebar", "sidebar_zh", True),
)


def cut_below(picture: Image.Image, margin: int = 12) -> Image.Image:
    """Without the rows at the bottom in which nothing is drawn, but for the tabs at the right."""
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    panel = pixels[:, : int(pixels.shape[1] * 0.85)]
    drawn = np.flatnonzero(np.ptp(panel, axis=1).max(1) > 8)
    return picture.crop((0, 0, picture.width, min(picture.height, int(drawn[-1]) + margin)))


def main(source: Path, docs: Path) -> int:
    """Returns how many pictures were missing."""
    missing = 0
    for name, called, below in CHOSEN:
        path = source / f"{name}.png"
        if not path.exists():
            print(f"there is no {path}")
            missing += 1
            continue
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
        if below:
            picture = cut_below(picture)
        save_small(picture, docs / f"{called}.png")
    return missing


def save_small(picture: Image.Image, path: Path, largest: int = 300_000) -> None:
    """With few colours, and so much smaller that the file has no more than so many bytes."""
    size = picture.size
    for scale in (1.0, 0.85, 0.75, 0.65, 0.55):
        smaller = picture if scale == 1.0 else picture.resize((round(size[0] * scale), round(size[1] * scale)),
                                                              Image.Resampling.LANCZOS)
        smaller.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
        if path.stat().st_size <= largest:
            return


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
