"""Files of other tools, made here from what is known of their formats and not by the project's own writers."""

from __future__ import annotations

import pickle
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.core.faces.nouns import SourceInfo
from understudy.core.faces.store import AlignmentsStore
from understudy.core.jobs.messages import SilentReporter

CLIP = SourceInfo("abc", "clip.mp4", 640, 360, "25/1", 100)
FOLDER = SourceInfo("def", "shots", 640, 360, "25/1", 4, "images")
VERSIONS = ("2020", "2.0", "2.1", "2.2", "2.3", "2.4")


def landmarks(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(20, 300, (68, 2)).astype(np.float32)


def mask_pixels(size: int = 128, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size), np.uint8)


def faceswap_face(seed: int, version: str) -> dict[str, Any]:
    """A face as faceswap of that version keeps it: numpy arrays until the time of lists, a hash until 2.0."""
    is_old = version in ("2020", "2.0", "2.1", "2.2")
    matrix = np.array([[0.4, -0.05, 12.5 + seed], [0.05, 0.4, -7.25]])
    mask = {"mask": zlib.compress(mask_pixels(seed=seed).tobytes()),
            "affine_matrix": matrix if is_old else matrix.tolist(), "interpolator": 3, "stored_size": 128}
    if version not in ("2020", "2.0", "2.1"):
        mask["stored_centering"] = "head"
    points = landmarks(seed)
    face: dict[str, Any] = {
        "x": 10 + seed, "w": 120, "y": 20, "h": 150, "landmarks_xy": points if is_old else points.tolist(),
        "mask": {"vgg-obstructed": mask, "components": dict(mask)},
    }
    if version in ("2020", "2.0"):
        face["hash"] = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
    if version not in ("2020",):
        thumbnail = b"\xff\xd8\xff\xe0" + bytes([seed % 256])
        face["thumb"] = np.frombuffer(thumbnail, np.uint8) if is_old else list(thumbnail)
    if version in ("2.3", "2.4"):
        face["identity"] = {"vggface2": np.linspace(-1, 1, 8, dtype=np.float32).tolist()}
    return face


def fsa_bytes(version: str, frames: int = 3, protocol: int = 4) -> bytes:
    """A whole file: two faces in its second frame, none in its third."""
    ending = ".mp4" if version == "2.4" else ".png"
    data: dict[str, Any] = {}
    for index in range(frames):
        faces = [faceswap_face(index * 10 + n, version) for n in range((1, 2, 0)[index % 3])]
        name = f"clip_{index + 1:06d}{ending}"
        if version == "2020":
            data[name] = faces
        else:
            data[name] = {"faces": faces}
            if version in ("2.3", "2.4"):
                data[name]["video_meta"] = {"pts_time": index * 512, "keyframe": index == 0} if index < 2 else {}
    if version != "2020":
        data = {"__meta__": {"version": float(version)}, "__data__": data}
    return zlib.compress(pickle.dumps(data, protocol))


def dfl_dict(seed: int = 0, size: int = 256, as_arrays: bool = False) -> tuple[dict[str, Any], np.ndarray]:
    """What DeepFaceLab keeps of an aligned face, and the matrix frame -> picture that belongs to it."""
    matrix = np.array([[0.9, 0.1, -10.0], [-0.1, 0.9, 25.0]])
    points = landmarks(seed)
    in_picture = points @ matrix[:, :2].T + matrix[:, 2]
    data = {"face_type": "whole_face", "landmarks": in_picture if as_arrays else in_picture.tolist(),
            "source_filename": f"{seed + 1:05d}.png",
            "source_rect": np.array([10, 20, 130, 170]) if as_arrays else [10, 20, 130, 170],
            "source_landmarks": points if as_arrays else points.tolist(),
            "image_to_face_mat": matrix if as_arrays else matrix.tolist()}
    return data, matrix


def jpeg_with(data: bytes, picture: bytes) -> bytes:
    """A JPEG with an APP15 segment behind its first two bytes."""
    return picture[:2] + b"\xff\xef" + struct.pack(">H", len(data) + 2) + data + picture[2:]


def png_with(kind: bytes, data: bytes, picture: bytes, in_front: bool = False) -> bytes:
    """A PNG with one more chunk, in front of the picture or of its end."""
    chunk = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    place = picture.index(b"IDAT" if in_front else b"IEND") - 4
    return picture[:place] + chunk + picture[place:]


class Listener(SilentReporter):
    """Remembers what it was told."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.warnings: list[str] = []
        self.calls = 0
        self._stop_after = stop_after

    def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
        self.calls += 1
        return self._stop_after is not None and self.calls > self._stop_after

    def warning(self, message: str, detail: str = "") -> None:
        self.warnings.append(message)


@pytest.fixture
def clip_store(tmp_path: Path) -> Path:
    """An empty store of a video of 100 frames."""
    path = tmp_path / "clip_alignments.db"
    AlignmentsStore.create(path, CLIP).close()
    return path
