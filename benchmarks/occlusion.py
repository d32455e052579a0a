"""What occlusion refine is worth: masks against the truth, on a clip in which a board passes in front of a face.

    python benchmarks/occlusion.py [FOOTAGE]

Extracts `two_people.mp4` with what ships, adds by hand the faces behind the board that no detector finds (their
landmarks from the truth), refines, and compares with the visible face. IoU = shared area / joint area.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from shutil import copy

import cv2
import numpy as np

from understudy.core.errors import AlignmentsError
from understudy.core.extraction.maskers.landmark import draw
from understudy.core.extraction.maskers.stored import lay
from understudy.core.extraction.task import run as extract
from understudy.core.faces.crop import crop
from understudy.core.faces.geometry import Alignment
from understudy.core.faces.nouns import Face, StoredMask
from understudy.core.faces.store import AlignmentsStore
from understudy.core.jobs.messages import SilentReporter
from understudy.core.masking.making import add
from understudy.core.media.source import open_source
from understudy.core.options.extract import ExtractOptions
from understudy.core.options.mask import MaskAddOptions

ROOT = Path(__file__).resolve().parents[1]
FOOTAGE = Path(os.environ.get("UNDERSTUDY_SHARED", ROOT.parent / "shared")) / "footage"
SIZE = 128


def main() -> None:
    footage = Path(sys.argv[1]) if len(sys.argv) > 1 else FOOTAGE
    truth = np.load(footage / "two_people_truth.npz")
    visible = np.unpackbits(truth["mask_bits"], axis=-1)[..., :truth["mask_shape"][3]].astype(bool)
    landmarks = truth["landmarks_contour"] - 0.5  # its pixel centres are at halves
    area = visible.sum((2, 3))
    occluded = {frame for frame in range(len(area)) if area[frame, 0] < 0.965 * np.median(area[70:77, 0])
                and 75 < frame < 90}
    with tempfile.TemporaryDirectory() as place:
        clip = Path(copy(footage / "two_people.mp4", place))
        extract(ExtractOptions(source=str(clip)), SilentReporter())
        store_path = clip.with_name("two_people_alignments.db")
        by_hand = add_hidden_faces(store_path, sorted(occluded), landmarks[:, 0])
        add(MaskAddOptions(source=str(clip), masker=("extended",), refine=True), SilentReporter())
        results = defaultdict(list)
        with AlignmentsStore.readonly(store_path) as store, open_source(clip) as source:
            for frame in source.frames():
                for face in store.faces(frame.index):
                    away = np.linalg.norm(landmarks[frame.index].mean(1) - face.landmarks.mean(0), axis=-1)
                    person = int(np.argmin(away))
                    group = ("clean, person A", "clean, person B")[person]
                    if person == 0 and frame.index in occluded:
                        group = "occluded, face added by hand" if face.uuid in by_hand else "occluded, face detected"
                    results[group].append(compare(store, face, frame.pixels, visible[frame.index, person]))
    print(f"{'frames':<30} {'faces':>5} {'extended':>9} {'GrabCut':>9} {'refined':>9} {'worst':>7}")
    for group, values in sorted(results.items()):
        plain, cut, refined = np.array(values).T
        print(f"{group:<30} {len(values):>5} {plain.mean():>9.4f} {cut.mean():>9.4f} {refined.mean():>9.4f} "
              f"{(refined - plain).min():>+7.3f}")


def add_hidden_faces(path: Path, frames: list[int], landmarks: np.ndarray) -> set[str]:
    with AlignmentsStore.open(path) as store:
        added = set()
        for frame in frames:
            points = landmarks[frame].astype(np.float32)
            if any(np.linalg.norm(face.landmarks.mean(0) - points.mean(0)) < 40 for face in store.faces(frame)):
                continue
            (x, y), (right, bottom) = points.min(0).tolist(), points.max(0).tolist()
            added.add(store.add_face(frame, (x, y, right - x, bottom - y), points).uuid)
        return added


def compare(store: AlignmentsStore, face: Face, pixels: np.ndarray, visible: np.ndarray) -> tuple[float, float, float]:
    """IoU of the extended mask, of what GrabCut by itself makes of it, and of the refined one."""
    height, width = visible.shape
    cut = crop(pixels, Alignment(face.landmarks), SIZE, "face")
    drawn = draw(cut.landmarks, SIZE, "extended")
    labels = np.where(drawn > 127, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    cv2.setRNGSeed(0)
    cv2.grabCut(cv2.cvtColor(cut.pixels, cv2.COLOR_RGB2BGR), labels, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)),
                5, cv2.GC_INIT_WITH_MASK)
    kept = (drawn * (labels == cv2.GC_PR_FGD)).astype(np.uint8)
    refined = store.mask(face.uuid, "extended-refined")
    if refined is None:
        raise AlignmentsError("a face was not refined")
    masks = [StoredMask("", drawn, cut.matrix), StoredMask("", kept, cut.matrix), refined]
    laid = [lay(mask, np.eye(2, 3), (width, height)) > 127 for mask in masks]
    plain, grabbed, better = ((mask & visible).sum() / max(1, (mask | visible).sum()) for mask in laid)
    return float(plain), float(grabbed), float(better)


if __name__ == "__main__":
    main()
