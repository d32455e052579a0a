"""Every detector whose weights are at hand, on the footage: finds who is there, alike alone and in a batch."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import cv2
import dlib
import numpy as np
import pytest
import torch

from understudy.core.errors import WeightsError
from understudy.core.extraction.detectors.rotation import Rotated, Turn, parse_angles
from understudy.core.faces.matching import overlap
from understudy.core.options.rows import DETECTORS, Row, find
from understudy.core.weights.files import missing, weights_file
from understudy.core.weights.rows import find as find_weights

from ..conftest import no_face, portrait
from .conftest import ROTATIONS

# The least that a detector must find of all visible faces, and the most that may be no face, of all finds.
LEAST_FOUND, MOST_WRONG = 0.95, 0.03


@pytest.fixture(params=DETECTORS, ids=lambda row: row.name)
def row(request, installed_weights) -> Row:
    lacking = missing(request.param.weights)
    if lacking:
        pytest.skip(f"needs the weights {', '.join(lacking)}, which are not at hand")
    return request.param


def face_box(landmarks: np.ndarray) -> tuple[float, float, float, float]:
    """A box around landmarks [68, 2] and up to half of the forehead."""
    low, high = landmarks.min(0), landmarks.max(0)
    low[1] -= 0.15 * (high - low)[1]
    return (*low, *(high - low))


def close(a, b, pixels: float) -> bool:
    return max(abs(p - q) for p, q in zip(a, b, strict=True)) <= pixels


def test_it_finds_the_face_where_it_is_at_any_size_of_picture(row):
    detector = row.load()(640, None, "cpu")
    ((small,),) = detector.detect([portrait()])
    ((large,),) = detector.detect([cv2.resize(portrait(), None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)])
    assert small.score > 0
    assert overlap(small.box, tuple(v / 3 for v in large.box)) > 0.7
    assert detector.detect([no_face(), np.zeros_like(no_face())]) == [[], []]


def test_it_bears_pictures_of_a_few_pixels(row):
    detector = row.load()(640, None, "cpu")
    for shape in ((1, 1, 3), (2, 90, 3), (70, 3, 3)):
        assert detector.detect([np.zeros(shape, np.uint8)]) == [[]]


def test_a_higher_confidence_keeps_fewer(row):
    ((found,),) = row.load()(640, None, "cpu").detect([portrait()])
    limits = [0.01, found.score / 2, found.score, found.score + 1]
    counts = [len(row.load()(640, limit, "cpu").detect([portrait()])[0]) for limit in limits]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] >= 1
    assert counts[-1] == 0


@pytest.mark.footage
@pytest.mark.parametrize("name", ["actor_a", "two_people"])
def test_it_finds_everyone_who_is_visible_and_nobody_else(row, name, clip, footage):
    truth = np.load(footage / f"{name}_truth.npz")
    indices = list(range(0, len(truth["landmarks"]), len(truth["landmarks"]) // (4 if row.name == "dlib-mmod" else 12)))
    frames = clip(name, indices)
    detector = row.load()(640, None, "cpu")
    found = [detector.detect([frame])[0] for frame in frames]
    visible, seen, wrong, finds = 0, 0, 0, 0
    for index, faces in zip(indices, found, strict=True):
        people = [face_box(points - 0.5) for points in truth["landmarks_contour"][index]]
        for person, is_visible in zip(people, truth["visible"][index], strict=True):
            # Somebody half behind the board counts for neither side.
            visible += is_visible
            seen += is_visible and any(overlap(face.box, person) > 0.4 for face in faces)
        finds += len(faces)
        wrong += sum(all(overlap(face.box, person) < 0.2 for person in people) for face in faces)
    assert seen >= LEAST_FOUND * visible - 1
    assert wrong <= MOST_WRONG * finds


@pytest.mark.footage
def test_a_batch_gives_what_each_frame_would_get_alone(row, clip):
    frames = clip("two_people", [0, 20, 40, 60, 80])
    frames[1] = np.zeros_like(frames[1])
    detector = row.load()(640, None, "cpu")
    together = detector.detect(frames)
    assert together[1] == []
    for faces, frame in zip(together, frames, strict=True):
        (alone,) = detector.detect([frame])
        assert len(faces) == len(alone)
        for one, other in zip(faces, alone, strict=True):
            assert close(one.box, other.box, 0.01)
            assert one.score == pytest.approx(other.score, abs=1e-4)


@pytest.mark.footage
@pytest.mark.parametrize("angle", [90, 180, 270])
def test_faces_that_lie_on_their_side_or_head_are_found_when_asked_for(row, angle, clip):
    if (row.name, angle) == ("blazeface-back", 180):
        pytest.skip("takes the picture's empty corner for a face when the head is upside down")
    (frame,) = clip("real_turn_720p", [0])
    ((upright, *_),) = row.load()(640, None, "cpu").detect([frame])
    lying = np.ascontiguousarray(np.rot90(frame, ROTATIONS[angle]))
    ((found, *_),) = Rotated(row.load()(640, None, "cpu"), parse_angles("90"), 640).detect([lying])
    # A detector that bears turned faces answers at once, with a box that is a little different.
    assert overlap(found.box, Turn.of(angle, (1280, 720)).box(upright.box)) > 0.5


def test_threads_agree_share_the_network_and_leave_torch_as_it_was(row):
    threads = torch.get_num_threads()
    pictures = [portrait(3 * n, 2 * n) for n in range(4)]
    alone = row.load()(640, None, "cpu")
    wanted = [alone.detect([picture])[0] for picture in pictures]

    def detect(picture: np.ndarray):
        detector = row.load()(640, None, "cpu")
        for name in ("_network", "_session"):
            assert getattr(detector, name, None) is getattr(alone, name, None)
        return detector.detect([picture])[0]

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(detect, pictures))
    assert torch.get_num_threads() == threads
    for faces, expected in zip(results, wanted, strict=True):
        assert len(faces) == len(expected)
        for one, other in zip(faces, expected, strict=True):
            assert close(one.box, other.box, 0.01)


@pytest.mark.footage
def test_yunet_finds_what_opencvs_own_detector_finds(clip, weights, installed_weights):
    """On canvases that both pad alike: 640 x 384, whole multiples of the stride."""
    reference = cv2.FaceDetectorYN.create(str(weights / "face_detection_yunet_2023mar.onnx"), "", (640, 384), 0.7, 0.3)
    detector = find(DETECTORS, "yunet").load()(640, 0.7, "cpu")
    for frame in clip("two_people", [0, 30, 60, 90]):
        canvas = np.zeros((384, 640, 3), np.uint8)
        canvas[12:372] = frame
        _, wanted = reference.detect(canvas[..., ::-1].copy())
        (found,) = detector.detect([canvas])
        assert len(found) == len(wanted)
        for face, other in zip(found, sorted(wanted, key=lambda one: -one[14]), strict=True):
            assert close(face.box, other[:4], 0.1)
            assert face.score == pytest.approx(other[14], abs=1e-3)


@pytest.mark.footage
def test_mmod_finds_what_dlibs_own_network_finds(clip):
    reference = dlib.cnn_face_detection_model_v1(str(weights_file("dlib-mmod")))
    detector = find(DETECTORS, "dlib-mmod").load()(640, None, "cpu")
    for frame in clip("two_people", [10, 50]):
        (found,) = detector.detect([frame])
        wanted = [(face.rect.left(), face.rect.top(), face.rect.width(), face.rect.height(), face.confidence)
                  for face in reference(frame, 0)]
        assert len(found) == len(wanted) > 0
        for *box, score in wanted:
            nearest = max(found, key=lambda face: overlap(face.box, tuple(box)))
            assert overlap(nearest.box, tuple(box)) > 0.65  # dlib's lie on a grid of 17 px here
            assert nearest.score == pytest.approx(score, abs=0.1)


def test_weights_that_are_not_there_or_damaged_are_named(row, installed_weights, put):
    for name in row.weights:
        file = find_weights(name).file
        if not (installed_weights / file).exists():
            continue  # comes in a wheel
        for other in row.weights:
            put(other, (installed_weights / find_weights(other).file).read_bytes())
        real = put(name, b"no weights at all")
        with pytest.raises(WeightsError, match=re.escape(file)):
            row.load()()
        real.unlink()
        with pytest.raises(WeightsError, match=f"{name} are missing"):
            row.load()()
