"""Strangers' files: whatever is in them, only named errors come out, nothing is run and the memory is not filled.

Valid files are cut, spliced and changed byte by byte; pickles are strung together from all instructions and hostile
names. Some hundred cases of each reader here, thousands with the marker `long`.
"""

from __future__ import annotations

import json
import os
import pickle
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.core.faces.png import FaceHeader, read_header, write_face
from understudy.core.interop.pictures import read_picture
from understudy.core.interop.recognition import read_foreign

from ..damage import cases, damaged, told
from .conftest import VERSIONS, dfl_dict, fsa_bytes, jpeg_with, landmarks, mask_pixels, png_with

NUMBERS = [pytest.param(400, id="few"), pytest.param(4000, id="many", marks=pytest.mark.long)]
PIXELS = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
PNG, JPEG = (cv2.imencode(ending, PIXELS)[1].tobytes() for ending in (".png", ".jpg"))


def read_all(path: Path) -> None:
    foreign = read_foreign(path)
    frames = list(foreign.frames)
    assert len(frames) <= foreign.count
    for frame in frames:
        for face in frame.faces:
            assert face.landmarks.shape == (68, 2)
            assert np.isfinite(face.landmarks).all()
            assert np.isfinite(face.box).all()


GLOBALS = [("os", "system"), ("builtins", "eval"), ("builtins", "getattr"), ("numpy", "dtype"), ("numpy", "ndarray"),
           ("numpy.core.multiarray", "_reconstruct"), ("numpy.core.multiarray", "scalar"), ("numpy", "load"),
           ("numpy._core.numeric", "_frombuffer"), ("_codecs", "encode"), ("posix", "system"), ("subprocess", "Popen"),
           ("numpy.core.multiarray", "_reconstruct.__globals__"), ("", ""), ("builtins", "__import__")]


VALUES = [[], {}, (), "latin1", b"xyz", 3, -1, 2.5, None, ("f8", False, True), (1, (2**40,), None, False, b"")]


@st.composite
def instructions(draw):
    """Programs for the pickle machine that begin as one should, from all its 256 instructions."""
    parts = [b"\x80" + bytes([draw(st.integers(2, 5))])]
    for _ in range(draw(st.integers(1, 25))):
        kind = draw(st.sampled_from(["code", "global", "old global", "value", "command", "size"]))
        if kind == "code":
            parts.append(bytes([draw(st.integers(0, 255))]) + draw(st.binary(max_size=8)))
        elif kind == "value":
            parts.append(pickle.dumps(draw(st.sampled_from(VALUES)), 3)[2:-1])
        elif kind == "command":
            parts.append(pickle.dumps(("touch canary",), 3)[2:-1] + b"R")
        elif kind == "size":
            parts.append(draw(st.sampled_from([b"r", b"j", b"B", b"X", b"\x8e", b"\x8d", b"\x95", b"\x8b", b"T"]))
                         + b"\xff" * draw(st.sampled_from([4, 8])))
        else:
            module, name = draw(st.sampled_from(GLOBALS))
            parts.append(f"c{module}\n{name}\n".encode() if kind == "old global" else
                         b"\x8c" + bytes([len(module)]) + module.encode() + b"\x8c" + bytes([len(name)]) + name.encode()
                         + b"\x93")
    return b"".join(parts) + b"."


@pytest.fixture
def canary(tmp_path, monkeypatch):
    """The working folder, in which nothing must appear."""
    folder = tmp_path / "canary"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("number", NUMBERS)
def test_fsa(tmp_path, canary, number):
    path = tmp_path / "file.fsa"
    whole = [fsa_bytes(version) for version in VERSIONS]
    inside = [zlib.decompress(data) for data in whole]

    @cases(number)
    @given(st.one_of(st.binary(max_size=200), *map(damaged, whole[-2:]),
                     *(damaged(data).map(zlib.compress) for data in inside), instructions(),
                     instructions().map(zlib.compress)))
    def check(data):
        path.write_bytes(data)
        told(lambda: read_all(path), path)

    check()


@pytest.mark.parametrize("number", NUMBERS)
def test_json(tmp_path, number):
    path = tmp_path / "file.json"
    face = {"detected": [0, 0, 9, 9], "landmarks_2d": landmarks().tolist()}
    ours = {"id": "ab" * 16, "box": [1, 2, 3, 4], "landmarks": landmarks().tolist(), "score": 1, "person": None,
            "state": "machine", "masks": []}
    shapes = [{"clip_000001.mp4": [face]}, {"source": {}, "frames": {"0": [ours]}},
              {"a.png": [{"x": 1, "y": 2, "w": 3, "h": 4, "landmarksXY": landmarks().tolist()}]}]
    anything = st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
                            lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(
                                ["source", "frames", "0", "detected", "landmarks_2d", "faces", "landmarks", "box",
                                 "mask", "__data__", "thumb"]), inner, max_size=4)), max_leaves=12)

    @cases(number)
    @given(st.one_of(anything.map(lambda v: json.dumps(v).encode()), st.binary(max_size=100).map(lambda b: b"{" + b),
                     *(damaged(json.dumps(shape).encode()) for shape in shapes)))
    def check(data):
        path.write_bytes(data)
        told(lambda: read_all(path), path)

    check()


def headers(tmp_path: Path) -> list[bytes]:
    """A picture with both headers, one with faceswap's alone, and one whose header is compressed."""
    header = FaceHeader("ab" * 16, landmarks(), (1, 2, 3, 4), np.eye(2, 3), "clip.mp4", True, 11, "clip_000011.mp4",
                        (640, 360), identities={"dlib": (0.5, 0.25)})
    write_face(tmp_path / "whole.png", PNG, header)
    both = (tmp_path / "whole.png").read_bytes()
    text = b"faceswap\0\1\0\0\0" + zlib.compress(header.to_faceswap().encode())
    return [both, png_with(b"iTXt", b"faceswap" + b"\0" * 5 + header.to_faceswap().encode(), PNG, in_front=True),
            png_with(b"iTXt", text, PNG, in_front=True)]


@st.composite
def retouched(draw, whole: bytes):
    """A PNG whose text chunk is damaged with its check sum made good, so that what reads the text sees the damage."""
    start = whole.index(b"iTXt")
    length = int.from_bytes(whole[start - 4:start], "big")
    body = whole[start:start + 4] + draw(damaged(whole[start + 4:start + 4 + length]))
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return whole[:start - 4] + chunk + whole[start + 8 + length:]


@pytest.mark.parametrize("number", NUMBERS)
def test_png_headers(tmp_path, canary, number):
    path = tmp_path / "face.png"
    whole = headers(tmp_path)

    @cases(number)
    @given(st.one_of(*map(damaged, whole), *map(retouched, whole)))
    def check(data):
        path.write_bytes(data)
        told(lambda: read_header(path), path)
        told(lambda: read_all(path), path)

    check()


@pytest.mark.parametrize("number", NUMBERS)
def test_deepfacelab(tmp_path, canary, number):
    path = tmp_path / "face.jpg"
    data, _ = dfl_dict(as_arrays=True)
    data["xseg_mask"] = cv2.imencode(".png", mask_pixels(32))[1]
    packed = [pickle.dumps(data, protocol) for protocol in (2, 3, 4, 5)]

    @cases(number)
    @given(st.one_of(*(damaged(p).map(lambda d: jpeg_with(d[:60_000], JPEG)) for p in packed),
                     *(damaged(p).map(lambda d: png_with(b"fcWp", d, PNG)) for p in packed[:2]),
                     instructions().map(lambda d: jpeg_with(d, JPEG)), damaged(jpeg_with(packed[2], JPEG)),
                     damaged(png_with(b"fcWp", packed[2], PNG))))
    def check(content):
        path.write_bytes(content)
        told(lambda: read_picture(path), path)

    check()


BOMBS = """
import resource, sys, zlib, pickle, struct
from pathlib import Path
from understudy.core.errors import UnderstudyError
from understudy.core.interop.recognition import read_foreign
from understudy.core.faces.png import read_header
import cv2, numpy
def packed_run(start, byte):
    # Half a gigabyte of one byte, packed.
    packer, million = zlib.compressobj(1), byte * 1_000_000
    return b"".join([packer.compress(start), *(packer.compress(million) for _ in range(500)), packer.flush()])
packed = packed_run(b"", bytes(1))
png = cv2.imencode(".png", numpy.zeros((8, 8, 3), "u1"))[1].tobytes()
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
text = chunk(b"iTXt", b"faceswap\\0\\1\\0\\0\\0" + packed)
mask = {"mask": packed, "affine_matrix": [[1, 0, 0], [0, 1, 0]], "interpolator": 1, "stored_size": 4096}
points = [[float(n), float(n * n)] for n in range(68)]
face = {"x": 1, "y": 1, "w": 1, "h": 1, "landmarks_xy": points, "mask": {"m": mask}}
files = {
    "zeros.fsa": packed, "nones.fsa": packed_run(b"\\x80\\x04(", b"N"),
    "lists.fsa": packed_run(b"\\x80\\x04", b"]"), "dicts.fsa": packed_run(b"\\x80\\x04](", b"}"),
    "text.png": png[:33] + text + png[33:], "texts.png": png[:33] + text * 9 + png[33:],
    "long.png": png[:33] + chunk(b"iTXt", b"faceswap" + bytes(5) + b"[" * 50_000_000) + png[33:],
    "chunk.png": png[:33] + b"\\xff\\xff\\xff\\xffiTXt" + png[33:],
    "fcwp.png": png[:-12] + chunk(b"fcWp", b"\\x80\\x04]r\\xff\\xff\\xff\\xff" + b"N" * 15_000_000) + png[-12:],
    "mask.fsa": zlib.compress(pickle.dumps({"a_000001.png": [face]})),
}
folder = Path(sys.argv[1])
for name, data in files.items():
    (folder / name).write_bytes(data)
del files, packed, text, mask, face
now = int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmSize"))) * 1024
resource.setrlimit(resource.RLIMIT_AS, (now + (250 << 20), now + (250 << 20)))
for path in sorted(folder.iterdir()):
    for read in (lambda p: [len(f.faces) for f in read_foreign(p).frames], read_header):
        try:
            print(path.name, "=", read(path))
        except UnderstudyError as error:
            print(path.name, "!", error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of memory for one process")
def test_bombs_do_not_fill_the_memory(tmp_path):
    """Files that would unpack to half a gigabyte or make gigabytes of objects, read with 250 MB to spare."""
    result = subprocess.run([sys.executable, "-c", BOMBS, str(tmp_path)], capture_output=True, text=True, check=False,
                            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    assert result.returncode == 0, result.stderr[-2000:]
    lines = result.stdout.splitlines()
    assert len(lines) == 2 * len(list(tmp_path.iterdir()))
    assert [line for line in lines if " = " in line] == ["mask.fsa = [0]"]  # its one face is refused by itself
    assert all(line.split()[0] in line.split(" ! ")[1] for line in lines if " ! " in line)
