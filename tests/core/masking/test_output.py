"""`mask output`: what the pictures show, and which are made anew."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from understudy.core.errors import FacesError, OutputError, Stopped, UsageError
from understudy.core.extraction.maskers.landmark import draw
from understudy.core.faces.geometry import Alignment
from understudy.core.masking.making import add
from understudy.core.masking.output import arrange, run, soften
from understudy.core.options import make
from understudy.core.options.mask import MaskAddOptions, MaskOutputOptions

from .conftest import FRAMES, HEIGHT, WIDTH, Listener, Scene, everything, frame


def options(path: Path, output: Path, **values: object) -> MaskOutputOptions:
    return make(MaskOutputOptions, {"source": str(path), "output": str(output), **values})


def read(path: Path) -> np.ndarray:
    data = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return cv2.cvtColor(data, cv2.COLOR_BGR2RGB if data.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)


def test_combined_shows_picture_masked_picture_and_mask(images: Scene, tmp_path: Path) -> None:
    result = run(options(images.path, tmp_path / "out", size=256), Listener())
    assert (result["written"], result["kept"]) == (FRAMES, 0)
    shown = read(tmp_path / "out" / "img_9_0_extended.png")
    assert shown.shape == (256, 768, 3)
    picture, masked, mask = np.split(shown, 3, 1)
    points = Alignment(images.landmarks(2)).points(256, "head")
    np.testing.assert_allclose(mask[..., 0].astype(int), draw(points, 256, "extended"), atol=1)
    np.testing.assert_array_equal(masked[mask[..., 0] == 255], picture[mask[..., 0] == 255])
    assert masked[mask[..., 0] == 0].max() == 0


def test_full_frames_show_all_faces(images: Scene, tmp_path: Path) -> None:
    run(options(images.path, tmp_path / "out", full_frame=True, kind="masked", frames="4"), Listener())
    (path,) = (tmp_path / "out").iterdir()
    assert path.name == "img_13_extended.png"
    shown = read(path)
    assert shown.shape == (HEIGHT, WIDTH, 4)
    np.testing.assert_array_equal(shown[..., :3], frame(4))
    parts, _ = cv2.connectedComponents((shown[..., 3] > 127).astype(np.uint8))
    assert parts == 3  # two faces, and what is around them
    run(options(images.path, tmp_path / "one", full_frame=True, kind="mask", frames="4", position=0), Listener())
    one = read(tmp_path / "one" / "img_13_extended.png")
    assert one.shape == (HEIGHT, WIDTH, 3)
    assert 0 < (one > 127).mean() < (shown[..., 3] > 127).mean()


def test_stored_masks_are_shown_and_missing_ones_named(images: Scene, tmp_path: Path,
                                                       listener: type[Listener]) -> None:
    add(MaskAddOptions(source=str(images.path), masker=("custom",), frames="0-3"), Listener())
    told = listener()
    result = run(options(images.path, tmp_path / "out", mask=("custom", "components"), kind="mask"), told)
    assert result["written"] == FRAMES + 4
    assert result["without"] == {"custom": FRAMES - 4}
    assert "mask add SOURCE --masker custom" in told.warnings[0]
    assert read(tmp_path / "out" / "img_5_0_custom.png").mean() > 60
    with pytest.raises(FacesError, match=r"None of the 16 .* vgg-clear-refined.*--masker vgg-clear --refine"):
        run(options(images.path, tmp_path / "out", mask=("vgg-clear-refined",)), Listener())
    with pytest.raises(FacesError, match="mask import"):
        run(options(images.path, tmp_path / "out", mask=("imported",)), Listener())


def test_only_what_changed_is_made_anew(images: Scene, tmp_path: Path, listener: type[Listener]) -> None:
    with pytest.raises(Stopped):
        run(options(images.path, tmp_path / "out"), listener(stop_at=5))
    there = len(list((tmp_path / "out").iterdir()))
    assert 5 <= there < FRAMES
    result = run(options(images.path, tmp_path / "out"), Listener())
    assert result["kept"] == there
    with images.open() as store:
        face = store.faces(3)[0]
        store.edit_face(face.uuid, face.landmarks + 2)
    (tmp_path / "out" / "img_5_0_extended.png").write_bytes(b"torn")
    assert run(options(images.path, tmp_path / "out"), Listener())["written"] == 2
    assert run(options(images.path, tmp_path / "out", blur=5), Listener())["kept"] == 0


def test_a_faces_folder_is_shown_without_being_touched(pictures: Path, tmp_path: Path) -> None:
    before = everything(pictures)
    result = run(options(pictures, tmp_path / "out", full_frame=True, kind="mask"), Listener())
    assert result["written"] == FRAMES
    assert everything(pictures) == before


def test_bad_places_are_refused(images: Scene, pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(UsageError, match="No output"):
        run(make(MaskOutputOptions, {"source": str(images.path)}), Listener())
    with pytest.raises(OutputError, match="source itself"):
        run(options(pictures, pictures), Listener())
    with pytest.raises(OutputError, match="file"):
        run(options(images.path, tmp_path / "file" / "out"), Listener())
    assert not (tmp_path / "out").exists()


def test_threshold_and_blur() -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8), (256, 1))
    hard = soften(ramp, 0, 10)
    assert hard[0, 25] == 0
    assert hard[0, 26] == 26
    assert hard[0, 229] == 229
    assert hard[0, 230] == 255
    assert set(np.unique(soften(ramp, 0, 50))) == {0, 255}
    edge = np.where(np.arange(64) < 32, 0, 255).astype(np.uint8)[None].repeat(64, 0)
    assert soften(edge, 0, 0) is edge
    soft = soften(edge, 9, 0)
    assert 0 < soft[32, 31] < 127 < soft[32, 33] < 255
    assert soft[32, 26] == 0


def test_arrange_leaves_the_picture_as_it_is_under_the_mask() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 9, 3)).astype(np.uint8)
    mask = np.diag(np.full(9, 255, np.uint8))
    assert arrange(pixels, mask, "combined").shape == (9, 27, 3)
    np.testing.assert_array_equal(arrange(pixels, mask, "masked"), np.dstack((pixels, mask)))
    np.testing.assert_array_equal(arrange(pixels, mask, "mask")[..., 1], mask)
