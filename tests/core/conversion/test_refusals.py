"""What cannot be converted is refused in one line that says what to do, and nothing half-written stays behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.core.conversion.task import run
from understudy.core.errors import AlignmentsError, ModelError, OutputError, SourceError, UnderstudyError, UsageError
from understudy.core.faces.store import AlignmentsStore
from understudy.core.jobs.messages import SilentReporter
from understudy.core.media.images import encode_png, read_image


def refused(options: Any, kind: type[UnderstudyError]) -> str:
    with pytest.raises(kind) as caught:
        run(options, SilentReporter())
    text = str(caught.value)
    assert "\n" not in text
    assert caught.value.hint
    return text


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


def everything(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.mark.parametrize("writer", ["images", "overlay", "video"])
def test_output_below_a_file(writer: str, video: Any, options: Callable, save_mirror: Callable,
                             tmp_path: Path) -> None:
    model, file = save_mirror(tmp_path / "model"), tmp_path / "notes.txt"
    file.write_text("kept")
    before = everything(tmp_path)
    for output in (file / "out", file / "deep" / "out.mp4"):
        if writer == "video" or output.suffix == "":
            assert "notes.txt" in refused(options(video, model, writer=writer, output=str(output)), OutputError)
    assert everything(tmp_path) == before
    assert file.read_text() == "kept"


@pytest.mark.parametrize("writer", ["images", "overlay", "video"])
def test_read_only_place(writer: str, video: Any, options: Callable, save_mirror: Callable, tmp_path: Path) -> None:
    model = save_mirror(tmp_path / "model")
    with mounted(tmp_path / "disk", "1m") as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        wanted = options(video, model, writer=writer, output=str(disk / "new" / "out"))
        assert str(disk) in refused(wanted, OutputError)
        assert not everything(disk)


@pytest.mark.parametrize(("writer", "output", "size"), [
    ("images", "out", "192k"), ("overlay", "out", "64k"), ("video", "out.mp4", "8k")])
def test_full_disk(writer: str, output: str, size: str, video: Any, options: Callable, save_mirror: Callable,
                   tmp_path: Path) -> None:
    """The disk fills up in the middle; whole pictures stay and are taken up again, a video in the making goes."""
    model = save_mirror(tmp_path / "model")
    with mounted(tmp_path / "disk", size) as disk:
        wanted = options(video, model, writer=writer, output=str(disk / "new" / output))
        assert "disk is full" in refused(wanted, OutputError)
        left = [p for p in everything(disk) if p.is_file()]
        if writer == "video":
            assert not everything(disk)
        else:
            assert left
        for path in left:
            assert path.name.startswith("clip_")
            read_image(path)  # whole
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        assert run(wanted, SilentReporter())["kept"] == len(left)


def test_bad_sources(video: Any, options: Callable, save_mirror: Callable, tmp_path: Path) -> None:
    model = save_mirror(tmp_path / "model")
    text, torn, empty = tmp_path / "text.mp4", tmp_path / "torn.mp4", tmp_path / "empty"
    text.write_text("not a video")
    torn.write_bytes(video.path.read_bytes()[:2000])
    empty.mkdir()
    before = everything(tmp_path)
    for source in (tmp_path / "missing.mp4", text, torn, empty):
        assert source.name in refused(options(video, model, source=str(source)), SourceError)
    assert everything(tmp_path) == before


def test_bad_alignments(video: Any, images: Any, options: Callable, save_mirror: Callable, tmp_path: Path) -> None:
    model = save_mirror(tmp_path / "model")
    assert "another clip" in refused(options(video, model, alignments=str(images.store)), AlignmentsError)
    junk = tmp_path / "junk.db"
    junk.write_bytes(b"SQLite format 3\0" + bytes(5000))
    assert "junk.db" in refused(options(video, model, alignments=str(junk)), AlignmentsError)
    with AlignmentsStore.open(video.store) as store:
        store._connection.execute("UPDATE face SET state = 'removed'")
    assert "no faces" in refused(options(video, model), AlignmentsError)
    video.store.unlink()
    assert "extract" in refused(options(video, model), AlignmentsError)
    assert not (tmp_path / "out").exists()


def test_bad_models(video: Any, options: Callable, save_mirror: Callable, monkeypatch: pytest.MonkeyPatch,
                    tmp_path: Path) -> None:
    refused(options(video, tmp_path / "nothing"), ModelError)
    (tmp_path / "bare").mkdir()
    refused(options(video, tmp_path / "bare"), ModelError)
    model = save_mirror(tmp_path / "model")
    state = model / "state.json"
    state.write_text(state.read_text().replace('"mirror"', '"original"'))
    assert "original" in refused(options(video, model), ModelError)  # weights of another trainer
    state.write_text(state.read_text().replace('"original"', '"unheard-of"'))
    assert "unheard-of" in refused(options(video, model), ModelError)
    save_mirror(tmp_path / "torn")
    weights = next((tmp_path / "torn").glob("model.*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:40])
    assert weights.name in refused(options(video, tmp_path / "torn"), ModelError)
    assert not (tmp_path / "out").exists()


def test_bad_requests(video: Any, images: Any, options: Callable, save_mirror: Callable, tmp_path: Path) -> None:
    model = save_mirror(tmp_path / "model")
    assert "10 frames" in refused(options(video, model, frames="5-20"), UsageError)
    refused(options(video, model, output=""), UsageError)
    refused(options(video, ""), UsageError)
    before = everything(tmp_path)
    refused(options(images, model, writer="images", output=str(images.path)), OutputError)
    refused(options(images, model, writer="overlay", output=str(images.path)), OutputError)
    refused(options(video, model, writer="overlay", output=str(tmp_path / "new.mp4")), OutputError)
    refused(options(video, model, writer="video", output=str(tmp_path / "new.gif")), OutputError)
    refused(options(video, model, writer="video", output=str(video.path)), OutputError)
    assert everything(tmp_path) == before


def test_what_others_made_is_not_replaced(video: Any, options: Callable, save_mirror: Callable,
                                          tmp_path: Path) -> None:
    model, out = save_mirror(tmp_path / "model"), tmp_path / "out"
    out.mkdir()
    foreign = out / "clip_000004.png"
    for kept in (b"a person's work", encode_png(np.zeros((8, 8, 3), np.uint8))):
        foreign.write_bytes(kept)
        assert "clip_000004.png" in refused(options(video, model), OutputError)
        assert [p.name for p in out.iterdir()] == [foreign.name]
        assert foreign.read_bytes() == kept
    (tmp_path / "words.mp4").write_text("words")
    wanted = options(video, model, writer="video", output=str(tmp_path / "words.mp4"))
    assert "words.mp4" in refused(wanted, OutputError)
