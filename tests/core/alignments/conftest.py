"""A small shot with its alignments and faces folder: drawn frames, faces with known landmarks, two of them in some."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.core.extraction.folder import frame_file_name
from understudy.core.extraction.origin import source_info
from understudy.core.faces.geometry import MEAN_FACE
from understudy.core.faces.nouns import Face, StoredMask
from understudy.core.faces.places import default_store
from understudy.core.faces.png import read_header
from understudy.core.faces.store import AlignmentsStore, Found
from understudy.core.jobs.messages import SilentReporter
from understudy.core.jobs.tasks import TASKS
from understudy.core.media.images import write_png
from understudy.core.media.source import open_source
from understudy.core.media.writers import VideoWriter
from understudy.core.options import make

WIDTH, HEIGHT, FRAMES = 240, 180, 12
EMPTY, DOUBLE, UNSEEN = (3, 7), (2, 5), (11,)  # frames without a face, with two, never looked at


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "home"))


def landmarks(x: float, y: float, size: float = 48.0, degrees: float = 0.0) -> np.ndarray:
    """68 points of the mean face, float32, its unit box `size` frame pixels wide and centred on (x, y)."""
    angle = np.linspace(np.pi * 1.02, -np.pi * 0.02, 17)
    jaw = np.stack([0.5 + 0.62 * np.cos(angle), 0.3 + 0.95 * np.sin(angle)], -1)
    points = np.concatenate([jaw, MEAN_FACE]) - 0.5
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return (points @ np.array([[c, s], [-s, c]]) * size + (x, y)).astype(np.float32)


def face(frame: int, x: float, y: float = 85.0, **values: Any) -> Face:
    points = landmarks(x, y, degrees=3.0 * frame - 15)
    low, high = points.min(0), points.max(0)
    return Face(frame, (*map(float, low), *map(float, high - low)), points, "dlib", "dlib", 1.0, **values)


def picture(frame: int, seed: int = 0) -> np.ndarray:
    """A smooth, moving colour field, uint8 [H, W, 3]."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    waves = [np.sin((x * a + y * b) / 30 + frame * 0.3 + c + seed)
             for a, b, c in ((1, .3, 0), (-.4, 1, 1), (.7, -.8, 2))]
    return np.clip(128 + 90 * np.stack(waves, -1), 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Shot:
    """A clip with its alignments and faces folder."""

    path: Path
    store: Path
    faces: Path

    def open(self) -> AlignmentsStore:
        return AlignmentsStore.open(self.store)

    def all(self) -> dict[str, Face]:
        """Every face that is not removed, by uuid."""
        with self.open() as store:
            return {f.uuid: f for _, faces in store.iterate() for f in faces}

    def pictures(self) -> list[Path]:
        return sorted(self.faces.rglob("*.png"))

    def backups(self) -> list[Path]:
        return sorted(self.store.parent.glob("*_backup_*"))

    def sound(self) -> None:
        with self.open() as store:
            assert store.integrity() == []


def fill(path: Path) -> Path:
    """Alignments for a clip of `FRAMES` frames, as extraction would leave them."""
    place = default_store(path)
    with open_source(path) as source, AlignmentsStore.create(place, source_info(source)) as store:
        for frame in range(len(source)):
            if frame in UNSEEN:
                continue
            # In the frames with two, the one found first is the right one of the two.
            xs = [] if frame in EMPTY else [180.0, 70.0] if frame in DOUBLE else [70.0 + 2 * frame]
            found = [Found(face(frame, x), b"jpeg", {"dlib": np.full(4, x, np.float32)},
                           [StoredMask("custom", np.full((8, 8), 255, np.uint8), np.eye(2, 3))]) for x in xs]
            store.write_frame(frame, frame_file_name(source, frame), "test", found)
    return place


@pytest.fixture
def run() -> Callable[..., dict[str, Any]]:
    """Run a job by its name, with options as keywords: run("rename", faces=folder)."""

    def call(job: str, reporter: Any = None, **values: Any) -> dict[str, Any]:
        task = TASKS[f"alignments {job}"]
        given = {key: str(value) if isinstance(value, Path) else value for key, value in values.items()}
        return task.load()(make(task.options, given), reporter or SilentReporter())

    return call


def shot_of(path: Path, faces: Path) -> Shot:
    shot = Shot(path, fill(path), faces)
    task = TASKS["alignments extract"]
    task.load()(make(task.options, {"source": str(path), "faces": str(faces), "face_size": 256}), SilentReporter())
    return shot


def make_video(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, None, rate=Fraction(25), crf=12, preset="ultrafast") as writer:
        for frame in range(FRAMES):
            writer.write(frame, picture(frame, seed))
    return path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both shots, made once: `clip.mp4` with `faces`, the folder `shot` with `shot_faces`."""
    place = tmp_path_factory.mktemp("made")
    shot_of(make_video(place / "clip.mp4"), place / "faces")
    for frame in range(FRAMES):
        write_png(place / "shot" / f"img_{2 * frame + 5:04d}.png", picture(frame))
    shot_of(place / "shot", place / "shot_faces")
    return place


@pytest.fixture
def images(tmp_path: Path, made: Path) -> Shot:
    """A folder of PNGs with gaps in their numbers."""
    for name in ("shot", "shot_faces"):
        shutil.copytree(made / name, tmp_path / name)
    return Shot(tmp_path / "shot", tmp_path / "shot" / "alignments.db", tmp_path / "shot_faces")


@pytest.fixture
def video(tmp_path: Path, made: Path) -> Shot:
    for name in ("clip.mp4", "clip_alignments.db"):
        shutil.copy(made / name, tmp_path / name)
    shutil.copytree(made / "faces", tmp_path / "faces")
    return Shot(tmp_path / "clip.mp4", tmp_path / "clip_alignments.db", tmp_path / "faces")


class Listener(SilentReporter):
    """Remembers what it was told; asks to stop at the call number `stop_at`."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.calls = 0
        self.warnings: list[str] = []
        self.stop_at = stop_at

    def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
        self.calls += 1
        return self.stop_at is not None and self.calls >= self.stop_at

    def warning(self, message: str, detail: str = "") -> None:
        self.warnings.append(message)


@pytest.fixture
def listener() -> type[Listener]:
    return Listener


def headers(shot: Shot) -> dict[str, Path]:
    """uuid -> picture."""
    return {read_header(path).uuid: path for path in shot.pictures()}
