"""How much room a job will want on which disk, said before it begins (stdlib only; both sides).

These are estimates from above, by what a picture, a frame or a saved number takes; a job that runs out of room all the
same says so itself and loses nothing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..errors import OutputError, UnderstudyError
from ..faces.store import AlignmentsStore
from ..media.ranges import parse_frames
from ..models.copies import weights_size
from ..models.files import in_words
from ..models.state import read_state
from ..options.purpose import step
from .space_of_tools import ESTIMATES, FACE, PICTURE

# Millions of trained numbers, with each trainer's own settings.
PARAMETERS: dict[str, float] = {
    "sketch": 2.8, "lightweight": 51.1, "original": 82.1, "iae": 117.8, "dfaker": 117.0, "unbalanced": 207.0,
    "dfl-h128": 107.7, "dfl-sae": 130.0, "villain": 155.1, "realface": 238.2, "dlight": 143.6}
_NUMBER = 12  # bytes: a float32, and the two that the optimiser remembers of it
_SAVES = 3  # the one that stands, the one that is being written, the backup
_FOUND = 12_000  # bytes of a face in the alignments
# Bytes per pixel of a converted frame of 8 bits, by writer and, for videos, by codec.
_FRAME = {"overlay": 0.6, "images": PICTURE, "video": 0.25, "gif": 0.6, "patch": 0.6, "layers": 24.0}
_CODEC = {"prores": 1.0, "ffv1": 1.8}
_DEPTH = {"10": 1.3, "16": 2.2, "32": 4.4}  # times as much
_LOSSY = {"jpg": 0.25, "webp": 0.25}
_ONE_FILE = ("video", "gif")
_SPARE = 1_000_000_000  # bytes that ought to stay free on a disk

# A clip's number of frames and its rate; None where they are not known.
ClipOf = Callable[[str], tuple[int, Fraction] | None]


@dataclass(frozen=True)
class Need:
    """What a job will want.

    Attributes:
        what: the job, as a person calls it.
        place: a folder, there or not yet.
        size: bytes.
    """

    what: str
    place: Path
    size: int


def needs(task: str, options: Mapping[str, Any], label: str, clip_of: ClipOf) -> list[Need]:
    """What a job will want; [] for a task that writes little, or of whose clip nothing is known.

    Args:
        options: the task's options by name.
    """
    estimate = {"extract": _extraction, "train": _training, "convert": _conversion}.get(task)
    try:
        found = estimate(options, clip_of) if estimate else ESTIMATES[task](options) if task in ESTIMATES else {}
    except (UnderstudyError, OSError):
        return []  # the job itself says what is wrong
    return [Need(label, place, size) for place, size in found.items() if size > 0]


def check(wanted: Iterable[Need]) -> list[str]:
    """Compare what jobs want with what is free; returns a warning for each disk that will be nearly full.

    Raises:
        OutputError: there is not room enough.
    """
    disks: dict[int, list[Need]] = {}
    for need in wanted:
        disks.setdefault(os.stat(_existing(need.place)).st_dev, []).append(need)
    warnings = []
    for found in disks.values():
        place, size = found[0].place, sum(need.size for need in found)
        free = shutil.disk_usage(_existing(place)).free
        *others, last = dict.fromkeys(need.what for need in found)
        who = f"{', '.join(others)} and {last}" if others else last
        scarce = OutputError(f"{who} will need about {in_words(size)} in {place}, and {in_words(free)} are free",
                             "Free some space (Clean Up in the Jobs panel lists what can go), or choose a work folder "
                             "on another disk")
        if free < size:
            raise scarce
        if free - size < _SPARE:
            warnings.append(scarce.message)
    return warnings


def _existing(place: Path) -> Path:
    """The nearest folder above that is there."""
    return next((folder for folder in (place, *place.absolute().parents) if folder.is_dir()), Path(place.anchor or "."))


def _extraction(options: Mapping[str, Any], clip_of: ClipOf) -> dict[Path, int]:
    clip = clip_of(options["source"])
    if clip is None:
        return {}
    length, rate = clip
    every = step(options.get("purpose", "both"), options.get("every", 0), rate)
    frames = sum(index % every == 0 for index in parse_frames(options.get("frames", ""), length))
    found = {Path(options["source"]).parent: frames * _FOUND}
    if options.get("faces"):
        folder = Path(options["faces"])
        pictures = max(0, frames - _count(folder))
        found[folder] = found.get(folder, 0) + round(pictures * options.get("face_size", 512) ** 2 * FACE)
    return found


def _training(options: Mapping[str, Any], clip_of: ClipOf) -> dict[Path, int]:
    folder = Path(options["model_dir"])
    iterations, there = 0, weights_size(folder)
    size = there
    if size:
        iterations = read_state(folder).iterations
    else:
        size = round(PARAMETERS.get(options["trainer"], max(PARAMETERS.values())) * 1e6 * _NUMBER)
    snapshots = options.get("snapshot_interval", 0)
    target = max(iterations, options.get("iterations", 0))
    kept = target // snapshots - iterations // snapshots if snapshots else 0
    saves = _SAVES - 1 if there else _SAVES
    return {folder: size * (saves + kept)}


def _conversion(options: Mapping[str, Any], clip_of: ClipOf) -> dict[Path, int]:
    if not options.get("alignments") or not os.path.exists(options["alignments"]):
        return {}
    with AlignmentsStore.readonly(options["alignments"]) as store:
        source = store.source
    frames = len(parse_frames(options.get("frames", ""), source.length))
    output, writer = Path(options["output"]), options["writer"]
    if writer not in _ONE_FILE:
        frames = max(0, frames - _count(output))
    rate = _FRAME.get(writer, max(_FRAME.values()))
    if writer == "video":
        rate = max(rate, _CODEC.get(options.get("video_codec", ""), 0.0))
    elif writer not in ("gif", "layers"):
        rate *= _LOSSY.get(options.get("image_format", ""), 1.0)
    rate *= _DEPTH.get(options.get("depth", ""), 1.0) * (options.get("output_scale", 100.0) / 100) ** 2
    return {output: round(frames * source.width * source.height * rate)}


def _count(folder: Path) -> int:
    try:
        with os.scandir(folder) as entries:
            return sum(entry.name.endswith(".png") for entry in entries)
    except OSError:
        return 0
