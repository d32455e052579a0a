"""`mask import`: which image is whose, and that a mask lands where it was drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from understudy.core.errors import FacesError, SourceError, Stopped, UsageError
from understudy.core.extraction.maskers.stored import lay
from understudy.core.faces.geometry import Alignment
from understudy.core.faces.png import read_header
from understudy.core.faces.store import AlignmentsStore
from understudy.core.masking.importing import run
from understudy.core.options import make
from understudy.core.options.mask import MaskImportOptions

from .conftest import FRAMES, HEIGHT, WIDTH, Listener, Scene, everything


def drawn(index: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """An ellipse about where the face is, moving with the frames."""
    mask = np.zeros((height, width), np.uint8)
    centre = (int((150 + index) * width / WIDTH), int(130 * height / HEIGHT))
    return cv2.ellipse(mask, centre, (40 * width // WIDTH, 55 * height // HEIGHT), 0, 0, 360, 255, -1)


@pytest.fixture
def masks(tmp_path: Path) -> Callable[..., Path]:
    """Writes mask images: `masks(name_of, make)` with functions of the frame's index."""

    def write(name_of: Callable[[int], str], image: Callable[[int], np.ndarray] = drawn,
              frames: range = range(FRAMES)) -> Path:
        folder = tmp_path / "masks"
        folder.mkdir(exist_ok=True)
        for index in frames:
            assert cv2.imwrite(str(folder / name_of(index)), image(index))
        return folder

    return write


def options(path: Path, folder: Path, **values: object) -> MaskImportOptions:
    return make(MaskImportOptions, {"source": str(path), "masks": str(folder), **values})


def expect(scene: Scene, index: int, wanted: np.ndarray, size: int = 128, centering: str = "face") -> None:
    """The stored mask, laid over the frame, is the drawn one as far as the stored square reaches."""
    with scene.open() as store:
        mask = store.mask(store.faces(index)[0].uuid, "imported")
    assert (mask.pixels.shape[0], mask.centering) == (size, centering)
    laid = lay(mask, np.eye(2, 3), (WIDTH, HEIGHT)) > 127
    reach = lay(mask.__class__("", np.full_like(mask.pixels, 255), mask.matrix), np.eye(2, 3), (WIDTH, HEIGHT)) > 127
    wanted = (wanted > 127) & reach
    assert (laid & wanted).sum() / (laid | wanted).sum() > 0.95


def test_images_of_a_video_bear_the_frames_numbers_from_1(video: Scene, masks: Callable[..., Path]) -> None:
    folder = masks(lambda index: f"roto_{index + 1:04d}.png")
    result = run(options(video.path, folder), Listener())
    assert (result["imported"], result["without"], result["unused"], result["backup"]) == (FRAMES, 0, 1, "")
    for index in (0, 9, 15):
        expect(video, index, drawn(index))


def test_or_from_0_where_that_is_said(video: Scene, masks: Callable[..., Path]) -> None:
    folder = masks(lambda index: f"{index}.png")
    run(options(video.path, folder, first_number=0, mask_size=256, centering="head"), Listener())
    expect(video, 9, drawn(9), 256, "head")


def test_images_of_an_image_sequence_bear_its_names(images: Scene, masks: Callable[..., Path],
                                                    listener: type[Listener]) -> None:
    folder = masks(lambda index: f"img_{2 * index + 5}.png", frames=range(3, 10))
    told = listener()
    result = run(options(images.path, folder), told)
    assert (result["imported"], result["without"], result["unused"]) == (7, FRAMES - 7, 1)
    assert "9 of 16 faces got no mask" in told.warnings[0]
    assert "img_17.png" in told.warnings[1]
    expect(images, 5, drawn(5))


@pytest.mark.parametrize("shape", ["alpha", "16 bit", "colour", "double size"])
def test_any_kind_of_image_serves(images: Scene, masks: Callable[..., Path], shape: str) -> None:
    def image(index: int) -> np.ndarray:
        if shape == "double size":
            return drawn(index, 2 * WIDTH, 2 * HEIGHT)
        mask = drawn(index)
        if shape == "alpha":
            return np.dstack((np.full((HEIGHT, WIDTH, 3), 90, np.uint8), mask))
        return mask.astype(np.uint16) * 257 if shape == "16 bit" else np.dstack((mask, mask, mask))

    run(options(images.path, masks(lambda index: f"img_{2 * index + 5}.png", image)), Listener())
    expect(images, 2, drawn(2))


def test_pictures_of_a_faces_folder(pictures: Path, masks: Callable[..., Path]) -> None:
    folder = masks(lambda index: f"img_{2 * index + 5}_0.png", lambda index: drawn(index, 256, 256))
    result = run(options(pictures, folder), Listener())
    assert result["imported"] == FRAMES - 1
    header = read_header(pictures / "img_5_0.png", with_masks=True)
    (mask,) = header.masks
    assert (mask.kind, mask.size) == ("imported", 128)
    np.testing.assert_allclose(mask.matrix, Alignment(header.landmarks).matrix(128, "face"), atol=1e-9)


def test_pictures_that_were_sorted_since_keep_their_masks_names(pictures: Path, masks: Callable[..., Path]) -> None:
    folder = masks(lambda index: f"img_{2 * index + 5}_0.png", lambda index: drawn(index, 256, 256))
    group = pictures / "_yaw_001"
    group.mkdir()
    for number, path in enumerate(sorted(pictures.glob("*.png"))):
        path.rename(group / f"{number:06d}_{path.name}")
    assert run(options(pictures, folder), Listener())["imported"] == FRAMES - 1


def test_what_was_imported_before_is_backed_up(images: Scene, masks: Callable[..., Path]) -> None:
    folder = masks(lambda index: f"img_{2 * index + 5}.png")
    run(options(images.path, folder), Listener())
    before = everything(images.path)
    assert run(options(images.path, folder, dry_run=True), Listener())["dry_run"]
    assert everything(images.path) == before
    result = run(options(images.path, folder, mask_size=64), Listener())
    with AlignmentsStore.readonly(result["backup"]) as old, images.open() as new:
        uuid = new.faces(0)[0].uuid
        assert old.mask(uuid, "imported").pixels.shape == (128, 128)
        assert new.mask(uuid, "imported").pixels.shape == (64, 64)


def test_a_stopped_import_keeps_what_it_has(images: Scene, masks: Callable[..., Path],
                                            listener: type[Listener]) -> None:
    folder = masks(lambda index: f"img_{2 * index + 5}.png")
    with pytest.raises(Stopped):
        run(options(images.path, folder), listener(stop_at=5))
    with images.open() as store:
        assert len(store.faces_with_mask("imported")) == 5
    run(options(images.path, folder), Listener())
    with images.open() as store:
        assert len(store.faces_with_mask("imported")) == FRAMES


def test_bad_images_are_told(images: Scene, masks: Callable[..., Path], tmp_path: Path) -> None:
    folder = masks(lambda index: f"img_{2 * index + 5}.png", lambda index: drawn(index, 100, 300))
    with pytest.raises(SourceError, match=r"img_5\.png has 100x300 pixels.*320x300"):
        run(options(images.path, folder), Listener())
    (folder / "img_5.png").write_bytes(b"\x89PNG no picture")
    with pytest.raises(SourceError, match=r"img_5\.png"):
        run(options(images.path, folder), Listener())
    with images.open() as store:
        assert store.faces_with_mask("imported") == set()
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(SourceError, match="no images"):
        run(options(images.path, other), Listener())
    assert cv2.imwrite(str(other / "x.png"), drawn(0))
    with pytest.raises(FacesError, match=r"None of the 1 images.*img_5\.png"):
        run(options(images.path, other), Listener())
    with pytest.raises(SourceError, match="nowhere"):
        run(options(images.path, tmp_path / "nowhere"), Listener())
    with pytest.raises(UsageError, match="No mask images"):
        run(make(MaskImportOptions, {"source": str(images.path)}), Listener())
