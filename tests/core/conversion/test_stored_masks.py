"""Conversion with masks from the alignments: they land where they were made, and missing ones are named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from understudy.core.conversion.stored_masks import StoredMasks
from understudy.core.conversion.swap import convert_frame
from understudy.core.conversion.task import run
from understudy.core.errors import AlignmentsError, UsageError
from understudy.core.extraction.maskers.landmark import draw
from understudy.core.extraction.maskers.stored import to_store
from understudy.core.faces.crop import crop
from understudy.core.faces.geometry import Alignment
from understudy.core.faces.store import AlignmentsStore
from understudy.core.media.frame import Frame
from understudy.core.media.images import read_image
from understudy.core.models.folder import load
from understudy.core.options.convert import ConvertOptions

from .conftest import HEIGHT, WIDTH, Listener, Scene

KIND = "extended-refined"


def store_masks(scene: Scene, frames: range, size: int = 256, shrunk: bool = False) -> None:
    """Extended masks as stored ones, so that both can be compared; `shrunk`: empty ones."""
    with AlignmentsStore.open(scene.store) as store:
        for _, faces in store.iterate(frames):
            for face in faces:
                cut = crop(np.zeros((HEIGHT, WIDTH, 3), np.uint8), Alignment(face.landmarks), size, "head")
                drawn = draw(cut.landmarks, size, "extended")
                mask = to_store(KIND, drawn * 0 if shrunk else drawn, cut, (WIDTH, HEIGHT), size)
                store.set_mask(face.uuid, mask)


def test_a_stored_mask_does_as_the_drawn_one(images: Scene, save_mirror: Callable[..., Path], tmp_path: Path,
                                             options: Callable[..., ConvertOptions]) -> None:
    model_dir = save_mirror(tmp_path / "model", b=0.5)
    store_masks(images, range(10))
    common = {"writer": "images", "color": "none", "frames": "5", "mask_blur": "none"}
    run(options(images, model_dir, mask_type=KIND, output=str(tmp_path / "stored"), **common), Listener())
    run(options(images, model_dir, mask_type="extended", output=str(tmp_path / "drawn"), **common), Listener())
    stored, drawn = (read_image(tmp_path / place / "img_15.png").astype(int) for place in ("stored", "drawn"))
    original = images.frames()[5].astype(int)
    assert np.abs(drawn - original).max() > 30
    assert np.abs(stored - drawn).mean() < 0.15
    assert np.abs(stored - drawn).max() < 30  # at the masks' edges


def test_faces_without_their_mask_are_named_before_anything_is_written(
        images: Scene, save_mirror: Callable[..., Path], tmp_path: Path,
        options: Callable[..., ConvertOptions]) -> None:
    model_dir = save_mirror(tmp_path / "model")
    store_masks(images, range(5))
    with pytest.raises(AlignmentsError, match=r"5 of 9 faces have no mask extended-refined .*frames 5-6,8-9.*"
                                              r"mask add SOURCE --masker extended --refine"):
        run(options(images, model_dir, mask_type=KIND), Listener())
    assert not (tmp_path / "out").exists()
    assert run(options(images, model_dir, mask_type=KIND, frames="0-4"), Listener())["faces"] == 4


def test_pictures_are_made_anew_when_a_mask_changed(images: Scene, save_mirror: Callable[..., Path], tmp_path: Path,
                                                    options: Callable[..., ConvertOptions]) -> None:
    model_dir = save_mirror(tmp_path / "model")
    store_masks(images, range(10))
    given = options(images, model_dir, mask_type=KIND)
    assert run(given, Listener())["converted"] == 10
    assert run(given, Listener())["converted"] == 0
    store_masks(images, range(2, 3), shrunk=True)
    assert run(given, Listener())["converted"] == 1


def test_one_frame_by_itself(images: Scene, save_mirror: Callable[..., Path], tmp_path: Path,
                             options: Callable[..., ConvertOptions]) -> None:
    model = load(save_mirror(tmp_path / "model"), "cpu")
    store_masks(images, range(10))
    frame = Frame(str(images.path), 0, 0.0, images.frames()[0])
    given = options(images, tmp_path / "model", mask_type=KIND)
    with AlignmentsStore.readonly(images.store) as store:
        faces = store.faces(0)
        converted = convert_frame(frame, faces, model, given, StoredMasks(store, given))
        assert 0.3 < converted.patches[0].mask.max() <= 1
        with pytest.raises(UsageError, match="no alignments"):
            convert_frame(frame, faces, model, given)
