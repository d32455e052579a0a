"""The video and GIF writers: what comes out is the codec asked for, in step with its sound, first to last."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from understudy.core.conversion.composite import full_frame, overlay
from understudy.core.errors import OutputError, UsageError
from understudy.core.media.source import open_source

from ..media import clips
from . import writing
from .writing import Written

FAST = {"writer": "video", "preset": "ultrafast"}
CODECS = [
    ("x264", {}, "out.mp4", "h264", "yuv420p"),
    ("x264", {"depth": "10", "profile": "high10", "tune": "grain"}, "out.mkv", "h264", "yuv420p10le"),
    ("x264", {"profile": "baseline", "tune": "stillimage"}, "out.mov", "h264", "yuv420p"),
    ("x265", {}, "out.mp4", "hevc", "yuv420p"),
    ("x265", {"depth": "10", "profile": "main10"}, "out.mov", "hevc", "yuv420p10le"),
    ("prores", {}, "out.mov", "prores", "yuv422p10le"),
    ("prores", {"profile": "4444"}, "out.mov", "prores", "yuv444p12le"),  # what FFmpeg decodes it to
    ("prores", {"profile": "proxy"}, "out.mkv", "prores", "yuv422p10le"),
    ("ffv1", {}, "out.mkv", "ffv1", "bgr0"),
    ("ffv1", {"depth": "16"}, "out.mkv", "ffv1", "gbrp16le"),
    ("vp9", {}, "out.webm", "vp9", "yuv420p"),
    ("vp9", {}, "out.mp4", "vp9", "yuv420p"),
]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return clips.video(tmp_path / "clip.mp4", 5, size=(160, 96), audio="aac")


@pytest.mark.parametrize(("codec", "values", "name", "decoder", "pixel_format"), CODECS,
                         ids=["-".join([c[0], *map(str, c[1].values()), c[2]]) for c in CODECS])
def test_every_codec_comes_out_as_asked_for(codec: str, values: dict[str, Any], name: str, decoder: str,
                                            pixel_format: str, clip: Path, tmp_path: Path) -> None:
    """Codec, layout, profile, pictures, colour tags, sound and mark, as FFmpeg finds them in the file."""
    written = Written(clip, tmp_path / name, video_codec=codec, **FAST, **values)
    with av.open(str(tmp_path / name)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.name.removeprefix("lib"), context.pix_fmt) == (decoder, pixel_format)
        assert container.streams.audio
        assert any("lgorithmically altered" in text for text in container.metadata.values())
        if codec != "ffv1":
            assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (1, 1, 1, 1)
        if codec == "x265" and name != "out.mkv":
            assert context.codec_tag == "hvc1"
        told = (stream.profile or "").lower()
        wanted = values.get("profile", "")
        expected = {"high10": "high 10", "baseline": "baseline", "main10": "main 10", "4444": "4444",
                    "proxy": "proxy"}.get(wanted, "")
        assert expected in told, told
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert len(frames) == 5
    with open_source(tmp_path / name) as made, open_source(clip) as source:
        assert (len(made), made.rate, made.size) == (5, source.rate, source.size)
        for index, frame in enumerate(made.frames()):
            whole = full_frame(written.frames[index])
            error = frame.pixels.astype(float) - (whole / 257 if whole.dtype == np.uint16 else whole)
            assert 10 * np.log10(255**2 / max((error**2).mean(), 1e-9)) > 30
    assert written.made["frames"] == "0-4"
    assert written.made["depth"] == {"yuv420p": 8, "bgr0": 8, "gbrp16le": 16}.get(pixel_format, 10)


@pytest.mark.parametrize(("codec", "name"), [("prores", "out.mov"), ("ffv1", "out.mkv"), ("vp9", "out.webm")])
def test_transparent_videos(codec: str, name: str, clip: Path, tmp_path: Path) -> None:
    written = Written(clip, tmp_path / name, video_codec=codec, transparent=True, crf=4, **FAST)
    with av.open(str(tmp_path / name)) as container:
        stream = container.streams.video[0]
        if codec == "vp9":  # FFmpeg's own decoder passes over the alpha
            context = av.CodecContext.create("libvpx-vp9", "r")
            frames = [frame for packet in container.demux(stream) for frame in context.decode(packet)]
        else:
            frames = list(container.decode(stream))
        pictures = [frame.reformat(format="rgba", src_colorspace=1).to_ndarray() for frame in frames]
    assert len(pictures) == 5
    for index, picture in enumerate(pictures):
        expected = overlay(written.frames[index])
        scale = 257 if expected.dtype == np.uint16 else 1
        assert np.abs(picture[..., 3] - expected[..., 3] / scale).mean() < 2
        assert (picture[..., 3].max() > 250) == (index != 1)
        inside = expected[..., 3] / scale > 250
        if inside.any():
            assert np.abs(picture[inside][:, :3] - expected[inside][:, :3] / scale).mean() < 6
    assert written.made["shows"] == "overlay"


@pytest.mark.parametrize(("values", "name", "told"), [
    ({"video_codec": "prores"}, "a.mp4", "prores does not go into .mp4"),
    ({"video_codec": "x264"}, "a.webm", "x264 does not go into .webm"),
    ({"video_codec": "x264", "transparent": True}, "a.mp4", "cannot be transparent"),
    ({"video_codec": "vp9", "transparent": True}, "a.mp4", "cannot be transparent"),
    ({"video_codec": "x265", "tune": "film"}, "a.mp4", "no tune film"),
    ({"video_codec": "vp9", "profile": "high"}, "a.webm", "no profile high"),
    ({"video_codec": "x264", "profile": "main", "depth": "10"}, "a.mp4", "has 8 bits"),
    ({"video_codec": "prores", "profile": "hq", "transparent": True}, "a.mov", "has no alpha"),
    ({"video_codec": "x264", "crf": 60}, "a.mp4", "goes to 51"),
    ({"reference_video": "none.mp4"}, "a.mp4", ""),
])
def test_what_does_not_go_together(values: dict[str, Any], name: str, told: str, clip: Path, tmp_path: Path) -> None:
    if "reference_video" in values:
        Written(clip, tmp_path / name, **FAST, **values)  # a video has times of its own
        return
    with pytest.raises(UsageError, match=told) as refusal:
        Written(clip, tmp_path / name, **FAST, **values)
    assert refusal.value.hint
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["clip.mp4"]


@pytest.mark.parametrize(("codec", "container", "name"), [
    ("x264", "auto", "clip_converted.mp4"), ("vp9", "mkv", "clip_converted.mkv"),
    ("ffv1", "auto", "clip_converted.mkv"), ("prores", "auto", "clip_converted.mov")])
def test_a_folder_gets_a_file_of_the_codec(codec: str, container: str, name: str, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    result = Written(clip, tmp_path / "out", frames=[0], video_codec=codec, container=container, **FAST).result
    assert [result] == list((tmp_path / "out").iterdir())
    assert result.name == name


def timing(path: Path) -> dict[str, Any]:
    """As FFmpeg decodes it: seconds at which each picture is shown and the last ends; where sound begins and ends."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        times = [(float(f.pts * f.time_base), float((f.duration or 0) * f.time_base)) for f in container.decode(video)]
    found: dict[str, Any] = {"shown": [t for t, _ in times], "end": times[-1][0] + times[-1][1]}
    with av.open(str(path)) as container:
        if container.streams.audio:
            frames = [f for f in container.decode(audio=0) if f.pts is not None]
            starts = [float(f.pts * f.time_base) for f in frames]
            samples = np.concatenate([f.to_ndarray().astype(np.float32)[0, ::1 if f.format.is_planar else 2] for f in
                                      frames])
            level = 0.6 * np.abs(samples).max()
            rate = frames[0].sample_rate
            onsets = np.flatnonzero((np.abs(samples[1:]) > level) & (np.abs(samples[:-1]) <= level)) / rate
            clicks = [t for last, t in pairwise([-1.0, *onsets]) if t - last > 0.5]
            found |= {"sound": (starts[0], starts[0] + len(samples) / rate),
                      "clicks": [starts[0] + float(t) for t in clicks]}
    return found


def shifted(path: Path, out: Path, seconds: float) -> Path:
    """The same file with its picture moved against its sound, without coding anything anew."""
    with av.open(str(path)) as source, av.open(str(out), "w") as target:
        streams = {s.index: target.add_stream_from_template(s)
                   for s in (source.streams.video[0], source.streams.audio[0])}
        packets = [p for p in source.demux() if p.size]
        for packet in sorted(packets, key=lambda p: float(p.dts * p.time_base)):
            if packet.stream.type == "video":
                move = round(Fraction(seconds).limit_denominator(1000) / packet.time_base)
                packet.pts, packet.dts = packet.pts + move, packet.dts + move
            packet.stream = streams[packet.stream.index]
            target.mux(packet)
    return out


JUMPS = [0, *accumulate([33, 33, 100, 34, 200, 66, 33, 133, 33, 400, 100, 40, 70, 33, 33, 500, 40])]
SOURCES = {
    "constant": {"count": 50},
    "ntsc": {"count": 60, "rate": (30000, 1001)},
    "variable": {"count": len(JUMPS), "pts": JUMPS, "time_base": (1, 1000)},
}


@pytest.mark.parametrize("offset", [0.0, 0.34])
@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize(("codec", "suffix"), [("x264", ".mp4"), ("x264", ".mkv"), ("prores", ".mov"),
                                               ("vp9", ".webm")])
def test_pictures_and_sound_stay_in_step(codec: str, suffix: str, kind: str, offset: float, tmp_path: Path) -> None:
    """Every picture is shown when it was, from the first to the end of the last; the sound clicks where it did."""
    path = clips.video(tmp_path / "a.mp4", size=(96, 64), audio="aac", bframes=2, **SOURCES[kind])
    if offset:
        path = shifted(path, tmp_path / "moved.mp4", offset)
    Written(path, tmp_path / f"out{suffix}", patches=lambda n: (), video_codec=codec, **FAST)
    before, after = timing(path), timing(tmp_path / f"out{suffix}")
    frame = 1 / 25
    tick = 0.0011 if suffix in (".mkv", ".webm") else 0.0006  # these count milliseconds
    assert before["shown"][0] == pytest.approx(offset, abs=0.002)
    np.testing.assert_allclose(after["shown"], before["shown"], atol=tick)
    assert abs(after["end"] - before["end"]) <= frame
    with av.open(str(tmp_path / f"out{suffix}")) as made:
        assert made.duration / av.time_base == pytest.approx(max(before["end"], before["sound"][1]), abs=frame)
    assert after["sound"][0] == pytest.approx(before["sound"][0], abs=0.025)
    assert after["sound"][1] == pytest.approx(before["sound"][1], abs=0.03)
    assert len(after["clicks"]) == len(before["clicks"]) >= 1
    np.testing.assert_allclose(after["clicks"], before["clicks"], atol=0.006)


def test_sound_of_one_range_is_cut_to_it_and_of_several_left_out(tmp_path: Path) -> None:
    path = clips.video(tmp_path / "a.mp4", 75, size=(96, 64), audio="aac")
    Written(path, tmp_path / "one.mp4", frames=range(15, 50), **FAST)
    part = timing(tmp_path / "one.mp4")
    assert (part["shown"][0], len(part["shown"])) == (0.0, 35)
    assert part["clicks"][0] == pytest.approx(0.4, abs=0.01)  # at 1 s of the source, which begins at 0.6 s here
    assert part["sound"][1] == pytest.approx(35 / 25, abs=0.05)
    several = Written(path, tmp_path / "two.mp4", frames=[*range(5), *range(20, 30)], **FAST)
    assert any("no sound" in warning for warning in several.warnings)
    assert "sound" not in timing(tmp_path / "two.mp4")
    np.testing.assert_allclose(timing(tmp_path / "two.mp4")["shown"], np.arange(15) / 25, atol=1e-3)
    silent = Written(path, tmp_path / "three.mp4", audio=False, **FAST)
    assert not silent.warnings
    assert "sound" not in timing(tmp_path / "three.mp4")


def test_pictures_take_times_and_sound_from_their_video(tmp_path: Path) -> None:
    video = clips.video(tmp_path / "a.mp4", size=(168, 96), audio="aac", **SOURCES["variable"])
    folder = clips.images(tmp_path / "shot", list(range(len(JUMPS))))
    Written(folder, tmp_path / "out.mp4", patches=lambda n: (), reference_video=str(video), **FAST)
    before, after = timing(video), timing(tmp_path / "out.mp4")
    np.testing.assert_allclose(after["shown"], before["shown"], atol=6e-4)
    np.testing.assert_allclose(after["clicks"], before["clicks"], atol=0.006)
    plain = Written(folder, tmp_path / "plain.mp4", patches=lambda n: (), **FAST)
    assert "sound" not in timing(tmp_path / "plain.mp4")
    assert plain.made["size"] == [168, 96]
    clips.images(tmp_path / "shot", [99])
    with pytest.raises(UsageError, match="has 18 frames, and there are 19 pictures"):
        Written(folder, tmp_path / "more.mp4", reference_video=str(video), **FAST)


def test_frames_of_other_sizes_are_told(tmp_path: Path) -> None:
    folder = clips.images(tmp_path / "shot", [1, 2])
    cv2.imwrite(str(folder / "shot_0003.png"), np.zeros((40, 40, 3), np.uint8))
    for name in ("out.mp4", "out.gif"):
        with pytest.raises(OutputError, match="Frame 2 has another size"):
            Written(folder, tmp_path / name, patches=lambda n: (), writer="video" if name == "out.mp4" else "gif",
                    preset="ultrafast")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["shot"]


def gif(path: Path) -> tuple[list[np.ndarray], list[int], dict[str, Any]]:
    """Pictures, delays in milliseconds and what else Pillow finds."""
    frames, delays = [], []
    with Image.open(path) as picture:
        info = dict(picture.info)
        for number in range(picture.n_frames):
            picture.seek(number)
            frames.append(np.asarray(picture.convert("RGB")))
            delays.append(picture.info["duration"])
    return frames, delays, info


@pytest.mark.parametrize("dither", ["none", "bayer", "floyd-steinberg"])
def test_a_gif_shows_the_frames_at_the_sources_pace(dither: str, tmp_path: Path) -> None:
    path = clips.video(tmp_path / "a.mp4", 10, size=(168, 96))
    written = Written(path, tmp_path / "out.gif", patches=lambda n: writing.patches_of(n) if n == 2 else (),
                      writer="gif", gif_dither=dither)
    frames, delays, info = gif(tmp_path / "out.gif")
    assert (len(frames), delays) == (10, [40] * 10)
    assert info["loop"] == 0
    assert b"lgorithmically altered" in info["comment"]
    assert b"compositeWithTrainedAlgorithmicMedia" in (tmp_path / "out.gif").read_bytes()
    for index, frame in enumerate(frames):
        whole = full_frame(written.frames[index]).astype(float)
        if index != 2:
            assert clips.barcode.read(frame) == index
        assert np.abs(cv2.blur(frame.astype(float), (5, 5)) - cv2.blur(whole, (5, 5))).mean() < 6
    assert written.made["kind"] == "gif"


def test_gif_options(tmp_path: Path) -> None:
    path = clips.video(tmp_path / "a.mp4", 25, size=(168, 96))
    few = Written(path, tmp_path / "few.gif", patches=lambda n: (), writer="gif", gif_fps=10.0, gif_loop=3,
                  gif_colors=16, output_scale=50.0)
    frames, delays, info = gif(tmp_path / "few.gif")
    numbers = [0, 3, 5, 8, 10, 13, 15, 18, 20, 23]  # the first of each tenth of a second
    assert (few.missing, few.total) == (numbers, 10)
    assert [f.shape for f in frames] == [(48, 84, 3)] * 10
    assert [clips.barcode.read(f) for f in frames] == numbers
    assert sum(delays) == 1000
    assert info["loop"] == 2  # repetitions after the first time
    assert all(len(np.unique(f.reshape(-1, 3), axis=0)) <= 16 for f in frames)
    once = Written(path, tmp_path / "once.gif", frames=[0, 1, 2], writer="gif", gif_loop=1)
    assert "loop" not in gif(once.result)[2]
    (tmp_path / "foreign.gif").write_bytes(b"GIF89a")
    with pytest.raises(OutputError, match=r"foreign\.gif is there already"):
        Written(path, tmp_path / "foreign.gif", writer="gif")
    assert Written(path, once.result, frames=[0, 1], writer="gif").total == 2  # our own is replaced
    with pytest.raises(OutputError, match="not named like a GIF"):
        Written(path, tmp_path / "a.mp4", writer="gif")


def test_variable_rates_keep_their_pace_in_a_gif(tmp_path: Path) -> None:
    path = clips.video(tmp_path / "a.mp4", size=(168, 96), **SOURCES["variable"])
    Written(path, tmp_path / "out.gif", patches=lambda n: (), writer="gif")
    _, delays, _ = gif(tmp_path / "out.gif")
    starts = np.cumsum([0, *delays]) / 1000
    assert np.abs(starts[:len(JUMPS)] - np.array(JUMPS) / 1000).max() <= 0.0101


@pytest.mark.parametrize(("codec", "bits"), [("x264", 8), ("x265", 10), ("ffv1", 16)])
def test_auto_depth_of_10_bit_footage(codec: str, bits: int, tmp_path: Path) -> None:
    path = clips.video(tmp_path / "a.mkv", 2, size=(96, 64), codec="ffv1", pix_fmt="yuv420p10le")
    written = Written(path, tmp_path / "out.mkv", patches=lambda n: (), video_codec=codec, **FAST)
    assert written.made["depth"] == bits
    with open_source(tmp_path / "out.mkv") as made:
        assert made.bits == bits
