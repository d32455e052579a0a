"""A real face to extract that ships in a wheel: NASA's portrait of Eileen Collins (public domain), moving a little."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from understudy.core.extraction import pipeline


def portrait(dx: int = 0, dy: int = 0) -> np.ndarray:
    """uint8 [300, 320, 3] RGB, the head about 100 px tall, shifted."""
    return np.roll(astronaut()[:300, 60:380], (dy, dx), (0, 1))


def no_face() -> np.ndarray:
    y, x = np.mgrid[:300, :320]
    return np.stack([x % 256, y % 256, (x + y) % 256], 2).astype(np.uint8)


def write(path: Path, rgb: np.ndarray) -> None:
    assert cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))


@pytest.fixture(autouse=True)
def one_worker(monkeypatch):
    """Each worker loads a detector of its own (half a second); only some tests want several."""
    monkeypatch.setattr(pipeline, "WORKERS", 1)


@pytest.fixture
def shot(tmp_path) -> Path:
    """A folder of 12 images, 3 and 7 without a face, with a gap in the numbers."""
    folder = tmp_path / "shot"
    folder.mkdir()
    for n in range(12):
        write(folder / f"shot.{n + 1 + (n > 5):04d}.png", no_face() if n in (3, 7) else portrait(2 * n, n))
    return folder
