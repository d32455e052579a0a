"""SIGKILL at random instants of each kind of writer: nothing half-written is seen, and a second run completes it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from understudy.core.media.pictures import is_whole, read_entries
from understudy.core.media.source import open_source

from ..killing import kill_at_random_instants
from .writing import Written, patches_of

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
FRAMES = 24


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    folder = tmp_path / "shot"
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(FRAMES):
        cv2.imwrite(str(folder / f"f{number:02d}.png"), random.integers(0, 256, (96, 160, 3), np.uint8))
    return folder


def faces(index: int) -> Any:
    return patches_of(index % 3)


@pytest.mark.parametrize("instants", [3, pytest.param(20, marks=pytest.mark.long)])
@pytest.mark.parametrize("values", [
    {"writer": "images", "separate_mask": True}, {"writer": "overlay", "image_format": "tiff"},
    {"writer": "patch"}, {"writer": "video", "preset": "ultrafast"}, {"writer": "gif"}],
    ids=lambda values: values["writer"])
def test_a_killed_writer_leaves_nothing_half_written(values: dict[str, Any], instants: int, shot: Path,
                                                     tmp_path: Path) -> None:
    name = {"video": "out.mp4", "gif": "out.gif"}.get(values["writer"], "out")
    reference, place = tmp_path / "reference", tmp_path / "work"
    for folder in (reference, place):
        folder.mkdir()
    Written(shot, reference / name, patches=faces, **values)
    cv2.setNumThreads(0)  # its threads are not there in a forked process

    def seen(folder: Path) -> dict[str, bytes]:
        return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*"))
                if p.is_file() and not p.name.startswith(".")}

    expected = seen(reference)
    assert len(expected) >= (FRAMES if name == "out" else 1)

    def work(begun: Callable[[], None]) -> None:
        begun()
        Written(shot, place / name, patches=faces, **values)

    def check() -> None:
        for path in place.rglob("*"):
            if path.is_file() and not path.name.startswith(".") and path.suffix in (".png", ".tif"):
                assert is_whole(path)
                assert read_entries(path)
        if (place / name).is_file():  # only a finished stream has its name
            assert (place / name).read_bytes() == expected[name] if name == "out.gif" else \
                len(open_source(place / name)) == FRAMES
        Written(shot, place / name, patches=faces, **values)
        found = seen(place)
        assert set(found) == set(expected)
        if name != "out.mp4":  # which holds the hour
            assert found == expected
        assert not [p.name for p in place.rglob("*") if p.name.startswith(".")]

    def prepare() -> None:
        shutil.rmtree(place)
        place.mkdir()

    kill_at_random_instants(work, instants, check, prepare)
