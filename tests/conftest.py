"""What all rings share: the package under its own name, and the places of optional material."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("UNDERSTUDY_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def footage() -> Path:
    """The folder of test footage with truth; skips where it is absent."""
    folder = SHARED / "footage"
    if not folder.is_dir():
        pytest.skip(f"needs the footage folder {folder}, which is not part of the repository")
    return folder


@pytest.fixture(scope="session")
def weights() -> Path:
    """The folder of real weight files; skips where it is absent."""
    folder = SHARED / "weights"
    if not folder.is_dir():
        pytest.skip(f"needs the weights folder {folder}, which is not part of the repository")
    return folder
