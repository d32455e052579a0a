"""JSON of alignments: ours, what faceswap exports and imports, and its alignments of old."""

from __future__ import annotations

import json

import numpy as np
import pytest

from understudy.core.errors import AlignmentsError
from understudy.core.interop.recognition import read_foreign

from .conftest import landmarks

POINTS = landmarks(1).tolist()
OURS = {"id": "ab" * 16, "box": [1, 2, 3, 4], "landmarks": POINTS, "score": 0.5, "person": "Anna", "state": "edited",
        "masks": ["custom"]}


def read(tmp_path, content, encoding="utf-8"):
    path = tmp_path / "file.txt"  # its name says nothing
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding=encoding)
    foreign = read_foreign(path)
    return foreign, list(foreign.frames)


def test_ours(tmp_path):
    foreign, (empty, frame) = read(tmp_path, {"source": {}, "frames": {"3": [], "12": [OURS]}})
    assert (empty.index, empty.faces, frame.index) == (3, (), 12)
    (face,) = frame.faces
    assert (face.uuid, face.box, face.score) == ("ab" * 16, (1, 2, 3, 4), 0.5)
    assert (face.person, face.state) == ("Anna", "edited")
    np.testing.assert_array_equal(face.landmarks, landmarks(1))
    assert "Understudy" in foreign.format


def test_what_faceswap_exports(tmp_path):
    _, (frame,) = read(tmp_path, {"clip_000003.mp4": [{"detected": [10, 20, 110, 170], "landmarks_2d": POINTS},
                                                      {"landmarks_2d": POINTS}]}, "utf-8-sig")
    assert frame.name == "clip_000003.mp4"
    assert frame.faces[0].box == (10, 20, 100, 150)
    np.testing.assert_allclose(frame.faces[1].box[:2], landmarks(1).min(axis=0))


@pytest.mark.parametrize("key", ["landmarksXY", "landmarks_xy"])
def test_its_alignments_of_old(tmp_path, key):
    face = {"r": 0, "x": 10, "w": 20, "y": 30, "h": 40, key: POINTS}
    _, (frame,) = read(tmp_path, {"clip_000003.png": [face]})
    assert frame.faces[0].box == (10, 30, 20, 40)
    _, (frame,) = read(tmp_path, {"__meta__": {}, "__data__": {"clip_000003.png": {"faces": [face]}}})
    assert len(frame.faces) == 1


@pytest.mark.parametrize("change", [
    {"landmarks": POINTS[:5]}, {"landmarks": None}, {"box": [1, 2, 3]}, {"box": [1, 2, 3, None]}, {"state": "mine"},
    {"person": 3}, {"score": "high"}, {"box": [1, 2, 3, float("inf")]}, {"landmarks": [[1, "x"]] * 68},
    {"landmarks": [[[[[1]]], 2]] * 68}, {"box": [1, 2, 3, 10**400]}])
def test_a_damaged_face_is_named_and_the_others_are_read(tmp_path, change):
    foreign, (frame,) = read(tmp_path, {"source": {}, "frames": {"7": [{**OURS, **change}, OURS]}})
    assert len(frame.faces) == 1
    (problem,) = foreign.problems
    assert problem.startswith("frame 7, face 0: ")


@pytest.mark.parametrize("content", [
    "{", "[]", "{}", '{"a": 1}', '{"a": NaN', "[" * 100_000, '{"a":' * 100_000, '{"a": ' + "9" * 5000 + "}", "3"])
def test_other_json_is_refused_by_name(tmp_path, content):
    with pytest.raises(AlignmentsError, match=r"file\.txt"):
        read(tmp_path, content)


def test_frames_that_are_none_are_named(tmp_path):
    foreign, frames = read(tmp_path, {"source": {}, "frames": {"-1": [], "x": [], "²": [], "5": {}, "6": [3]}})
    assert [frame.index for frame in frames] == [6]
    assert len(foreign.problems) == 5
