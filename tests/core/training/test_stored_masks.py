"""Training with masks from the pictures' headers."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from understudy.core.errors import FacesError
from understudy.core.extraction.maskers.landmark import draw
from understudy.core.faces.geometry import Alignment
from understudy.core.faces.nouns import PackedMask
from understudy.core.faces.packing import pack_mask
from understudy.core.faces.png import read_header, replace_header
from understudy.core.jobs.messages import SilentReporter
from understudy.core.models.folder import Settings
from understudy.core.training.faces import data
from understudy.core.training.faces.reading import Cut

KIND = "extended-refined"


def give_mask(path: Path, size: int = 256) -> None:
    header = read_header(path)
    alignment = Alignment(header.landmarks)
    drawn = draw(alignment.points(size, "head"), size, "extended")
    mask = PackedMask(KIND, size, pack_mask(drawn), alignment.matrix(size, "head"), "head")
    replace_header(path, replace(header, masks=(mask,)))


def test_stored_masks_lie_where_drawn_ones_would(faces_a: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(faces_a, tmp_path / "faces")
    for path in folder.iterdir():
        give_mask(path)
    stored = data.load_faces(folder, Cut(64, Settings("sketch", mask_type=KIND)), SilentReporter(), "A")
    drawn = data.load_faces(folder, Cut(64, Settings("sketch")), SilentReporter(), "A")
    np.testing.assert_array_equal(stored.crops[..., :3], drawn.crops[..., :3])
    assert np.abs(stored.crops[..., 3].astype(int) - drawn.crops[..., 3]).mean() < 2


def test_pictures_without_their_mask_are_named(faces_a: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(faces_a, tmp_path / "faces")
    paths = sorted(folder.iterdir())
    for path in paths[2:]:
        give_mask(path)
    with pytest.raises(FacesError) as caught:
        data.load_faces(folder, Cut(64, Settings("sketch", mask_type=KIND)), SilentReporter(), "B")
    words = str(caught.value)
    assert f"2 of the 28 faces of B in {folder} have no mask {KIND}: {paths[0].name}, {paths[1].name}" in words
    assert f"mask add {folder} --masker extended --refine" in words
