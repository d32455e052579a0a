"""Whether training in bfloat16 gets as far as in float32: the loss after equally many iterations on the same batches.

    python benchmarks/equal_quality.py FOOTAGE [--runs original=400 sketch=2000] [--seed 0] [--work DIR] [--json FILE]

FOOTAGE holds actor_a.mp4 and actor_b.mp4. Compared are the means over the last 100 iterations of the losses of A and B
added; more than 2 % between the precisions is a failure (exit code 1). A run that was stopped goes on where it was:
models stay in the folder --work.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from understudy.core.errors import UnderstudyError
from understudy.core.extraction.task import run as extract
from understudy.core.jobs.messages import SilentReporter
from understudy.core.options import make
from understudy.core.options.extract import ExtractOptions
from understudy.core.options.train import TrainOptions
from understudy.core.training.task import run as train

PRECISIONS = ("float32", "bfloat16")
LIMIT = 0.02


def faces(footage: Path, work: Path, side: str) -> Path:
    """The folder of a side's faces, extracted where they are not yet."""
    folder = work / f"faces_{side}"
    extract(make(ExtractOptions, {"source": str(footage / f"actor_{side}.mp4"), "faces": str(folder),
                                  "alignments": str(work / f"actor_{side}_alignments.db")}), SilentReporter())
    return folder


def compare(sides: tuple[Path, Path], work: Path, trainer: str, iterations: int, seed: int) -> dict[str, Any]:
    """Train once in each precision; prints and returns what came out."""
    row: dict[str, Any] = {"trainer": trainer, "iterations": iterations, "seed": seed}
    for precision in PRECISIONS:
        result = train(make(TrainOptions, {
            "input_a": str(sides[0]), "input_b": str(sides[1]), "trainer": trainer, "iterations": iterations,
            "model_dir": str(work / f"{trainer}_{precision}_{seed}"), "precision": precision, "seed": seed,
            "logs": False}), SilentReporter())
        row[precision] = {key: result[key] for key in ("loss_a", "loss_b", "rate")}
    of_float, of_bfloat = (row[precision]["loss_a"] + row[precision]["loss_b"] for precision in PRECISIONS)
    row["difference"] = of_bfloat / of_float - 1
    rates = " and ".join(f"{row[precision]['rate']:.1f}" for precision in PRECISIONS)
    print(f"{trainer}, {iterations} iterations, seed {seed}: float32 {of_float:.5f}, bfloat16 {of_bfloat:.5f}, "
          f"{row['difference']:+.2%}   ({rates} EG/s)", flush=True)
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("footage", type=Path)
    parser.add_argument("--runs", nargs="+", default=["original=400", "sketch=2000"], metavar="TRAINER=ITERATIONS")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "understudy_equal_quality",
                        help="where faces and models are kept")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    arguments = parser.parse_args()
    try:
        arguments.work.mkdir(parents=True, exist_ok=True)
        sides = faces(arguments.footage, arguments.work, "a"), faces(arguments.footage, arguments.work, "b")
        rows = [compare(sides, arguments.work, trainer, int(iterations), arguments.seed)
                for trainer, iterations in (run.split("=") for run in arguments.runs)]
    except UnderstudyError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", "utf-8")
    return int(any(abs(row["difference"]) > LIMIT for row in rows))


if __name__ == "__main__":
    sys.exit(main())
