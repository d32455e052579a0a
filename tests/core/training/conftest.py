"""Small synthetic faces folders: drawn faces with true landmarks and valid headers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from understudy.core.faces.crop import crop
from understudy.core.faces.geometry import MEAN_FACE, Alignment
from understudy.core.faces.png import FaceHeader, write_face

FacesMaker = Callable[..., Path]
JAW = np.array([(-0.08 + 1.16 * t, 0.2 + 0.95 * np.sin(np.pi * t) ** 0.6) for t in np.linspace(0, 1, 17)])
FRAME = (320, 240)


def drawn_face(seed: int, skin: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A frame, uint8 [240, 320, 3], with one drawn face, and its landmarks."""
    rng = np.random.default_rng(seed)
    unit = np.concatenate((JAW, MEAN_FACE)) + rng.normal(0, 0.004, (68, 2))
    angle, scale = np.radians(rng.uniform(-10, 10)), rng.uniform(75, 95)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = ((unit - 0.5) @ turn.T * scale + (160, 115) + rng.uniform(-20, 20, 2)).astype(np.float32)
    frame = np.full((FRAME[1], FRAME[0], 3), rng.integers(30, 200, 3), np.uint8)
    cv2.fillConvexPoly(frame, cv2.convexHull(np.rint(points).astype(np.int32)), skin, cv2.LINE_AA)
    white, red = (250, 250, 250), (160, 40, 50)
    for first, last, colour in ((36, 42, white), (42, 48, white), (48, 60, red)):
        cv2.fillPoly(frame, [np.rint(points[first:last]).astype(np.int32)], colour, cv2.LINE_AA)
    return frame, points


def make_faces(folder: Path, count: int, skin: tuple[int, int, int] = (200, 150, 120), size: int = 256) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        frame, points = drawn_face(index, skin)
        face = crop(frame, Alignment(points), size, "head")
        header = FaceHeader(uuid=f"{index:032x}", landmarks=points, box=(80, 40, 160, 160), matrix=face.matrix,
                            source="clip.mp4", source_is_video=True, frame=index, frame_name=f"clip_{index:06}",
                            frame_size=FRAME, size=size)
        png = cv2.imencode(".png", cv2.cvtColor(face.pixels, cv2.COLOR_RGB2BGR))[1].tobytes()
        write_face(folder / f"clip_{index:06}_0.png", png, header)
    return folder


@pytest.fixture(scope="session")
def faces_a(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_faces(tmp_path_factory.mktemp("a"), 28)


@pytest.fixture(scope="session")
def faces_b(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_faces(tmp_path_factory.mktemp("b"), 30, (110, 80, 60))


@pytest.fixture
def faces_maker() -> FacesMaker:
    return make_faces
