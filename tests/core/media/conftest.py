"""Bar-coded clips for the media tests."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"media_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def clips() -> ModuleType:
    """`clips.py`: makes videos and image folders."""
    return _load("clips")


@pytest.fixture(scope="session")
def read_number() -> Callable[[np.ndarray], int]:
    """Reads the bar code of a picture."""
    return _load("barcode").read


@pytest.fixture(scope="session")
def make_picture() -> Callable[..., np.ndarray]:
    """Makes a picture with a bar code."""
    return _load("barcode").make


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keeps frame indices out of the user's cache."""
    home = tmp_path / "understudy_home"
    monkeypatch.setenv("UNDERSTUDY_HOME", str(home))
    return home
