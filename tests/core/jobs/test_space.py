"""Room on the disk is asked about before a job starts: estimates hold for real jobs, and a full disk is refused."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from understudy.core.errors import OutputError
from understudy.core.faces.nouns import Face, SourceInfo
from understudy.core.faces.store import AlignmentsStore, Found
from understudy.core.jobs import space
from understudy.core.jobs.space import Need
from understudy.core.media.images import write_png
from understudy.core.models.folder import hollow_model
from understudy.core.models.state import ModelState, Settings
from understudy.core.options.rows import TRAINERS, WRITERS


def clip(path: str) -> tuple[int, Fraction] | None:
    return (100, Fraction(25)) if path.endswith(".mp4") else None


@pytest.mark.parametrize("trainer", [row.name for row in TRAINERS])
def test_the_sizes_of_models_are_those_of_the_models(trainer: str) -> None:
    count = sum(parameter.numel() for parameter in hollow_model(Settings(trainer)).parameters())
    assert space.PARAMETERS[trainer] * 1e6 == pytest.approx(count, rel=0.02, abs=5e4)


def test_every_writer_has_an_estimate() -> None:
    assert {row.name for row in WRITERS} <= set(space._FRAME)


def test_extraction_counts_the_frames_that_it_reads(tmp_path: Path) -> None:
    options = {"source": str(tmp_path / "a.mp4"), "faces": str(tmp_path / "faces"), "face_size": 256, "frames": "0-49"}
    sizes = {need.place.name: need.size for need in space.needs("extract", options, "Extract A", clip)}
    assert sizes["faces"] == round(50 * 256 * 256 * 1.7)
    assert sizes[tmp_path.name] == 50 * 12_000
    (thinned,) = [n.size for n in space.needs("extract", options | {"every": 10}, "", clip) if n.place.name == "faces"]
    assert thinned == sizes["faces"] // 10
    assert space.needs("extract", options | {"source": "unknown"}, "", clip) == []


def test_pictures_that_are_there_need_no_more_room(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    for number in range(100):
        write_png(tmp_path / "faces" / f"a_{number}.png", noise) if number else (tmp_path / "faces").mkdir()
    options = {"source": str(tmp_path / "a.mp4"), "faces": str(tmp_path / "faces"), "face_size": 64}
    (faces,) = [n.size for n in space.needs("extract", options, "", clip) if n.place.name == "faces"]
    assert faces == round(1 * 64 * 64 * 1.7)


def test_training_counts_saves_and_snapshots(tmp_path: Path) -> None:
    options = {"model_dir": str(tmp_path / "model"), "trainer": "sketch", "iterations": 1000, "snapshot_interval": 400}
    (need,) = space.needs("train", options, "Train", clip)
    assert need.size == round(2.8e6 * 12) * (3 + 2)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.1.safetensors").write_bytes(b"x" * 1000)
    (folder / "state.json").write_bytes(ModelState(Settings("sketch"), 64, 64, 500, 1).to_json())
    (need,) = space.needs("train", options, "Train", clip)
    assert need.size == 1000 * (2 + 1)  # one save stands; the snapshot of 800 is to come


def test_conversion_knows_the_frame_by_the_alignments(tmp_path: Path) -> None:
    AlignmentsStore.create(tmp_path / "a.db", SourceInfo("f", "a", 640, 360, "25", 100)).close()
    options = {"alignments": str(tmp_path / "a.db"), "output": str(tmp_path / "out"), "writer": "overlay", "frames": ""}
    (need,) = space.needs("convert", options, "Convert", clip)
    assert need.size == round(100 * 640 * 360 * 0.6)
    assert space.needs("convert", options | {"alignments": str(tmp_path / "none.db")}, "", clip) == []
    deep = {"writer": "images", "depth": "16", "output_scale": 200.0}
    (larger,) = space.needs("convert", options | deep, "Convert", clip)
    assert larger.size == round(100 * 640 * 360 * 2.4 * 2.2 * 4)
    sizes = [space.needs("convert", options | {"writer": "video", "video_codec": codec}, "", clip)[0].size
             for codec in ("x264", "prores", "ffv1")]
    assert sizes == sorted(sizes)


def test_other_tasks_and_bad_options_ask_for_nothing(tmp_path: Path) -> None:
    assert space.needs("restore", {"model_dir": "x"}, "", clip) == []
    assert space.needs("extract", {"source": "a.mp4", "frames": "nonsense"}, "", clip) == []


@pytest.fixture
def clip_with_faces(tmp_path: Path) -> dict[str, object]:
    """Options of a clip of 100 frames of 200 x 100 with a face in each but the last ten, and two in the first."""
    points = np.zeros((68, 2), np.float32)
    path = tmp_path / "a_alignments.db"
    (tmp_path / "a.mp4").write_bytes(b"x" * 1000)
    with AlignmentsStore.create(path, SourceInfo("0" * 32, "a.mp4", 200, 100, "25/1", 100)) as store:
        for frame in range(90):
            store.set_frame(frame, f"a_{frame:06d}", "s")
            for place in range(2 if frame == 0 else 1):
                store.put(Found(Face(frame, (9.0 * place, 1.0, 8.0, 8.0), points, "s3fd", "fan", 0.9)))
    return {"source": str(tmp_path / "a.mp4"), "alignments": str(path)}


@pytest.mark.parametrize(("task", "options", "expected"), [
    ("alignments extract", {"faces": "out", "face_size": 256}, 91 * 256 * 256 * 1.7),
    ("alignments extract", {"faces": "out", "face_size": 256, "every": 10, "frames": "10-99"}, 8 * 256 * 256 * 1.7),
    ("alignments draw", {"output": "out", "frames": "0-9"}, 10 * 200 * 100 * 2.4),
    ("mask output", {"output": "out", "mask": ("extended", "components"), "size": 64}, 91 * 64 * 64 * 3 * 2 * 2.4),
    ("mask output", {"output": "out", "mask": ("extended",), "full_frame": True, "kind": "mask"},
     100 * 200 * 100 * 2.4),
    ("constant-rate", {"output": "out/b.mp4"}, 3000)])
def test_tools_that_write_many_files_say_how_much(tmp_path: Path, clip_with_faces: dict[str, object], task: str,
                                                  options: dict[str, object], expected: float) -> None:
    where = {name: str(tmp_path / str(options[name])) for name in ("faces", "output") if name in options}
    (need,) = space.needs(task, clip_with_faces | options | where, "Tool", clip)
    assert (need.place, need.size) == (tmp_path / "out", round(expected))
    assert space.needs(task, clip_with_faces | options | where | {"alignments": "none.db", "source": "none"}, "",
                       clip) == []


def test_masks_want_room_in_the_alignments_and_in_pictures(tmp_path: Path, clip_with_faces: dict[str, object]) -> None:
    options = clip_with_faces | {"masker": ("a", "b"), "mask_size": 128, "faces": str(tmp_path / "faces")}
    sizes = {need.place.name: need.size for need in space.needs("mask update", options, "", clip)}
    assert sizes["faces"] == 91 * 2 * 128 * 128 // 4
    assert sizes[tmp_path.name] == sizes["faces"] + Path(str(options["alignments"])).stat().st_size
    assert space.needs("mask update", options | {"dry_run": True}, "", clip) == []


def test_pictures_that_are_copied_want_as_much_again(tmp_path: Path) -> None:
    (tmp_path / "faces" / "_face").mkdir(parents=True)
    for name in ("a.png", "_face/b.png"):
        (tmp_path / "faces" / name).write_bytes(b"x" * 500)
    options = {"faces": str(tmp_path / "faces"), "output": "", "keep": False}
    assert space.needs("sort", options, "", clip) == []
    assert [need.size for need in space.needs("sort", options | {"keep": True}, "", clip)] == [1000]
    merge = {"folders": (options["faces"], options["faces"]), "output": str(tmp_path / "out")}
    (need,) = space.needs("alignments merge", merge, "", clip)
    assert (need.place, need.size) == (tmp_path / "out", 2000)


def test_too_little_room_is_refused_and_little_room_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=5_000_000_000))
    wanted = [Need("Extract A", tmp_path / "not" / "yet", 2_000_000_000), Need("Train", tmp_path, 1_000_000_000)]
    assert space.check(wanted) == []
    (warning,) = space.check([*wanted, Need("Train", tmp_path, 1_500_000_000)])
    assert "Extract A and Train will need about 4.5 GB" in warning
    assert "5.0 GB are free" in warning
    (warning,) = space.check(Need(what, tmp_path, 1_500_000_000) for what in ("Extract A", "Extract B", "Train"))
    assert warning.startswith("Extract A, Extract B and Train will need")
    with pytest.raises(OutputError, match=r"Convert will need about 6\.0 GB.*Clean Up"):
        space.check([Need("Convert", tmp_path, 6_000_000_000)])


def test_a_real_picture_of_a_face_fits_the_estimate(tmp_path: Path, footage: Path) -> None:
    from understudy.core.media.source import open_source

    with open_source(footage / "actor_a.mp4") as source:
        pixels = source.read(0).pixels
    write_png(tmp_path / "x.png", np.ascontiguousarray(pixels))
    assert (tmp_path / "x.png").stat().st_size < pixels.shape[0] * pixels.shape[1] * space._FRAME["images"]
