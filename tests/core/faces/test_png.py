"""The header of extracted faces: what goes in comes out, also through other readers, and damage is told."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from understudy.core.errors import FacesError, OutputError
from understudy.core.faces.png import FaceHeader, read_header, write_face

PNG = cv2.imencode(".png", np.arange(48, dtype=np.uint8).reshape(4, 4, 3))[1].tobytes()
number = st.floats(-1e5, 1e5, width=32)
name = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@st.composite
def headers(draw):
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    return FaceHeader(
        uuid=draw(st.uuids()).hex, landmarks=rng.uniform(-50, 4000, (68, 2)).astype(np.float32),
        box=tuple(draw(st.lists(number, min_size=4, max_size=4))), matrix=rng.normal(0, 100, (2, 3)),
        source=draw(name), source_is_video=draw(st.booleans()), frame=draw(st.integers(0, 10**6)),
        frame_name=draw(name), frame_size=(draw(st.integers(1, 9000)), draw(st.integers(1, 9000))),
        position=draw(st.integers(0, 30)), detector=draw(name), aligner="dlib", every=draw(st.integers(1, 50)),
        least_size=draw(st.floats(0, 500)))


def same(a: FaceHeader, b: FaceHeader) -> None:
    np.testing.assert_array_equal(a.landmarks, b.landmarks)
    np.testing.assert_array_equal(a.matrix, b.matrix)
    for field in ("uuid", "box", "source", "source_is_video", "frame", "frame_name", "frame_size", "position",
                  "centering", "size", "detector", "aligner", "every", "least_size"):
        assert getattr(a, field) == getattr(b, field), field


@given(headers())
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_header_round_trip(tmp_path, header):
    path = tmp_path / "face.png"
    write_face(path, PNG, header)
    same(read_header(path), header)
    assert list(tmp_path.iterdir()) == [path]
    np.testing.assert_array_equal(cv2.imread(str(path)), np.arange(48, dtype=np.uint8).reshape(4, 4, 3))


def test_what_a_later_version_says_beside_it_does_no_harm(tmp_path, monkeypatch):
    header = FaceHeader("ab", np.zeros((68, 2), np.float32), (1, 2, 3, 4), np.eye(2, 3), "c", False, 1, "c", (6, 4))
    text = header.to_json()
    monkeypatch.setattr(FaceHeader, "to_json", lambda self: text[:-1] + ', "weather": "fine"}')
    write_face(tmp_path / "face.png", PNG, header)
    same(read_header(tmp_path / "face.png"), header)


@given(headers())
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_other_tools_chunk_is_a_python_literal_in_its_shape(tmp_path, header):
    write_face(tmp_path / "face.png", PNG, header)
    with Image.open(tmp_path / "face.png") as image:
        image.load()
        texts = dict(image.text)
    import ast
    data = ast.literal_eval(texts["faceswap"])
    assert set(data["alignments"]) == {"x", "y", "w", "h", "landmarks_xy", "mask", "identity"}
    assert data["source"]["source_frame_dims"] == (header.frame_size[1], header.frame_size[0])
    assert data["source"]["face_index"] == header.position
    np.testing.assert_allclose(data["alignments"]["landmarks_xy"], header.landmarks)
    raw = (tmp_path / "face.png").read_bytes()
    assert raw.index(b"iTXtfaceswap\0\0\0\0\0{") < raw.index(b"IDAT")


def test_a_picture_with_only_the_other_chunk_is_read(tmp_path):
    header = FaceHeader("ab", np.arange(136, dtype=np.float32).reshape(68, 2), (1, 2, 3, 4), np.eye(2, 3), "clip.mp4",
                        True, 11, "clip_000012.mp4", (640, 360), 1)
    path = tmp_path / "face.png"
    write_face(path, PNG, header)
    path.write_bytes(_without_ours(path.read_bytes()))
    read = read_header(path)
    assert (read.frame, read.position, read.frame_size, read.source_is_video) == (11, 1, (640, 360), True)
    np.testing.assert_array_equal(read.landmarks, header.landmarks)


def _without_ours(raw: bytes) -> bytes:
    start = raw.index(b"iTXtunderstudy") - 4
    length = int.from_bytes(raw[start:start + 4], "big")
    return raw[:start] + raw[start + 12 + length:]


def _with_faceswap_text(text: bytes) -> bytes:
    import struct
    import zlib
    body = b"iTXtfaceswap" + b"\0" * 5 + text
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return PNG[:33] + chunk + PNG[33:]


@pytest.mark.parametrize("text", [b"__import__('os').system('echo pwned > /tmp/pwned')", b"{", b"[1, 2]", b"{}",
                                  b"(" * 5000, "{'alignments': é".encode("latin-1")])
def test_a_hostile_or_broken_literal_is_refused_and_never_run(tmp_path, text):
    path = tmp_path / "face.png"
    path.write_bytes(_with_faceswap_text(text))
    with pytest.raises(FacesError, match=r"face\.png"):
        read_header(path)


@given(st.binary(max_size=400), st.integers(0, 10**6))
@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_a_faces_error(tmp_path, junk, place):
    path = tmp_path / "face.png"
    header = FaceHeader("ab", np.zeros((68, 2), np.float32), (1, 2, 3, 4), np.eye(2, 3), "c", False, 1, "c", (6, 4))
    write_face(path, PNG, header)
    raw = bytearray(path.read_bytes())
    place %= raw.index(b"IDAT")
    raw[place:place + len(junk)] = junk
    path.write_bytes(raw)
    try:
        assert read_header(path).landmarks.shape == (68, 2)
    except FacesError:
        pass  # any other exception would be a traceback for the person


@pytest.mark.parametrize("content", [b"", b"text", PNG, PNG[:20]])
def test_what_is_no_extracted_face_says_so(tmp_path, content):
    path = tmp_path / "x.png"
    path.write_bytes(content)
    with pytest.raises(FacesError, match=r"x\.png"):
        read_header(path)


def test_a_place_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    header = FaceHeader("ab", np.zeros((68, 2), np.float32), (1, 2, 3, 4), np.eye(2, 3), "c", False, 1, "c", (6, 4))
    with pytest.raises(OutputError):
        write_face(tmp_path / "file" / "face.png", PNG, header)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_blenders_side_of_faces_needs_numpy_only():
    """The floor: geometry, store, nouns and headers must import where cv2, torch, dlib and av are missing."""
    code = ("import sys\nfor name in ('cv2', 'torch', 'dlib', 'av', 'PIL', 'scipy'): sys.modules[name] = None\n"
            "import understudy.core.faces.geometry, understudy.core.faces.store, understudy.core.faces.nouns\n"
            "import understudy.core.faces.places, understudy.core.faces.png\n"
            "from understudy.core.faces.geometry import Alignment\nimport numpy as np\n"
            "Alignment(np.random.default_rng(0).normal(0, 1, (68, 2))).pose()")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
