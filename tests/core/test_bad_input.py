"""Bad input to every task: one line that names the thing and says what to do, and nothing half-written behind it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from understudy.core.errors import (
    AlignmentsError,
    FacesError,
    ModelError,
    OutputError,
    SourceError,
    UnderstudyError,
    UsageError,
)
from understudy.core.faces.crop import crop
from understudy.core.faces.geometry import MEAN_FACE, Alignment
from understudy.core.faces.nouns import Face, SourceInfo
from understudy.core.faces.places import default_store
from understudy.core.faces.png import FaceHeader, write_face
from understudy.core.faces.store import AlignmentsStore, Found
from understudy.core.jobs.messages import SilentReporter
from understudy.core.jobs.tasks import TASKS
from understudy.core.media.images import encode_png, read_image
from understudy.core.media.source import open_source
from understudy.core.media.writers import VideoWriter
from understudy.core.models import base, folder
from understudy.core.models import state as state_module
from understudy.core.models.base import SharedEncoderModel
from understudy.core.options import Row, make
from understudy.core.options.rows import TRAINERS

WIDTH, HEIGHT, FRAMES = 320, 240, 12
TRAINER, OTHER = "lightweight", "original"


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path.parent / f"{tmp_path.name}_home"))


class Small(SharedEncoderModel):
    """A real model that saves and trains in a moment; stands under the names of two trainers, in two sizes."""

    name, label, code = TRAINER, "Small", 256
    input_size, output_sizes = 16, (16,)

    def __init__(self) -> None:
        super().__init__()
        pixels = 3 * self.input_size**2
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(pixels, self.code), nn.Tanh())
        self.decoder_a, self.decoder_b = (nn.Sequential(
            nn.Linear(self.code, pixels), nn.Sigmoid(), nn.Unflatten(1, (3, self.output_size, self.output_size)))
            for _ in range(2))


class Smaller(Small):
    name, code = OTHER, 64


class SmallRow(Row):
    def load(self) -> Any:
        return Small if self.name == TRAINER else Smaller


@pytest.fixture(autouse=True, scope="module")
def small_trainers() -> Iterator[None]:
    """The two trainers without their tens of millions of parameters."""
    rows = tuple(SmallRow(r.name, r.label, r.help, "") if r.name in (TRAINER, OTHER) else r for r in TRAINERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "TRAINERS", rows)
        patch.setattr(state_module, "TRAINERS", rows)
        yield


# Material


def jaw() -> np.ndarray:
    angle = np.linspace(np.pi * 1.02, -np.pi * 0.02, 17)
    return np.stack([0.5 + 0.62 * np.cos(angle), 0.3 + 0.95 * np.sin(angle)], -1)


def landmarks(index: int) -> np.ndarray:
    return ((np.concatenate([jaw(), MEAN_FACE]) - 0.5) * 70 + (150 + index, 115)).astype(np.float32)


def noise(index: int) -> np.ndarray:
    small = np.random.default_rng(index).integers(0, 256, (HEIGHT // 4, WIDTH // 4, 3), np.uint8)
    return cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def write_clip(path: Path, pictures: Iterator[np.ndarray]) -> Path:
    with VideoWriter(path, None, rate=Fraction(25), crf=20, preset="ultrafast") as writer:
        for index, pixels in enumerate(pictures):
            writer.write(index, pixels)
    return path


@pytest.fixture(scope="module")
def faceless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of noise."""
    return write_clip(tmp_path_factory.mktemp("clips") / "noise.mp4", map(noise, range(FRAMES)))


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip in which a detector finds a face: the public-domain portrait that ships with scikit-image, moving."""
    data = pytest.importorskip("skimage.data")
    wide = data.astronaut()[:300, 60:400]
    shifted = (np.ascontiguousarray(wide[10:250, n:n + WIDTH]) for n in range(FRAMES))
    return write_clip(tmp_path_factory.mktemp("clips") / "portrait.mp4", shifted)


@pytest.fixture
def extracted(faceless: Path, tmp_path: Path) -> Path:
    """A copy of the noise clip with a face noted in every frame."""
    clip = tmp_path / "shot.mp4"
    shutil.copy(faceless, clip)
    with open_source(clip) as source, AlignmentsStore.create(default_store(clip), info(source)) as store:
        for index in range(len(source)):
            points = landmarks(index)
            box = (*map(float, points.min(0)), *map(float, np.ptp(points, axis=0)))
            store.write_frame(index, source.name(index), "test", [Found(Face(index, box, points))])
    return clip


def info(source: Any) -> SourceInfo:
    return SourceInfo(source.fingerprint, source.path.name, *source.size, str(source.rate), len(source), source.kind)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As few faces as training takes."""
    return faces_folder(tmp_path_factory.mktemp("faces") / "faces", 25)


def faces_folder(place: Path, count: int) -> Path:
    place.mkdir()
    for index in range(count):
        aligned = crop(noise(index), Alignment(landmarks(index)), 256, "head")
        header = FaceHeader(uuid=f"{index:032x}", landmarks=landmarks(index), box=(80, 40, 160, 160),
                            matrix=aligned.matrix, source="clip.mp4", source_is_video=True, frame=index,
                            frame_name=f"clip_{index:06}", frame_size=(WIDTH, HEIGHT), size=256)
        write_face(place / f"clip_{index:06}_0.png", encode_png(aligned.pixels), header)
    return place


def save_model(place: Path, trainer: str, labelled: str = "") -> Path:
    """An untrained model of `trainer`; its state may name another."""
    torch.manual_seed(0)
    model = base.build(trainer)
    state = folder.ModelState(folder.Settings(labelled or trainer), model.input_size, model.output_size, iterations=1)
    folder.write(place, state, model.state_dict(), {})
    return place


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("models") / "model", TRAINER)


# Asking and checking


def refused(task: str, kind: type[UnderstudyError] | tuple[type[UnderstudyError], ...], **values: Any) -> str:
    """What the task says when it refuses."""
    given = {key: str(value) if isinstance(value, Path) else value for key, value in values.items()}
    with pytest.raises(kind) as caught:
        TASKS[task].load()(make(TASKS[task].options, given), SilentReporter())
    assert "\n" not in str(caught.value)
    assert caught.value.hint, f"no hint in: {caught.value}"
    return str(caught.value)


def everything(place: Path) -> dict[Path, bytes | None]:
    """All files and folders below, with what the files hold."""
    return {p: p.read_bytes() if p.is_file() else None for p in place.rglob("*")}


def remount(place: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(place)], check=True)


@contextmanager
def mounted(place: Path, size: str) -> Iterator[Path]:
    """A small file system of its own at `place`; skips where that takes rights that are missing."""
    place.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("mounting a small file system needs Linux and root")
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True)
    if made.returncode:
        pytest.skip(f"cannot mount here: {made.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


# Footage


@pytest.fixture(params=["missing", "text", "torn", "nothing", "empty folder", "folder without pictures"])
def bad_clip(request: pytest.FixtureRequest, tmp_path: Path, faceless: Path) -> Path:
    place = tmp_path / "bad.mp4"
    if request.param == "text":
        place.write_text("not a video at all\n" * 40)
    elif request.param == "torn":
        place.write_bytes(faceless.read_bytes()[: faceless.stat().st_size // 2])
    elif request.param == "nothing":
        place.touch()
    elif request.param != "missing":
        place = tmp_path / "bad_folder"
        place.mkdir()
        if request.param == "folder without pictures":
            (place / "notes.txt").write_text("notes")
    return place


def test_extract_from_bad_footage(bad_clip: Path, tmp_path: Path) -> None:
    before = everything(tmp_path)
    assert bad_clip.name in refused("extract", SourceError, source=bad_clip, faces=tmp_path / "faces")
    assert everything(tmp_path) == before


def test_convert_bad_footage(bad_clip: Path, model: Path, tmp_path: Path) -> None:
    before = everything(tmp_path)
    assert bad_clip.name in refused("convert", SourceError, source=bad_clip, model_dir=model, output=tmp_path / "out")
    assert everything(tmp_path) == before


def test_extract_a_clip_without_faces(faceless: Path, tmp_path: Path) -> None:
    clip = tmp_path / "noise.mp4"
    shutil.copy(faceless, clip)
    assert "noise.mp4" in refused("extract", (SourceError, FacesError), source=clip, faces=tmp_path / "faces")
    with AlignmentsStore.readonly(default_store(clip)) as store:
        assert store.frames_seen() == set(range(FRAMES))  # they need not be searched again
    assert not (tmp_path / "faces").exists() or not any((tmp_path / "faces").iterdir())


def test_convert_a_clip_that_was_not_extracted(faceless: Path, model: Path, tmp_path: Path) -> None:
    clip = tmp_path / "noise.mp4"
    shutil.copy(faceless, clip)
    before = everything(tmp_path)
    text = refused("convert", AlignmentsError, source=clip, model_dir=model, output=tmp_path / "out")
    assert "extract" in text
    with open_source(clip) as source, AlignmentsStore.create(default_store(clip), info(source)) as store:
        for index in range(len(source)):
            store.write_frame(index, source.name(index), "test")
    assert "no faces" in refused("convert", AlignmentsError, source=clip, model_dir=model, output=tmp_path / "out")
    default_store(clip).unlink()
    assert everything(tmp_path) == before


@pytest.mark.parametrize("frames", ["0-500", "5-2", "first"])
def test_frames_that_are_not_there(frames: str, extracted: Path, model: Path, tmp_path: Path) -> None:
    before = everything(tmp_path)
    refused("extract", UsageError, source=extracted, frames=frames)
    refused("convert", UsageError, source=extracted, model_dir=model, output=tmp_path / "out", frames=frames)
    assert everything(tmp_path) == before


# Faces folders


@pytest.mark.parametrize("side", ["input_a", "input_b"])
def test_train_on_bad_faces(side: str, faces: Path, tmp_path: Path) -> None:
    values = {"input_a": faces, "input_b": faces, "model_dir": tmp_path / "model", "trainer": TRAINER,
              "iterations": 1, "device": "cpu"}
    few, bare, empty, text = (tmp_path / name for name in ("few", "bare", "empty", "text"))
    shutil.copytree(faces, few)
    next(few.iterdir()).unlink()
    bare.mkdir()
    empty.mkdir()
    text.write_text("a file")
    for n in range(30):
        (bare / f"{n}.png").write_bytes(encode_png(noise(n)))
    before = everything(tmp_path)
    for bad in (few, bare, empty, text, tmp_path / "missing"):
        assert bad.name in refused("train", FacesError, **{**values, side: bad})
        assert everything(tmp_path) == before
    assert "25" in refused("train", FacesError, **{**values, side: few})


# Models


def test_model_of_another_trainer(faces: Path, extracted: Path, tmp_path: Path) -> None:
    other = save_model(tmp_path / "other", OTHER)
    mixed = save_model(tmp_path / "mixed", TRAINER, labelled=OTHER)
    alien = save_model(tmp_path / "alien", TRAINER, labelled="deep-thought")
    before = everything(tmp_path)
    training = {"input_a": faces, "input_b": faces, "trainer": TRAINER, "iterations": 2, "device": "cpu"}
    assert OTHER in refused("train", ModelError, **training, model_dir=other)
    conversion = {"source": extracted, "output": tmp_path / "out"}
    assert OTHER in refused("convert", ModelError, **conversion, model_dir=mixed)
    assert "deep-thought" in refused("convert", ModelError, **conversion, model_dir=alien)
    assert "deep-thought" in refused("train", ModelError, **training, model_dir=alien)
    for nothing in (tmp_path / "missing", faces, extracted):
        assert nothing.name in refused("convert", ModelError, **conversion, model_dir=nothing)
    assert everything(tmp_path) == before


# Places


def requests(clip: Path, model: Path, faces: Path, place: Path) -> list[tuple[str, dict[str, Any]]]:
    """Every task with every kind of output it has, made to write below `place`."""
    training = {"input_a": faces, "input_b": faces, "trainer": TRAINER, "iterations": 2, "batch_size": 1,
                "device": "cpu", "precision": "float32"}
    conversion = {"source": clip, "model_dir": model}
    return [
        ("extract", {"source": clip, "alignments": place / "new" / "a.db"}),
        ("extract", {"source": clip, "alignments": clip.with_name("own.db"), "faces": place / "new" / "faces"}),
        ("train", {**training, "model_dir": place / "new" / "model"}),
        ("convert", {**conversion, "output": place / "new" / "images", "writer": "images"}),
        ("convert", {**conversion, "output": place / "new" / "layer", "writer": "overlay"}),
        ("convert", {**conversion, "output": place / "new" / "out.mp4", "writer": "video"}),
        ("mask output", {"source": clip, "output": place / "new" / "masks"}),
    ]


@pytest.mark.parametrize("number", range(7))
def test_output_below_a_file(number: int, faces: Path, extracted: Path, model: Path, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("kept")
    before = everything(tmp_path)
    task, values = requests(extracted, model, faces, file)[number]
    assert "notes.txt" in refused(task, OutputError, **values)
    assert {p: b for p, b in everything(tmp_path).items() if p.name != "own.db"} == before


@pytest.mark.parametrize("number", range(7))
def test_read_only_place(number: int, faces: Path, extracted: Path, model: Path, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "1m") as disk:
        remount(disk, "ro")
        task, values = requests(extracted, model, faces, disk)[number]
        assert str(disk) in refused(task, OutputError, **values)
        assert not everything(disk)


@pytest.mark.parametrize("number", range(7))
def test_full_disk(number: int, portrait: Path, faces: Path, extracted: Path, model: Path, tmp_path: Path) -> None:
    """It fills up in the middle of the work: what is left is whole, and the same command goes on once there is room."""
    task, values = requests(extracted, model, faces, tmp_path / "disk")[number]
    if task == "extract":
        clip = tmp_path / portrait.name
        shutil.copy(portrait, clip)
        values = {**values, "source": clip, "face_size": 256}
    size = {0: "24k", 1: "400k", 2: "2m", 3: "1m", 4: "128k", 5: "24k", 6: "1m"}[number]
    with mounted(tmp_path / "disk", size) as disk:
        assert "disk is full" in refused(task, OutputError, **values)
        for path in everything(disk):
            whole(path)
        remount(disk, "size=64m")
        given = {key: str(value) if isinstance(value, Path) else value for key, value in values.items()}
        TASKS[task].load()(make(TASKS[task].options, given), SilentReporter())


def whole(path: Path) -> None:
    """What a failed task has left is a folder, a whole picture, a sound store or a log that grows line by line."""
    if path.is_dir():
        return
    if path.suffix == ".png":
        read_image(path)
        return
    if path.suffix == ".db":
        if path.stat().st_size:
            with AlignmentsStore.readonly(path) as store:
                assert store.integrity() == []
        return
    log = path.name == "lock" or {"logs", "history"} & set(path.parts)
    assert log, f"{path} was left behind"


