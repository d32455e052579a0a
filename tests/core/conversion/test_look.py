"""The options of the look through `Swapper`: which mask, what a person drew into it, where the face goes, the steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from understudy.core.conversion.mask import blended, blur
from understudy.core.conversion.neighbours import Neighbours
from understudy.core.conversion.stored_masks import StoredMasks
from understudy.core.conversion.swap import Swapper, convert_frame
from understudy.core.errors import UsageError
from understudy.core.extraction.maskers.landmark import draw
from understudy.core.extraction.maskers.stored import to_store
from understudy.core.faces.crop import crop
from understudy.core.faces.geometry import Alignment, invert, transform
from understudy.core.faces.nouns import StoredMask
from understudy.core.faces.store import AlignmentsStore
from understudy.core.media.frame import Frame
from understudy.core.models.base import Outputs
from understudy.core.models.folder import load
from understudy.core.options.convert import ConvertOptions
from understudy.core.options.convert_look import ConvertLookOptions

from .conftest import HEIGHT, WIDTH, Mirror, MirrorRow, Scene, face, picture


@pytest.fixture
def one(images: Scene, save_mirror: Callable[..., Path], tmp_path: Path) -> tuple[Frame, Any, Path]:
    """A frame, its face as stored, and the model's folder."""
    save_mirror(tmp_path / "model", b=0.7)
    with AlignmentsStore.readonly(images.store) as store:
        return Frame(str(images.path), 0, 0.0, images.frames()[0]), store.faces(0)[0], tmp_path / "model"


Options = Callable[..., ConvertOptions]


def patch_of(one: Any, given: ConvertOptions, masks: StoredMasks | None = None) -> Any:
    frame, stored, folder = one
    (patch,) = convert_frame(frame, [stored], load(folder), given, masks).patches
    return patch


class Masking(Mirror):
    """Predicts a mask: what is bright in red."""

    def __init__(self, learn_mask: bool = True) -> None:
        super().__init__()

    def decode(self, code: torch.Tensor, side: Any) -> Outputs:
        return Outputs(super().decode(code, side).faces, code[:, :1].clamp(0, 1))


def test_the_models_own_mask(one: Any, images: Scene, options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    frame, stored, folder = one
    with pytest.raises(UsageError, match="learned no mask"):
        patch_of(one, options(images, folder, mask_type="predicted"))
    monkeypatch.setattr(MirrorRow, "load", lambda self: Masking)
    model = load(folder)
    model.settings = replace(model.settings, learn_mask=True)
    given = options(images, folder, mask_type="predicted", mask_blur="gaussian", mask_kernel=5, mask_passes=2)
    (patch,) = convert_frame(frame, [stored], model, given).patches
    cut = crop(frame.pixels, Alignment(stored.landmarks), 192, "face", 0.875)
    red = cut.pixels[..., 0].astype(np.float32) / 255
    np.testing.assert_allclose(patch.raw_mask, blur(red, "gaussian", 5, 2), atol=1e-5)
    np.testing.assert_allclose(patch.mask, blended(patch.raw_mask, given), atol=1e-6)


def half(matrix: np.ndarray, size: int, left: bool) -> np.ndarray:
    mask = np.zeros((size, size), np.uint8)
    mask[:, :size // 2] = 255
    return mask if left else 255 - mask


def test_what_a_person_drew_is_added_and_taken_out(one: Any, images: Scene, options: Options) -> None:
    frame, stored, folder = one
    cut = crop(frame.pixels, Alignment(stored.landmarks), 192, "face", 0.875)
    drawn = {"blender-add": np.zeros((192, 192), np.uint8), "blender-subtract": np.zeros((192, 192), np.uint8)}
    drawn["blender-add"][10:60, 70:120] = 255
    drawn["blender-subtract"][40:100, 80:100] = 255
    with AlignmentsStore.open(images.store) as store:
        for kind, mask in drawn.items():
            store.set_mask(stored.uuid, StoredMask(kind, mask, cut.matrix))
    for kind in ("extended", "components", "none"):
        given = options(images, folder, mask_type=kind, mask_blur="none")
        plain = patch_of(one, given).raw_mask
        with StoredMasks(AlignmentsStore.readonly(images.store), given) as masks:
            assert masks.counts
            result = patch_of(one, given, masks).raw_mask
        expected = np.minimum(np.maximum(plain, drawn["blender-add"] / 255), 1 - drawn["blender-subtract"] / 255)
        assert np.abs(result - expected).mean() < 0.005  # half a pixel at the edges
        assert result[50, 75] == 1
        assert result[50, 90] == 0
    off = options(images, folder, mask_add=[], mask_subtract=[])
    with StoredMasks(AlignmentsStore.readonly(images.store), off) as masks:
        assert not masks.counts
    with pytest.raises(UsageError, match="no stored masks called nonsense"), \
            AlignmentsStore.readonly(images.store) as store:
        StoredMasks(store, options(images, folder, mask_add=["nonsense"]))


@pytest.mark.parametrize("offset", [0.0, 0.06])
@pytest.mark.parametrize(("size", "kernel"), [(128, 3), (256, 7)])
def test_a_stored_mask_is_thresholded_and_blurred_where_it_is_kept(
        one: Any, images: Scene, options: Options, save_mirror: Callable[..., Path], tmp_path: Path, offset: float,
        size: int, kernel: int) -> None:
    """The width of the blur is in 128ths of the mask's side, and the model's vertical offset moves it with the face."""
    frame, stored, _ = one
    folder = save_mirror(tmp_path / "offset", vertical_offset=offset)
    cut = crop(frame.pixels, Alignment(stored.landmarks), size, "head")
    ramp = np.clip(np.hypot(*(np.mgrid[:size, :size] - size / 2)) / size * 3 * 255 - 100, 0, 255)
    with AlignmentsStore.open(images.store) as store:
        store.set_mask(stored.uuid, to_store("imported", (255 - ramp).astype(np.uint8), cut, (WIDTH, HEIGHT), size))
    given = options(images, folder, mask_type="imported", mask_threshold=20.0, mask_blur="normalized",
                    mask_kernel=kernel, mask_passes=1)
    with StoredMasks(AlignmentsStore.readonly(images.store), given) as masks:
        result = convert_frame(frame, [stored], load(folder), given, masks).patches[0].raw_mask
        kept = masks._store.mask(stored.uuid, "imported").pixels.astype(float)
    kept = np.where(kept < 51, 0, np.where(kept > 204, 255, kept)).astype(np.float32) / 255
    width = kernel * size // 128 | (size == 128)
    soft = cv2.blur(kept, (width | 1, width | 1))
    # Where each pixel of the model's crop lies in the stored mask, by way of the frame, and the value there.
    crops = Alignment(stored.landmarks)
    ours, theirs = crops.matrix(192, "face", 0.875, offset), crops.matrix(size, "head")
    pixels = np.stack(np.meshgrid(np.arange(192.0), np.arange(192.0)), -1)
    place = transform(transform(pixels, invert(ours)), theirs).astype(np.float32)
    expected = cv2.remap(soft, place[..., 0], place[..., 1], cv2.INTER_LINEAR)
    inner = np.s_[12:-12, 12:-12]
    assert np.abs(result - expected)[inner].max() < 0.08  # OpenCV's places are fractions of 32
    assert np.abs(result - expected)[inner].mean() < 0.01


def test_the_raw_mask_is_kept_beside_the_final_one(one: Any, images: Scene, options: Options) -> None:
    frame, stored, folder = one
    given = options(images, folder, mask_type="extended", mask_blur="none", erosion=30.0)
    patch = patch_of(one, given)
    cut = crop(frame.pixels, Alignment(stored.landmarks), 192, "face", 0.875)
    np.testing.assert_allclose(patch.raw_mask, draw(cut.landmarks, 192, "extended") / np.float32(255), atol=1e-6)
    assert patch.mask.sum() < 0.9 * patch.raw_mask.sum()


def test_the_face_moves_down_along_itself_and_grows_about_the_middle(one: Any, images: Scene,
                                                                     options: Options) -> None:
    given = options(images, one[2])
    plain, moved, grown = (patch_of(one, replace(given, **values)) for values in (
        {}, {"face_shift": 5.0}, {"face_scale": 8.0}))
    middle = np.array([[95.5, 95.5]])
    before, after, larger = (transform(middle, invert(patch.matrix))[0] for patch in (plain, moved, grown))
    down = transform(middle + np.array([0.0, 0.05 * 192]), invert(plain.matrix))[0]
    np.testing.assert_allclose(after, down, atol=1e-9)
    np.testing.assert_allclose(larger, before, atol=1e-9)
    assert np.linalg.det(grown.matrix[:, :2]) == pytest.approx(0.92 ** 2 * np.linalg.det(plain.matrix[:, :2]))


def test_each_step_of_detail_is_off_until_it_is_asked_for(one: Any, images: Scene, options: Options) -> None:
    frame, stored, folder = one
    given = options(images, folder)
    look = ConvertLookOptions()
    assert (look.sharpen, look.super_sampling, look.grain, look.motion_blur) == ("none", 1, 0.0, 0.0)
    model = load(folder)
    nearby = Neighbours([[replace(stored, frame=n, uuid=stored.uuid if not n else f"{n}", landmarks=stored.landmarks
                                  + np.float32(6 * n)) for n in (-1, 0, 1)]], 1)
    plain = convert_frame(frame, [stored], model, given, None, nearby).patches[0]
    for values in ({"sharpen": "gaussian"}, {"motion_blur": 180.0}, {"grain": 100.0}):
        changed = convert_frame(frame, [stored], model, replace(given, **values), None, nearby).patches[0]
        size = plain.rgb.shape[0]
        brought = cv2.resize(changed.rgb, (size, size), interpolation=cv2.INTER_AREA)
        assert np.abs(brought - plain.rgb).mean() > 0.0005, values
    assert convert_frame(frame, [stored], model, replace(given, super_sampling=3)).patches[0].samples == 3
    assert plain.samples == 1
    cuts = Swapper(model, given, None, nearby).cut(frame, [stored])
    assert cuts[0].motion is None
    assert cuts[0].grain is None


def test_motion_blur_follows_the_stored_faces(one: Any, images: Scene, options: Options) -> None:
    """A face that glides sideways is blurred sideways: detail across the motion goes, detail along it stays."""
    frame, stored, folder = one
    model = load(folder)
    nearby = Neighbours([[replace(stored, frame=n, uuid=stored.uuid if not n else f"{n}", landmarks=stored.landmarks
                                  + np.float32([14 * n, 0])) for n in (-1, 0, 1)]], 1)
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    rough = replace(frame, pixels=noise)
    sharp, soft = (convert_frame(rough, [stored], model, options(images, folder, motion_blur=angle), None,
                                 nearby).layer for angle in (0.0, 180.0))
    middle = np.s_[30:-30, 30:-30]
    across, along = ([np.abs(np.diff(layer.rgb[middle], axis=axis)).mean() for layer in (sharp, soft)]
                     for axis in (1, 0))
    assert across[1] < 0.3 * across[0]
    assert across[1] / across[0] < 0.7 * along[1] / along[0]


def test_picture_and_face_of_the_scene_are_what_these_tests_take_them_for(one: Any) -> None:
    frame, stored, _ = one
    np.testing.assert_array_equal(frame.pixels, picture(0))
    np.testing.assert_allclose(stored.landmarks, face(0).landmarks)
