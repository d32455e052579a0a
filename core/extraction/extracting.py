"""One clip through extraction: find its faces, then see to the pictures and masks that are still missing."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from ..cluster import Cluster
from ..errors import FacesError, OutputError
from ..faces.linking import link
from ..faces.nouns import SourceInfo
from ..faces.persons import wanted
from ..faces.store import AlignmentsStore
from ..jobs.messages import Reporter
from ..masking.making import add as add_masks
from ..media.ranges import format_frames, parse_frames
from ..media.source import Source, open_source
from ..options import options_of
from ..options.extract import ExtractOptions
from ..options.mask import MaskAddOptions
from ..options.maskers import MaskerOptions
from ..options.purpose import ENOUGH_FACES, expectation, expected_faces, step, thinned
from .clips import Clip
from .cores import Costs
from .debug import DebugFolder
from .folder import FacesFolder
from .origin import source_info
from .pipeline import Finding, Flow, Tally, write_pictures
from .stages import Examiner, stored_masks

# Options that decide neither which faces are found nor what the alignments keep of them.
_BESIDE = {"source", "more_sources", "alignments", "faces", "purpose", "frames", "every", "skip_existing",
           "skip_existing_faces", "persons", "face_size", "min_scale", "save_interval", "debug_landmarks", "device",
           "refine", "filter", "nfilter", "ref_threshold", "cluster"}
# Always said, so that another default of a later version is another setting.
_CHOICES = {"detector", "aligner", "identity"}


class Workshop:
    """What the clips of a run share: options, and networks that are loaded once, when the first clip needs them.

    Args:
        cluster: whose workers look at frames; None: this process does.
    """

    def __init__(self, options: ExtractOptions, device: str, costs: Costs, cluster: Cluster | None = None) -> None:
        self.options, self.device, self.costs, self.cluster = options, device, costs, cluster

    @cached_property
    def examiner(self) -> Examiner:
        return Examiner(self.options, self.device, self.costs)

    @cached_property
    def settings(self) -> str:
        """The word under which frames are recorded as seen."""
        references = None
        if self.options.filter or self.options.nfilter:
            references = self.examiner.references
        return settings_word(self.options, references.fingerprint if references else "")


def settings_word(options: ExtractOptions, references: str = "") -> str:
    """Everything that decides which faces are found and what is stored of them, as one line of JSON.

    Options at their default are left out, so that one which a later version adds changes nothing.

    Args:
        references: the fingerprint of the filters' reference pictures.
    """
    chosen = {option.key: getattr(options, option.name) for option in options_of(options)
              if option.name in _CHOICES
              or (option.name not in _BESIDE and getattr(options, option.name) != option.default)}
    chosen["masker"] = sorted(stored_masks(options))
    if references:
        chosen["references"] = references
    return json.dumps(chosen, sort_keys=True)


def extract(clip: Clip, workshop: Workshop, reporter: Reporter) -> dict[str, Any]:
    """Extract one clip.

    Returns:
        {"source", "alignments", "faces_folder" ("" if none), "every" (which frames were asked for), "expected_faces"
        (said before), "frames" asked for, "frames_read" now, "faces_found" now, "pictures_written" now,
        "frames_with_faces", "faces" (of the frames asked for), "left_out" (now, rule of a filter -> faces)}.

    Raises:
        as `task.run`.
    """
    options = workshop.options
    with open_source(clip.path) as source:
        every = step(options.purpose, options.every, source.rate)
        wanted = thinned(parse_frames(options.frames, len(source)), every)
        if not wanted:
            raise FacesError(f"No frame of {source.path} is left to read: {options.frames!r} holds none that "
                             f"{every} divides", "Lower every, or widen frames")
        info = source_info(source)
        folders = folders_of(clip.faces, options, source, info, every)
        is_new = not clip.store.exists()
        new_folders = _missing_folders(clip.store.parent, *(folder.folder for folder in folders))
        try:
            for folder in folders:
                folder.prepare()
            with AlignmentsStore.create(clip.store, info) as store:
                result = _Run(workshop, reporter, source, store, folders, wanted, every).run()
                if not result["faces"]:
                    raise _no_face(source.path, len(wanted), result["left_out"])
                return result
        except BaseException:
            if is_new:
                _remove_if_unused(clip.store)
            for new in new_folders:
                with suppress(OSError):
                    new.rmdir()  # refuses where anything is inside
            raise


def _no_face(path: Path, frames: int, left_out: dict[str, int]) -> FacesError:
    if left_out:
        rules = ", ".join(f"{count} by {rule}" for rule, count in left_out.items())
        return FacesError(f"No face of {path} was kept ({frames} frames); the filters left out {rules}",
                          "Loosen the alignment filters, or choose other reference pictures or a lower ref-threshold")
    return FacesError(f"No face was found in {path} ({frames} frames)",
                      "Choose footage that shows a face from the front, or look for smaller faces with a larger "
                      "detection-size")


def folders_of(faces: Path | None, options: ExtractOptions, source: Source, info: SourceInfo,
               every: int) -> list[FacesFolder]:
    """Where pictures of a clip's faces go, `faces` first; none where that is None.

    Raises:
        OutputError: the images themselves lie there.
    """
    if faces is None:
        return []
    if source.kind == "images" and faces.resolve() in (source.path.resolve(), source.path.parent.resolve()):
        raise OutputError(f"The faces folder {faces} is the folder of the images themselves",
                          "Choose another faces folder")
    folders = [FacesFolder(faces, source, info, options.face_size, options.face_size * options.min_scale / 100,
                           every=every)]
    if options.debug_landmarks:
        folders.append(DebugFolder(faces, source, info, options.face_size))
    return folders


class _Run:
    """One clip's run: what is found, and what is made good afterwards."""

    def __init__(self, workshop: Workshop, reporter: Reporter, source: Source, store: AlignmentsStore,
                 folders: Sequence[FacesFolder], wanted: list[int], every: int) -> None:
        self._workshop, self._options, self._reporter = workshop, workshop.options, reporter
        self._source, self._store, self._folders = source, store, folders
        self._wanted, self._every = wanted, every
        self._tally = Tally()

    def run(self) -> dict[str, Any]:
        expected, text = self._expected()
        unseen = self._unseen()
        names = self._options.persons
        if names and self._knows_persons():
            wanted(self._store, names)  # a name that nobody has is told now rather than after hours
        if unseen:
            # Whose a new face is shows only when all are there: chosen persons' pictures come afterwards.
            folders = () if names else self._folders
            self._find(unseen, folders, text)
        # Also where a run died between finding the last face and linking it.
        if self._store.identity_kinds() and (unseen or self._store.face_counts().get(None)):
            link(self._store, undoable=False)
        if names:
            for folder in self._folders:
                folder.chosen = wanted(self._store, names)
        # After that, because a face that a person corrected or added is cut by its own landmarks, not by those found.
        lacking = [frame for frame in self._wanted if self._lacks_pictures(frame)]
        if lacking:
            flow = self._flow(len(self._wanted), len(self._wanted) + len(lacking))
            write_pictures(flow, self._store, self._folders, lacking)
        counts = self._store.counts()
        of_wanted = [counts[index] for index in self._wanted if index in counts]
        if self._options.refine and of_wanted:
            self._refine()
        return {"source": str(self._source.path), "alignments": str(self._store.path),
                "faces_folder": str(self._folders[0].folder) if self._folders else "", "every": self._every,
                "expected_faces": expected, "frames": len(self._wanted), "frames_read": self._tally.frames,
                "faces_found": self._tally.faces, "pictures_written": self._tally.pictures,
                "frames_with_faces": len(of_wanted), "faces": sum(of_wanted),
                "left_out": dict(sorted(self._tally.left_out.items()))}

    def _find(self, unseen: Sequence[int], folders: Sequence[FacesFolder], text: str) -> None:
        workshop, flow = self._workshop, self._flow(len(self._wanted) - len(unseen), len(self._wanted))
        finding = Finding(flow, self._store, folders, self._options.identity, workshop.settings, workshop.costs)
        if workshop.cluster is None:
            finding.run(unseen, workshop.examiner, text)
        else:
            from .farming import Spec, seen  # which needs this module

            spec = Spec(self._options, self._source.path, self._source.fingerprint, self._every,
                        folders[0].folder if folders else None)
            finding.take(seen(workshop.cluster, spec, unseen, flow.stopping), text)

    def _knows_persons(self) -> bool:
        return any(person is not None for person in self._store.face_counts())

    def _refine(self) -> None:
        """Take what passes in front of faces out of their masks, for which frames before and after each are needed."""
        options = self._options
        masks = {option.name: getattr(options, option.name) for option in options_of(MaskerOptions)}
        faces = str(self._folders[0].folder) if self._folders else ""
        add_masks(MaskAddOptions(
            source=str(self._source.path), alignments=str(self._store.path), faces=faces,
            frames=format_frames(self._wanted), masker=options.masker or ("extended",), device=options.device, **masks),
            self._reporter)

    def _flow(self, done: int, total: int) -> Flow:
        return Flow(self._source, self._reporter, self._tally, self._options.save_interval, done, total)

    def _expected(self) -> tuple[int, str]:
        """How many faces the wanted frames will give, and the sentence that says so."""
        stats = self._store.stats()
        expected = expected_faces(len(self._wanted), stats["frames_seen"], stats["faces"])
        text = expectation(self._every, expected, bool(stats["frames_seen"]))
        if self._options.purpose == "training" and expected < ENOUGH_FACES:
            self._reporter.warning(f"{self._source.path.name}: {text}; a training wants {ENOUGH_FACES} or more of each "
                                   "person", "Add clips of the same person, or lower every")
        return expected, text

    def _unseen(self) -> list[int]:
        """The wanted frames that are still to be looked at."""
        seen = self._store.frames_seen(None if self._options.skip_existing else self._workshop.settings)
        if self._options.skip_existing_faces:
            seen |= set(self._store.frames_with_faces())
        return [index for index in self._wanted if index not in seen]

    def _lacks_pictures(self, frame: int) -> bool:
        """Whether a face of the frame is still to have a picture; those of faces that a person took out go."""
        if not self._folders:
            return False
        faces = self._store.faces(frame, with_removed=True)
        for face in faces:
            if face.state == "removed":
                for folder in self._folders:
                    folder.remove(face)
        return any(folder.lacks(face) for face in faces if face.state != "removed" for folder in self._folders)


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
