"""The tasks `mask add` and `mask update`: masks for faces that were found already."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from typing import Any

from ..errors import Stopped
from ..extraction.cores import one_core_each, worker_count
from ..extraction.maskers.stored import check_size, to_store
from ..extraction.protocols import Masker
from ..extraction.sharing import free_card, take_card
from ..extraction.stream import stream
from ..jobs.messages import Reporter
from ..models.device import choose_device
from ..options import find
from ..options.mask import MaskAddOptions, MaskUpdateOptions
from ..options.maskers import IMPORTED, REFINED, MaskerOptions, refined_name
from ..options.rows import MASKERS
from .journal import Journal
from .places import Place, open_place
from .refining import Masked, look_at, persons_of, refined
from .subject import Entry, Subject

_GROUP, _GROUP_SECONDS = 32, 2.0  # faces written in a transaction, after so long at most


def add(options: MaskAddOptions, reporter: Reporter) -> dict[str, Any]:
    """Make masks for the faces that lack them; what is there already stays as it is.

    Returns:
        source, faces (chosen), made (masks), kinds (kind -> how many were made), kept (masks that were there already).

    Raises:
        SourceError, AlignmentsError, FacesError, UsageError, WeightsError: before anything is made.
        OutputError: what was made before is stored.
        Stopped: the person asked to; running again goes on.
    """
    check_size(options.mask_size)
    with open_place(options) as place:
        place.level(reporter)
        return _make(place, options, reporter, wanted_masks(place, options, options.masker))


def update(options: MaskUpdateOptions, reporter: Reporter) -> dict[str, Any]:
    """Make masks anew for all chosen faces, after a backup of those that are there.

    A run that was stopped or killed goes on where it stood when the same is asked for again.

    Returns:
        as `add`, and backup (path, or "" where there was nothing to lose).
    """
    check_size(options.mask_size)
    with open_place(options, writable=not options.dry_run) as place:
        kinds = wanted_kinds(options, options.masker)
        replaced = [kind for kind in kinds if place.having(kind)]
        if options.dry_run:
            return {**_result(place, {kind: len(place.entries) for kind in kinds}, 0), "backup": "", "dry_run": True}
        journal = Journal(place.journal, {**asdict(options), "dry_run": False})
        backup = ""
        if replaced and not journal.resumed:
            backup = str(place.backup())
        todo = {entry: kinds for entry in place.entries if not journal.is_done(entry)}
        result = _make(place, options, reporter, todo, journal)
        journal.finish()
    return {**result, "backup": backup}


def wanted_kinds(options: MaskerOptions, maskers: Iterable[str]) -> tuple[str, ...]:
    """What is stored for these maskers: their masks, unless drawn, and their refined masks, if those are wanted."""
    kinds = []
    for name in dict.fromkeys(maskers):
        if name != IMPORTED.name and not find(MASKERS, name).load().is_drawn:
            kinds.append(name)
        if options.refine and name != "custom":
            kinds.append(refined_name(name))
    return tuple(kinds)


def wanted_masks(place: Place, options: MaskerOptions, maskers: Iterable[str]) -> dict[Entry, tuple[str, ...]]:
    """For each face that lacks any, the kinds that it lacks."""
    having = {kind: place.having(kind) for kind in wanted_kinds(options, maskers)}
    imported = place.having(IMPORTED.name)
    lacking = {entry: tuple(kind for kind, names in having.items() if entry.name not in names
                            and (kind != refined_name(IMPORTED.name) or entry.name in imported))
               for entry in place.entries}
    return {entry: kinds for entry, kinds in lacking.items() if kinds}


def make(place: Place, options: MaskerOptions, maskers: Sequence[str], device: str, reporter: Reporter,
         todo: Mapping[Entry, Sequence[str]], journal: Journal | None = None) -> dict[str, int]:
    """Make and keep masks.

    Args:
        device: torch's name.
        todo: which kinds each face is to get.
        journal: takes note of the faces that are done.

    Returns:
        kind -> how many were made.
    """
    made: dict[str, int] = {}
    if not todo:
        return made
    maker = Maker(options, maskers, device)
    is_refined = any(kind.endswith(REFINED) for kinds in todo.values() for kind in kinds)
    # What a face looks like uncovered is learned from the others too, also where these have all their masks.
    seen = place.entries if is_refined else list(todo)
    done, total, unknown = len(place.entries) - len(todo), len(place.entries), 0
    if reporter.progress(done, total, "faces"):
        raise Stopped
    with one_core_each(), closing(_masked(place, maker, seen, todo, is_refined)) as results:
        for faces in _grouped(results):
            place.write([(face.entry, mask) for face in faces for mask in face.keep])
            for face in faces:
                done += face.entry in todo
                unknown += face.unknown and bool(face.refine)
                for mask in face.keep:
                    made[mask.kind] = made.get(mask.kind, 0) + 1
            if journal is not None:
                journal.note(faces[-1].entry)
            if reporter.progress(done, total, "faces") and done < total:
                raise Stopped
    if unknown:
        reporter.warning(f"{unknown} faces could not be refined, since their person is seen too seldom in that pose; "
                         "their refined masks equal their masks")
    return made


def _masked(place: Place, maker: Maker, seen: Sequence[Entry], todo: Mapping[Entry, Sequence[str]],
            is_refined: bool) -> Generator[Masked, None, None]:
    """The faces with their masks, in order."""

    def work(batch: list[Subject]) -> list[Masked]:
        return maker.masks(batch, {subject.entry: todo.get(subject.entry, ()) for subject in batch}, place, is_refined)

    batches = _batches(place.read(seen), maker.batch_size)
    workers = worker_count()
    with closing(stream(batches, work, workers, 2 * workers)) as results:
        singles = (face for faces in results for face in faces)
        if not is_refined:
            yield from singles
            return
        with closing(refined(singles, persons_of(place.entries), workers)) as complete:
            yield from (face for face in complete if face.entry in todo)


def _grouped(faces: Iterable[Masked]) -> Iterator[list[Masked]]:
    """So many faces as make a transaction worth its while, and no more than a moment's."""
    group: list[Masked] = []
    since = time.monotonic()
    for face in faces:
        group.append(face)
        if len(group) >= _GROUP or time.monotonic() - since >= _GROUP_SECONDS:
            yield group
            group, since = [], time.monotonic()
    if group:
        yield group


def _make(place: Place, options: MaskAddOptions, reporter: Reporter, todo: Mapping[Entry, Sequence[str]],
          journal: Journal | None = None) -> dict[str, Any]:
    kinds = wanted_kinds(options, options.masker)
    drawn = [name for name in options.masker if name not in kinds and refined_name(name) not in kinds]
    if drawn:
        reporter.warning(f"{' and '.join(drawn)} need not be stored: "
                         f"{'they are' if len(drawn) > 1 else 'it is'} there without being made",
                         "With occlusion refine on, refined masks are stored")
    kept = sum(len(place.having(kind)) for kind in kinds) if journal is None else 0
    device = str(choose_device(options.device))
    if device != "cpu":
        reporter.on_pause(free_card, take_card)
    return _result(place, make(place, options, options.masker, device, reporter, todo, journal), kept)


def _result(place: Place, made: dict[str, int], kept: int) -> dict[str, Any]:
    return {"source": place.title, "faces": len(place.entries), "made": sum(made.values()), "kinds": made, "kept": kept}


def _batches(subjects: Iterable[Subject], size: int) -> Iterator[list[Subject]]:
    batch: list[Subject] = []
    for subject in subjects:
        batch.append(subject)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


class Maker:
    """The chosen maskers. Safe for several threads: each gets maskers of its own, which share their networks.

    Attributes:
        batch_size: faces at a time that the greediest masker is at its best with.

    Raises:
        WeightsError: if the weights of one are missing or damaged.
    """

    def __init__(self, options: MaskerOptions, names: Sequence[str], device: str) -> None:
        self._options, self._device = options, device
        self._names = tuple(name for name in dict.fromkeys(names) if name != IMPORTED.name)
        self._brings_imported = IMPORTED.name in names
        self._own = threading.local()
        self.batch_size = max((min(masker.batch_size, 16) for masker in self._maskers().values()), default=1)

    def _maskers(self) -> dict[str, Masker]:
        if not hasattr(self._own, "maskers"):
            self._own.maskers = {name: find(MASKERS, name).load()(self._options, self._device)
                                 for name in self._names}
        return self._own.maskers

    def masks(self, subjects: Sequence[Subject], wanted: Mapping[Entry, Sequence[str]], place: Place,
              with_looks: bool) -> list[Masked]:
        """The wanted kinds of masks of each face, and those whose refined ones are wanted.

        Args:
            place: where masks are found that need only be refined.
            with_looks: what the faces look like is needed, for refining.
        """
        made = [Masked(subject.entry, [], [], look_at(subject) if with_looks else None) for subject in subjects]
        if self._brings_imported:
            for masked in made:
                self._take(masked, wanted[masked.entry], IMPORTED.name, place)
        for name, masker in self._maskers().items():
            todo = []
            for subject, masked in zip(subjects, made, strict=True):
                kinds = wanted[subject.entry]
                if name in kinds or (refined_name(name) in kinds and not self._take(masked, kinds, name, place)):
                    todo.append((subject, masked))
            crops = [subject.crop(masker.size, masker.centering) for subject, _ in todo]
            size = self._options.mask_size or masker.size
            for (subject, masked), crop, mask in zip(todo, crops, masker.mask(crops), strict=True):
                stored = to_store(name, mask, crop, subject.frame_size, size)
                if name in wanted[subject.entry]:
                    masked.keep.append(stored)
                if refined_name(name) in wanted[subject.entry]:
                    masked.refine.append(stored)
        return made

    @staticmethod
    def _take(masked: Masked, kinds: Sequence[str], name: str, place: Place) -> bool:
        """Refine the mask that the face has already; False where it has none."""
        if refined_name(name) not in kinds:
            return False
        stored = place.mask(masked.entry, name)
        if stored is not None:
            masked.refine.append(stored)
        return stored is not None
