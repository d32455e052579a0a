"""What normalisation, re-feed and re-align are worth: landmark error and trembling against the truth of test clips.

    python benchmarks/aligners.py [--footage FOLDER] [--aligner NAME] [--clip NAME] [--every N] [--only CHOICE ...]

Error: mean distance of landmarks 17-67, in percent of the distance between the eyes' centres. Trembling: root mean
square of the second difference of the error from frame to frame, pixels, so that the head's own motion does not count.
Tilted: every fourth frame turned by 35 degrees. Milliseconds are of one processor core.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from time import thread_time

import cv2
import numpy as np

from understudy.core.extraction.aligners.crops import centre_of
from understudy.core.extraction.aligners.refine import make_aligner
from understudy.core.extraction.detectors.dlib_hog import DlibHog
from understudy.core.extraction.protocols import Aligner
from understudy.core.faces.geometry import transform
from understudy.core.faces.nouns import Box
from understudy.core.media.source import open_source

FOOTAGE = Path(os.environ.get("UNDERSTUDY_SHARED", Path(__file__).parents[2] / "shared")) / "footage"
TILT = 35.0
# (words, normalisation, re-feed, re-align)
CHOICES = (("none", "none", 0, False), ("mean", "mean", 0, False), ("hist", "hist", 0, False),
           ("clahe", "clahe", 0, False), ("re-feed 1", "none", 1, False), ("re-feed 3", "none", 3, False),
           ("re-feed 5", "none", 5, False), ("re-feed 10", "none", 10, False), ("re-align", "none", 0, True),
           ("re-align, re-feed 5", "none", 5, True), ("clahe, re-align, re-feed 5", "clahe", 5, True))


@dataclass
class Shown:
    """Frames of a clip in which its one person was found."""

    frames: list[np.ndarray]
    boxes: list[Box]
    truth: np.ndarray
    indices: np.ndarray
    yaw: np.ndarray

    def tilted(self, degrees: float, every: int) -> Shown:
        """Every so many frames, turned about their middle; boxes keep their size, as from a detector that bears it."""
        height, width = self.frames[0].shape[:2]
        turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
        boxes = [(*(transform(np.array([centre_of(box)]), turn)[0] + 0.5 - np.divide(box[2:], 2)), *box[2:])
                 for box in self.boxes[::every]]
        frames = [cv2.warpAffine(frame, turn, (width, height), flags=cv2.INTER_CUBIC) for frame in self.frames[::every]]
        return Shown(frames, boxes, transform(self.truth[::every], turn), self.indices[::every], self.yaw[::every])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--footage", type=Path, default=FOOTAGE)
    parser.add_argument("--aligner", default="dlib")
    parser.add_argument("--clip", default="actor_a")
    parser.add_argument("--every", type=int, default=1, help="no trembling where it is more than 1")
    parser.add_argument("--only", nargs="*", choices=[words for words, *_ in CHOICES], help="which rows; empty: all")
    given = parser.parse_args()
    shown = look(given.footage, given.clip, given.every)
    tilted = shown.tilted(TILT, max(1, 4 // given.every))
    print(f"{given.aligner} on {given.clip}, {len(shown.frames)} frames")
    print(f"{'':<27} {'error':>6} {'yaw<15':>7} {'15-30':>6} {'>=30':>6} {'tilted':>7} {'trembling':>10} {'ms':>6}")
    for words, normalization, re_feed, re_align in CHOICES:
        if given.only and words not in given.only:
            continue
        aligner = make_aligner(given.aligner, "cpu", normalization, "dark", re_feed, re_align)
        landmarks, seconds = timed(aligner, shown)
        error = errors(landmarks, shown.truth)
        poses = [error[(shown.yaw >= low) & (shown.yaw < high)].mean() for low, high in ((0, 15), (15, 30), (30, 180))]
        slanted = errors(timed(aligner, tilted)[0], tilted.truth).mean()
        print(f"{words:<27} {error.mean():>6.2f} {poses[0]:>7.2f} {poses[1]:>6.2f} {poses[2]:>6.2f} {slanted:>7.2f} "
              f"{trembling(landmarks, shown):>10.2f} {seconds * 1000 / len(error):>6.0f}", flush=True)


def look(footage: Path, clip: str, every: int) -> Shown:
    truth = np.load(footage / f"{clip}_truth.npz")
    frames, boxes, indices = [], [], []
    detector = DlibHog()
    with open_source(footage / f"{clip}.mp4") as source:
        for frame in source.frames(range(0, len(source), every)):
            (found,) = detector.detect([frame.pixels])
            if found:
                frames.append(frame.pixels)
                boxes.append(found[0].box)
                indices.append(frame.index)
    # The truth counts from the corner of the first pixel, everything here from its centre.
    return Shown(frames, boxes, truth["landmarks"][indices, 0].astype(float) - 0.5, np.array(indices),
                 np.abs(truth["yaw"][indices, 0]))


def timed(aligner: Aligner, shown: Shown) -> tuple[np.ndarray, float]:
    start = thread_time()
    landmarks = aligner.align(shown.frames, shown.boxes)
    return landmarks, thread_time() - start


def errors(landmarks: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Per frame, percent of the eyes' distance as seen from the front."""
    eyes = np.linalg.norm(truth[:, 36:42].mean(1) - truth[:, 42:48].mean(1), axis=1)
    return np.linalg.norm(landmarks[:, 17:] - truth[:, 17:], axis=2).mean(1) / np.percentile(eyes, 90) * 100


def trembling(landmarks: np.ndarray, shown: Shown) -> float:
    error = landmarks - shown.truth
    in_a_row = shown.indices[2:] - shown.indices[:-2] == 2
    second = (error[2:] - 2 * error[1:-1] + error[:-2])[in_a_row]
    return float(np.sqrt((second ** 2).sum(2).mean())) if len(second) else float("nan")


if __name__ == "__main__":
    main()
