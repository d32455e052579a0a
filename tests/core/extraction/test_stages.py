"""What is done to frames: batches say what each frame alone would, and every filter leaves out what it should."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from understudy.core.errors import FacesError, UsageError, WeightsError
from understudy.core.extraction.cores import Costs
from understudy.core.extraction.stages import Examiner, require_weights
from understudy.core.media.frame import Frame
from understudy.core.options import make
from understudy.core.options.extract import ExtractOptions

from .conftest import no_face, portrait, write


def frames(*pictures: np.ndarray) -> list[Frame]:
    return [Frame("clip", number, number / 25, pixels) for number, pixels in enumerate(pictures)]


def examiner(**options) -> Examiner:
    return Examiner(make(ExtractOptions, options), "cpu", Costs())


def faces_in(picture: np.ndarray, **options) -> int:
    (seen,) = examiner(**options).look(frames(picture))
    return len(seen.faces)


def test_frames_together_give_what_each_gives_alone():
    pair = np.hstack([portrait(), portrait(6, 4)])
    pictures = (pair, np.hstack([no_face(), no_face()]), pair[:, ::-1].copy())
    look = examiner(masker=("custom", "extended"))
    together = look.look(frames(*pictures), [lambda pixels, alignment: b"drawn"])
    assert [len(seen.faces) for seen in together] == [2, 0, 2]
    for seen, frame in zip(together, frames(*pictures), strict=True):
        (alone,) = look.look([frame])
        assert (seen.index, seen.size) == (frame.index, (640, 300))
        for face, same in zip(seen.faces, alone.faces, strict=True):
            np.testing.assert_array_equal(face.face.landmarks, same.face.landmarks)
            np.testing.assert_allclose(face.vector, same.vector, atol=1e-5)
            assert face.thumbnail == same.thumbnail
            assert (face.pictures, same.pictures) == ((b"drawn",), ())
            assert [mask.kind for mask in face.masks] == ["custom"]


def test_faces_too_small_or_too_large_are_left_out():
    (found,) = examiner().look(frames(portrait()))
    side = max(found.faces[0].face.box[2:]) / 300 * 100
    assert faces_in(portrait(), min_size=side - 1, max_size=side + 1) == 1
    assert faces_in(portrait(), min_size=side + 1) == 0
    assert faces_in(portrait(), max_size=side - 1) == 0


def test_a_face_that_hangs_upside_down_is_found_by_turning_the_frame():
    upside_down = np.ascontiguousarray(portrait()[::-1, ::-1])
    assert faces_in(upside_down) == 0
    (seen,) = examiner(rotate_images="90", re_align=True).look(frames(upside_down))
    (upright,) = examiner().look(frames(portrait()))
    x, y, w, h = seen.faces[0].face.box
    assert np.allclose((319 - x - w, 299 - y - h, w, h), upright.faces[0].face.box, atol=8)
    with pytest.raises(UsageError, match="rotate-images"):
        examiner(rotate_images="sideways")


def test_alignment_filters_leave_out_what_breaks_them():
    assert faces_in(portrait(), align_filters=True) == 1
    assert faces_in(portrait(), align_filters=True, align_min_scale=90.0) == 0
    assert faces_in(portrait(), align_min_scale=90.0) == 1  # only where they are asked for
    assert faces_in(portrait(), align_filters=True, align_distance=0.001) == 0
    turn = cv2.getRotationMatrix2D((160, 150), 20, 1)
    tilted = cv2.warpAffine(portrait(), turn, (320, 300))
    assert faces_in(tilted, align_filters=True, align_roll=10.0) < faces_in(tilted) == 1


def test_reference_pictures_keep_or_leave_out_a_person(tmp_path):
    write(tmp_path / "she.png", portrait(3, 3))
    write(tmp_path / "nobody.png", no_face())
    she = (str(tmp_path / "she.png"),)
    assert faces_in(portrait(), filter=she) == 1
    assert faces_in(portrait(), nfilter=she) == 0
    mirrored = np.ascontiguousarray(portrait()[:, ::-1])
    assert faces_in(mirrored, filter=she, ref_threshold=0.9999) == 0
    with pytest.raises(FacesError, match="no face"):
        examiner(filter=(str(tmp_path / "nobody.png"),))


def test_missing_weights_are_told_before_anything_starts_with_the_command_that_fetches_them(tmp_path, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path))
    for choice in ({"detector": "s3fd"}, {"aligner": "fan"}, {"masker": ("extended", "unet-dfl")},
                   {"identity": "vggface2"}):
        with pytest.raises(WeightsError, match="understudy weights fetch"):
            require_weights(make(ExtractOptions, choice))
    require_weights(make(ExtractOptions, {"masker": ("components", "custom")}))
