"""How well and how fast faces are extracted.

    .venv/bin/python benchmarks/extraction.py FOOTAGE [--clips actor_a real_talk_720p]

FOOTAGE is a folder of clips; where `<clip>_truth.npz` lies beside `<clip>.mp4`, landmarks and masks are held against
it:

- found: share of frames with a face, over all frames, and over those whose true yaw is below 30 degrees
- landmark error: mean distance of the 68 points / distance of the outer eye corners (36-45), those frames
- mask IoU: mask `extended`, drawn head-centred at 256 px, laid over the true face mask, those frames

Times are processor seconds by stage (added over threads), which other work on the machine disturbs little, and frames
per second by the clock, which it does disturb.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from understudy.core.extraction.maskers.landmark import draw
from understudy.core.extraction.stages import Costs
from understudy.core.extraction.task import run
from understudy.core.faces.geometry import Alignment
from understudy.core.faces.store import AlignmentsStore
from understudy.core.jobs.messages import SilentReporter
from understudy.core.options.extract import ExtractOptions

MASK_SIZE = 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("footage", type=Path)
    parser.add_argument("--clips", nargs="+", default=["actor_a", "actor_b", "real_talk_720p"])
    arguments = parser.parse_args()
    for clip in arguments.clips:
        with tempfile.TemporaryDirectory() as place:
            _measure(arguments.footage / f"{clip}.mp4", Path(place))


def _measure(clip: Path, place: Path) -> None:
    costs = Costs()
    options = ExtractOptions(source=str(clip), alignments=str(place / "a.db"), faces=str(place / "faces"))
    begin, processor = time.monotonic(), time.process_time()
    result = run(options, SilentReporter(), costs)
    seconds, processor = time.monotonic() - begin, time.process_time() - processor
    frames = result["frames"]
    print(f"{clip.name}: {frames} frames, face in {result['frames_with_faces'] / frames:.1%}, {result['faces']} faces")
    print(f"  {frames / seconds:.1f} frames/s by the clock (load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores); "
          f"processor {processor / frames * 1e3:.0f} ms a frame with loading")
    booked = sum(costs.seconds.values())
    print("  processor by stage: " + ", ".join(
        f"{stage} {spent / booked:.0%} ({spent / frames * 1e3:.1f} ms)" for stage, spent in
        sorted(costs.seconds.items(), key=lambda item: -item[1])))
    truth = clip.with_name(f"{clip.stem}_truth.npz")
    if truth.exists():
        _hold_against(truth, place / "a.db")


def _hold_against(truth_file: Path, store_file: Path) -> None:
    truth = np.load(truth_file)
    masks = np.unpackbits(truth["mask_bits"], axis=-1)[..., :truth["mask_shape"][3]]
    frontal = np.flatnonzero((np.abs(truth["yaw"]) < 30).any(1))
    errors, overlaps, found = [], [], 0
    with AlignmentsStore.readonly(store_file) as store:
        for frame in frontal:
            faces = store.faces(int(frame))
            found += bool(faces)
            for face in faces:
                wanted = truth["landmarks_contour"][frame] - 0.5
                person = int(np.linalg.norm(wanted - face.landmarks, axis=2).mean(1).argmin())
                wanted = wanted[person]
                if abs(truth["yaw"][frame, person]) >= 30:
                    continue
                distance = np.linalg.norm(face.landmarks - wanted, axis=1).mean()
                errors.append(distance / np.linalg.norm(wanted[36] - wanted[45]))
                overlaps.append(_overlap(face.landmarks, masks[frame, person]))
    print(f"  yaw < 30: face in {found / len(frontal):.1%} of {len(frontal)} frames; landmark error "
          f"{np.mean(errors):.2%}; IoU of mask extended {np.mean(overlaps):.3f}")


def _overlap(landmarks: np.ndarray, wanted: np.ndarray) -> float:
    alignment = Alignment(landmarks)
    matrix = alignment.matrix(MASK_SIZE, "head")
    drawn = draw(alignment.points(MASK_SIZE, "head"), MASK_SIZE, "extended")
    back = cv2.warpAffine(drawn, matrix, wanted.shape[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP) >= 128
    return float((back & (wanted > 0)).sum() / (back | (wanted > 0)).sum())


if __name__ == "__main__":
    main()
