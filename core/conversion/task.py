"""The task behind `understudy convert`: check everything first, then stream the frames through."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..alignments.following import steadied
from ..errors import AlignmentsError, Stopped, UsageError
from ..extraction.cores import core_count, one_core_each
from ..extraction.gate import Gate
from ..extraction.origin import source_info
from ..faces.nouns import Face
from ..faces.store import AlignmentsStore
from ..jobs.messages import Reporter
from ..media.ranges import format_frames, parse_frames
from ..media.source import Source, open_source
from ..models.folder import TrainedModel, load
from ..options import find
from ..options.convert import ConvertOptions
from ..options.rows import TRAINERS, WRITERS
from .cast import Cast, Roles, folders_by_name, load_models, require_faces, roles
from .finding import chosen_by_folder, find_faces, store_path
from .keys import frame_keys
from .neighbours import Neighbours, neighbours_of
from .pipeline import Pipeline
from .protocols import Writer
from .stages import Clock
from .steadying import Steady
from .stored_masks import StoredMasks
from .writers.choices import open_clip

_MEASURING = 4  # threads of the second look, at most; beyond that, its one decoder is the limit


@dataclass(frozen=True, eq=False)
class Job:
    """What a conversion is about, checked.

    Attributes:
        wanted: frames asked for, ascending.
        faces: those that are replaced, by frame, from the back to the front; frames without any are absent.
        masks: where masks are taken from that are not drawn.
        neighbours: the faces in the frames around, if any of these have a say.
    """

    options: ConvertOptions
    source: Source
    wanted: list[int]
    roles: Roles
    faces: dict[int, list[Face]]
    masks: StoredMasks | None
    neighbours: Neighbours | None


def run(options: ConvertOptions, reporter: Reporter) -> dict[str, Any]:
    """Convert a clip.

    Run again with the same options, pictures that are there already are kept; those of another model, other settings
    or landmarks corrected since are made again.

    Returns:
        output (folder or file), writer, made (what was written, in words that a strip can be made from: see
        `protocols.Writer.made`), frames (that the result has), converted (written now), kept (there already),
        with_faces and without_faces (of these), faces (swapped now), elapsed (seconds), rate (frames a
        second), stages (seconds of wall time and of processor time per stage; none of a cluster's).

    Raises:
        SourceError, AlignmentsError, ModelError, OutputError, UsageError, ClusterError: before anything is written,
            where they can be known.
        Stopped: the person asked to; the pictures made so far stay, an unfinished video does not.
    """
    started = time.perf_counter()
    if not options.output.strip():
        raise UsageError("No output is given", "Name a folder for images or an overlay, or a file for a video")
    folders_by_name(options)
    clock = Clock()
    with open_clip(options.source, options) as source, ExitStack() as opened:
        if options.on_the_fly:
            find_faces(options, source, reporter)
        job = _job(options, source, opened, reporter)
        models = [load(folder) for folder in job.roles.folders] if options.cluster else load_models(options, job.roles)
        _warn_of_side(options, models, reporter)
        digests = [model.digest for model in models]
        written = range(len(source)) if options.keep_unchanged else job.wanted
        keys = frame_keys(options, digests, job.roles, source, written, job.faces, job.masks,
                          job.neighbours)
        output = Path(options.output).expanduser().absolute()
        with find(WRITERS, options.writer).load()(output, source, keys, options) as writer:
            missing = list(writer.missing())
            for warning in writer.warnings:
                reporter.warning(warning)
            if options.cluster:
                from .farming import converted  # the only way to Dask

                frames = converted(job, digests, keys, missing, writer, reporter)
            else:
                frames = _converted(job, models, missing, writer, reporter, clock)
            swapped = _follow(frames, len(missing), writer.total, reporter)
            writer.finish()
    elapsed = time.perf_counter() - started
    count = writer.total
    return {"output": str(writer.result()), "writer": options.writer, "made": writer.made(), "frames": count,
            "converted": len(missing), "kept": count - len(missing), "with_faces": len(job.faces),
            "without_faces": count - len(job.faces),
            "faces": swapped, "elapsed": round(elapsed, 3),
            "rate": round(len(missing) / elapsed, 3) if missing else 0.0,
            "stages": {"wall": _rounded(clock.wall), "cpu": _rounded(clock.cpu)}}


def _converted(job: Job, models: list[TrainedModel], missing: list[int], writer: Writer, reporter: Reporter,
               clock: Clock) -> Generator[int, None, None]:
    """Convert on this machine; for each frame that is written, in order, how many of its faces were swapped."""
    with ExitStack() as opened:
        faces = [face for index in missing for face in job.faces.get(index, ())]
        cast = full_cast(models, job.roles, job.options, job.source, job.masks, job.neighbours, faces, opened)
        if cast.on_card:
            reporter.on_pause(cast.free_card, cast.take_card)
        pipeline = Pipeline(job.source, lambda index: job.faces.get(index, ()), cast, clock)
        with one_core_each(), closing(pipeline.write(missing, writer)) as written:
            for frame in written:
                yield len(frame.patches)


def full_cast(models: Sequence[TrainedModel], roles: Roles, options: ConvertOptions, source: Source,
              masks: StoredMasks | None, neighbours: Neighbours | None, faces: Iterable[Face], opened: ExitStack,
              computing: Gate | None = None) -> Cast:
    """The cast that converts `faces`, and beside it, for steady colours, the one that looks ahead; see `Cast`.

    Args:
        faces: in ascending order of frames.
        opened: what the second look opens is closed with it.
    """
    computing, steady = computing or Gate(), None
    if neighbours is not None and options.color_stable != "off":
        plain = replace(options, color_stable="off", motion_blur=0.0, grain=0.0)
        measurer = Cast(models, roles, plain, stored_masks(options, source, opened), computing)
        workers = 1 if measurer.on_card else min(_MEASURING, core_count())
        steady = Steady(opened.enter_context(open_source(source.path)), measurer, neighbours, faces,
                        options.color_stable == "original", workers)
        opened.callback(steady.close)
    return Cast(models, roles, options, masks, computing, neighbours, steady)


def neighbours_in(store: AlignmentsStore, options: ConvertOptions, roles: Roles,
                  masks: StoredMasks | None) -> Neighbours | None:
    """The faces around each that is replaced, as far as they can be swapped as well; see `neighbours_of`."""
    return neighbours_of(options, store, lambda face: roles.model_of(face) is not None
                         and (masks is None or masks.has(face.uuid)))


def _follow(frames: Generator[int, None, None], missing: int, total: int, reporter: Reporter) -> int:
    """Say how far it is; returns how many faces were swapped."""
    done, swapped = total - missing, 0
    with closing(frames):
        if reporter.progress(done, total, "frames", "Converting"):
            raise Stopped
        for faces in frames:
            done += 1
            swapped += faces
            if reporter.progress(done, total, "frames", "Converting") and done < total:
                raise Stopped
    return swapped


def _job(options: ConvertOptions, source: Source, opened: ExitStack, reporter: Reporter) -> Job:
    wanted = parse_frames(options.frames, len(source))
    with store_of(options, source) as store:
        chosen = chosen_by_folder(options, source, store, reporter)
        cast = roles(options, store)
        known = steadied(store, wanted).items() if options.smooth_alignments else store.iterate(wanted)
        faces = {frame: here for frame, all_here in known if (here := cast.in_depth(filter(chosen, all_here)))}
        unseen = sorted(set(wanted) - store.frames_seen())
        require_faces(faces, options, source.path)
        masks = stored_masks(options, source, opened)
        if masks is not None:
            masks.require(faces)
        neighbours = neighbours_in(store, options, cast, masks)
    if unseen:
        reporter.warning(f"{len(unseen)} of the {len(wanted)} frames were never searched for faces and stay as they "
                         "are", f"Run extract for the frames {format_frames(unseen)}")
    return Job(options, source, wanted, cast, faces, masks, neighbours)


def _warn_of_side(options: ConvertOptions, models: Iterable[TrainedModel], reporter: Reporter) -> None:
    favouring = {row.name for row in TRAINERS if row.favours_b}
    for trainer in dict.fromkeys(model.settings.trainer for model in models):
        if options.swap_model and trainer in favouring:
            reporter.warning(f"The trainer {trainer} gives B's face more detail than A's: the other way round the swap "
                             "is softer", "For this direction, train a model with the sides exchanged")


def stored_masks(options: ConvertOptions, source: Source, opened: ExitStack) -> StoredMasks | None:
    """Where masks are taken from, open as long as `opened`; None: no stored mask has a say."""
    masks = opened.enter_context(StoredMasks(store_of(options, source), options))
    return masks if masks.counts else None


def store_of(options: ConvertOptions, source: Source) -> AlignmentsStore:
    """The alignments that the options name, open.

    Raises:
        AlignmentsError: none, or of another clip.
    """
    path = store_path(options, source)
    if not path.exists():
        raise AlignmentsError(f"There are no alignments for {source.path} (looked for {path})",
                              "Run extract on the clip first, name its alignments file, or choose on-the-fly")
    # A reader without waiting would take a frame that is just being written for one without faces.
    opened: Callable[..., AlignmentsStore] = (AlignmentsStore.open if os.access(path, os.W_OK)
                                              else AlignmentsStore.readonly)
    return opened(path, source_info(source))


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in values.items()}
