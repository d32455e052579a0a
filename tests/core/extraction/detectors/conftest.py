"""Homes for weights made in tests, and frames of the footage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from understudy.core.media.source import open_source
from understudy.core.weights.files import folder
from understudy.core.weights.rows import find

ROTATIONS = {90: -1, 180: 2, 270: 1}  # degrees clockwise: quarter turns for numpy, which counts the other way


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty weights folder."""
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path))
    folder().mkdir(parents=True)
    return folder()


@pytest.fixture
def put(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Mapping[str, Tensor] | bytes], Path]:
    """`put(row's name, state dict or bytes)` lays weights of the test's own where the row's belong.

    The sizes of published files are not those of the test's.
    """
    def save(name: str, content: Mapping[str, Tensor] | bytes) -> Path:
        path = home / find(name).file
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            torch.save(dict(content), path)
        monkeypatch.setitem(find(name).__dict__, "size", path.stat().st_size)
        return path

    return save


@pytest.fixture(scope="session")
def clip(footage: Path) -> Callable[[str, list[int]], list[np.ndarray]]:
    """`clip(name, indices)`: frames of the footage."""
    def frames(name: str, indices: list[int]) -> list[np.ndarray]:
        with open_source(footage / f"{name}.mp4") as source:
            return [frame.pixels for frame in source.frames(indices)]

    return frames
