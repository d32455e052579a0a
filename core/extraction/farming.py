"""Extraction on a cluster: workers look at shards of frames; the one who asked stores what they saw, in order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from ..cluster import SHARD, Cluster, on_pause, tick
from ..errors import SourceError
from ..media.source import open_source
from ..models.device import choose_device
from ..options.extract import ExtractOptions
from .cores import Costs, one_core_each
from .extracting import folders_of
from .origin import source_info
from .pipeline import WORKERS, chunking, chunks
from .sharing import free_card, take_card
from .stages import Examiner, SeenFrame, require_weights
from .stream import stream


@dataclass(frozen=True)
class Spec:
    """What all shards of a clip have in common, as it travels to the workers.

    Attributes:
        source: absolute; `fingerprint`: of what lies there.
        every: see `ExtractOptions`.
        faces: folder that pictures are cut for; None: none are.
    """

    options: ExtractOptions
    source: Path
    fingerprint: str
    every: int
    faces: Path | None


def seen(cluster: Cluster, spec: Spec, frames: Sequence[int],
         stopping: Callable[[], bool]) -> Generator[list[SeenFrame], None, None]:
    """What the workers see in frames (ascending), in order.

    Raises:
        as `Cluster.in_order`, and as looking raises.
    """
    filters = {name: tuple(str(Path(path).expanduser().absolute()) for path in getattr(spec.options, name))
               for name in ("filter", "nfilter")}
    spec = replace(spec, options=replace(spec.options, filter=filters["filter"], nfilter=filters["nfilter"]))
    cluster.require(check, spec)
    shards = ((spec, frames[start:start + SHARD]) for start in range(0, len(frames), SHARD))
    with closing(cluster.in_order(look_shard, shards, stopping)) as found:
        yield from found


# What workers do.

_loading = threading.Lock()
_examiners: dict[ExtractOptions, Examiner] = {}


def _examiner(options: ExtractOptions) -> Examiner:
    """The tools that these options ask for; the last ones are kept."""
    with _loading:
        if options not in _examiners:
            _examiners.clear()
            _examiners[options] = Examiner(options, str(choose_device(options.device)), Costs())
        return _examiners[options]


def check(spec: Spec) -> None:
    """Make sure that this worker sees the source and has the weights.

    Raises:
        SourceError: it sees no such clip.
        WeightsError: naming what is missing.
    """
    require_weights(spec.options)
    with open_source(spec.source) as source:
        if source.fingerprint != spec.fingerprint:
            raise SourceError(f"Another clip lies at {source.path}",
                              "The workers have to see the same files under the same paths")


def look_shard(run: str, spec: Spec, frames: Sequence[int]) -> list[SeenFrame]:
    """What is to be seen in these frames (ascending)."""
    on_pause(run, free_card, take_card)
    seen_frames: list[SeenFrame] = []
    with open_source(spec.source) as source, one_core_each():
        examiner = _examiner(spec.options)
        folders = folders_of(spec.faces, spec.options, source, source_info(source), spec.every)
        draws = [folder.draw for folder in folders]
        size, window = chunking(examiner.batch_size, source.size)
        parts = chunks(source.frames(frames), size)
        with closing(stream(parts, lambda chunk: examiner.look(chunk, draws), WORKERS, window)) as looks:
            for looked in looks:
                tick(run)
                seen_frames += looked
    return seen_frames
