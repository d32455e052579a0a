"""Decoding speed of core.media against the limit: PyAV alone, the same threads, no conversion to RGB.

    python benchmarks/decode.py CLIP [--repeat 3]

Prints frames per second of wall clock and of processor time, and the share of the limit that is reached.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import av

from understudy.core.media.source import open_source


def raw(path: str) -> int:
    """Decode and drop."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        return sum(1 for _ in container.decode(stream))


def raw_rgb(path: str) -> int:
    """Decode and let swscale convert by its short cut, whose colours are up to 3/255 off."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        return sum(1 for frame in container.decode(stream) if frame.to_ndarray(format="rgb24") is not None)


def media(path: str) -> int:
    """`Source.frames`: every frame as exact RGB."""
    with open_source(path) as source:
        return sum(1 for _ in source.frames())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    open_source(options.clip)  # builds the index, which is kept
    limit = 0.0
    ways: tuple[tuple[str, Callable[[str], int]], ...] = (("PyAV, no RGB", raw), ("PyAV, quick RGB", raw_rgb),
                                                          ("core.media", media))
    for name, decode in ways:
        wall = cpu = float("inf")
        for _ in range(options.repeat):
            w, c = time.perf_counter(), time.process_time()
            frames = decode(options.clip)
            wall, cpu = min(wall, time.perf_counter() - w), min(cpu, time.process_time() - c)
        limit = limit or frames / cpu
        print(f"{name:16} {frames / wall:7.1f} frames/s   {frames / cpu:7.1f} frames per processor second "
              f"({frames / cpu / limit:.0%} of the limit)")


if __name__ == "__main__":
    main()
