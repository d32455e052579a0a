"""Makes clips whose frames carry their own number; also a program, for rings whose Python has no PyAV:

    python tests/core/media/clips.py video OUT.mp4 '{"count": 40, "rate": [30000, 1001]}'
    python tests/core/media/clips.py images FOLDER '{"numbers": [3, 4, 9]}'
"""

from __future__ import annotations

import importlib.util
import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

_spec = importlib.util.spec_from_file_location("barcode", Path(__file__).with_name("barcode.py"))
assert _spec is not None
assert _spec.loader is not None
barcode = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(barcode)

BT709 = {"color_primaries": 1, "color_trc": 1, "colorspace": 1, "color_range": 1}
BT601 = {"color_primaries": 6, "color_trc": 6, "colorspace": 6, "color_range": 1}
_SWS = {1: 1, 6: 5, 5: 5, 2: 5, 9: 9}


def video(path: Path, count: int = 40, *, pts: list[int] | None = None, time_base: tuple[int, int] | None = None,
          rate: tuple[int, int] = (25, 1), size: tuple[int, int] = (168, 96), codec: str = "libx264",
          pix_fmt: str = "yuv420p", gop: int = 12, bframes: int = 3, tags: dict[str, int] | None = None,
          options: dict[str, str] | None = None, audio: str | None = None, rotation: int = 0,
          pictures: list[np.ndarray] | None = None, crf: int = 12) -> Path:
    """A clip of `count` bar-coded frames. `pts`: times in `time_base` instead of a constant `rate`.

    `rotation`: the tag's degrees; the pictures are stored turned, so that a player shows them upright.
    """
    tags = BT709 if tags is None else tags
    with av.open(str(path), "w", options={"movflags": "faststart"} if path.suffix == ".mp4" else {}) as out:
        stream = out.add_stream(codec, rate=Fraction(*rate))
        stream.pix_fmt = pix_fmt
        stream.width, stream.height = size if rotation % 180 == 0 else size[::-1]
        context = stream.codec_context
        context.gop_size = gop
        if codec == "libx264":
            context.max_b_frames = bframes
            context.options = {"crf": str(crf), "preset": "veryfast", "bf": str(bframes), **(options or {})}
        elif options:
            context.options = options
        base = Fraction(*time_base) if time_base else 1 / Fraction(*rate)
        context.time_base = base
        for name, value in tags.items():
            setattr(context, name, value)
        if rotation:
            stream.set_display_rotation(rotation)
        sound = out.add_stream(audio, rate=48000, layout="stereo") if audio else None
        for number in range(count if pictures is None else len(pictures)):
            upright = barcode.make(number, *size) if pictures is None else pictures[number]
            # The tag turns counter-clockwise what is stored: store it turned clockwise.
            stored = np.ascontiguousarray(np.rot90(upright, -rotation // 90))
            frame = av.VideoFrame.from_ndarray(stored, format="rgb24").reformat(
                format=pix_fmt, dst_colorspace=_SWS[tags.get("colorspace", 2)], src_color_range=2,
                dst_color_range=2 if tags.get("color_range") == 2 else 1,
                interpolation=av.video.reformatter.Interpolation(2 | 0x2000 | 0x40000))
            frame.pts, frame.time_base = number if pts is None else pts[number], base
            frame.pict_type = 0
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if sound is not None:
            _tone(out, sound, float((count if pts is None else pts[-1] + 1) * base))
    return path


def _tone(out: Any, stream: Any, seconds: float) -> None:
    """A click every second on a quiet tone, so that a shift can be heard and measured."""
    n = np.arange(int(seconds * 48000))
    wave = (0.2 * np.sin(n * 2 * np.pi * 440 / 48000) + 0.7 * ((n % 48000) < 480)).astype(np.float32)
    planar = stream.codec_context.format.name == "fltp"
    size = stream.codec_context.frame_size or 1024
    for at in range(0, len(wave), size):
        piece = np.stack([wave[at:at + size]] * 2)
        if planar:
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece), format="fltp", layout="stereo")
        else:
            packed = np.ascontiguousarray((piece.T * 32767).astype(np.int16)).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, at, Fraction(1, 48000)
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))


def images(folder: Path, numbers: list[int], *, pattern: str = "shot_{:04d}.png", size: tuple[int, int] = (168, 96)
           ) -> Path:
    """A folder of bar-coded pictures, each named after the number that it carries."""
    import cv2

    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        cv2.imwrite(str(folder / pattern.format(number)), barcode.make(number, *size)[..., ::-1])
    return folder


if __name__ == "__main__":
    kind, place, arguments = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3] if len(sys.argv) > 3 else "{}")
    {"video": video, "images": images}[kind](place, **arguments)
