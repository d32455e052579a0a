"""The task behind `understudy convert`: check everything first, then stream the frames through."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..alignments.following import steadied
from ..errors import AlignmentsError, Stopped, UsageError
from ..extraction.origin import source_info
from ..faces.nouns import Face
from ..faces.persons import wanted as of_persons
from ..faces.places import default_store
from ..faces.store import AlignmentsStore
from ..jobs.messages import Reporter
from ..media.ranges import format_frames, parse_frames
from ..media.source import Source, open_source
from ..models.device import choose_device
from ..models.folder import TrainedModel, load
from ..options import find
from ..options.convert import ConvertOptions
from ..options.maskers import DRAWN
from ..options.rows import TRAINERS, WRITERS
from .pipeline import convert
from .protocols import Writer
from .stages import Clock
from .stored_masks import StoredMasks
from .swap import Swapper

_VERSION = 1  # raised whenever the same options and model give other pictures, so that old ones are made again
# What changes a picture; device, batch size and places do not.
_PICTURE_OPTIONS = ("swap_model", "writer", "color", "mask_type", "mask_blur", "mask_kernel", "mask_passes", "erosion",
                    "face_scale")


def run(options: ConvertOptions, reporter: Reporter) -> dict[str, Any]:
    """Convert a clip.

    Run again with the same options, pictures that are there already are kept; those of another model, other settings
    or landmarks corrected since are made again.

    Returns:
        output (folder or file), writer, frames (asked for), converted (written now), kept (there already),
        with_faces and without_faces (of those asked for), faces (swapped now), elapsed (seconds), rate (frames a
        second), stages (seconds of wall time and of processor time per stage).

    Raises:
        SourceError, AlignmentsError, ModelError, OutputError, UsageError: bad input, before anything is written.
        Stopped: the person asked to; the pictures made so far stay, an unfinished video does not.
    """
    started = time.perf_counter()
    if not options.output.strip():
        raise UsageError("No output is given", "Name a folder for images or an overlay, or a file for a video")
    if not options.model_dir.strip():
        raise UsageError("No model folder is given", "Name the folder of a trained model")
    with open_source(options.source) as source, ExitStack() as opened:
        wanted = parse_frames(options.frames, len(source))
        faces = _faces(options, source, wanted, reporter)
        masks = None
        if options.mask_type not in ("none", *DRAWN):
            masks = opened.enter_context(StoredMasks(_store(options, source), options.mask_type))
            masks.require(faces)
        model = load(options.model_dir, choose_device(options.device))
        if options.swap_model and model.settings.trainer in {row.name for row in TRAINERS if row.favours_b}:
            reporter.warning(f"The trainer {model.settings.trainer} gives B's face more detail than A's: the other way "
                             "round the swap is softer", "For this direction, train a model with the sides exchanged")
        swapper = Swapper(model, options, masks)
        keys = frame_keys(options, model, source, wanted, faces, masks)
        output = Path(options.output).expanduser().absolute()
        with find(WRITERS, options.writer).load()(output, source, keys) as writer:
            missing = list(writer.missing())
            clock = Clock()
            swapped = _stream(source, missing, faces, swapper, writer, reporter, clock, len(wanted))
    elapsed = time.perf_counter() - started
    return {"output": str(writer.result()), "writer": options.writer, "frames": len(wanted), "converted": len(missing),
            "kept": len(wanted) - len(missing), "with_faces": len(faces), "without_faces": len(wanted) - len(faces),
            "faces": swapped, "elapsed": round(elapsed, 3),
            "rate": round(len(missing) / elapsed, 3) if missing else 0.0,
            "stages": {"wall": _rounded(clock.wall), "cpu": _rounded(clock.cpu)}}


def _stream(source: Source, missing: list[int], faces: dict[int, list[Face]], swapper: Swapper, writer: Writer,
            reporter: Reporter, clock: Clock, total: int) -> int:
    """Convert the missing frames; returns how many faces were swapped."""
    done, swapped = total - len(missing), 0
    if reporter.progress(done, total, "frames", "Converting"):
        raise Stopped
    with closing(convert(source, missing, lambda index: faces.get(index, ()), swapper, writer, clock)) as written:
        for converted in written:
            done += 1
            swapped += len(converted.patches)
            if reporter.progress(done, total, "frames", "Converting") and done < total:
                raise Stopped
    return swapped


def _faces(options: ConvertOptions, source: Source, wanted: list[int], reporter: Reporter) -> dict[int, list[Face]]:
    """The faces to swap, by frame; frames without any are absent.

    Raises:
        AlignmentsError: no store, one of another clip, a person that nobody is called, or no faces in these frames.
    """
    with _store(options, source) as store:
        is_meant = of_persons(store, options.persons)
        known = steadied(store, wanted).items() if options.smooth_alignments else store.iterate(wanted)
        meant = ((frame, [face for face in here if is_meant(face)]) for frame, here in known)
        faces = {frame: here for frame, here in meant if here}
        unseen = sorted(set(wanted) - store.frames_seen())
    if not faces:
        whose = f" of {', '.join(options.persons)}" if options.persons else ""
        raise AlignmentsError(f"There are no faces{whose} to replace in the chosen frames of {source.path}",
                              f"Run extract on the clip, or choose other frames{' or persons' if whose else ''}")
    if unseen:
        reporter.warning(f"{len(unseen)} of the {len(wanted)} frames were never searched for faces and stay as they "
                         "are", f"Run extract for the frames {format_frames(unseen)}")
    return faces


def _store(options: ConvertOptions, source: Source) -> AlignmentsStore:
    path = Path(options.alignments).expanduser() if options.alignments.strip() else default_store(source.path)
    if not path.exists():
        raise AlignmentsError(f"There are no alignments for {source.path} (looked for {path})",
                              "Run extract on the clip first, or name its alignments file")
    # A reader without waiting would take a frame that is just being written for one without faces.
    opened = AlignmentsStore.open if os.access(path, os.W_OK) else AlignmentsStore.readonly
    return opened(path, source_info(source))


def frame_keys(options: ConvertOptions, model: TrainedModel, source: Source, wanted: Iterable[int],
               faces: dict[int, list[Face]], masks: StoredMasks | None = None) -> dict[int, str]:
    """For each frame a short text that changes whenever its picture would: model, settings, landmarks, masks."""
    settings = {name: getattr(options, name) for name in _PICTURE_OPTIONS}
    common = json.dumps([_VERSION, options.writer, source.fingerprint])
    whole = common + json.dumps([settings, _model_digest(model)], sort_keys=True)
    keys = {}
    for index in wanted:
        digest = hashlib.sha256((whole if index in faces else common).encode())
        for face in faces.get(index, ()):
            digest.update(np.ascontiguousarray(face.landmarks, "<f4").tobytes())
        if masks is not None:
            digest.update(masks.key(faces.get(index, ())))
        keys[index] = digest.hexdigest()[:32]
    return keys


def _model_digest(model: TrainedModel) -> str:
    digest = hashlib.sha256(repr(model.settings).encode())
    for name, tensor in sorted(model.model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in values.items()}
