"""Faces folders to sort: small drawn pictures with true headers, whose looks are known."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from understudy.core.faces.geometry import MEAN_FACE, Alignment
from understudy.core.faces.png import FaceHeader, read_header, write_face
from understudy.core.jobs.messages import SilentReporter

SIZE = 256


class Recorder(SilentReporter):
    """Remembers warnings and what was going on; asks to stop at one step."""

    def __init__(self, stop_at: tuple[str, int] | None = None) -> None:
        self.warnings: list[str] = []
        self.steps: list[tuple[str, int, int | None]] = []
        self._stop_at = stop_at

    def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
        self.steps.append((text, done, total))
        return self._stop_at is not None and text == self._stop_at[0] and done >= self._stop_at[1]

    def warning(self, message: str, detail: str = "") -> None:
        self.warnings.append(message)


def landmarks(size: float = 60.0, degrees: float = 0.0, centre: tuple[float, float] = (160.0, 120.0),
              shift: float = 0.0) -> np.ndarray:
    """A mean face in a frame, float32 [68, 2]; `shift` moves the mouth down, in unit-box units."""
    jaw = np.stack([np.linspace(-0.1, 1.1, 17), 0.3 + 0.9 * np.sin(np.linspace(0, np.pi, 17))], 1)
    points = np.concatenate([jaw, MEAN_FACE]) - 0.5
    points[48:, 1] += shift
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return (points @ np.array([[c, s], [-s, c]]) * size + centre).astype(np.float32)


def picture(rgb: tuple[int, int, int] = (180, 140, 120), texture: float = 10.0, seed: int = 0) -> np.ndarray:
    """A face's picture, uint8 [256, 256, 3] RGB: one colour with some grain."""
    grain = np.random.default_rng(seed).normal(0, texture, (SIZE, SIZE, 1))
    return np.clip(np.array(rgb) + grain, 0, 255).astype(np.uint8)


class Faces:
    """A faces folder in the making."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def add(self, number: int, pixels: np.ndarray | None = None, points: np.ndarray | None = None,
            identity: np.ndarray | None = None, position: int = 0, clip: str = "clip") -> Path:
        points = landmarks() if points is None else points
        header = FaceHeader(
            uuid=f"{clip}{number:08d}{position}".rjust(32, "0"), landmarks=points, box=(100, 60, 120, 120),
            matrix=Alignment(points).matrix(SIZE, "head"), source=f"{clip}.mp4", source_is_video=True, frame=number,
            frame_name=f"{clip}_{number:06d}.mp4", frame_size=(320, 240), position=position, size=SIZE,
            detector="dlib", aligner="dlib", identities={} if identity is None else {"dlib": identity.tolist()})
        pixels = picture(seed=number) if pixels is None else pixels
        _, data = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        path = self.folder / f"{clip}_{number:06d}_{position}.png"
        write_face(path, data.tobytes(), header)
        return path

    def names(self) -> list[str]:
        """Of all pictures, relative to the folder."""
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*.png"))

    def uuids(self) -> list[str]:
        """Of all pictures, in order of their names."""
        return [read_header(self.folder / name).uuid for name in self.names()]

    def frames(self) -> list[int]:
        """Of all pictures, in order of their names."""
        return [read_header(self.folder / name).frame for name in self.names()]


@pytest.fixture
def faces(tmp_path) -> Faces:
    return Faces(tmp_path / "faces")


@pytest.fixture
def varied(faces) -> Faces:
    """Twelve pictures that differ in everything."""
    chance = np.random.default_rng(5)
    for number in range(12):
        colour = tuple(int(v) for v in chance.integers(40, 220, 3))
        faces.add(number, picture(colour, 5 + number, number),
                  landmarks(40 + 2 * number, 5 * number - 30, shift=0.01 * number), chance.standard_normal(128))
    return faces


