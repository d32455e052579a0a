"""How fast conversion is, and where the time goes.

    .venv/bin/python benchmarks/convert_speed.py CLIP [--alignments F] [--trainer original] [--writer images overlay]

Needs a clip that `understudy extract` has been through. The model is a fresh one of the named trainer: speed does not
depend on what it has learnt. Prints, for each writer, frames per second; for each stage its seconds at work (stages
run side by side, so they add up to more than the whole) and processor seconds of its own thread; and the rate at which
the clip can be decoded at all, which no conversion can beat.
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
from understudy.core.jobs.messages import SilentReporter
from understudy.core.media.ranges import parse_frames
from understudy.core.media.source import open_source
from understudy.core.models import base, folder
from understudy.core.options import make
from understudy.core.options.convert import ConvertOptions
from understudy.core.options.rows import TRAINERS, WRITERS


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


def show(result: dict[str, Any], trainer: str) -> None:
    wall, cpu = result["stages"]["wall"], result["stages"]["cpu"]
    print(f"\n{result['writer']}, {trainer}: {result['converted']} frames with {result['faces']} faces, "
          f"{result['rate']:.1f} frames/s (opening and model included), "
          f"{result['converted'] / result['cpu']:.1f} frames per processor second")
    total = sum(wall.values())
    for stage in sorted(wall, key=wall.__getitem__, reverse=True):
        per_frame = 1000 * wall[stage] / result["converted"]
        print(f"  {stage:<10} {100 * wall[stage] / total:5.1f} %   {per_frame:6.2f} ms a frame   "
              f"{cpu[stage]:6.2f} s on its thread")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip")
    parser.add_argument("--alignments", default="")
    parser.add_argument("--frames", default="")
    parser.add_argument("--trainer", nargs="+", default=["sketch"], choices=[row.name for row in TRAINERS])
    parser.add_argument("--writer", nargs="+", default=["images", "overlay", "video"],
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
                    output = Path(scratch) / (writer + (".mp4" if writer == "video" else ""))
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
        print(f"\ndecoding alone: {limit['fps']:.1f} frames/s, {limit['fps_per_cpu_second']:.1f} frames per processor "
              f"second; {os.cpu_count()} processors, {torch.get_num_threads()} threads for the network")
    return 0


if __name__ == "__main__":
    sys.exit(main())
