"""The task `extract`: from clips to their alignments and folders of face pictures."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ..cluster import Cluster
from ..errors import Stopped, UnderstudyError, UsageError
from ..jobs.messages import Reporter
from ..models.device import choose_device
from ..options import options_of
from ..options.extract import ExtractClipsOptions, ExtractOptions, ExtractSettings
from .clips import Clip, clips_of
from .cores import Costs, one_core_each
from .extracting import Workshop, extract
from .sharing import free_card, take_card
from .stages import require_weights


def run(options: ExtractOptions, reporter: Reporter, costs: Costs | None = None) -> dict[str, Any]:
    """Find the faces of a clip, or of several; frames seen before with the same settings are not read again.

    Args:
        costs: where the processor time by stage is booked, for benchmarks.

    Returns:
        of one clip, what `extracting.extract` says of it; of several {"clips", "frames", "faces", "frames_read",
        "faces_found", "pictures_written", "results" (what it says of each)}.

    Raises:
        UsageError: frames that the clip does not have, or options that do not go together.
        WeightsError: weights that are missing.
        ClusterError: a cluster that does not answer.
        SourceError, AlignmentsError, OutputError: before anything is read, where they can be known.
        FacesError: no face in any of the frames; they are recorded as seen.
        UnderstudyError: of several clips, some failed; the others are done.
        Stopped: after the person's wish; running again continues.
    """
    if options.debug_landmarks and not options.faces.strip():
        raise UsageError("debug-landmarks draws its pictures beside the faces folder, and there is none",
                         "Name a faces folder, or leave debug-landmarks out")
    clips, are_several = clips_of(options)
    with _cluster(options) as cluster, one_core_each():
        if cluster is not None:
            device = "cpu"
            reporter.on_pause(cluster.pause, cluster.go_on)
        else:
            require_weights(options)
            device = str(choose_device(options.device))
            if device != "cpu":
                reporter.on_pause(free_card, take_card)
        workshop = Workshop(options, device, costs or Costs(), cluster)
        if not are_several:
            return extract(clips[0], workshop, reporter)
        return _extract_several(clips, workshop, reporter)


def _cluster(options: ExtractOptions) -> AbstractContextManager[Cluster | None]:
    return Cluster(options.cluster) if options.cluster else nullcontext()


def run_clips(options: ExtractClipsOptions, reporter: Reporter) -> dict[str, Any]:
    """The same for all clips in a folder; see `run` for what it returns and raises."""
    settings = {option.name: getattr(options, option.name) for option in options_of(ExtractSettings)}
    return run(ExtractOptions(source=options.clips, alignments=options.clips_alignments, faces=options.clips_faces,
                              **settings), reporter)


def _extract_several(clips: list[Clip], workshop: Workshop, reporter: Reporter) -> dict[str, Any]:
    results: list[dict[str, Any]] = []
    failures: list[UnderstudyError] = []
    for number, clip in enumerate(clips, 1):
        try:
            results.append(extract(clip, workshop, _Numbered(reporter, number, len(clips), clip.path.name)))
        except Stopped:
            raise
        except UnderstudyError as error:
            # One broken clip of a night's work must not cost the others.
            reporter.warning(str(error))
            failures.append(error)
    if failures:
        names = "; ".join(error.message for error in failures)
        raise UnderstudyError(f"{len(failures)} of {len(clips)} clips failed ({names})",
                              "The others are done; mend these and run the same command again")
    sums = {key: sum(result[key] for result in results)
            for key in ("frames", "frames_read", "faces_found", "pictures_written", "faces")}
    return {"clips": len(clips), **sums, "results": results}


class _Numbered:
    """A reporter that says which clip of how many it is about."""

    def __init__(self, reporter: Reporter, number: int, of: int, name: str) -> None:
        self._reporter, self._head = reporter, f"{name} ({number} of {of})"

    def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
        return self._reporter.progress(done, total, unit, f"{self._head}: {text}" if text else self._head)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reporter, name)
