"""Conversion on a cluster: workers convert shards of frames, with their models loaded once.

Writers of single pictures write on the workers. Writers of streams write here: the workers send the patches, exact and
small, in order, and the frames that they are laid over are decoded here once more.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ..cluster import SHARD, Cluster, on_pause, tick
from ..errors import ModelError, SourceError
from ..extraction.cores import one_core_each
from ..extraction.gate import Gate
from ..faces.nouns import Face
from ..jobs.messages import Reporter
from ..media.source import Source, open_source
from ..models.folder import TrainedModel
from ..options import find
from ..options.convert import ConvertOptions
from ..options.rows import WRITERS
from .cast import Roles, load_models
from .nouns import ConvertedFrame, Patch
from .pipeline import Pipeline
from .protocols import Writer
from .stages import ahead
from .swap import laid_over
from .task import Job, full_cast, neighbours_in, store_of, stored_masks
from .writers.choices import open_clip

Faces = dict[int, list[Face]]
_SAME = "The workers have to see the same files under the same paths"


@dataclass(frozen=True)
class Spec:
    """What all shards of a conversion have in common, as it travels to the workers; paths are absolute.

    Attributes:
        digests: of the models, as numbered in `roles`.
        fingerprint: of the source.
    """

    options: ConvertOptions
    roles: Roles
    digests: tuple[str, ...]
    fingerprint: str


def converted(job: Job, digests: Sequence[str], keys: Mapping[int, str], missing: Sequence[int], writer: Writer,
              reporter: Reporter) -> Generator[int, None, None]:
    """Convert on the cluster; for each frame that is written, in order, how many of its faces were swapped.

    Raises:
        ClusterError: see `Cluster`.
        SourceError, ModelError: a worker sees other files.
        what converting raises.
    """
    spec = _spec(job, digests)
    done = writer.total - len(missing)

    def stopping() -> bool:
        return reporter.progress(done, writer.total, "frames", "Converting")

    with Cluster(job.options.cluster) as cluster:
        cluster.require(check, spec)
        reporter.on_pause(cluster.pause, cluster.go_on)
        shards = [missing[start:start + SHARD] for start in range(0, len(missing), SHARD)]
        faces = [{index: job.faces[index] for index in shard if index in job.faces} for shard in shards]
        if writer.parallel:
            of_shards = [{index: keys[index] for index in shard} for shard in shards]
            tasks = ((spec, own, here) for own, here in zip(of_shards, faces, strict=True))
            frames: Iterator[int] = (index for indices in cluster.in_order(write_shard, tasks, stopping)
                                     for index in indices)
        else:
            frames = _written(job.source, cluster.in_order(
                patch_shard, ((spec, shard, here) for shard, here in zip(shards, faces, strict=True)), stopping),
                missing, writer)
        for index in frames:
            done += 1
            yield len(job.faces.get(index, ()))


def _spec(job: Job, digests: Sequence[str]) -> Spec:
    options = job.options
    absolute = replace(options, source=str(job.source.path), cluster="", output=_absolute(options.output),
                       alignments=_absolute(options.alignments))
    return Spec(absolute, job.roles, tuple(digests), job.source.fingerprint)


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute()) if path.strip() else ""


def _written(source: Source, patches: Generator[list[tuple[Patch, ...]], None, None], missing: Sequence[int],
             writer: Writer) -> Iterator[int]:
    """Lay patches over the frames (ascending) as they come, and write them."""
    with closing(patches), closing(ahead(source.frames(missing), 4)) as frames:
        for shard in patches:
            for own in shard:
                frame = next(frames)
                writer.write(laid_over(frame, own))
                yield frame.index


# What workers do.

@dataclass(frozen=True, eq=False)
class Company:
    """The models of a conversion, loaded once in a worker, and the gate to computing with them."""

    models: Sequence[TrainedModel]
    computing: Gate


_loading = threading.Lock()
_loaded: dict[tuple[object, ...], Company] = {}


def company(spec: Spec) -> Company:
    """The models that `spec` asks for; the last ones are kept.

    Raises:
        ModelError: one that is missing or damaged here, or another one.
    """
    options = spec.options
    key = (spec.roles.folders, spec.digests, options.device, options.precision, options.swap_model)
    with _loading:
        if key not in _loaded:
            _loaded.clear()
            models = load_models(options, spec.roles)
            for model, digest, folder in zip(models, spec.digests, spec.roles.folders, strict=True):
                if model.digest != digest:
                    raise ModelError(f"A worker sees another model in {folder}", _SAME)
            _loaded[key] = Company(models, Gate())
        return _loaded[key]


def check(spec: Spec) -> None:
    """Make sure that this worker sees the source.

    Raises:
        SourceError: it sees none there, or another one.
    """
    with open_source(spec.options.source) as source:
        if source.fingerprint != spec.fingerprint:
            raise SourceError(f"A worker sees another clip at {source.path}", _SAME)


def write_shard(run: str, spec: Spec, keys: dict[int, str], faces: Faces) -> list[int]:
    """Convert and write the frames of `keys`, as far as they are not there; returns all of them."""
    with _pipeline(run, spec, faces) as (source, pipeline):
        output = Path(spec.options.output)
        with find(WRITERS, spec.options.writer).load()(output, source, keys, spec.options) as writer:
            for _ in _ticking(run, pipeline.write(writer.missing(), writer)):
                pass
    return sorted(keys)


def patch_shard(run: str, spec: Spec, indices: Sequence[int], faces: Faces) -> list[tuple[Patch, ...]]:
    """The swapped faces of each frame (ascending)."""
    with _pipeline(run, spec, faces) as (_, pipeline):
        return [frame.patches for frame in _ticking(run, pipeline.convert(indices))]


@contextmanager
def _pipeline(run: str, spec: Spec, faces: Faces) -> Iterator[tuple[Source, Pipeline]]:
    models = company(spec)
    with open_clip(spec.options.source, spec.options) as source, ExitStack() as opened, one_core_each():
        masks = stored_masks(spec.options, source, opened)
        with store_of(spec.options, source) as store:
            neighbours = neighbours_in(store, spec.options, spec.roles, masks)
        cast = full_cast(models.models, spec.roles, spec.options, source, masks, neighbours,
                         [face for index in sorted(faces) for face in faces[index]], opened, models.computing)
        if cast.on_card:
            on_pause(run, cast.free_card, cast.take_card)
        yield source, Pipeline(source, lambda index: faces.get(index, ()), cast)


def _ticking(run: str, frames: Generator[ConvertedFrame, None, None]) -> Iterator[ConvertedFrame]:
    with closing(frames):
        for frame in frames:
            tick(run)
            yield frame
