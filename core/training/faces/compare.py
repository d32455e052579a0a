"""The task `faces compare`: how well the faces of A and B serve a training, before it takes days."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2

from ...errors import UsageError
from ...jobs.messages import Reporter
from ...media.images import write_file
from ...models.folder import Settings
from ...options.faces import FacesCompareOptions
from ...options.maskers import DRAWN, how_to_get
from . import checks, directions, directions_picture
from .data import FaceSet, read_faces
from .duplicates import different, twin_share
from .freshness import outdated
from .reading import Cut

# Nothing is trained: as much of the face as a model usually sees, small, with a mask that every face has.
_CUT = Cut(64, Settings("", mask_type="extended"))


def run(options: FacesCompareOptions, reporter: Reporter) -> dict[str, Any]:
    """Say what a training would warn of and more, and draw where the faces look.

    Returns:
        text (the report), file (the picture), faces_a, faces_b, lacking (percent of A's faces that look where B hardly
        ever does), gaps (the directions, in words), twins_a, twins_b (percent of the faces that have a near twin),
        different_a, different_b (how many differ from each other; 500: or more), masks_a, masks_b (kind -> how many
        faces have one).

    Raises:
        FacesError: a faces folder that is not there, is empty, or holds no usable face.
        AlignmentsError, UsageError: as for training.
        OutputError: the picture cannot be written.
        Stopped: the person asked to stop.
    """
    if not options.input_a.strip() or not options.input_b.strip():
        raise UsageError("Two faces folders are needed", "Name them with --input-a and --input-b")
    cv2.setNumThreads(1)  # the faces are read in threads already
    sides = (read_faces(options.folders("a"), _CUT, reporter, "A", options.persons_a, options.alignments_a, True),
             read_faces(options.folders("b"), _CUT, reporter, "B", options.persons_b, options.alignments_b, True))
    for faces in sides:
        checks.require_enough(len(faces), faces.place, faces.label, faces.unusable, faces.others, least=1)
    a, b = (faces.angles for faces in sides)
    comparison = directions.compare(a, b, flip=options.flip)
    picture = _picture_path(options, sides[1].folder)
    write_file(picture, directions_picture.draw(a, b, comparison, flip=options.flip))
    reporter.preview(picture)
    twins = [twin_share(faces.looks) for faces in sides]
    apart = [different(faces.looks, checks.GOOD_FACES) for faces in sides]
    lines = [line for faces, share, others in zip(sides, twins, apart, strict=True)
             for line in _about(faces, checks.about_twins(share, others, faces.label, always=True), reporter)]
    lines += ["Directions", *(f"  {line}" for line in _about_directions(comparison))]
    return {"text": "\n".join(lines), "file": str(picture), "faces_a": len(a), "faces_b": len(b),
            "lacking": round(comparison.share * 100, 1), "gaps": [str(gap) for gap in comparison.gaps],
            "twins_a": round(twins[0] * 100, 1), "twins_b": round(twins[1] * 100, 1),
            "different_a": apart[0], "different_b": apart[1],
            "masks_a": dict(sides[0].kinds), "masks_b": dict(sides[1].kinds)}


def _picture_path(options: FacesCompareOptions, faces_b: Path) -> Path:
    """Where the picture goes: never into a faces folder, where it would be taken for a face."""
    if options.output.strip():
        path = Path(options.output).expanduser().absolute()
        return path if path.suffix.lower() == ".png" else path.with_name(f"{path.name}.png")
    folder = faces_b.absolute()
    return folder.with_name(f"{folder.name}_directions.png")


def _about(faces: FaceSet, of_twins: str, reporter: Reporter) -> list[str]:
    """A side's part of the report."""
    told = [sentence for sentence, _ in outdated(faces, reporter)]
    advice = checks.about_count(len(faces), faces.label)
    unusable = checks.about_unusable(faces.unusable, len(faces) + len(faces.unusable), faces.place)
    return [f"Side {faces.label}: {checks.counted(len(faces), 'face')} in {faces.place}",
            *(f"  {line}" for line in (advice, unusable, of_twins, *told, _about_masks(faces)) if line)]


def _about_masks(faces: FaceSet) -> str:
    """Which masks the faces have, and how to get those that only some of them have."""
    whole = [kind for kind, count in faces.kinds.items() if count == len(faces)]
    part = {kind: count for kind, count in faces.kinds.items() if count < len(faces)}
    text = f"Masks of all faces: {', '.join((*DRAWN, *whole))}"
    for kind, count in part.items():
        text += f"; of {count:,} only: {kind} ({how_to_get(kind).replace('SOURCE', str(faces.folder))})"
    return text


def _about_directions(comparison: directions.Comparison) -> list[str]:
    if not comparison.gaps:
        return ["B looks wherever A does"]
    named = [str(gap) for gap in comparison.gaps]
    share = comparison.share * 100
    return [f"{share:.{0 if share >= 1 else 1}f} % of the faces of A look where B hardly ever does", *named]
