"""How good a swap is after so many minutes of training, against pictures of what it should look like.

    python benchmarks/swap_quality.py FOOTAGE [--minutes 4] [--seeds 3] [--trainer sketch] [--evaluate-at 1,2,4]
                                      [--clock wall|cpu|iterations] [--train KEY=VALUE …] [--convert KEY=VALUE …]
                                      [--json FILE]

FOOTAGE holds actor_a.mp4, actor_b.mp4, actor_a_truth.npz, and the truth b_as_a/NNNN.png with b_as_a_truth.npz: actor B
giving the performance of A in A's light. Faces of A and B are extracted once (kept in --work), then trained and
converted by the product's own tasks; b_as_a is never trained on. Minutes count from the first training step and leave
out reading the faces and the conversions; on a busy machine the cpu clock (processor minutes divided by the processors)
is the fairer one. With --json the figures are kept after every point, and the models in --work: run again with the same
arguments, it goes on from the last point (and from there to further ones, if more are asked for).

Each converted frame is aligned by A's true landmarks, its truth by B's: face-centred, coverage 87.5 %, 256 px,
bilinear. Both become luma (BT.709), the converted frame's with the truth's mean and spread inside both face masks.
There are measured: SSIM (7x7 uniform window, K1 0.01, K2 0.03, range 255; Wang et al. 2004), averaged over the mask's
pixels, the window seeing beyond its edge; PSNR over the same pixels; identity, the distance between dlib's vectors of
the converted frame and of its truth, both at the true landmarks. Each is the mean over the 30 truth pictures. The
unswapped clip scores 0.733, 22.3 dB and 0.575. With the mask `extended`, 64 px pictures of the truth itself, laid in by
dlib's landmarks, score 0.81, 23.5 dB and 0.22: the forehead above the mask stays A's.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from understudy.core.conversion.task import run as convert
from understudy.core.errors import Stopped, UnderstudyError, UsageError
from understudy.core.extraction.identity.dlib_resnet import DlibResNet
from understudy.core.extraction.task import run as extract
from understudy.core.faces.crop import crop
from understudy.core.faces.geometry import Alignment
from understudy.core.jobs.messages import SilentReporter
from understudy.core.media.images import read_image, write_png
from understudy.core.media.source import open_source
from understudy.core.models.files import write_atomically
from understudy.core.options import make
from understudy.core.options.convert import ConvertOptions
from understudy.core.options.extract import ExtractOptions
from understudy.core.options.rows import TRAINERS
from understudy.core.options.train import TrainOptions
from understudy.core.training.task import run as train

SIZE, COVERAGE, WINDOW = 256, 0.875, 7
LUMA = np.array([0.2126, 0.7152, 0.0722])
FOREVER = 10_000_000  # iterations
SHEET_FRAMES = 6


@dataclass(frozen=True)
class Score:
    """Means over the truth pictures; see the head of this file."""

    ssim: float
    psnr: float
    identity: float

    def __str__(self) -> str:
        return f"SSIM {self.ssim:.3f}   PSNR {self.psnr:5.2f} dB   identity {self.identity:.3f}"

    @classmethod
    def mean(cls, scores: list[Score]) -> Score:
        return cls(*(float(np.mean([getattr(score, key) for score in scores])) for key in cls.__annotations__))


class Truth:
    """The pictures that a swap of A for B should give, and the measures against them.

    Attributes:
        frames: which frames of actor_a.mp4 they stand for.
        pictures: uint8 [N, H, W, 3] RGB.
    """

    def __init__(self, footage: Path) -> None:
        swapped, performer = np.load(footage / "b_as_a_truth.npz"), np.load(footage / "actor_a_truth.npz")
        self.frames = [int(frame) for frame in swapped["source_frame"]]
        self.pictures = np.stack([read_image(footage / "b_as_a" / f"{frame:04d}.png") for frame in self.frames])
        corner = 0.5  # truth counts from the corner of the first pixel, we from its centre
        self._points_a = performer["landmarks"][self.frames, 0] - corner
        points_b = swapped["landmarks"].reshape(len(self.frames), 68, 2) - corner
        masks_a, masks_b = _masks(performer)[self.frames], _masks(swapped)
        self._matrices = [Alignment(points).matrix(SIZE, "face", COVERAGE) for points in self._points_a]
        matrices_b = [Alignment(points).matrix(SIZE, "face", COVERAGE) for points in points_b]
        self._lumas = [_luma(picture, matrix) for picture, matrix in zip(self.pictures, matrices_b, strict=True)]
        self._inside = [(_aligned(a, m, cv2.INTER_NEAREST) & _aligned(b, n, cv2.INTER_NEAREST)) > 0
                        for a, m, b, n in zip(masks_a, self._matrices, masks_b, matrices_b, strict=True)]
        self._network = DlibResNet()
        self._vectors = self._identify(self.pictures, points_b)

    def _identify(self, pictures: np.ndarray, points: np.ndarray) -> np.ndarray:
        return self._network.vectors([self._network.chip(*pair) for pair in zip(pictures, points, strict=True)])

    def head(self, picture: np.ndarray, index: int) -> np.ndarray:
        """The part of a picture of this clip's size that holds A's head in frame `frames[index]`."""
        return crop(picture, Alignment(self._points_a[index]), SIZE, "head").pixels

    def score(self, pictures: np.ndarray) -> Score:
        """Measure uint8 [N, H, W, 3] RGB, one for each of `frames`."""
        ssims, psnrs = [], []
        for picture, matrix, truth, inside in zip(pictures, self._matrices, self._lumas, self._inside, strict=True):
            luma = _luma(picture, matrix)
            luma = (luma - luma[inside].mean()) / max(luma[inside].std(), 1e-6)
            luma = luma * truth[inside].std() + truth[inside].mean()
            ssims.append(_similarity(luma, truth)[inside].mean())
            psnrs.append(10 * np.log10(255**2 / np.square(luma - truth)[inside].mean()))
        distances = np.linalg.norm(self._identify(pictures, self._points_a) - self._vectors, axis=1)
        return Score(float(np.mean(ssims)), float(np.mean(psnrs)), float(distances.mean()))


def _masks(truth: Any) -> np.ndarray:
    """uint8 [F, H, W], 1 inside the face of the only person."""
    height, width = truth["mask_shape"][-2:]
    return np.unpackbits(truth["mask_bits"], axis=-1)[..., :width].reshape(-1, height, width)


def _aligned(picture: np.ndarray, matrix: np.ndarray, flags: int = cv2.INTER_LINEAR) -> np.ndarray:
    return cv2.warpAffine(picture, matrix, (SIZE, SIZE), flags=flags)


def _luma(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return _aligned(picture, matrix) @ LUMA


def _similarity(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The SSIM of each pixel's surroundings."""
    def mean(picture: np.ndarray) -> np.ndarray:
        return cv2.blur(picture, (WINDOW, WINDOW))

    mean_x, mean_y = mean(x), mean(y)
    variance_x, variance_y = mean(x * x) - mean_x**2, mean(y * y) - mean_y**2
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return ((2 * mean_x * mean_y + c1) * (2 * (mean(x * y) - mean_x * mean_y) + c2)
            / ((mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)))


class Stopwatch(SilentReporter):
    """Asks the training to stop once its clock has run `until` minutes; goes on counting when it is continued."""

    def __init__(self, clock: str) -> None:
        self.clock, self.until = clock, 0.0
        self.wall = self.cpu = 0.0
        self.iterations = 0
        self._last: tuple[float, float] | None = None

    def minutes(self) -> float:
        return self.wall if self.clock == "wall" else self.cpu / (os.cpu_count() or 1)

    def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
        if unit != "iterations":
            return False
        self.iterations = done
        now = time.perf_counter(), time.process_time()
        if self._last:
            self.wall += (now[0] - self._last[0]) / 60
            self.cpu += (now[1] - self._last[1]) / 60
        self._last = now
        return done >= self.until if self.clock == "iterations" else self.minutes() >= self.until

    def train(self, options: TrainOptions, until: float) -> None:
        """Train until the clock shows `until` minutes (or that many iterations), the last save included."""
        self.until, self._last = until, None
        try:
            train(options, self)
        except Stopped:
            self.progress(self.iterations, None, "iterations")


class Bench:
    """The footage, its faces and its truth."""

    def __init__(self, footage: Path, work: Path, values: dict[str, dict[str, str]]) -> None:
        self.footage, self.work, self.values = footage, work, values
        self.truth = Truth(footage)
        for side in "ab":
            extract(make(ExtractOptions, {"source": str(self._clip(side)), "alignments": str(self._store(side)),
                                          "faces": str(work / f"faces_{side}")}), SilentReporter())
        with open_source(self._clip("a")) as clip:
            self.names = [clip.name(index) for index in self.truth.frames]
            self.originals = np.stack([frame.pixels for frame in clip.frames(self.truth.frames)])

    def _clip(self, side: str) -> Path:
        return self.footage / f"actor_{side}.mp4"

    def _store(self, side: str) -> Path:
        return self.work / f"actor_{side}_alignments.db"

    def options(self, trainer: str, model_dir: Path, seed: int) -> TrainOptions:
        return make(TrainOptions, {"input_a": str(self.work / "faces_a"), "input_b": str(self.work / "faces_b"),
                                   "trainer": trainer, "model_dir": str(model_dir), "seed": seed, "logs": False,
                                   "iterations": FOREVER, "save_interval": 10_000, **self.values["train"]})

    def convert(self, model_dir: Path) -> np.ndarray:
        """The frames of the truth as converted with the colour step off, uint8 [N, H, W, 3]."""
        with tempfile.TemporaryDirectory() as output:
            convert(make(ConvertOptions, {
                "source": str(self._clip("a")), "alignments": str(self._store("a")), "model_dir": str(model_dir),
                "output": output, "frames": ",".join(map(str, self.truth.frames)), "writer": "images", "color": "none",
                **self.values["convert"]}), SilentReporter())
            return np.stack([read_image(Path(output) / f"{name}.png") for name in self.names])

    def sheet(self, converted: np.ndarray, path: Path) -> None:
        """A picture: the heads of some frames of A, as converted, and their truth below each other."""
        chosen = np.linspace(0, len(converted) - 1, SHEET_FRAMES).round().astype(int)
        rows = [np.hstack([self.truth.head(pictures[index], index) for index in chosen])
                for pictures in (self.originals, converted, self.truth.pictures)]
        write_png(path, np.vstack(rows))


class Results:
    """The figures so far, kept in a JSON file if there is one, so that a benchmark goes on where it was cut off."""

    def __init__(self, path: Path | None, what: dict[str, Any]) -> None:
        self.path, self.what = path, what
        kept = json.loads(path.read_text("utf-8")) if path and path.exists() else {"what": what, "rows": []}
        if kept["what"] != what:
            raise UsageError(f"{path} holds the figures of another benchmark ({kept['what']})", "Name another file")
        self.rows: list[dict[str, Any]] = kept["rows"]

    def of(self, seed: int) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["seed"] == seed]

    def add(self, row: dict[str, Any]) -> None:
        self.rows.append(row)
        if self.path:
            write_atomically(self.path, (json.dumps({"what": self.what, "rows": self.rows}, indent=2) + "\n").encode())


def curve(bench: Bench, trainer: str, seed: int, points: list[float], clock: str, results: Results) -> None:
    """Train once, measuring on the way; a line per point, printed as it comes."""
    watch = Stopwatch(clock)
    model_dir = bench.work / f"model_{trainer}_seed{seed}"
    done = results.of(seed)
    if done and model_dir.exists():
        last = done[-1]
        watch.wall, watch.cpu, watch.iterations = last["wall_minutes"], last["cpu_minutes"], last["iterations"]
    else:
        shutil.rmtree(model_dir, ignore_errors=True)
    options = bench.options(trainer, model_dir, seed)
    for point in points:
        if point > max((row["point"] for row in done), default=0.0):
            watch.train(options, point)
            pictures = bench.convert(model_dir)
            score = bench.truth.score(pictures)
            bench.sheet(pictures, bench.work / f"sheet_{trainer}_seed{seed}_{point:g}.png")
            results.add({"seed": seed, "point": point, "iterations": watch.iterations, "wall_minutes": watch.wall,
                         "cpu_minutes": watch.cpu, **vars(score)})
        row = next((row for row in results.of(seed) if row["point"] == point), None)
        if row:
            print(f"seed {seed}   {row['iterations']:6d} iterations   {row['wall_minutes']:6.2f} min "
                  f"({row['cpu_minutes']:6.2f} processor min)   {Score(row['ssim'], row['psnr'], row['identity'])}",
                  flush=True)
    if not results.path:
        shutil.rmtree(model_dir)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("footage", type=Path)
    parser.add_argument("--minutes", type=float, default=4.0, help="length of a training")
    parser.add_argument("--evaluate-at", default="", metavar="1,2,4", help="points on the way to measure at as well")
    parser.add_argument("--clock", default="wall", choices=("wall", "cpu", "iterations"),
                        help="what --minutes and --evaluate-at count")
    parser.add_argument("--seeds", type=int, default=3, help="how many trainings")
    parser.add_argument("--first-seed", type=int, default=0, help="seed of the first of them")
    parser.add_argument("--trainer", default="sketch", choices=[row.name for row in TRAINERS])
    parser.add_argument("--train", nargs="*", default=[], metavar="KEY=VALUE", help="other options of the train task")
    parser.add_argument("--convert", nargs="*", default=[], metavar="KEY=VALUE", help="and of the convert task")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "understudy_swap_quality",
                        help="where faces are kept and sheets are written")
    parser.add_argument("--json", type=Path, help="keep the figures there, and go on from what is there")
    arguments = parser.parse_args()
    points = sorted({*(float(text) for text in arguments.evaluate_at.split(",") if text), arguments.minutes})
    try:
        values = {key: dict(text.split("=", 1) for text in getattr(arguments, key)) for key in ("train", "convert")}
        arguments.work.mkdir(parents=True, exist_ok=True)
        bench = Bench(arguments.footage, arguments.work, values)
        print(f"unswapped: {bench.truth.score(bench.originals)}", flush=True)
        results = Results(arguments.json, {"trainer": arguments.trainer, "clock": arguments.clock, **values})
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
            curve(bench, arguments.trainer, seed, points, arguments.clock, results)
    except UnderstudyError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(f"\n{arguments.trainer}, mean of {arguments.seeds} seeds:")
    for point in points:
        at = [row for row in results.rows if row["point"] == point]
        score = Score.mean([Score(row["ssim"], row["psnr"], row["identity"]) for row in at])
        wall, cpu = (np.mean([row[key] for row in at]) for key in ("wall_minutes", "cpu_minutes"))
        print(f"{point:8g} {arguments.clock}: {wall:6.2f} min, {cpu:6.2f} processor min   {score}")
    print(f"Sheets (A, converted, truth) are in {arguments.work}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
