"""What temporal smoothing does to landmarks, against truth, beside other smoothers; and what a swap gains by it.

    python benchmarks/smoothing.py FOOTAGE [--detector dlib] [--aligner dlib] [--speeds 1,2,3,4] [--swap]

FOOTAGE holds actor_a, actor_b and two_people with their truth. Faces are found once by the extract task (kept in
--work) and followed as `alignments temporal` does. Speed n takes every n-th frame, as if all moved n times as fast.

Error: mean distance to the truth of landmarks 17-67, in % of the distance between the eyes; eyes: of 36-47, which
blink; jitter: RMS of the second difference over time, in % of the true face's unit box (1 % is about 1 px), of the
landmarks less the truth, so that true motion does not count; shape: the same of the aligned landmarks as they are. For
each smoother the figures are the mean over the four tracks of (smoothed / as found): below 1 is better.

    none       as found, in the units above
    average    mean of 5 frames
    one-euro   G. Casiez, N. Roussel, D. Vogel, "1 Euro filter", CHI 2012, at 3 Hz and beta 0.3; it looks back only
    savgol     quadratic Savitzky-Golay filter over 9 frames
    ours       `core.faces.smoothing`

--swap: the 64 px truth pictures b_as_a, laid into actor_a by A's landmarks with the mask `extended`, scored as
`swap_quality.py` does: the best that a perfect 64 px model could reach with these landmarks. Only every eighth frame of
it exists, so that steadiness is measured on the crop's corners: RMS second difference against the crop by true
landmarks, in frame pixels.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from understudy.core.alignments.following import tracks
from understudy.core.errors import UnderstudyError
from understudy.core.extraction.task import run as extract
from understudy.core.faces.geometry import Alignment, transform
from understudy.core.faces.nouns import Face
from understudy.core.faces.smoothing import smooth
from understudy.core.faces.store import AlignmentsStore
from understudy.core.jobs.messages import SilentReporter
from understudy.core.options import make
from understudy.core.options.extract import ExtractOptions
from understudy.core.options.rows import ALIGNERS, DETECTORS

CLIPS = ("actor_a", "actor_b", "two_people")
CORNER = 0.5  # truth counts from the corner of the first pixel, we from its centre
Smoother = Callable[[np.ndarray, np.ndarray], np.ndarray]
COLUMNS = ("error", "eyes", "jitter", "shape")


@dataclass(frozen=True, eq=False)
class Track:
    """One person of one clip: frames [T], landmarks as found and as they truly are [T, 68, 2], distance of the eyes."""

    clip: str
    frames: np.ndarray
    found: np.ndarray
    truth: np.ndarray
    eyes: float

    def at(self, speed: int) -> Track:
        rows = np.flatnonzero(self.frames % speed == 0)
        return Track(self.clip, self.frames[rows] // speed, self.found[rows], self.truth[rows], self.eyes)


def load(footage: Path, work: Path, clip: str, detector: str, aligner: str) -> list[Track]:
    """The tracks of a clip's visible people, joined by who they truly are."""
    path = work / f"{clip}_{detector}_{aligner}.db"
    options = make(ExtractOptions, {"source": str(footage / f"{clip}.mp4"), "alignments": str(path),
                                    "detector": detector, "aligner": aligner})
    extract(options, SilentReporter())
    truth = np.load(footage / f"{clip}_truth.npz")["landmarks"] - CORNER
    with AlignmentsStore.open(path) as store:
        faces = [face for track in tracks(store) for face in track]
    return [found for person in range(truth.shape[1]) if (found := _track(clip, faces, truth[:, person])) is not None]


def _track(clip: str, faces: list[Face], truth: np.ndarray) -> Track | None:
    eyes = float(np.percentile(np.linalg.norm(truth[:, 36:42].mean(1) - truth[:, 42:48].mean(1), axis=1), 95))
    own = {}
    for face in faces:
        distance = np.linalg.norm(face.landmarks[17:] - truth[face.frame, 17:], axis=1).mean()
        if distance < eyes / 2:
            own[face.frame] = face.landmarks
    frames = np.array(sorted(own))
    if not len(frames):
        return None
    return Track(clip, frames, np.stack([own[frame] for frame in frames]).astype(np.float64), truth[frames], eyes)


def figures(track: Track, landmarks: np.ndarray) -> dict[str, float]:
    distances = np.linalg.norm(landmarks - track.truth, axis=2) / track.eyes * 100
    units = [Alignment(points).to_unit for points in track.truth]
    stable = np.stack([transform(points, unit) for points, unit in zip(landmarks, units, strict=True)])
    true = np.stack([transform(points, unit) for points, unit in zip(track.truth, units, strict=True)])
    aligned = np.stack([Alignment(points).normalized for points in landmarks])
    return {"error": float(distances[:, 17:].mean()), "eyes": float(distances[:, 36:48].mean()),
            "jitter": jitter(track.frames, stable - true) * 100, "shape": jitter(track.frames, aligned) * 100}


def jitter(frames: np.ndarray, values: np.ndarray) -> float:
    """RMS length of the second difference of points [T, N, 2], where three frames follow each other."""
    whole = (np.diff(frames[:-1]) == 1) & (np.diff(frames[1:]) == 1)
    return float(np.sqrt((np.diff(values, 2, axis=0)[whole] ** 2).sum(-1).mean()))


# Smoothers


def average(frames: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    return _windowed(frames, landmarks, 2, 0)


def savgol(frames: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    return _windowed(frames, landmarks, 4, 2)


def _windowed(frames: np.ndarray, landmarks: np.ndarray, reach: int, degree: int) -> np.ndarray:
    result = landmarks.copy()
    for row, frame in enumerate(frames):
        near = np.flatnonzero(np.abs(frames - frame) <= min(reach, frame - frames[0], frames[-1] - frame))
        if len(near) > degree:
            powers = np.vander(frames[near] - frame, degree + 1, increasing=True).astype(float)
            result[row] = np.tensordot(np.linalg.pinv(powers)[0], landmarks[near], 1)
    return result


def one_euro(frames: np.ndarray, landmarks: np.ndarray, least: float = 3.0, beta: float = 0.3,
             rate: float = 25.0) -> np.ndarray:
    def share(cutoff: np.ndarray | float) -> np.ndarray:
        return np.asarray(1 / (1 + rate / (2 * np.pi * cutoff)))

    result, speed = landmarks.copy(), np.zeros_like(landmarks[0])
    for row in range(1, len(frames)):
        if frames[row] - frames[row - 1] > 1:
            speed[:] = 0
            continue
        step = (landmarks[row] - result[row - 1]) * rate
        speed = share(1.0) * step + (1 - share(1.0)) * speed
        now = share(least + beta * np.abs(speed))
        result[row] = now * landmarks[row] + (1 - now) * result[row - 1]
    return result


def ours(frames: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    from understudy.core.faces.smoothing import pieces

    result = landmarks.copy()
    for rows in pieces(frames, landmarks):
        result[rows] = smooth(frames[rows], landmarks[rows])
    return result


SMOOTHERS: dict[str, Smoother] = {"average": average, "one-euro": one_euro, "savgol": savgol, "ours": ours}


def compare(people: list[Track], speeds: list[int]) -> None:
    print(f"{'':24}" + "".join(f"{column:>9}" for column in COLUMNS))
    for speed in speeds:
        at = [track.at(speed) for track in people]
        before = [figures(track, track.found) for track in at]
        means = (np.mean([row[column] for row in before]) for column in COLUMNS)
        print(f"speed {speed}  none            " + "".join(f"{mean:9.3f}" for mean in means))
        for name, smoother in SMOOTHERS.items():
            after = [figures(track, smoother(track.frames, track.found)) for track in at]
            ratios = (np.mean([a[column] / b[column] for a, b in zip(after, before, strict=True)])
                      for column in COLUMNS)
            print(f"         {name:<15}" + "".join(f"{ratio:9.3f}" for ratio in ratios), flush=True)


# The swap


def swap(footage: Path, track: Track) -> None:
    """What the best 64 px swap scores with the landmarks as found, smoothed, and true."""
    import torch
    from swap_quality import Truth

    from understudy.core.conversion.composite import full_frame
    from understudy.core.conversion.swap import Swapper
    from understudy.core.faces.crop import crop
    from understudy.core.media.source import open_source
    from understudy.core.models.base import build
    from understudy.core.models.folder import ModelState, Settings, TrainedModel
    from understudy.core.options.convert import ConvertOptions

    truth = Truth(footage)
    points_b = np.load(footage / "b_as_a_truth.npz")["landmarks"].reshape(len(truth.frames), 68, 2) - CORNER
    settings, device = Settings("sketch", coverage=0.875), torch.device("cpu")
    swapper = Swapper(TrainedModel(build("sketch"), ModelState(settings, 64, 64), device), ConvertOptions(color="none"))
    answers = [crop(picture, Alignment(points), 64, "face", 0.875).pixels.astype(np.float32) / 255
               for picture, points in zip(truth.pictures, points_b, strict=True)]
    rows = [int(np.flatnonzero(track.frames == frame)[0]) for frame in truth.frames]
    for name, landmarks in (("as found", track.found), ("smoothed", ours(track.frames, track.found)),
                            ("true", track.truth)):
        pictures = []
        with open_source(footage / "actor_a.mp4") as source:
            for row, answer, frame in zip(rows, answers, source.frames(truth.frames), strict=True):
                face = Face(frame.index, (0, 0, 1, 1), landmarks[row].astype(np.float32))
                pictures.append(full_frame(swapper.finish(frame, swapper.cut(frame, [face]), [answer])))
        print(f"swap, landmarks {name:<9} {truth.score(np.stack(pictures))}   corners tremble "
              f"{jitter(track.frames, corners(landmarks) - corners(track.truth)):.3f} px")


def corners(landmarks: np.ndarray) -> np.ndarray:
    """Where the corners of the model's crop lie in the frame, [T, 4, 2]."""
    square = np.array([(0, 0), (0, 63), (63, 63), (63, 0)], np.float64)
    matrices = [Alignment(points).matrix(64, "face", 0.875) for points in landmarks]
    return np.stack([(square - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T for matrix in matrices])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("footage", type=Path)
    parser.add_argument("--detector", default="dlib", choices=[row.name for row in DETECTORS])
    parser.add_argument("--aligner", default="dlib", choices=[row.name for row in ALIGNERS])
    parser.add_argument("--speeds", default="1,2,3,4", help="which speeds to try")
    parser.add_argument("--swap", action="store_true", help="measure the swap as well")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "understudy_smoothing",
                        help="where alignments are kept")
    arguments = parser.parse_args()
    try:
        arguments.work.mkdir(parents=True, exist_ok=True)
        people = [track for clip in CLIPS
                  for track in load(arguments.footage, arguments.work, clip, arguments.detector, arguments.aligner)]
    except UnderstudyError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    compare(people, [int(text) for text in arguments.speeds.split(",")])
    if arguments.swap:
        swap(arguments.footage, people[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())
