"""How well identity models tell the people of the test clips apart, and from which similarity two faces are one's.

    python benchmarks/identities.py [--footage FOLDER] [--identity NAME ...]

Vectors of a few dozen faces of each of four people, two rendered and two filmed, of whom the rendered ones are seen in
two clips. For each threshold: how many pairs of one person fall below it, and how many of two people reach it, on
average over people and over pairs of people, and for the worst of these. The rows of `core.options.rows` state it.
"""

from __future__ import annotations

import argparse
import os
from itertools import combinations
from pathlib import Path

import numpy as np

from understudy.core.extraction.aligners.dlib_68 import Dlib68
from understudy.core.extraction.detectors.dlib_hog import DlibHog
from understudy.core.extraction.protocols import Identity
from understudy.core.media.source import open_source
from understudy.core.options.rows import IDENTITIES, find
from understudy.core.weights.files import missing

FOOTAGE = Path(os.environ.get("UNDERSTUDY_SHARED", Path(__file__).parents[2] / "shared")) / "footage"
# Clip -> every which frame.
CLIPS = {"actor_a": 8, "actor_b": 8, "two_people": 4, "real_talk_720p": 9, "real_turn_720p": 12}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--footage", type=Path, default=FOOTAGE)
    parser.add_argument("--identity", nargs="*", default=[row.name for row in IDENTITIES])
    given = parser.parse_args()
    rows = [find(IDENTITIES, name) for name in given.identity]
    for row in rows:
        if missing(row.weights):
            print(f"{row.name}: left out, its weights are not on disk")
    rows = [row for row in rows if not missing(row.weights)]
    chips = chips_of(given.footage, {row.name: row.load()() for row in rows})
    for row in rows:
        report(row.name, row.same_person, row.load()(), chips[row.name])


def chips_of(footage: Path, models: dict[str, Identity]) -> dict[str, dict[str, list[np.ndarray]]]:
    """Model -> person -> chips."""
    chips: dict[str, dict[str, list[np.ndarray]]] = {name: {} for name in models}
    detector, aligner = DlibHog(), Dlib68()
    for clip, every in CLIPS.items():
        with open_source(footage / f"{clip}.mp4") as source:
            for frame in source.frames(range(0, len(source), every)):
                (found,) = detector.detect([frame.pixels])
                for face in found:
                    (landmarks,) = aligner.align([frame.pixels], [face.box])
                    person = who(footage, clip, frame.index, landmarks)
                    for name, model in models.items():
                        chips[name].setdefault(person, []).append(model.chip(frame.pixels, landmarks))
    return chips


def who(footage: Path, clip: str, frame: int, landmarks: np.ndarray) -> str:
    if clip != "two_people":
        return clip
    places = np.load(footage / "two_people_truth.npz")["landmarks"][frame, :, 17:].mean(1)
    return ("actor_a", "actor_b")[int(np.linalg.norm(places - landmarks[17:].mean(0), axis=1).argmin())]


def report(name: str, stated: float, model: Identity, chips: dict[str, list[np.ndarray]]) -> None:
    directions = {}
    for person, own in chips.items():
        vectors = model.vectors(own)
        directions[person] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    same = [(own @ own.T)[np.triu_indices(len(own), 1)] for own in directions.values()]
    other = [(a @ b.T).ravel() for a, b in combinations(directions.values(), 2)]
    print(f"\n{name}: {', '.join(f'{person} {len(own)}' for person, own in chips.items())} faces; stated {stated:g}")
    print(f"same person from {min(map(np.min, same)):.3f}, on average {np.mean([s.mean() for s in same]):.3f}; "
          f"others up to {max(map(np.max, other)):.3f}, on average {np.mean([s.mean() for s in other]):.3f}")
    print(f"{'threshold':>9} {'refused':>9} {'(worst)':>9} {'confused':>9} {'(worst)':>9}")
    low, high = np.percentile(np.concatenate(same), 0.1), np.percentile(np.concatenate(other), 99.9)
    for threshold in sorted({*np.linspace(min(low, high), max(low, high), 9), stated}):
        refused = [float((s < threshold).mean()) for s in same]
        confused = [float((s >= threshold).mean()) for s in other]
        print(f"{threshold:>9.3f} {np.mean(refused):>9.2%} {max(refused):>9.2%} {np.mean(confused):>9.2%} "
              f"{max(confused):>9.2%}{'  <- stated' if threshold == stated else ''}")


if __name__ == "__main__":
    main()
