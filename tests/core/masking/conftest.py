"""A clip of a moving face (NASA's portrait of Eileen Collins, public domain); in some frames a bar covers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skimage.data import astronaut

from understudy.core.extraction.aligners.dlib_68 import Dlib68
from understudy.core.extraction.detectors.dlib_hog import DlibHog
from understudy.core.extraction.origin import source_info
from understudy.core.faces.crop import crop
from understudy.core.faces.geometry import Alignment
from understudy.core.faces.nouns import Face
from understudy.core.faces.places import default_store
from understudy.core.faces.png import FaceHeader, write_face
from understudy.core.faces.store import AlignmentsStore, Found
from understudy.core.jobs.messages import SilentReporter
from understudy.core.media.images import encode_png, write_png
from understudy.core.media.source import open_source
from understudy.core.media.writers import VideoWriter

FRAMES, COVERED = 16, (9, 10)
WIDTH, HEIGHT = 320, 300


def shift(index: int) -> tuple[int, int]:
    return 3 * (index % 7) - 9, 2 * (index % 5) - 4


def bar(index: int) -> slice:
    """Rows of the bar in a covered frame: across mouth and chin."""
    return slice(140 + 8 * (index - COVERED[0]), 320)


def frame(index: int) -> np.ndarray:
    """uint8 [300, 320, 3] RGB."""
    dx, dy = shift(index)
    pixels = np.roll(astronaut()[:HEIGHT, 60:380], (dy, dx), (0, 1))
    if index in COVERED:
        grain = np.random.default_rng(index).integers(-12, 13, (HEIGHT, WIDTH, 1))
        board = np.clip(np.array([40, 90, 60]) + grain, 0, 255).astype(np.uint8)
        pixels[bar(index)] = board[bar(index)]
    return pixels


@pytest.fixture(scope="session")
def base_landmarks() -> np.ndarray:
    """Of the picture that is not shifted, float32 [68, 2]."""
    picture = np.ascontiguousarray(astronaut()[:HEIGHT, 60:380])
    ((found,),) = DlibHog(640, None, "cpu").detect([picture])
    return Dlib68("cpu", "none").align([picture], [found.box])[0]


@dataclass(frozen=True)
class Scene:
    """A clip of 16 frames with its store; frame 4 shows two faces, frame 6 none.

    Attributes:
        path: a video or a folder of images.
        store: at the default place.
        landmarks: of the first face of a frame.
    """

    path: Path
    store: Path
    landmarks: Callable[[int], np.ndarray]

    def open(self) -> AlignmentsStore:
        return AlignmentsStore.open(self.store)

    def faces(self) -> list[Face]:
        with self.open() as store:
            return [face for _, faces in store.iterate() for face in faces]


def extracted(path: Path, base: np.ndarray) -> Scene:
    def landmarks(index: int) -> np.ndarray:
        return (base + shift(index)).astype(np.float32)

    with open_source(path) as source, AlignmentsStore.create(default_store(path), source_info(source)) as store:
        for index in range(FRAMES):
            points = [] if index == 6 else [landmarks(index)]
            if index == 4:
                points.append(landmarks(index) * 0.4 + (10, 170))
            found = [Found(Face(index, (*map(float, p.min(0)), *map(float, np.ptp(p, axis=0))), p, "dlib", "dlib", 1.0))
                     for p in points]
            store.write_frame(index, source.name(index), "test", found)
    return Scene(path, default_store(path), landmarks)


@pytest.fixture
def images(tmp_path: Path, base_landmarks: np.ndarray) -> Scene:
    for index in range(FRAMES):
        write_png(tmp_path / "shot" / f"img_{2 * index + 5}.png", frame(index))
    return extracted(tmp_path / "shot", base_landmarks)


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "clip.mp4"
    with VideoWriter(path, None, rate=Fraction(25), crf=12, preset="ultrafast") as writer:
        for index in range(FRAMES):
            writer.write(index, frame(index))
    return path


@pytest.fixture
def video(tmp_path: Path, film: Path, base_landmarks: np.ndarray) -> Scene:
    path = tmp_path / "clip.mp4"
    path.write_bytes(film.read_bytes())
    return extracted(path, base_landmarks)


@pytest.fixture
def pictures(images: Scene, tmp_path: Path) -> Path:
    """The faces folder of `images`."""
    folder = tmp_path / "faces"
    folder.mkdir()
    for face in images.faces():
        cut = crop(frame(face.frame), Alignment(face.landmarks), 256, "head")
        name = f"img_{2 * face.frame + 5}"
        header = FaceHeader(uuid=face.uuid, landmarks=face.landmarks, box=face.box, matrix=cut.matrix, source="shot",
                            source_is_video=False, frame=face.frame, frame_name=f"{name}.png",
                            frame_size=(WIDTH, HEIGHT), position=face.position, size=256)
        write_face(folder / f"{name}_{face.position}.png", encode_png(cut.pixels), header)
    return folder


class Listener(SilentReporter):
    """Remembers what it was told; asks to stop once so many are done."""

    def __init__(self, stop_at: int = 10**9) -> None:
        self.stop_at = stop_at
        self.seen: list[int] = []
        self.warnings: list[str] = []

    def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
        self.seen.append(done)
        return done >= self.stop_at

    def warning(self, message: str, detail: str = "") -> None:
        self.warnings.append(f"{message}. {detail}")


@pytest.fixture
def listener() -> type[Listener]:
    return Listener


def everything(place: Path) -> dict[str, Any]:
    """All files below a place with what they hold."""
    return {str(p.relative_to(place)): p.read_bytes() for p in sorted(place.rglob("*")) if p.is_file()}
