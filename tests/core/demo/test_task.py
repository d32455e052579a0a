"""The demonstration's own steps: finding Blender, skipping what is there, before and after, refusing other clips."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from understudy.core import blender_process
from understudy.core.demo import blender, clips, side_by_side, task
from understudy.core.errors import FacesError, SourceError, UnderstudyError, UsageError
from understudy.core.jobs.messages import SilentReporter
from understudy.core.media.images import write_png
from understudy.core.media.provenance import STATEMENT
from understudy.core.media.source import open_source
from understudy.core.options.demo import DemoOptions
from understudy.core.options.train import TrainOptions


class Listener(SilentReporter):
    def __init__(self) -> None:
        self.texts: list[str] = []
        self.warnings: list[str] = []

    def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
        if not self.texts or self.texts[-1] != text:
            self.texts.append(text)
        return False

    def warning(self, message: str, detail: str = "") -> None:
        self.warnings.append(f"{message} {detail}")


@pytest.fixture
def no_blender(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BLENDER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(5):
        write_png(folder / f"p_{i}.png", np.full((36, 64, 3), 40 * i, np.uint8), {})
    return folder


def overlays(folder: Path, count: int) -> list[Path]:
    paths = []
    for i in range(count):
        pixels = np.zeros((36, 64, 4), np.uint8)
        pixels[:, :32] = (200, 100, 0, 255)
        pixels[:, 32:40] = (200, 100, 0, 128)
        paths.append(folder / f"o_{i:06d}.png")
        write_png(paths[-1], pixels, {})
    return paths


def fake_program(folder: Path, says: str) -> str:
    script = folder / "program"
    script.write_text(f"#!/bin/sh\n{says}\n")
    script.chmod(0o755)
    return str(script)


def test_no_blender_is_no_error(no_blender: None) -> None:
    assert blender_process.find_blender("") is None


def test_a_wrong_blender_is_named(no_blender: None) -> None:
    with pytest.raises(UsageError, match="/nowhere/blender"):
        blender_process.find_blender("/nowhere/blender")


def test_what_is_no_blender_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no Blender"):
        blender_process.find_blender(fake_program(tmp_path, "echo something else"))


def test_python_and_blender_are_told_apart(no_blender: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = blender_process.find_blender(sys.executable)
    assert python is not None
    assert blender_process.command(python, Path("s.py"), Path("x.json"))[1:] == ["s.py", "x.json"]
    program = fake_program(tmp_path, "echo 'EGL: no display'; echo 'Blender 5.2.0 LTS'")
    monkeypatch.setenv("BLENDER", program)
    found = blender_process.find_blender("")
    assert found is not None
    line = blender_process.command(found, Path("s.py"), Path("x.json"))
    assert line[0] == program
    assert line[-4:] == ["--python", "s.py", "--", "x.json"]
    assert "--background" in line


def test_a_blender_that_fails_is_told_in_its_own_words(tmp_path: Path) -> None:
    program = [fake_program(tmp_path, "echo 'one thing'; echo 'out of memory, sorry' >&2; exit 3")]
    spec = {"output": str(tmp_path / "swapped.mp4"), "blend": str(tmp_path / "x.blend")}
    with pytest.raises(UnderstudyError, match=r"out of memory, sorry.*blender\.log"):
        blender.build_scene(program, spec, tmp_path / "work", SilentReporter())
    assert not (tmp_path / "swapped.mp4").exists()


def test_the_rendered_video_is_marked_and_else_unchanged(tmp_path: Path) -> None:
    from understudy.core.media.writers import VideoWriter

    plain = tmp_path / "plain.mp4"
    with VideoWriter(plain, None, rate=clips.RATE) as writer:
        for i in range(6):
            writer.write(i, np.full((36, 64, 3), 30 * i, np.uint8))
    with av.open(str(plain)) as container:
        before = [bytes(p) for p in container.demux() if p.size]
    blender.mark(plain, tmp_path / "marked.mp4")
    with av.open(str(tmp_path / "marked.mp4")) as container:
        assert container.metadata["comment"] == STATEMENT
        assert [bytes(p) for p in container.demux() if p.size] == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["marked.mp4", "plain.mp4"]


def test_without_blender_the_overlay_is_laid_over_as_the_sequencer_does(pictures: Path, tmp_path: Path) -> None:
    with open_source(pictures) as source:
        frames = list(side_by_side.composited(source, overlays(tmp_path, 5)))
        assert len(frames) == 5
        for i, frame in enumerate(frames):
            assert (frame[:, :32] == (200, 100, 0)).all()
            assert (frame[:, 40:] == 40 * i).all()
            assert np.abs(frame[:, 32:40] - (np.array([200, 100, 0]) * 0.502 + 40 * i * 0.498)).max() <= 1
        path = tmp_path / "both.mp4"
        side_by_side.write(source, iter(frames), path, SilentReporter())
    with open_source(path) as both:
        assert (len(both), both.size) == (5, (128, 36))
        assert np.abs(both.read(3).pixels[:, :60].astype(int) - 120).max() <= 4


def test_a_broken_overlay_is_named(pictures: Path, tmp_path: Path) -> None:
    paths = overlays(tmp_path, 5)
    paths[2].write_bytes(b"not a picture")
    with open_source(pictures) as source, pytest.raises(SourceError, match="o_000002"):
        list(side_by_side.composited(source, paths))


def test_missing_overlays_are_told(pictures: Path, tmp_path: Path) -> None:
    with open_source(pictures) as source:
        for i in range(4):
            write_png(tmp_path / f"{source.name(i)}.png", np.zeros((36, 64, 4), np.uint8), {})
        with pytest.raises(FacesError, match=r"lacks 1 of 5 pictures \(p_4.png"):
            task.overlay_files(tmp_path, source)
        write_png(tmp_path / "p_4.png", np.zeros((36, 64, 4), np.uint8), {})
        assert [path.name for path in task.overlay_files(tmp_path, source)] == [f"p_{i}.png" for i in range(5)]


def test_a_folder_of_other_clips_is_refused(pictures: Path, tmp_path: Path) -> None:
    places = task.Places(tmp_path)
    task._claim(places, {"a": pictures, "b": pictures})
    task._claim(places, {"a": pictures, "b": pictures})
    write_png(pictures / "p_9.png", np.zeros((36, 64, 3), np.uint8), {})
    with pytest.raises(UsageError, match="other clips"):
        task._claim(places, {"a": pictures, "b": pictures})


def test_newer(tmp_path: Path) -> None:
    import os

    old, new = tmp_path / "old", tmp_path / "new"
    for path, stamp in ((old, 1000), (new, 2000)):
        path.touch()
        os.utime(path, (stamp, stamp))
    assert task.newer(new, old)
    assert not task.newer(old, new)
    assert not task.newer(tmp_path / "missing", old)


def test_the_whole_job(no_blender: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clips to before and after in few frames and iterations; the second run finds all there and keeps it."""
    monkeypatch.setattr(clips, "FRAMES", 30)
    short = {"save_interval": 10, "preview_images": 2, "batch_size": 2}
    monkeypatch.setattr(task, "TrainOptions", lambda **given: replace(TrainOptions(**given), **short))
    options = DemoOptions(output=str(tmp_path / "out"), iterations=2)
    first = Listener()
    result = task.run(options, first)
    assert result["swapped"] == ""
    assert any("--blender-python" in warning for warning in first.warnings)
    for number in range(1, task.STEPS + 1):
        assert number == 6 or any(text.startswith(f"[{number}/{task.STEPS}]") for text in first.texts)
    kinds = (".mp4", ".png", ".safetensors")
    made = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*") if p.suffix in kinds}
    for name in ("before_after", "preview", "loss"):
        assert Path(result[name]) in made
    assert len(list((tmp_path / "out" / "faces_a").glob("*.png"))) == 30
    with open_source(result["before_after"]) as both:
        assert (len(both), both.size) == (30, (1280, 360))
    again = Listener()
    assert task.run(options, again) == result
    kept = {p for p, stamp in made.items() if p.stat().st_mtime_ns == stamp}
    assert set(made) - kept <= {Path(result["preview"]), Path(result["loss"])}
