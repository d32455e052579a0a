"""The tasks of `understudy persons`: who is who in a clip. `alignments undo` takes any of them back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..alignments.stores import opened
from ..errors import AlignmentsError, UsageError
from ..faces import linking, persons
from ..faces.store import AlignmentsStore
from ..jobs.messages import Reporter
from ..options.alignments import StoreOptions
from ..options.persons import (
    PersonsAssignOptions,
    PersonsLinkOptions,
    PersonsListOptions,
    PersonsMergeOptions,
    PersonsNameOptions,
    PersonsSplitOptions,
)
from .faces import chooses, chosen_faces


def list_(options: PersonsListOptions, reporter: Reporter) -> dict[str, Any]:
    """Say who is in a clip.

    Returns:
        {"alignments", "persons" (how many), "nobody" (faces that are nobody's), "people": [{"name", "faces", "first",
        "last", "assigned"}], "text"}.
    """
    with _store(options, write=False) as store:
        return _described(store)


def link(options: PersonsLinkOptions, reporter: Reporter) -> dict[str, Any]:
    """Group faces into persons (`core.faces.linking`); returns what `list_` does, and "changed", a number of faces.

    Raises:
        AlignmentsError: the faces have no identity vectors of the wanted kind.
    """
    identity = "" if options.identity == "auto" else options.identity
    with _store(options, write=True) as store:
        linked = linking.link(store, identity, options.similarity, options.least_faces)
        return {**_described(store), "changed": linked.changed}


def name(options: PersonsNameOptions, reporter: Reporter) -> dict[str, Any]:
    """Give a person another name; returns what `list_` does."""
    with _store(options, write=True) as store:
        persons.rename(store, options.person, options.name)
        return _described(store)


def merge(options: PersonsMergeOptions, reporter: Reporter) -> dict[str, Any]:
    """Make several persons one; returns what `list_` does, and "changed", a number of faces."""
    with _store(options, write=True) as store:
        changed = persons.merge(store, options.persons)
        return {**_described(store), "changed": changed}


def split(options: PersonsSplitOptions, reporter: Reporter) -> dict[str, Any]:
    """Make two persons of one; returns what `list_` does, and "name", what the new one is called."""
    with _store(options, write=True) as store:
        if chooses(options):
            leaving = {face.uuid for face in chosen_faces(store, options, reporter)}
        else:
            leaving = _least_alike(store, options.person)
        new = persons.split(store, options.person, leaving, options.name)
        return {**_described(store), "name": new}


def assign(options: PersonsAssignOptions, reporter: Reporter) -> dict[str, Any]:
    """Say whose some faces are; returns what `list_` does, and "changed", a number of faces.

    Raises:
        UsageError: no faces are chosen.
    """
    if not chooses(options):
        raise UsageError("No faces are chosen", "Give --frames, --position or --pictures")
    with _store(options, write=True) as store:
        faces = chosen_faces(store, options, reporter)
        changed = persons.assign(store, [face.uuid for face in faces], options.person)
        return {**_described(store), "changed": changed}


@contextmanager
def _store(options: StoreOptions, *, write: bool) -> Iterator[AlignmentsStore]:
    """The store that is meant; the first argument may be a clip or an alignments file."""
    source = options.source.strip()
    if source and not options.alignments.strip() and Path(source).suffix.lower() == ".db":
        options = replace(options, source="", alignments=source)
    with opened(options, write=write) as store:
        yield store


def _described(store: AlignmentsStore) -> dict[str, Any]:
    people = persons.listed(store)
    nobody = store.face_counts().get(None, 0)
    rows = [{"name": person.name, "faces": person.faces, "first": person.frames[0], "last": person.frames[1],
             "assigned": person.chosen} for person in people]
    width = max((len(person.name) for person in people), default=0)
    lines = [f"{person.name:{width}}  {person.faces:7,} faces  frames {person.frames[0]} to {person.frames[1]}"
             + (f"  {person.chosen:,} assigned by you" if person.chosen else "") for person in people]
    lines += [f"{nobody:,} faces are nobody's"] if nobody else []
    return {"alignments": str(store.path), "persons": len(people), "nobody": nobody, "people": rows,
            "text": "\n".join(lines) or "Nobody is known yet; link the faces first, with persons link"}


def _least_alike(store: AlignmentsStore, name: str) -> set[str]:
    """Of the two parts into which a person's faces fall by whom they look like, the smaller one's uuids."""
    from ..sorting import ward  # brings torch, for which a list of names need not wait

    own = {face.uuid for face in persons.faces_of(store, [persons.find(store, name)])}
    kinds = store.identity_kinds()
    for kind in sorted(kinds, key=lambda kind: -kinds[kind]):
        uuids, vectors = store.identities(kind)
        mine = [n for n, uuid in enumerate(uuids) if uuid in own]
        if len(mine) >= 2:
            groups = ward.halves(vectors[mine])
            smaller = int(np.bincount(groups, minlength=2).argmin())
            return {uuids[n] for n, group in zip(mine, groups, strict=True) if group == smaller}
    raise AlignmentsError(f"The faces of {name} have no identity vectors to tell them apart by",
                          "Choose faces with --frames, --position or --pictures")
