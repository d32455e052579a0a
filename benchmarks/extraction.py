"""How well and how fast faces are extracted, with every detector and aligner whose weights are on this computer.

    .venv/bin/python benchmarks/extraction.py [FOOTAGE] [--clips actor_a …] [--detector …] [--aligner …]
        [--frames 0-99] [--repeat 3] [--write docs/extraction.md] [--only table|pipeline|memory]

FOOTAGE is a folder of clips, some with truth (`extraction_measure.py` says what is measured). Three parts:

- the table of all combinations, a process for each clip and combination, one after the other;
- pipeline: the wall time of yunet + dlib on one clip against the larger of the slowest stage alone and the processor
  seconds shared by all cores, the best of `--repeat` runs; a computer that does nothing else is needed for that;
- memory: the peak of a clip of ten minutes against that of one of ten seconds, both made here.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from skimage.data import astronaut

from understudy.core.extraction.cores import core_count
from understudy.core.media.writers import VideoWriter
from understudy.core.options.rows import ALIGNERS, DETECTORS, find
from understudy.core.weights.files import missing

CLIPS = ("actor_a", "actor_b", "two_people", "real_talk_720p", "real_turn_720p")
MOST = 1.18  # times the larger of the two bounds
_MARKS = ("<!-- table -->", "<!-- end of table -->")
_HEAD = ("| Detector | Aligner | Clip | Frames | Found | False | Error | Error < 30° | Mask IoU | Jitter | Frames/s | "
         "Processor ms/frame | Peak MB |\n|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
_SERIAL = ("write",)  # stages in one thread; the others are spread over the cores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    footage = Path(os.environ.get("UNDERSTUDY_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "footage"
    parser.add_argument("footage", type=Path, nargs="?", default=footage)
    parser.add_argument("--clips", nargs="+", default=CLIPS)
    parser.add_argument("--detector", nargs="+", default=[row.name for row in DETECTORS])
    parser.add_argument("--aligner", nargs="+", default=[row.name for row in ALIGNERS])
    parser.add_argument("--frames", default="", help="of each clip; all if not given")
    parser.add_argument("--repeat", type=int, default=3, help="runs of the pipeline's measurement")
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the long clip of the memory part")
    parser.add_argument("--write", type=Path, help="put the table between the marks of this page, too")
    parser.add_argument("--only", choices=("table", "pipeline", "memory"))
    arguments = parser.parse_args()
    if arguments.only in (None, "table"):
        table(arguments)
    if arguments.only in (None, "pipeline"):
        pipeline(arguments.footage / "real_talk_720p.mp4", arguments.repeat)
    if arguments.only in (None, "memory"):
        memory(arguments.minutes)


def measure(clip: Path, **options: str) -> dict[str, Any]:
    """One extraction in a process of its own."""
    script = Path(__file__).with_name("extraction_measure.py")
    flags = [part for name, value in options.items() if value for part in (f"--{name}", value)]
    done = subprocess.run([sys.executable, str(script), str(clip), *flags], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{clip.name} {options}:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def table(arguments: argparse.Namespace) -> None:
    """Every combination that the weights allow, on all clips."""
    print(f"{core_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(_HEAD)
    rows: list[str] = []
    for detector in arguments.detector:
        for aligner in arguments.aligner:
            needed = missing((*find(DETECTORS, detector).weights, *find(ALIGNERS, aligner).weights))
            if needed:
                print(f"{detector} + {aligner}: not measured, without the weights {', '.join(needed)}", file=sys.stderr)
                continue
            for clip in arguments.clips:
                rows.append(_row(measure(arguments.footage / f"{clip}.mp4", detector=detector, aligner=aligner,
                                         frames=arguments.frames)))
                print(rows[-1], flush=True)
                if arguments.write:
                    _write(arguments.write, rows)


def _write(page: Path, rows: list[str]) -> None:
    """Put rows into the page's table, in the place of those of the same combinations."""
    before, _, rest = page.read_text().partition(_MARKS[0])
    old, _, after = rest.partition(_MARKS[1])
    merged = {_key(row): row for row in [*old.strip().splitlines()[2:], *rows]}
    lines = [_MARKS[0], _HEAD, *(merged[key] for key in sorted(merged, key=_order)), _MARKS[1]]
    page.write_text(before + "\n".join(lines) + after)


def _key(row: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in row.split("|")[1:4])


def _order(key: tuple[str, ...]) -> tuple[int, ...]:
    names = [row.name for row in DETECTORS], [row.name for row in ALIGNERS], list(CLIPS)
    return tuple(known.index(name) if name in known else len(known) for name, known in zip(key, names, strict=True))


def _row(m: dict[str, Any]) -> str:
    frames = m["frames"]
    judged = ([f"{m['found']:.1%}", f"{m['false']:.2f}", f"{m['error']:.2%}", f"{m['error_frontal']:.2%}",
               f"{m['mask']:.3f}"] if "found" in m else [f"{m['with_faces'] / frames:.1%}", "", "", "", ""])
    cells = [m["detector"], m["aligner"], m["clip"], str(frames), *judged, f"{m['jitter'] * 1000:.2f}",
             f"{frames / m['wall']:.1f}", f"{m['processor'] / frames * 1000:.0f}", f"{m['peak'] / 1e6:.0f}"]
    return f"| {' | '.join(cells)} |"


def pipeline(clip: Path, repeat: int) -> None:
    """Whether the pipeline wastes anything."""
    runs = [measure(clip, detector="yunet", aligner="dlib") for _ in range(repeat)]
    for m in runs:
        shared = m["processor"] / core_count()
        alone = {stage: seconds / (1 if stage in _SERIAL else core_count()) for stage, seconds in m["booked"].items()}
        stage, slowest = max({**alone, "decode": m["decode"]}.items(), key=lambda item: item[1])
        m["ratio"] = m["wall"] / max(shared, slowest)
        print(f"{clip.name}, yunet + dlib: {m['wall']:.2f} s; slowest stage alone ({stage}) {slowest:.2f} s; "
              f"{m['processor']:.2f} processor seconds / {core_count()} cores = {shared:.2f} s; ratio "
              f"{m['ratio']:.2f} (at most {MOST}), load {os.getloadavg()[0]:.1f}")
    best = min(runs, key=lambda m: m["ratio"])
    print("  processor ms a frame: " + ", ".join(
        f"{stage} {seconds / best['frames'] * 1000:.1f}" for stage, seconds in
        sorted(best["booked"].items(), key=lambda item: -item[1])))


def memory(minutes: float) -> None:
    """Whether a long clip needs more memory than a short one."""
    with tempfile.TemporaryDirectory() as place:
        short, long = (measure(portrait_clip(Path(place) / f"{name}.mp4", seconds)) for name, seconds in
                       (("short", 10), ("long", minutes * 60)))
    for m in (short, long):
        print(f"{m['frames']} frames, {m['faces']} faces: peak {m['peak'] / 1e6:.1f} MB")
    print(f"  the long clip needs {long['peak'] / short['peak']:.1%} of the short one's memory (110% at most)")


def portrait_clip(path: Path, seconds: float, rate: int = 25) -> Path:
    """A small clip of NASA's portrait of Eileen Collins (public domain), to be seen in every fifth frame."""
    face = astronaut()[:300, 60:380]
    empty = np.zeros_like(face)
    with VideoWriter(path, None, rate=Fraction(rate), preset="ultrafast", altered=False) as writer:
        for number in range(round(seconds * rate)):
            moved = np.roll(face, (number // 5 % 9, number // 5 % 14), (0, 1))
            writer.write(number, empty if number % 5 else moved)
    return path


if __name__ == "__main__":
    main()
