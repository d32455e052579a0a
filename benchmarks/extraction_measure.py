"""One extraction of one clip, measured; `benchmarks/extraction.py` runs this once for every combination.

    .venv/bin/python benchmarks/extraction_measure.py CLIP [--detector NAME] [--aligner NAME] [--frames 0-99]

Prints one line of JSON: a process of its own gives each measurement a peak memory of its own.

- wall, processor: seconds of the whole task, with loading, without Python's imports; booked: processor seconds by stage
- decode: seconds that decoding alone takes by the clock
- peak: most memory that the process held, bytes
- found, false, error, mask: against `<clip>_truth.npz` where it lies beside the clip, see `against_truth`
- jitter: root mean square of the second difference of the landmarks in the mean face's box, over runs of frames
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from understudy.core.extraction.cores import Costs
from understudy.core.extraction.maskers.landmark import draw
from understudy.core.extraction.task import run
from understudy.core.faces.geometry import Alignment
from understudy.core.faces.matching import match
from understudy.core.faces.nouns import Face
from understudy.core.faces.store import AlignmentsStore
from understudy.core.jobs.messages import SilentReporter
from understudy.core.media.source import open_source
from understudy.core.options import make
from understudy.core.options.extract import ExtractOptions

MASK_SIZE = 256
_SAME_FACE = 0.5  # landmarks further from the truth, in distances of the eyes' outer corners, are of something else


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--detector", default="dlib")
    parser.add_argument("--aligner", default="dlib")
    parser.add_argument("--frames", default="")
    parser.add_argument("--alignments", type=Path, help="keep them there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        options = make(ExtractOptions, {
            "source": str(arguments.clip), "alignments": str(arguments.alignments or f"{place}/a.db"),
            "faces": f"{place}/faces",
            "detector": arguments.detector, "aligner": arguments.aligner, "frames": arguments.frames})
        print(json.dumps({"clip": arguments.clip.stem, "detector": arguments.detector, "aligner": arguments.aligner,
                          **_measured(options), **_judged(arguments.clip, Path(options.alignments))}))


def _measured(options: ExtractOptions) -> dict[str, Any]:
    costs = Costs()
    decode = _decoding(options)
    wall, processor = time.perf_counter(), time.process_time()
    result = run(options, SilentReporter(), costs)
    return {"wall": time.perf_counter() - wall, "processor": time.process_time() - processor, "decode": decode,
            "booked": costs.seconds, "peak": _peak(), "frames": result["frames"], "faces": result["faces"],
            "with_faces": result["frames_with_faces"]}


def _decoding(options: ExtractOptions) -> float:
    with open_source(options.source) as source:
        begin = time.perf_counter()
        for frame in source.frames():
            del frame
        return time.perf_counter() - begin


def _peak() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _judged(clip: Path, store_file: Path) -> dict[str, Any]:
    truth_file = clip.with_name(f"{clip.stem}_truth.npz")
    with AlignmentsStore.readonly(store_file) as store:
        judged = {"jitter": _jitter(store)}
        return {**judged, **against_truth(store, np.load(truth_file))} if truth_file.exists() else judged


def against_truth(store: AlignmentsStore, truth: Any) -> dict[str, float]:
    """How what was found compares with exact landmarks and masks, over the frames that were looked at.

    Returns:
        found: share of the visible faces that were found; false: finds that are no visible face, per frame; error: mean
        distance of the 68 landmarks from the truth's (contour variant, as annotators see it) by that of the eyes' outer
        corners, over all faces found, and error_frontal over those turned less than 30 degrees; mask: intersection over
        union of the true face mask and mask `extended`, drawn head-centred at 256 px, over the frontal ones.
    """
    masks = np.unpackbits(truth["mask_bits"], axis=-1)[..., :truth["mask_shape"][3]]
    errors, frontal, overlaps = [], [], []
    visible = false = 0
    frames = sorted(store.frames_seen())
    for frame in frames:
        faces = store.faces(frame)
        wanted = truth["landmarks_contour"][frame] - 0.5  # the truth counts from the pixel's corner
        found = 0
        for person in np.flatnonzero(truth["visible"][frame]):
            visible += 1
            distance, face = _nearest(faces, wanted[person])
            if face is None or distance > _SAME_FACE:
                continue
            found += 1
            errors.append(distance)
            if abs(truth["yaw"][frame, person]) < 30:
                frontal.append(distance)
                overlaps.append(_overlap(face.landmarks, masks[frame, person]))
        false += len(faces) - found
    return {"found": len(errors) / visible, "false": false / len(frames), "error": float(np.mean(errors)),
            "error_frontal": float(np.mean(frontal)), "mask": float(np.mean(overlaps))}


def _nearest(faces: list[Face], wanted: np.ndarray) -> tuple[float, Face | None]:
    eyes = float(np.linalg.norm(wanted[36] - wanted[45]))
    distances = [float(np.linalg.norm(face.landmarks - wanted, axis=1).mean()) / eyes for face in faces]
    return min(zip(distances, faces, strict=True), key=lambda pair: pair[0], default=(np.inf, None))


def _overlap(landmarks: np.ndarray, wanted: np.ndarray) -> float:
    alignment = Alignment(landmarks)
    drawn = draw(alignment.points(MASK_SIZE, "head"), MASK_SIZE, "extended")
    back = cv2.warpAffine(drawn, alignment.matrix(MASK_SIZE, "head"), wanted.shape[::-1],
                          flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP) >= 128
    return float((back & (wanted > 0)).sum() / (back | (wanted > 0)).sum())


def _jitter(store: AlignmentsStore) -> float:
    """Root mean square over points and coordinates; one person in three frames that follow each other is one value."""
    squares: list[float] = []
    tracks: dict[str, list[np.ndarray]] = {}
    before: list[Face] = []
    last = -2
    for frame, faces in store.iterate():
        pairs = match([face.box for face in faces], [face.box for face in before]) if frame == last + 1 else {}
        now: dict[str, list[np.ndarray]] = {}
        for number, face in enumerate(faces):
            track = tracks[before[pairs[number]].uuid] if number in pairs else []
            now[face.uuid] = [*track[-2:], Alignment(face.landmarks).normalized]
            if len(now[face.uuid]) == 3:
                a, b, c = now[face.uuid]
                squares.append(float(((a - 2 * b + c) ** 2).mean()))
        tracks, before, last = now, faces, frame
    return float(np.sqrt(np.mean(squares))) if squares else float("nan")


if __name__ == "__main__":
    main()
