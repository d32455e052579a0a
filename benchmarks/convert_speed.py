"""How fast conversion is with each writer, and where the time goes.

    .venv/bin/python benchmarks/convert_speed.py CLIP [--alignments F] [--trainer original] [--writer images video]

Needs a clip that `understudy extract` has been through. The model is a fresh one of the named trainer: speed does not
depend on what it has learnt; what is written lies in a temporary folder that is removed, and nobody sees it. Prints,
for each writer, frames per second by the clock and per second of processor time (the model's loading included in both);
for each stage its seconds at work and the processor seconds of its own threads; then a table. In it, `bound` is the
longer one of the slowest stage that has one thread alone and of all processor time shared between the cores, against
which `of it` sets the time by the clock: 1 is a pipeline that never waits. The clock says little where other work goes
on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from understudy.core.conversion.task import run
from understudy.core.errors import UnderstudyError
from understudy.core.extraction.cores import core_count
from understudy.core.jobs.messages import SilentReporter
from understudy.core.media.ranges import parse_frames
from understudy.core.media.source import open_source
from understudy.core.models import base, folder
from understudy.core.options import find, make
from understudy.core.options.convert import ConvertOptions
from understudy.core.options.rows import TRAINERS, WRITERS

_ENDINGS = {"video": ".mp4", "gif": ".gif"}


def decode_limit(clip: str, frames: str) -> dict[str, float]:
    """Frames per second of decoding alone, by the clock and by processor time."""
    with open_source(clip) as source:
        wanted = parse_frames(frames, len(source))
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in source.frames(wanted):
            pass
        return {"fps": len(wanted) / (time.perf_counter() - wall),
                "fps_per_cpu_second": len(wanted) / (time.process_time() - cpu)}


def fresh_model(trainer: str, place: Path) -> Path:
    """Save an untrained model."""
    torch.manual_seed(0)
    model = base.build(trainer)
    state = folder.ModelState(folder.Settings(trainer), model.input_size, model.output_size)
    folder.write(place, state, model.state_dict(), {})
    return place


def measure(values: dict[str, Any]) -> dict[str, Any]:
    """One conversion into an empty folder; the task's result with the process's processor seconds added."""
    cpu = time.process_time()
    result = run(make(ConvertOptions, values), SilentReporter())
    return {**result, "cpu": time.process_time() - cpu}


def bound(result: dict[str, Any], writer: str) -> float:
    """Seconds that this run could not have gone below: a stage of one thread, or everything on all cores."""
    cpu = result["stages"]["cpu"]
    serial = ["decode", "crop"] + (["encode"] if not find(WRITERS, writer).load().parallel else [])
    return max([result["cpu"] / core_count(), *(cpu[stage] for stage in serial if stage in cpu)])


def show(result: dict[str, Any], trainer: str) -> None:
    wall, cpu = result["stages"]["wall"], result["stages"]["cpu"]
    print(f"\n{result['writer']}, {trainer}: {result['converted']} frames with {result['faces']} faces, "
          f"{result['rate']:.1f} frames/s, {result['converted'] / result['cpu']:.1f} frames per processor second")
    for stage in sorted(cpu, key=cpu.__getitem__, reverse=True):
        print(f"  {stage:<10} {1000 * cpu[stage] / result['converted']:6.2f} ms of processor time a frame, "
              f"{100 * cpu[stage] / result['cpu']:4.1f} %   {wall[stage]:6.2f} s by the clock")
    rest = result["cpu"] - sum(cpu.values())
    print(f"  {'the rest':<10} {1000 * rest / result['converted']:6.2f} ms of processor time a frame, "
          f"{100 * rest / result['cpu']:4.1f} %   (loading, and threads that encoders start)")


def table(results: list[dict[str, Any]]) -> None:
    print("\n| writer | trainer | frames/s | frames per processor second | bound, s | of it |")
    print("|---|---|---|---|---|---|")
    for result in results:
        least = bound(result, result["writer"])
        print(f"| {result['writer']} | {result['trainer']} | {result['rate']:.1f} | "
              f"{result['converted'] / result['cpu']:.1f} | {least:.1f} | {result['elapsed'] / least:.2f} |")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip")
    parser.add_argument("--alignments", default="")
    parser.add_argument("--frames", default="")
    parser.add_argument("--trainer", nargs="+", default=["original"], choices=[row.name for row in TRAINERS])
    parser.add_argument("--writer", nargs="+", default=[row.name for row in WRITERS],
                        choices=[row.name for row in WRITERS])
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    results = []
    try:
        limit = decode_limit(arguments.clip, arguments.frames)
        for trainer in arguments.trainer:
            with tempfile.TemporaryDirectory() as scratch:
                model = fresh_model(trainer, Path(scratch) / "model")
                for writer in arguments.writer:
                    output = Path(scratch) / (writer + _ENDINGS.get(writer, ""))
                    result = measure({
                        "source": arguments.clip, "alignments": arguments.alignments, "frames": arguments.frames,
                        "model_dir": str(model), "output": str(output), "writer": writer,
                        "batch_size": arguments.batch_size, "device": arguments.device})
                    results.append({"trainer": trainer, **result})
                    if not arguments.json:
                        show(result, trainer)
    except UnderstudyError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if arguments.json:
        print(json.dumps({"decode": limit, "results": results}))
    else:
        table(results)
        print(f"\ndecoding alone: {limit['fps']:.1f} frames/s, {limit['fps_per_cpu_second']:.1f} frames per processor "
              f"second; {core_count()} cores, {max(os.getloadavg()):.1f} processes wanted them")
    return 0


if __name__ == "__main__":
    sys.exit(main())
