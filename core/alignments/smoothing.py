"""What both smoothing jobs do with their results: choose the faces, back up, write, in one step of the history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..faces.nouns import Face
from ..jobs.messages import Reporter
from ..options.alignments import SmoothingOptions
from .following import tracks
from .stores import Plan, back_up, chosen, counted, named, opened


def run(options: SmoothingOptions, reporter: Reporter,
        smoother: Callable[[list[list[Face]], Callable[[Any, str], Any]], Sequence[Sequence[Face]]]) -> dict[str, Any]:
    """Smooth the landmarks of a store and write those of the faces that are meant.

    Args:
        smoother: makes of tracks the same tracks with other landmarks; the second argument takes a list of work and
            what it is called, and gives its items back one by one, with progress.

    Returns:
        {"faces" (smoothed now), "tracks", "by_hand" (left as a person wants them), "smoothed_before" (left as well),
        "moved" (mean distance that a landmark went, pixels), "backup", "dry_run", "text" (dry run: what would be
        done)}.

    Raises:
        AlignmentsError, UsageError, OutputError: as the parts say, before anything is changed.
        Stopped: before anything was changed.
    """
    plan = Plan(options.dry_run)
    with opened(options, write=not plan.dry) as store:
        meant = {face.uuid: face for _, faces in chosen(store, options) for face in faces}
        by_hand = {} if options.all_faces else {u: f for u, f in meant.items() if f.state != "machine"}
        before = set() if options.again else store.moved_faces() & set(meant)
        todo = {uuid: face for uuid, face in meant.items() if uuid not in by_hand and uuid not in before}
        found = [track for track in tracks(store) if any(face.uuid in todo for face in track)] if todo else []
        smoothed = smoother(found, lambda items, text: counted(reporter, items, "tracks", text))
        changed = sorted((face for track in smoothed for face in track if face.uuid in todo
                          and not np.array_equal(face.landmarks, todo[face.uuid].landmarks)),
                         key=lambda face: (face.frame, face.position))
        distances = [float(np.linalg.norm(face.landmarks - todo[face.uuid].landmarks, axis=1).mean())
                     for face in changed]
        for face, distance in zip(changed, distances, strict=True):
            plan.say(f"move the landmarks of {named(face)} by {distance:.2f} px on average")
        backup = ""
        if changed and not plan.dry:
            backup = back_up(store)
            with store.edit():
                for face in counted(reporter, changed, "faces", "Writing"):
                    store.move_landmarks(face.uuid, face.landmarks)
    return plan.result(faces=len(changed), tracks=len(found), by_hand=len(by_hand), smoothed_before=len(before),
                       moved=round(sum(distances) / len(distances), 3) if distances else 0.0, backup=backup)
