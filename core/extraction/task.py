"""The task `extract`: from a clip to its alignments and a folder of face pictures."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import FacesError, OutputError
from ..faces.nouns import Face, SourceInfo
from ..faces.places import default_store
from ..faces.store import AlignmentsStore
from ..jobs.messages import Reporter
from ..media.ranges import parse_frames
from ..media.source import Source, open_source
from ..options.extract import ExtractOptions
from .folder import FacesFolder
from .pipeline import Extraction, Tally
from .stages import Costs, Examiner, network_maskers


def run(options: ExtractOptions, reporter: Reporter, costs: Costs | None = None) -> dict[str, Any]:
    """Find the faces of a clip; frames seen before with the same settings are not read again.

    Args:
        costs: where the processor time by stage is booked, for benchmarks.

    Returns:
        {"source", "alignments", "faces_folder" ("" if none), "frames" asked for, "frames_read" now, "faces_found" now,
        "pictures_written" now, "frames_with_faces", "faces" (of the frames asked for)}.

    Raises:
        UsageError: frames that the clip does not have.
        SourceError, AlignmentsError, OutputError: before anything is read, where they can be known.
        FacesError: no face in any of the frames; they are recorded as seen.
        Stopped: after the person's wish; running again continues.
    """
    with open_source(options.source) as source:
        wanted = [i for i in parse_frames(options.frames, len(source)) if i % options.every == 0]
        if not wanted:
            raise FacesError(f"No frame of {source.path} is left to read: {options.frames!r} holds none that "
                             f"{options.every} divides", "Lower every, or widen frames")
        info = source_info(source)
        folder = _faces_folder(options, source, info)
        path = (Path(options.alignments).expanduser() if options.alignments.strip() else default_store(source.path))
        path = path.absolute()
        is_new = not path.exists()
        new_folders = _missing_folders(path.parent, *([folder.folder] if folder else []))
        try:
            if folder is not None:
                folder.prepare()
            with AlignmentsStore.create(path, info) as store:
                result = _extract(options, reporter, source, store, folder, wanted, costs or Costs())
                if not result["faces"]:
                    raise FacesError(
                        f"No face was found in {source.path} ({len(wanted)} frames)",
                        "Choose footage that shows a face from the front, or look for smaller faces with a larger "
                        "detection-size")
                return result
        except BaseException:
            if is_new:
                _remove_if_unused(path)
            for new in new_folders:
                with suppress(OSError):
                    new.rmdir()  # refuses where anything is inside
            raise


def source_info(source: Source) -> SourceInfo:
    """What a store and face headers remember of a source."""
    width, height = source.size
    return SourceInfo(source.fingerprint, source.path.name, width, height, str(source.rate), len(source), source.kind)


def settings_word(options: ExtractOptions) -> str:
    """Everything that decides which faces are found and what is stored of them, as one line."""
    return json.dumps({
        "detector": options.detector, "size": options.detection_size, "confidence": options.confidence,
        "min_size": options.min_size, "aligner": options.aligner, "identity": options.identity,
        "masks": sorted(network_maskers(options))}, sort_keys=True)


def _faces_folder(options: ExtractOptions, source: Source, info: SourceInfo) -> FacesFolder | None:
    if not options.faces.strip():
        return None
    folder = Path(options.faces).expanduser().absolute()
    if source.kind == "images" and folder.resolve() in (source.path.resolve(), source.path.parent.resolve()):
        raise OutputError(f"The faces folder {folder} is the folder of the images themselves",
                          "Choose another faces folder")
    return FacesFolder(folder, source, info, options.face_size)


def _extract(options: ExtractOptions, reporter: Reporter, source: Source, store: AlignmentsStore,
             folder: FacesFolder | None, wanted: list[int], costs: Costs) -> dict[str, Any]:
    settings = settings_word(options)
    seen = store.frames_seen(settings)
    unseen = [index for index in wanted if index not in seen]
    tally = Tally()
    examiner: Examiner | None = None
    done = len(wanted) - len(unseen)
    if unseen:
        examiner = Examiner(options, folder is not None, costs)
        job = Extraction(source, store, folder, examiner, settings, reporter, done, len(wanted), tally)
        job.find_faces(unseen)
    # After that, because a face that a person corrected or added is cut by its own landmarks, not by those just found.
    missing = _missing_pictures(store, folder, wanted)
    if missing:
        total = len(wanted) + len({face.frame for face in missing})
        examiner = examiner or Examiner(options, True, costs)
        Extraction(source, store, folder, examiner, settings, reporter, len(wanted), total, tally
                   ).write_pictures(missing)
    counts = store.counts()
    of_wanted = [counts[index] for index in wanted if index in counts]
    return {"source": str(source.path), "alignments": str(store.path),
            "faces_folder": str(folder.folder) if folder else "", "frames": len(wanted), "frames_read": tally.frames,
            "faces_found": tally.faces, "pictures_written": tally.pictures, "frames_with_faces": len(of_wanted),
            "faces": sum(of_wanted)}


def _missing_pictures(store: AlignmentsStore, folder: FacesFolder | None, frames: list[int]) -> list[Face]:
    """Stored faces without a picture, or with one of other landmarks (corrected since) or another size."""
    if folder is None:
        return []
    return [face for _, faces in store.iterate(frames) for face in faces if not folder.is_current(face)]


def _missing_folders(*folders: Path) -> list[Path]:
    """Those of the folders and the ones above them that are not there yet, deepest first."""
    missing = {place for folder in folders for place in (folder, *folder.parents) if not os.path.lexists(place)}
    return sorted(missing, key=lambda place: -len(place.parts))


def _remove_if_unused(path: Path) -> None:
    """After a failure before the first frame was stored, leave no empty store behind."""
    with suppress(Exception):  # the failure that led here is the one to tell
        with AlignmentsStore.readonly(path) as store:
            used = bool(store.frames_seen())
        if not used:
            path.unlink()
