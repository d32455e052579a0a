"""Extracted faces of other tools: DeepFaceLab's JPEGs and PNGs, faceswap's PNGs."""

from __future__ import annotations

import pickle
import struct
import zlib

import cv2
import numpy as np
import pytest

from understudy.core.errors import AlignmentsError, FacesError, UnderstudyError
from understudy.core.faces.geometry import transform
from understudy.core.faces.nouns import PackedMask
from understudy.core.faces.packing import pack_mask, unpack_mask
from understudy.core.faces.png import FaceHeader, read_header, write_face
from understudy.core.interop.pictures import read_folder, read_picture

from .conftest import dfl_dict, jpeg_with, landmarks, mask_pixels, png_with

PIXELS = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
PNG, JPEG = (cv2.imencode(ending, PIXELS)[1].tobytes() for ending in (".png", ".jpg"))


@pytest.mark.parametrize("as_arrays", [False, True])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("ending", ["jpg", "png"])
def test_deepfacelabs_faces_are_read(tmp_path, ending, protocol, as_arrays):
    data, _ = dfl_dict(7, as_arrays=as_arrays)
    packed = pickle.dumps(data, protocol)
    path = tmp_path / f"00007_0.{ending}"
    path.write_bytes(jpeg_with(packed, JPEG) if ending == "jpg" else png_with(b"fcWp", packed, PNG))
    frame = read_picture(path)
    (face,) = frame.faces
    assert frame.name == "00008.png"
    assert face.box == (10, 20, 120, 150)
    np.testing.assert_array_equal(face.landmarks, landmarks(7))
    assert cv2.imread(str(path)).shape == (256, 256, 3)  # and it is still a picture


def test_landmarks_of_the_picture_alone_are_brought_back_to_the_frame(tmp_path):
    data, _ = dfl_dict(3)
    del data["source_landmarks"], data["source_rect"], data["source_filename"]
    (tmp_path / "00004_0.jpg").write_bytes(jpeg_with(pickle.dumps(data), JPEG))
    frame = read_picture(tmp_path / "00004_0.jpg")
    np.testing.assert_allclose(frame.faces[0].landmarks, landmarks(3), atol=1e-3)
    points = landmarks(3)
    np.testing.assert_allclose(frame.faces[0].box, [*points.min(axis=0), *np.ptp(points, axis=0)], atol=1e-2)
    assert frame.name == "00004_0.jpg"


@pytest.mark.parametrize("ending", [".png", ".jpg"])
@pytest.mark.parametrize("size", [256, 128])
def test_deepfacelabs_mask_lies_in_the_frame_where_it_lay(tmp_path, size, ending):
    """A disc painted into the mask is found at the same place of the frame in ours."""
    data, matrix = dfl_dict(5)
    zoom, (x, y) = size / 256, (100.0, 140.0)  # in the picture's pixels
    rows, columns = np.mgrid[:size, :size]
    in_mask = zoom * np.array([x, y]) + (zoom - 1) / 2
    mask = (np.hypot(columns - in_mask[0], rows - in_mask[1]) < 40 * zoom).astype(np.uint8) * 255
    data["xseg_mask"] = cv2.imencode(ending, mask)[1]
    (tmp_path / "a.jpg").write_bytes(jpeg_with(pickle.dumps(data), JPEG))
    (found,) = read_picture(tmp_path / "a.jpg").faces[0].masks
    pixels = unpack_mask(found.packed, found.size).astype(float)
    rows, columns = np.mgrid[:found.size, :found.size]
    centre = np.array([[(columns * pixels).sum(), (rows * pixels).sum()]]) / pixels.sum()
    back = np.linalg.inv(np.vstack([found.matrix, [0, 0, 1]]))[:2]
    in_frame = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    np.testing.assert_allclose(transform(centre, back), transform(np.array([[x, y]]), in_frame), atol=1.0)
    assert found.kind == "xseg"


def png_bomb() -> bytes:
    """A picture that says it has 60,000 x 60,000 pixels."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + head
    return PNG[:8] + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk)) + PNG[33:]


@pytest.mark.parametrize(("key", "value"), [
    ("source_landmarks", [[0, 0]] * 67), ("source_landmarks", "x" * 68), ("source_rect", [1, 2, 3]),
    ("image_to_face_mat", [[0, 0, 0], [0, 0, 0]]), ("image_to_face_mat", [[float("nan")] * 3] * 2),
    ("xseg_mask", png_bomb()[:300]), ("xseg_mask", b"no picture"), ("xseg_mask", JPEG[:20]),
    ("source_filename", ["x"])])
def test_damaged_face_data_are_named(tmp_path, key, value):
    data, _ = dfl_dict(1)
    data["xseg_mask"] = cv2.imencode(".png", np.zeros((64, 64), np.uint8))[1]
    if key == "image_to_face_mat":
        del data["source_landmarks"]
    data[key] = value
    (tmp_path / "a.jpg").write_bytes(jpeg_with(pickle.dumps(data), JPEG))
    with pytest.raises(AlignmentsError, match=r"a\.jpg"):
        read_picture(tmp_path / "a.jpg")


@pytest.mark.parametrize("data", [b"", b"text", JPEG, JPEG[:3], PNG, PNG[:40], jpeg_with(b"no pickle", JPEG),
                                  png_with(b"fcWp", b"no pickle", PNG), jpeg_with(pickle.dumps([1]), JPEG),
                                  b"\xff\xd8\xff\xef\x00\x00"])
def test_what_is_no_face_is_named(tmp_path, data):
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises((AlignmentsError, FacesError), match=r"a\.jpg"):
        read_picture(tmp_path / "a.jpg")


def header(**more) -> FaceHeader:
    return FaceHeader("ab" * 16, landmarks(1), (1, 2, 3, 4), np.eye(2, 3), "clip.mp4", True, 11, "clip_000011.mp4",
                      (640, 360), 1, **more)


def test_faceswaps_header_carries_masks_and_identities(tmp_path):
    mask = PackedMask("bisenet-fp", 128, pack_mask(mask_pixels()), np.array([[0.5, 0.1, 3], [-0.1, 0.5, 4]]), "head", 3)
    write_face(tmp_path / "a.png", PNG, header(masks=(mask,), identities={"vggface2": (0.25, -0.5)}))
    raw = (tmp_path / "a.png").read_bytes()
    start = raw.index(b"iTXtunderstudy") - 4
    (tmp_path / "a.png").write_bytes(raw[:start] + raw[start + 12 + int.from_bytes(raw[start:start + 4], "big"):])
    read = read_header(tmp_path / "a.png")
    assert (read.uuid, read.frame, read.identities) == ("", 11, {"vggface2": (0.25, -0.5)})
    (back,) = read.masks
    assert (back.kind, back.centering, back.interpolator, back.size) == ("bisenet-fp", "head", 3, 128)
    assert back.packed == mask.packed
    np.testing.assert_allclose(back.matrix, mask.matrix, atol=1e-12)
    frame = read_picture(tmp_path / "a.png")
    assert (frame.name, frame.index) == ("clip_000012.mp4", None)  # theirs counts from 1
    assert frame.faces[0].masks[0].kind == "bisenet-fp"


def test_our_own_header_names_the_frame_and_the_face(tmp_path):
    write_face(tmp_path / "a.png", PNG, header())
    frame = read_picture(tmp_path / "a.png")
    assert (frame.index, frame.faces[0].uuid) == (11, "ab" * 16)


def test_a_folder_names_what_it_cannot_read(tmp_path):
    write_face(tmp_path / "a.png", PNG, header())
    (tmp_path / "b.jpg").write_bytes(jpeg_with(pickle.dumps(dfl_dict(2)[0]), JPEG))
    (tmp_path / "c.png").write_bytes(PNG)
    (tmp_path / "notes.txt").write_text("")
    folder = read_folder(tmp_path)
    assert folder.count == 3
    assert [frame.name for frame in folder.frames] == ["clip_000011.mp4", "00003.png"]
    (problem,) = folder.problems
    assert "c.png" in problem
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "none"):
        with pytest.raises(UnderstudyError, match=path.name):
            read_folder(path)
