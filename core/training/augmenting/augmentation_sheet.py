"""A sheet of what augmentation does to faces, for a person to look at before days are spent on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from ...jobs.messages import Reporter
from ...media.images import write_png
from ...media.provenance import png_mark
from ..watching.preview import LEAST_CELL, Look, tint, title
from .batch import Batch
from .batches import Maker

FACES, LOOKS = 6, 2  # of each side; of each face
_EYES, _MOUTH, _OUTSIDE = Look(0.5, (0, 160, 255)), Look(0.5, (0, 220, 90)), Look(0.5)
HEADINGS = ("{}", "Mask", *("Target", "Input") * LOOKS)


def write(maker: Maker, iteration: int, path: Path, reporter: Reporter) -> dict[str, Any]:
    """Write the sheet as a PNG file.

    Args:
        maker: as training has it; its batches need at least one place.
        iteration: whose amounts are shown, where they grow.

    Returns:
        file: where it is; text: what it shows, in words.

    Raises:
        OutputError: it cannot be written there.
    """
    write_png(path, sheet(maker, iteration), png_mark())
    reporter.preview(path)
    text = (f"{path} shows faces of A on the left and of B on the right: as they are; what the mask leaves out in red, "
            "eyes in blue and the mouth in green where they count more; then pairs of what the model is to make "
            "(target) and what it is given for it (input)")
    return {"file": str(path), "text": text}


def sheet(maker: Maker, iteration: int) -> np.ndarray:
    """uint8 [H, W, 3] RGB: a row for each of `FACES` faces, the same ones at every call; A's half, then B's."""
    chosen = [_some(len(side.crops), maker.seed) for side in maker.sides]
    shown = maker.with_places(range(FACES))
    looks = [shown.show(chosen, iteration + look) for look in range(LOOKS)]
    cell = max(LEAST_CELL, maker.augmenter.output_sizes[-1], maker.augmenter.input_size)
    halves = [_half(label, np.asarray(side.crops[which]), [look.faces(slice(first, first + FACES)) for look in looks],
                    cell)
              for label, side, which, first in zip("AB", maker.sides, chosen, (0, FACES), strict=True)]
    return np.hstack(halves)


def _some(among: int, seed: int) -> np.ndarray:
    """`FACES` of so many faces; of fewer, some again."""
    return np.resize(np.random.default_rng([seed, 4]).permutation(among), FACES)


def _half(label: str, crops: np.ndarray, looks: list[Batch], cell: int) -> np.ndarray:
    columns = [crops[..., :3], _masked(looks[0])]
    for look in looks:
        columns += [_pictures(look.targets[-1]), _pictures(look.feed)]
    rows = [np.hstack([_enlarged(column[row], cell) for column in columns]) for row in range(FACES)]
    header = np.hstack([title(text.format(label), cell) for text in HEADINGS])
    return np.vstack([header, *rows])


def _masked(look: Batch) -> np.ndarray:
    """The targets with their masks laid over, uint8 [N, S, S, 3]."""
    pictures = tint(_pictures(look.targets[-1]), look.masks[-1][:, 0].cpu().numpy(), _OUTSIDE)
    for masks, paint in ((look.eyes, _EYES), (look.mouths, _MOUTH)):
        if masks:
            pictures = tint(pictures, 1 - masks[-1][:, 0].cpu().numpy(), paint)
    return pictures


def _pictures(tensor: torch.Tensor) -> np.ndarray:
    """float32 [N, 3, S, S] in [0, 1] -> uint8 [N, S, S, 3]."""
    return (tensor.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def _enlarged(picture: np.ndarray, side: int) -> np.ndarray:
    how = cv2.INTER_CUBIC if side > picture.shape[0] else cv2.INTER_AREA
    return cv2.resize(picture, (side, side), interpolation=how)
