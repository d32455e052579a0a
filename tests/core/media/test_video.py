from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import numpy as np
import pytest

from understudy.core.errors import SourceError
from understudy.core.media.source import Source, open_source

COUNT = 40
RANDOM = random.Random(3)
JUMPS = [0, *accumulate(RANDOM.choice([33, 33, 34, 66, 100, 200]) for _ in range(COUNT - 1))]
OPEN_GOP = {"x264-params": "open-gop=1:keyint=8:min-keyint=8"}

# name: how it is made, and what must come out of it
CLIPS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "b_frames.mp4": ({}, {"rate": Fraction(25), "constant_rate": True}),
    "film.mp4": ({"rate": (24000, 1001)}, {"rate": Fraction(24000, 1001), "constant_rate": True}),
    "film.mkv": ({"rate": (24000, 1001)}, {"rate": Fraction(24000, 1001), "constant_rate": True}),
    "fast.mov": ({"rate": (60000, 1001)}, {"rate": Fraction(60000, 1001), "constant_rate": True}),
    "variable.mp4": ({"pts": JUMPS, "time_base": (1, 1000)}, {"constant_rate": False}),
    "variable.mkv": ({"pts": JUMPS, "time_base": (1, 1000)}, {"constant_rate": False}),
    "late.mp4": ({"pts": [700 + 40 * n for n in range(COUNT)], "time_base": (1, 1000)}, {"rate": Fraction(25)}),
    "open_gop.mp4": ({"options": OPEN_GOP}, {"constant_rate": True}),
    "intra.mp4": ({"gop": 1, "bframes": 0}, {}),
    "one_gop.mp4": ({"gop": 999}, {}),
    "turned_90.mp4": ({"rotation": 90}, {"size": (168, 96)}),
    "turned_180.mp4": ({"rotation": 180}, {"size": (168, 96)}),
    "turned_270.mp4": ({"rotation": 270}, {"size": (168, 96)}),
    "deep.mp4": ({"pix_fmt": "yuv420p10le"}, {}),
    "sound.mp4": ({"audio": "aac"}, {"has_audio": True}),
    "stream.ts": ({}, {"rate": Fraction(25), "constant_rate": True}),
    "old.avi": ({"codec": "mpeg4"}, {"rate": Fraction(25), "constant_rate": True}),
    "web.webm": ({"codec": "libvpx-vp9"}, {"rate": Fraction(25), "constant_rate": True}),
    "raw.h264": ({}, {"rate": Fraction(25)}),  # no times at all: frames can only be counted
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, clips: ModuleType) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("clips")

    def make(name: str) -> Path:
        path = folder / name
        return path if path.exists() else clips.video(path, COUNT, **CLIPS[name][0])

    return make


@pytest.mark.parametrize("name", CLIPS)
def test_every_frame_is_the_one_it_says(name: str, made: Callable[[str], Path],
                                        read_number: Callable[[np.ndarray], int]) -> None:
    with open_source(made(name)) as source:
        assert len(source) == COUNT
        for attribute, expected in CLIPS[name][1].items():
            assert getattr(source, attribute) == expected
        in_order = [f.pixels for f in source.frames()]
        assert [read_number(p) for p in in_order] == list(range(COUNT))
        order = list(range(COUNT))
        random.Random(1).shuffle(order)
        for index in order:
            frame = source.read(index)
            assert (frame.index, frame.source) == (index, str(source.path))
            assert np.array_equal(frame.pixels, in_order[index]), f"frame {index} differs when read alone"
        some = [0, 3, 4, 30, 39]
        assert [read_number(f.pixels) for f in source.frames(some)] == some


def test_times_of_a_variable_rate(made: Callable[[str], Path]) -> None:
    source = open_source(made("variable.mp4"))
    assert [source.time(n) for n in range(COUNT)] == pytest.approx([t / 1000 for t in JUMPS], abs=1e-4)


def test_two_passes_and_single_reads_do_not_disturb_each_other(made: Callable[[str], Path],
                                                              read_number: Callable[[np.ndarray], int]) -> None:
    with open_source(made("b_frames.mp4")) as source:
        one, two = source.frames(), source.frames(range(10, 40))
        for n in range(20):
            assert read_number(next(one).pixels) == n
            assert read_number(next(two).pixels) == n + 10
            assert read_number(source.read(39 - n).pixels) == 39 - n


def test_an_edit_list_hides_frames_from_us_as_from_players(tmp_path: Path, clips: ModuleType,
                                                           read_number: Callable[[np.ndarray], int]) -> None:
    """A cut without re-encoding keeps the frames before it, for decoding only: they are no frames of the clip."""
    whole = clips.video(tmp_path / "whole.mp4", COUNT, gop=10)
    with av.open(str(whole)) as source, av.open(str(tmp_path / "cut.mp4"), "w") as out:
        stream = source.streams.video[0]
        copy = out.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.size:
                packet.pts -= 15 * 512
                packet.dts -= 15 * 512
                packet.stream = copy
                out.mux(packet)
    cut = open_source(tmp_path / "cut.mp4")
    with av.open(str(tmp_path / "cut.mp4")) as container:
        shown = [read_number(f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]
    assert len(shown) < COUNT
    assert [read_number(f.pixels) for f in cut.frames()] == shown
    assert [read_number(cut.read(n).pixels) for n in reversed(range(len(cut)))] == shown[::-1]


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le"])
@pytest.mark.parametrize(("tags", "matrix"), [
    ("BT709", 1), ("BT601", 6), ("full", 1), ("untagged", 2),
])
def test_matrix_and_range_are_honoured(tmp_path: Path, clips: ModuleType, pix_fmt: str, tags: str, matrix: int) -> None:
    """Saturated patches come back within 3/255; a wrong matrix or range is off by 15 and more."""
    patches = np.array([[200, 30, 40], [30, 180, 50], [40, 60, 210], [250, 250, 250], [5, 5, 5], [128, 128, 128],
                        [220, 200, 20], [20, 200, 220]], np.uint8)
    picture = np.repeat(np.repeat(patches[None], 64, 0), 32, 1)
    coding = {"BT709": clips.BT709, "BT601": clips.BT601, "full": {**clips.BT709, "color_range": 2}}.get(tags, {})
    path = clips.video(tmp_path / "c.mp4", pictures=[picture] * 3, size=(256, 64), pix_fmt=pix_fmt, tags=coding, crf=1)
    source = open_source(path)
    assert (source.colour.matrix, source.colour.full_range) == (matrix, tags == "full")
    assert source.colour.bits == (10 if "10" in pix_fmt else 8)
    read = source.read(1).pixels[24:40].astype(int)
    for n, patch in enumerate(patches):
        assert np.abs(read[:, 32 * n + 8:32 * n + 24] - patch.astype(int)).max() <= 3, f"patch {patch}"


def _refused(path: Path, told: str) -> None:
    with pytest.raises(SourceError, match=told) as refusal:
        open_source(path)
    assert path.name in str(refusal.value) or str(path) in str(refusal.value)
    assert refusal.value.hint
    assert "\n" not in str(refusal.value)


def test_what_is_no_footage_is_refused(tmp_path: Path, clips: ModuleType) -> None:
    _refused(tmp_path / "missing.mp4", "nothing at")
    (tmp_path / "text.mp4").write_text("This is a letter, not a film.\n" * 100)
    _refused(tmp_path / "text.mp4", "Not a video")
    (tmp_path / "empty.mp4").touch()
    _refused(tmp_path / "empty.mp4", "is empty")
    (tmp_path / "folder").mkdir()
    _refused(tmp_path / "folder", "no images")
    (tmp_path / "folder" / "notes.txt").write_text("x")
    _refused(tmp_path / "folder", "no images")
    (tmp_path / "folder" / "broken.png").write_text("x")
    with pytest.raises(SourceError, match=r"broken\.png"):
        open_source(tmp_path / "folder")
    with pytest.raises(SourceError, match="No footage"):
        open_source("")


@pytest.mark.parametrize("name", ["header_first.mp4", "header_last.mov", "cut.mkv"])
def test_a_truncated_file_is_refused(tmp_path: Path, clips: ModuleType, name: str) -> None:
    path = clips.video(tmp_path / name, 120)
    data = path.read_bytes()
    path.write_bytes(data[:len(data) // 2])
    _refused(path, "breaks off|Not a video")


def test_sound_without_picture_is_refused(tmp_path: Path, clips: ModuleType) -> None:
    with av.open(str(tmp_path / "song.mp4"), "w") as out:
        stream = out.add_stream("aac", rate=48000, layout="stereo")
        clips._tone(out, stream, 0.5)
    _refused(tmp_path / "song.mp4", "no picture")


def test_the_index_is_kept_and_follows_the_file(tmp_path: Path, clips: ModuleType, own_cache: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:
    from understudy.core.media import video

    path = clips.video(tmp_path / "a.mp4", 12)
    first = open_source(path)
    assert len(list((own_cache / "cache").rglob("*.json"))) == 1
    monkeypatch.setattr(video, "build_index", lambda _: pytest.fail("built again"))
    again = open_source(path)
    assert again.index == first.index
    assert again.fingerprint == first.fingerprint
    monkeypatch.undo()
    monkeypatch.setenv("UNDERSTUDY_HOME", str(own_cache))
    for file in (own_cache / "cache").rglob("*.json"):
        file.write_text("{ torn")
    assert open_source(path).index == first.index
    clips.video(path, 20)
    changed = open_source(path)
    assert (len(changed), changed.fingerprint != first.fingerprint) == (20, True)


def test_a_copy_has_the_same_fingerprint(tmp_path: Path, clips: ModuleType) -> None:
    path = clips.video(tmp_path / "a.mp4", 5)
    (tmp_path / "b.mp4").write_bytes(path.read_bytes())
    assert open_source(path).fingerprint == open_source(tmp_path / "b.mp4").fingerprint


@pytest.mark.footage
def test_real_clips(footage: Path) -> None:
    source: Source = open_source(footage / "actor_a.mp4")
    assert (len(source), source.size, source.rate, source.has_audio) == (240, (640, 360), 25, False)
    with open_source(footage / "real_talk_720p.mp4") as real:
        assert (len(real), real.has_audio, real.name(7)) == (180, True, "real_talk_720p_000007")
        assert np.array_equal(real.read(150).pixels, next(iter(real.frames([150]))).pixels)
