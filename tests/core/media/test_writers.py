from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import numpy as np
import pytest

from understudy.core.errors import OutputError
from understudy.core.media.encoding import Encoding
from understudy.core.media.source import open_source
from understudy.core.media.writers import VideoWriter


def _copy(source_path: Path, out: Path, frames: Any = None, **options: Any) -> Any:
    source = open_source(source_path)
    with VideoWriter(out, source, preset="ultrafast", **options) as writer:
        for frame in source.frames(frames):
            writer.write(frame.index, frame.pixels)
    return open_source(out)


@pytest.mark.parametrize("rate", [(25, 1), (24000, 1001), (30000, 1001), (60, 1), (15, 2)])
def test_the_rate_is_the_sources_exactly(tmp_path: Path, clips: ModuleType, rate: tuple[int, int],
                                         read_number: Callable[[np.ndarray], int]) -> None:
    copy = _copy(clips.video(tmp_path / "a.mp4", 20, rate=rate), tmp_path / "b.mp4")
    assert (copy.rate, copy.constant_rate, len(copy)) == (Fraction(*rate), True, 20)
    assert [read_number(f.pixels) for f in copy.frames()] == list(range(20))
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["a.mp4", "b.mp4"]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("preset", ["ultrafast", "medium"])
def test_the_shortest_hevc_videos_have_decoding_times(tmp_path: Path, suffix: str, length: int, preset: str) -> None:
    out = tmp_path / f"a{suffix}"
    with VideoWriter(out, None, rate=Fraction(25), encoding=Encoding(codec="x265", preset=preset)) as writer:
        for number in range(length):
            writer.write(number, np.full((64, 96, 3), 80 * number, np.uint8))
    with av.open(str(out)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.pts is not None]
        base = container.streams.video[0].time_base
    assert sorted(packet.pts * base for packet in packets) == [Fraction(number, 25) for number in range(length)]
    decoded = [packet.dts * base for packet in packets if packet.dts is not None]  # Matroska tells few
    assert decoded == sorted(set(decoded))
    assert all(-Fraction(3, 25) <= time <= Fraction(length - 1, 25) for time in decoded)


@pytest.mark.parametrize("tags", [
    {"color_primaries": 1, "color_trc": 1, "colorspace": 1, "color_range": 1},
    {"color_primaries": 6, "color_trc": 6, "colorspace": 6, "color_range": 1},
    {"color_primaries": 5, "color_trc": 6, "colorspace": 5, "color_range": 1},
    {"color_primaries": 1, "color_trc": 13, "colorspace": 1, "color_range": 2},
    {"color_primaries": 9, "color_trc": 16, "colorspace": 9, "color_range": 1},
    {},
])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_colour_tags_and_colours_survive(tmp_path: Path, clips: ModuleType, tags: dict[str, int], suffix: str) -> None:
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:, :48], picture[:, 48:] = (180, 60, 40), (30, 120, 200)
    path = clips.video(tmp_path / "a.mp4", pictures=[picture] * 4, size=(96, 64), tags=tags, crf=4)
    source, copy = open_source(path), _copy(path, tmp_path / f"b{suffix}", crf=4)
    for name in ("primaries", "transfer", "matrix", "full_range"):
        assert getattr(copy.colour, name) == getattr(source.colour, name), name
    difference = np.abs(copy.read(2).pixels.astype(int) - source.read(2).pixels)
    assert difference[:, list(range(4, 44)) + list(range(52, 92))].max() <= 3


def test_a_variable_rate_is_carried_over(tmp_path: Path, clips: ModuleType,
                                         read_number: Callable[[np.ndarray], int]) -> None:
    times = [0, *accumulate([33, 33, 100, 34, 200, 66, 33, 33, 100, 40, 70])]
    path = clips.video(tmp_path / "a.mp4", 12, pts=times, time_base=(1, 1000), audio="aac")
    copy = _copy(path, tmp_path / "b.mp4")
    assert [read_number(f.pixels) for f in copy.frames()] == list(range(12))
    assert [copy.time(n) for n in range(12)] == pytest.approx([t / 1000 for t in times], abs=2e-4)
    part = _copy(path, tmp_path / "c.mp4", [4, 5, 8])
    assert [part.time(n) for n in range(3)] == pytest.approx([0, 0.2, 0.266], abs=2e-4)


def test_gaps_between_frames_are_closed(tmp_path: Path, clips: ModuleType,
                                        read_number: Callable[[np.ndarray], int]) -> None:
    copy = _copy(clips.video(tmp_path / "a.mp4", 20), tmp_path / "b.mp4", [3, 4, 8, 9])
    assert copy.constant_rate
    assert [read_number(f.pixels) for f in copy.frames()] == [3, 4, 8, 9]


def test_odd_sides_grow_by_a_repeated_pixel(tmp_path: Path) -> None:
    picture = np.full((35, 47, 3), 90, np.uint8)
    picture[:, -1] = 200
    with VideoWriter(tmp_path / "a.mp4", None, rate=Fraction(25), crf=1) as writer:
        writer.write(0, picture)
    read = open_source(tmp_path / "a.mp4")
    assert read.size == (48, 36)
    assert np.abs(read.read(0).pixels[:, -2:].astype(int) - 200).max() < 12


def _sound(path: Path) -> tuple[np.ndarray, float]:
    """Samples of the left channel at 48 kHz, and the time of the first."""
    with av.open(str(path)) as container:
        frames = [f for f in container.decode(audio=0) if f.pts is not None]
        data = np.concatenate([f.to_ndarray().astype(np.float32).reshape(-1) if f.format.is_packed and
                               f.layout.nb_channels == 1 else f.to_ndarray()[0] for f in frames])
        return data, float(frames[0].time)


@pytest.mark.parametrize(("container", "codec", "expected"), [
    ("a.mp4", "aac", "aac"), ("a.mov", "pcm_s16le", "aac"), ("a.mkv", "libopus", "aac"),
    ("a.mp4", "libmp3lame", "mp3float"),
])
def test_sound_is_carried_and_stays_in_step(tmp_path: Path, clips: ModuleType, container: str, codec: str,
                                            expected: str) -> None:
    """A click every second at the source's seconds is heard at the same seconds of the result."""
    path = clips.video(tmp_path / container, 75, audio=codec)
    copy = _copy(path, tmp_path / "out.mp4")
    assert copy.has_audio
    with av.open(str(tmp_path / "out.mp4")) as out:
        assert out.streams.audio[0].codec_context.name in (expected, expected.removesuffix("float"))
    samples, start = _sound(tmp_path / "out.mp4")
    assert len(samples) / 48000 == pytest.approx(3.0, abs=0.06)
    onset = start + np.argmax(samples[60000 - 24000:60000] > 0.6) / 48000 + 36000 / 48000
    assert onset == pytest.approx(1.0, abs=0.005)


def test_sound_of_a_part_begins_with_its_first_frame(tmp_path: Path, clips: ModuleType) -> None:
    path = clips.video(tmp_path / "a.mp4", 75, audio="aac")
    _copy(path, tmp_path / "b.mp4", range(15, 50))  # from 0.6 s: the click at 1 s comes at 0.4 s
    samples, start = _sound(tmp_path / "b.mp4")
    onset = start + np.argmax(samples[int((0.2 - start) * 48000):] > 0.6) / 48000 + 0.2
    assert onset == pytest.approx(0.4, abs=0.01)
    assert len(samples) / 48000 == pytest.approx(35 / 25, abs=0.06)


def test_bit_for_bit_copy_of_the_sound(tmp_path: Path, clips: ModuleType) -> None:
    path = clips.video(tmp_path / "a.mp4", 50, audio="aac")
    _copy(path, tmp_path / "b.mp4")
    with av.open(str(path)) as one, av.open(str(tmp_path / "b.mp4")) as two:
        a, b = ([bytes(p) for p in c.demux(audio=0) if p.size] for c in (one, two))
    assert a[:len(b)] == b
    assert len(a) - len(b) <= 1


def test_the_video_says_that_it_is_altered(tmp_path: Path, clips: ModuleType) -> None:
    _copy(clips.video(tmp_path / "a.mp4", 3), tmp_path / "b.mp4")
    with av.open(str(tmp_path / "b.mp4")) as out:
        assert "lgorithmically altered" in out.metadata["comment"]


def test_an_exception_leaves_nothing_behind(tmp_path: Path) -> None:
    picture = np.zeros((32, 32, 3), np.uint8)
    (tmp_path / "a.mp4").write_bytes(b"the old one")

    def interrupted() -> None:
        with VideoWriter(tmp_path / "a.mp4", None, rate=Fraction(25)) as writer:
            for index in (0, 1, 1):
                writer.write(index, picture)

    with pytest.raises(ValueError, match="ascend"):
        interrupted()
    assert (tmp_path / "a.mp4").read_bytes() == b"the old one"
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["a.mp4"]
    with VideoWriter(tmp_path / "none.mp4", None, rate=Fraction(25)):
        pass
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["a.mp4"]


def test_places_that_cannot_be_written_are_refused_at_once(tmp_path: Path, clips: ModuleType) -> None:
    source = open_source(clips.images(tmp_path / "in", [1]))
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file" / "a.mp4", tmp_path / "file" / "b" / "a.mp4", tmp_path / "a.xyz"):
        with pytest.raises(OutputError):
            VideoWriter(place, source)
    (tmp_path / "dir.mp4").mkdir()
    with pytest.raises(OutputError):
        VideoWriter(tmp_path / "dir.mp4", source)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["dir.mp4", "file", "in"]
