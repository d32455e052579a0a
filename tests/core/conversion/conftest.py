"""A small scene for conversion: pictures, faces in a store, and a model whose answer is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from understudy.core.faces.geometry import MEAN_FACE
from understudy.core.faces.nouns import Face, SourceInfo
from understudy.core.faces.places import default_store
from understudy.core.faces.store import AlignmentsStore, Found
from understudy.core.jobs.messages import SilentReporter
from understudy.core.media.images import write_png
from understudy.core.media.source import open_source
from understudy.core.media.writers import VideoWriter
from understudy.core.models import base, folder
from understudy.core.models import state as state_module
from understudy.core.models.base import Outputs, Side, SwapModel
from understudy.core.options import make
from understudy.core.options.convert import ConvertOptions
from understudy.core.options.rows import TRAINERS, Row

FRAMES, WIDTH, HEIGHT = 10, 240, 180
FACELESS = (3, 7)


class Mirror(SwapModel):
    """Returns what it is given, times a stored factor that a training would have found."""

    name, label = "mirror", "Mirror"
    input_size, output_sizes = 192, (192,)

    def __init__(self) -> None:
        super().__init__()
        self.factor = torch.nn.Parameter(torch.ones(2))

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def decode(self, code: torch.Tensor, side: Side) -> Outputs:
        return Outputs((code * self.factor["ab".index(side)],))


class MirrorRow(Row):
    def load(self) -> Any:
        return Mirror


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trainer `mirror` among the others."""
    rows = (*TRAINERS, MirrorRow("mirror", "Mirror", "Gives back its input", ""))
    monkeypatch.setattr(base, "TRAINERS", rows)
    monkeypatch.setattr(state_module, "TRAINERS", rows)


@pytest.fixture
def save_mirror(mirror: None) -> Callable[..., Path]:
    """Saves a mirror model with the given factors for A and B; coverage and offset are those of the scene's crops."""

    def save(place: Path, a: float = 1.0, b: float = 1.0, vertical_offset: float = 0.0) -> Path:
        model = Mirror()
        model.factor.data[:] = torch.tensor([a, b])
        settings = folder.Settings("mirror", coverage=0.875, vertical_offset=vertical_offset)
        state = folder.ModelState(settings, model.input_size, model.output_size, iterations=7)
        folder.write(place, state, model.state_dict(), {})
        return place

    return save


def landmarks(x: float, y: float, size: float, degrees: float = 0.0) -> np.ndarray:
    """68 points of the mean face, its unit box `size` frame pixels wide and centred on (x, y); the jaw is an arc."""
    angle = np.linspace(np.pi * 1.02, -np.pi * 0.02, 17)
    jaw = np.stack([0.5 + 0.62 * np.cos(angle), 0.3 + 0.95 * np.sin(angle)], -1)
    points = np.concatenate([jaw, MEAN_FACE]) - 0.5
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return (points @ np.array([[c, s], [-s, c]]) * size + (x, y)).astype(np.float32)


def picture(index: int) -> np.ndarray:
    """A smooth, moving colour field with a little noise, uint8 [H, W, 3]."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    waves = [np.sin((x * a + y * b) / 40 + index * 0.2 + c) for a, b, c in ((1, .3, 0), (-.4, 1, 1), (.7, -.8, 2))]
    noise = np.random.default_rng(index).normal(0, 1.0, (HEIGHT, WIDTH, 3))
    return np.clip(128 + 80 * np.stack(waves, -1) + noise, 0, 255).round().astype(np.uint8)


def face(index: int, number: int = 0) -> Face:
    points = landmarks(80.3 + 2.7 * index + 60 * number, 85.6 + 0.9 * index, 48.0, 3.0 * index - 10)
    low, high = points.min(0), points.max(0)
    return Face(index, (*map(float, low), *map(float, high - low)), points, "test", "test", 1.0)


@dataclass(frozen=True)
class Scene:
    """A clip with its alignments.

    Attributes:
        path: the clip. Frames 3 and 7 show no face, frame 5 two of them, the others one.
        store: its alignments, at the default place.
    """

    path: Path
    store: Path

    def frames(self) -> list[np.ndarray]:
        with open_source(self.path) as source:
            return [frame.pixels for frame in source.frames()]


def extract(path: Path) -> Scene:
    store_path = default_store(path)
    with open_source(path) as source, AlignmentsStore.create(store_path, info(source)) as store:
        for index in range(len(source)):
            faces = [] if index in FACELESS else [face(index, n) for n in range(2 if index == 5 else 1)]
            store.write_frame(index, source.name(index), "test", [Found(f) for f in faces])
    return Scene(path, store_path)


def info(source: Any) -> SourceInfo:
    return SourceInfo(source.fingerprint, source.path.name, *source.size, str(source.rate), len(source), source.kind)


@pytest.fixture
def images(tmp_path: Path) -> Scene:
    """The scene as a folder of PNGs with gaps in their numbers."""
    for index in range(FRAMES):
        write_png(tmp_path / "shot" / f"img_{2 * index + 5}.png", picture(index))
    return extract(tmp_path / "shot")


@pytest.fixture
def video(tmp_path: Path) -> Scene:
    """The scene as a video."""
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, None, rate=Fraction(25), crf=12, preset="ultrafast") as writer:
        for index in range(FRAMES):
            writer.write(index, picture(index))
    return extract(path)


@pytest.fixture
def options(tmp_path: Path) -> Callable[..., ConvertOptions]:
    """Options for a scene: `options(scene, model_dir, writer="images", ...)`; the output is tmp_path / "out"."""

    def build(scene: Scene, model_dir: Path, **values: Any) -> ConvertOptions:
        given = {"source": str(scene.path), "model_dir": str(model_dir), "output": str(tmp_path / "out"),
                 "batch_size": 4, "device": "cpu", **values}
        return make(ConvertOptions, given)

    return build


class Listener(SilentReporter):
    """Remembers what it was told; asks to stop after `stop_after` calls."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.seen: list[tuple[int, int | None]] = []
        self.warnings: list[str] = []
        self.stop_after = stop_after

    def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
        self.seen.append((done, total))
        return self.stop_after is not None and len(self.seen) > self.stop_after

    def warning(self, message: str, detail: str = "") -> None:
        self.warnings.append(message)


@pytest.fixture
def listener() -> type[Listener]:
    return Listener
