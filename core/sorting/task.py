"""The task `sort`: measure the pictures of a faces folder, put them in order or groups, and move or copy them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FacesError, OutputError, Stopped, UsageError, writing
from ..faces.persons import wanted
from ..faces.store import AlignmentsStore
from ..jobs.lock import FileLock
from ..jobs.messages import Reporter
from ..media.ranges import natural_key
from ..options import find
from ..options.rows import SORT_METHODS
from ..options.sort import SortOptions
from . import plan
from .journal import Journal, journals
from .pictures import Picture, list_pictures
from .protocols import Method, Progress, Tools

_CHUNK = 64  # pictures measured between two looks at the reporter
_NAMED = 5  # files named in a warning
_LOCK = ".sort.lock"


def run(options: SortOptions, reporter: Reporter) -> dict[str, Any]:
    """Sort a faces folder, or take its last sorting back.

    A sorting that was interrupted is finished first, by its own record; if it was the same one, that is all.

    Returns:
        {"faces_folder", "output", "pictures" (sorted), "moved" (renamed, moved or copied), "groups" (folders; 0 for
        rename), "dry_run", "text" (dry run: what would be done)}; after undo {"faces_folder", "restored"}.

    Raises:
        UsageError: options that do not go together.
        FacesError: no faces folder, no usable pictures in it, or nothing to take back.
        AlignmentsError: alignments that cannot be used, a person that nobody is called.
        OutputError: a place that cannot be written, or holds files in the way.
        Stopped: the person asked to; the same command again continues.
    """
    folder = Path(options.faces).expanduser().absolute()
    if not options.faces.strip() or not folder.is_dir():
        raise FacesError(f"There is no faces folder {options.faces or '(none is named)'}",
                         "Name the folder that extract wrote its faces into")
    with _alone(folder):
        if options.undo:
            return _undo(folder, reporter)
        finished = _finish_earlier(folder, options, reporter)
        return finished if finished is not None else _sort(folder, options, reporter)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep two sortings of one folder apart."""
    lock = FileLock(folder / _LOCK)
    with writing(folder):
        if not lock.acquire():
            raise FacesError(f"{folder} is being sorted by another job", "Wait for it to end, or stop it")
    try:
        yield
    finally:
        lock.release()


def _counter(reporter: Reporter, unit: str = "faces") -> Progress:
    def progress(step: str, done: int, total: int) -> None:
        if reporter.progress(done, total, unit, step):
            raise Stopped
    return progress


def _undo(folder: Path, reporter: Reporter) -> dict[str, Any]:
    records = journals(folder)
    if not records:
        raise FacesError(f"There is no sorting of {folder} to take back", "alignments rename gives pictures the names "
                         "back that extract gave them")
    journal = Journal(records[-1])
    restored = journal.done
    _tell_blocked(journal.take_back(_counter(reporter, "pictures")), reporter)
    return {"faces_folder": str(folder), "restored": restored}


def _finish_earlier(folder: Path, options: SortOptions, reporter: Reporter) -> dict[str, Any] | None:
    """Bring an interrupted sorting to its end; its result if it is the one that is asked for now."""
    for record in journals(folder)[-1:]:
        journal = Journal(record)
        if options.dry_run:
            if not journal.is_finished:
                reporter.warning(f"An earlier sorting of {folder} was interrupted",
                                 "The next one finishes it first; --undo takes it back")
        elif journal.undoing:
            _tell_blocked(journal.take_back(_counter(reporter, "pictures")), reporter)
        elif not journal.is_finished:
            _tell_blocked(journal.go_on(_counter(reporter, "pictures")), reporter)
            if journal.options == _recorded(options):
                return journal.result
    return None


def _recorded(options: SortOptions) -> dict[str, Any]:
    data = asdict(options)
    return {**data, "persons": list(options.persons)}


def _sort(folder: Path, options: SortOptions, reporter: Reporter) -> dict[str, Any]:
    output = Path(options.output).expanduser().absolute() if options.output.strip() else folder
    if output.exists() and not output.is_dir():
        raise OutputError(f"The output {output} is a file", "Name a folder")
    if options.threshold > 1 and _grouping(options) in ("face", "hist", "hist-dissim"):
        raise UsageError(f"A threshold of {options.threshold:g} is too high for {_grouping(options)}",
                         "Allowed: 0 to 1, or below 0 for automatic")
    tools, pictures = _read(folder, options, reporter)
    moves, groups = _moves(pictures, options, output, tools, reporter)
    steps = plan.steps(moves, options.keep)
    moved = len(steps) if options.keep else sum(source != target for source, target in moves)
    result = {"faces_folder": str(folder), "output": str(output), "pictures": len(moves), "moved": moved,
              "groups": groups, "dry_run": options.dry_run}
    if options.dry_run:
        return {**result, "text": "\n".join(f"{source} -> {target}" for source, target in moves if source != target)}
    if steps:
        if options.keep and output == folder and options.final_process == "rename":
            reporter.warning(f"Every picture is in {folder} twice now, under its old and its new name",
                             "Name an output folder to keep the sorted ones apart")
        journal = Journal.begin(folder, steps, options.keep, _recorded(options), result)
        _tell_blocked(journal.go_on(_counter(reporter, "pictures")), reporter)
    return result


def _grouping(options: SortOptions) -> str:
    return options.by if options.group_by == "same" else options.group_by


def _read(folder: Path, options: SortOptions, reporter: Reporter) -> tuple[Tools, list[Picture]]:
    """What methods may use, and the usable pictures of the persons that are meant."""
    if options.persons and not options.alignments.strip():
        raise UsageError("The pictures do not say whose they are", "Name the alignments file as well")
    vectors: dict[str, np.ndarray] = {}
    theirs: set[str] | None = None
    if options.alignments.strip():
        path = Path(options.alignments).expanduser()
        # A writer's connection waits for a running transaction; a reader's shows what it knew last.
        with (AlignmentsStore.open if os.access(path, os.W_OK) else AlignmentsStore.readonly)(path) as store:
            if options.persons:
                is_wanted = wanted(store, options.persons)
                theirs = {face.uuid for _, faces in store.iterate() for face in faces if is_wanted(face)}
            vectors = dict(zip(*store.identities(options.identity), strict=True))
    tools = Tools(options.device, _counter(reporter), options.identity, vectors)
    if options.device not in ("auto", "cpu"):
        _ = tools.device  # one that is not here is told before the measuring
    pictures = _usable(list_pictures(folder), folder, reporter)
    if theirs is not None:
        pictures = [picture for picture in pictures if picture.header.uuid in theirs]
    if not pictures:
        raise FacesError(f"No picture in {folder} is of {', '.join(options.persons)}", "Choose other persons")
    # In the same order, however they were sorted before.
    pictures.sort(key=lambda picture: (natural_key(picture.first_name), natural_key(picture.path.name)))
    return tools, pictures


def _usable(files: Sequence[Path], folder: Path, reporter: Reporter) -> list[Picture]:
    """The files that are pictures of faces; what is not is left alone, with one warning.

    Raises:
        FacesError: none is.
    """
    progress = _counter(reporter)
    pictures: list[Picture] = []
    refused: list[FacesError] = []
    for number, path in enumerate(files):
        if number % _CHUNK == 0:
            progress("Reading headers", number, len(files))
        try:
            pictures.append(Picture(path))
        except FacesError as error:
            refused.append(error)
    if not pictures:
        raise FacesError(f"There are no pictures of faces in {folder}; the first of {len(refused)} other files: "
                         f"{refused[0].message}", "Name the folder that extract wrote its faces into")
    _tell_refused(refused, len(files), reporter)
    return pictures


def _moves(pictures: list[Picture], options: SortOptions, output: Path, tools: Tools,
           reporter: Reporter) -> tuple[list[plan.Move], int]:
    """Where each picture is to go, and how many groups there are."""
    by: Method = find(SORT_METHODS, options.by).load()(tools)
    if options.final_process == "rename":
        pictures, measures = _measure(by, pictures, tools, reporter)
        return plan.in_a_row(pictures, by.order(measures).tolist(), output), 0
    name = _grouping(options)
    if name == options.by:
        pictures, measures = _measure(by, pictures, tools, reporter)
        groups = by.groups(measures, options.bins, options.threshold)
        return plan.grouped(pictures, groups, name, output, None), len(groups)
    grouping: Method = find(SORT_METHODS, name).load()(tools)
    pictures, measures = _measure(grouping, pictures, tools, reporter)
    pictures, own = _measure(by, pictures, tools, reporter)
    groups = grouping.groups(measures, options.bins, options.threshold)
    return plan.grouped(pictures, groups, name, output, by.order(own).tolist()), len(groups)


def _measure(method: Method, pictures: list[Picture], tools: Tools,
             reporter: Reporter) -> tuple[list[Picture], np.ndarray]:
    """The pictures that the method can measure, and their measures.

    Raises:
        FacesError: it can measure none.
    """
    usable: list[Picture] = []
    measures: list[np.ndarray] = []
    refused: list[FacesError] = []

    def attempt(picture: Picture) -> Any:
        try:
            return method.look(picture)
        except FacesError as error:
            return error
        finally:
            picture.forget()

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for start in range(0, len(pictures), _CHUNK):
            tools.progress("Measuring faces", start, len(pictures))
            chunk = pictures[start:start + _CHUNK]
            looks = list(pool.map(attempt, chunk))
            good = [(picture, look) for picture, look in zip(chunk, looks, strict=True)
                    if not isinstance(look, FacesError)]
            refused += [look for look in looks if isinstance(look, FacesError)]
            if good:
                usable += [picture for picture, _ in good]
                measures.append(method.collect([look for _, look in good]))
    if not usable:
        raise FacesError(f"None of the {len(pictures)} pictures can be used; the first: {refused[0].message}",
                         refused[0].hint)
    _tell_refused(refused, len(pictures), reporter)
    return usable, np.concatenate(measures)


def _tell_refused(refused: Sequence[FacesError], total: int, reporter: Reporter) -> None:
    if refused:
        some = "; ".join(error.message for error in refused[:_NAMED]) + ("; …" if len(refused) > _NAMED else "")
        reporter.warning(f"{len(refused)} of {total} files cannot be used and stay where they are: {some}",
                         "\n".join(str(error) for error in refused))


def _tell_blocked(blocked: Sequence[Path], reporter: Reporter) -> None:
    if blocked:
        some = ", ".join(path.name for path in blocked[:_NAMED]) + (", …" if len(blocked) > _NAMED else "")
        reporter.warning(f"{len(blocked)} pictures stay where they are, because files with their names are in the way: "
                         f"{some}", "\n".join(map(str, blocked)))
