"""Small synthetic faces folders: drawn faces with true landmarks and valid headers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from torch import nn

from understudy.core.faces.crop import crop
from understudy.core.faces.geometry import MEAN_FACE, Alignment
from understudy.core.faces.png import FaceHeader, write_face
from understudy.core.models import base, state
from understudy.core.models.base import Recipe, SharedEncoderModel
from understudy.core.models.layers import Bottleneck, Down, Output, Up
from understudy.core.options import rows
from understudy.core.options.rows import Row
from understudy.core.training.computing import remembering

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


@pytest.fixture(autouse=True)
def _tiny_networks_only_lose_time_to_a_second_thread(one_thread: None) -> None:
    pass


@pytest.fixture(autouse=True)
def _nothing_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What this machine found to be fastest in other trainings is of no concern here."""
    monkeypatch.setattr(remembering, "path", lambda: tmp_path / "cache" / "executions.json")


@pytest.fixture(scope="session")
def faces_a(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_faces(tmp_path_factory.mktemp("a"), 28)


@pytest.fixture(scope="session")
def faces_b(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_faces(tmp_path_factory.mktemp("b"), 30, (110, 80, 60))


@pytest.fixture
def faces_maker() -> FacesMaker:
    return make_faces


@pytest.fixture
def face_maker() -> Callable[[int, tuple[int, int, int]], tuple[np.ndarray, np.ndarray]]:
    return drawn_face


class Tiny(SharedEncoderModel):
    """A real model of 16 px that trains in milliseconds; its dropout draws random numbers inside the step."""

    name = "tiny"
    label = "Tiny"
    input_size, output_sizes = 16, (16,)
    recipe = Recipe(learning_rate=2e-3, ema=0.9, warm_up=3, optimizer="adamw", clipping="global-norm",
                    clipping_value=5.0, weight_decay=0.01, mask_floor=0.1,
                    augmentation={"rotation": 3.0, "color": False}, oversampling=2)

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(Down(3, 8), Down(8, 16), nn.Dropout(0.1), Bottleneck(256, 16, 16, 4), Up(16, 12))
        self.decoder_a = nn.Sequential(Up(12, 8), Output(8))
        self.decoder_b = nn.Sequential(Up(12, 8), Output(8))


class TinyRow(Row):
    def load(self) -> type[SharedEncoderModel]:
        return Tiny


def add_tiny_trainer() -> None:
    """Make "tiny" a trainer like those that ship, for as long as this process runs."""
    for module in (base, state):
        module.TRAINERS = (*rows.TRAINERS, TinyRow("tiny", "Tiny", "For tests", ""))


@pytest.fixture
def tiny() -> type[SharedEncoderModel]:
    return Tiny


@pytest.fixture
def tiny_trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (base, state):
        monkeypatch.setattr(module, "TRAINERS", module.TRAINERS)
    add_tiny_trainer()
