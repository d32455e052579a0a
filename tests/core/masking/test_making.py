"""`mask add` and `mask update`: which faces get which masks, and what survives stops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from understudy.core.errors import AlignmentsError, FacesError, Stopped, UnderstudyError, UsageError, WeightsError
from understudy.core.extraction.maskers.landmark import draw
from understudy.core.extraction.maskers.stored import lay
from understudy.core.faces import persons
from understudy.core.faces.geometry import Alignment, invert, transform
from understudy.core.faces.png import read_header
from understudy.core.faces.store import AlignmentsStore
from understudy.core.masking import making
from understudy.core.masking.making import add, update
from understudy.core.media.images import read_image
from understudy.core.options import make
from understudy.core.options.mask import MaskAddOptions, MaskUpdateOptions

from .conftest import COVERED, FRAMES, Listener, Scene, bar, everything
from .masks_to_kill import WITH_BRIGHT, Bright

FACES = FRAMES  # one frame has two, one none


@pytest.fixture(autouse=True)
def bright(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "MASKERS", WITH_BRIGHT)
    monkeypatch.setattr(making, "_GROUP", 3)
    Bright.calls = 0


def options(scene: Scene | Path, cls: type = MaskAddOptions, **values: object) -> MaskAddOptions:
    path = scene.path if isinstance(scene, Scene) else scene
    return make(cls, {"source": str(path), "masker": ("unet-dfl",), **values})


def test_only_faces_that_lack_it_get_a_mask(video: Scene) -> None:
    result = add(options(video, frames="0-3"), Listener())
    assert (result["faces"], result["made"], result["kept"]) == (4, 4, 0)
    assert result["kinds"] == {"unet-dfl": 4}
    with video.open() as store:
        face = store.faces(2)[0]
        before = store.mask(face.uuid, "unet-dfl")
    assert before.pixels.shape == (128, 128)
    assert before.centering == "head"
    np.testing.assert_allclose(before.matrix, Alignment(face.landmarks).matrix(128, "head"), atol=1e-9)
    again = add(options(video), Listener())
    assert (again["made"], again["kept"], Bright.calls) == (FACES - 4, 4, FACES)
    assert add(options(video), Listener())["made"] == 0


def test_any_number_at_once_and_drawn_ones_without_being_stored(video: Scene, listener: type[Listener]) -> None:
    told = listener()
    result = add(options(video, masker=("extended", "unet-dfl", "custom", "unet-dfl"), mask_size=64,
                         custom_centering="head", custom_fill="background"), told)
    assert result["kinds"] == {"unet-dfl": FACES, "custom": FACES}
    assert ["extended need not be stored" in text for text in told.warnings] == [True]
    with video.open() as store:
        face = store.faces(0)[0]
        assert store.mask_kinds(face.uuid) == ["custom", "unet-dfl"]
        custom = store.mask(face.uuid, "custom")
        assert (custom.pixels.shape, custom.pixels.max(), custom.centering) == ((64, 64), 0, "head")


def test_a_stored_size_of_0_is_the_maskers_own(video: Scene) -> None:
    add(options(video, mask_size=0, frames="0"), Listener())
    with video.open() as store:
        assert store.mask(store.faces(0)[0].uuid, "unet-dfl").pixels.shape == (96, 96)
    with pytest.raises(UsageError, match="mask-size"):
        add(options(video, mask_size=63), Listener())


def test_one_face_or_chosen_persons(images: Scene) -> None:
    assert add(options(images, position=1), Listener())["faces"] == 1
    with images.open() as store:
        second = store.faces(4)[1].uuid
        persons.assign(store, [second], "Ada")
    assert add(options(images, persons=("Ada",)), Listener())["kept"] == 1
    with pytest.raises(AlignmentsError, match="Ada"):
        add(options(images, persons=("Bob",)), Listener())
    with pytest.raises(FacesError, match="no faces"):
        add(options(images, frames="6"), Listener())


def test_a_stopped_add_goes_on(video: Scene, listener: type[Listener]) -> None:
    with pytest.raises(Stopped):
        add(options(video), listener(stop_at=5))
    with video.open() as store:
        stored = len(store.faces_with_mask("unet-dfl"))
    assert 5 <= stored < FACES
    told = listener()
    assert add(options(video), told)["made"] == FACES - stored
    assert told.seen[0] == stored


def test_update_makes_all_anew_after_one_backup(video: Scene, listener: type[Listener]) -> None:
    add(options(video), Listener())
    with video.open() as store:
        face = store.faces(0)[0]
        store.edit_face(face.uuid, face.landmarks + 5)
    before = everything(video.store.parent)
    dry = update(options(video, MaskUpdateOptions, dry_run=True), Listener())
    assert (dry["made"], dry["dry_run"]) == (FACES, True)
    assert everything(video.store.parent) == before
    with pytest.raises(Stopped):
        update(options(video, MaskUpdateOptions), listener(stop_at=7))
    calls = Bright.calls
    result = update(options(video, MaskUpdateOptions), Listener())
    assert Bright.calls - calls <= FACES - 7  # it went on
    assert len(list(video.store.parent.glob("*_backup_*.db"))) == 1
    assert result["backup"] == ""
    assert not list(video.store.parent.glob(".*.json"))
    with video.open() as store:
        np.testing.assert_allclose(store.mask(face.uuid, "unet-dfl").matrix,
                                   Alignment(face.landmarks + 5).matrix(128, "head"), atol=1e-4)
    assert update(options(video, MaskUpdateOptions), Listener())["made"] == FACES
    backups = list(video.store.parent.glob("*_backup_*.db"))
    assert len(backups) == 2
    with AlignmentsStore.readonly(backups[0]) as old:
        assert len(old.faces_with_mask("unet-dfl")) == FACES


def test_pixels_beyond_the_frame_are_no_mask(video: Scene) -> None:
    with video.open() as store:
        face = store.faces(0)[0]
        store.edit_face(face.uuid, face.landmarks - (face.landmarks[:, 0].mean(), 0))  # half of it to the left
    add(options(video, masker=("custom",), frames="0"), Listener())
    with video.open() as store:
        mask = store.mask(face.uuid, "custom")
    x, y = transform(np.mgrid[:128, :128][::-1].transpose(1, 2, 0), invert(mask.matrix)).transpose(2, 0, 1)
    inside = (x > 0) & (y > 0) & (x < 319) & (y < 299)
    outside = (x < -1.5) | (y < -1.5) | (x > 320.5) | (y > 300.5)
    assert 0.2 < outside.mean() < 0.8
    assert mask.pixels[outside].max() == 0
    assert mask.pixels[inside].min() == 255


def test_a_faces_folder_holds_its_masks_itself(pictures: Path) -> None:
    before = {path.name: (read_image(path), read_header(path)) for path in pictures.iterdir()}
    result = add(options(pictures), Listener())
    assert (result["faces"], result["made"]) == (FACES, FACES)
    for path in pictures.iterdir():
        pixels, header = before[path.name]
        np.testing.assert_array_equal(read_image(path), pixels)
        after = read_header(path, with_masks=True)
        assert after.to_json() == header.to_json()
        (mask,) = after.masks
        assert (mask.kind, mask.size, mask.centering) == ("unet-dfl", 128, "head")
        np.testing.assert_allclose(mask.matrix, Alignment(header.landmarks).matrix(128, "head"), atol=1e-9)
    assert add(options(pictures), Listener())["made"] == 0
    assert add(options(pictures, masker=("custom", "unet-dfl")), Listener())["kinds"] == {"custom": FACES}
    assert {m.kind for m in read_header(next(pictures.iterdir()), with_masks=True).masks} == {"custom", "unet-dfl"}


def test_a_folders_store_and_a_clips_folder_are_kept_in_step(images: Scene, pictures: Path) -> None:
    add(options(pictures, alignments=str(images.store), frames="0-3"), Listener())
    with images.open() as store:
        assert len(store.faces_with_mask("unet-dfl")) == 4
        moved = store.faces(8)[0]
        store.edit_face(moved.uuid, moved.landmarks + 4)
    add(options(images, faces=str(pictures)), Listener())
    having = {read_header(p).frame for p in pictures.iterdir() if read_header(p, with_masks=True).masks}
    assert having == set(range(FRAMES)) - {6, 8}  # that of 8 is older than its landmarks


def test_masks_that_only_the_store_or_only_the_pictures_have_reach_the_others(images: Scene, pictures: Path) -> None:
    """A killed job leaves it so."""
    add(options(images, frames="0-3"), Listener())
    add(options(images, faces=str(pictures)), Listener())
    add(options(pictures, masker=("custom",)), Listener())
    result = add(options(pictures, masker=("custom",), alignments=str(images.store)), Listener())
    assert result["made"] == 0
    with images.open() as store:
        for path in pictures.iterdir():
            header = read_header(path, with_masks=True)
            stored = {mask.kind: mask.packed for mask in store.packed_masks(header.uuid)}
            assert stored == {mask.kind: mask.packed for mask in header.masks}
            assert stored.keys() == {"unet-dfl", "custom"}


def test_sorted_pictures_are_followed(images: Scene, pictures: Path) -> None:
    group = pictures / "_yaw_001_-18_to_18"
    group.mkdir()
    for number, path in enumerate(sorted(pictures.glob("*.png"))):
        path.rename((group if number % 2 else pictures) / f"{number:06d}_{path.name}")
    assert add(options(pictures), Listener())["made"] == FACES
    result = update(options(pictures, MaskUpdateOptions, mask_size=64), Listener())
    assert len(list(Path(result["backup"]).rglob("*.png"))) == FACES
    add(options(images, faces=str(pictures), masker=("custom",)), Listener())
    for path in pictures.rglob("*.png"):
        assert {mask.kind for mask in read_header(path, with_masks=True).masks} == {"custom", "unet-dfl"}


def test_update_of_a_folder_keeps_the_old_pictures(pictures: Path) -> None:
    add(options(pictures), Listener())
    before = everything(pictures)
    result = update(options(pictures, MaskUpdateOptions, mask_size=64), Listener())
    assert everything(Path(result["backup"])) == before
    assert {read_header(p, with_masks=True).masks[0].size for p in pictures.iterdir()} == {64}


def test_missing_weights_are_told_before_anything_is_made(video: Scene, tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path.parent / f"{tmp_path.name}_home"))
    before = everything(video.store.parent)
    with pytest.raises(WeightsError, match="vgg-clear"):
        add(options(video, masker=("unet-dfl", "vgg-clear")), Listener())
    assert everything(video.store.parent) == before


@pytest.mark.parametrize(("values", "words"), [
    ({"source": "nowhere"}, "nothing at"), ({"source": ""}, "No source"), ({"faces": "nowhere"}, "faces folder"),
    ({"alignments": "nowhere.db"}, "no alignments"), ({"frames": "99"}, "no frame 99"),
])
def test_bad_input_is_told_in_a_line(video: Scene, tmp_path: Path, values: dict[str, str], words: str,
                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnderstudyError, match=words) as caught:
        add(options(video, **values), Listener())
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_refined_masks_lack_what_passes_in_front(video: Scene, listener: type[Listener]) -> None:
    told = listener()
    result = add(options(video, masker=("extended", "unet-dfl"), refine=True, frames="0-15", position=0), told)
    assert set(result["kinds"]) == {"extended-refined", "unet-dfl", "unet-dfl-refined"}
    assert told.warnings == []
    with video.open() as store:
        for index in set(range(FRAMES)) - {6}:
            face = store.faces(index)[0]
            refined = lay(store.mask(face.uuid, "extended-refined"), np.eye(2, 3), (320, 300)) > 127
            drawn = draw(face.landmarks, 320, "extended")[:300] > 127
            if index in COVERED:
                hidden = drawn.copy()
                hidden[: bar(index).start] = False
                assert hidden.sum() > 0.15 * drawn.sum()
                assert (refined & hidden).sum() < 0.1 * hidden.sum()
                drawn &= ~hidden
            assert (refined & drawn).sum() / (refined | drawn).sum() > 0.9, index


def test_too_few_sightings_leave_masks_as_they_are(video: Scene, listener: type[Listener]) -> None:
    told = listener()
    add(options(video, masker=("extended",), refine=True, frames="8-11"), told)
    assert "4 faces could not be refined" in told.warnings[0]
    with video.open() as store:
        face = store.faces(9)[0]
        mask = store.mask(face.uuid, "extended-refined")
        drawn = draw(Alignment(face.landmarks).points(256, "face"), 256, "extended")
    assert abs(mask.pixels.mean() - drawn.mean()) < 1


def test_only_the_lacking_refined_masks_are_made_from_those_that_are_there(video: Scene) -> None:
    add(options(video), Listener())
    calls = Bright.calls
    result = add(options(video, refine=True), Listener())
    assert result["kinds"] == {"unet-dfl-refined": FACES}
    assert Bright.calls == calls
    assert add(options(video, refine=True), Listener())["made"] == 0
