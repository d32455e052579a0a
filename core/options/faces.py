"""Whose faces training learns, and where they are (stdlib; both sides)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .field import option

_GROUP = "Faces"


def _alignments(side: str) -> Any:
    return option((), label=f"Alignments {side}", help=f"Alignments files that know the faces of side {side}: their "
                  "landmarks and masks then count rather than those in the pictures' headers, pictures that have no "
                  "entry are left out, and persons can be chosen", kind="file", group=_GROUP, per_shot=False)


def _persons(side: str) -> Any:
    return option((), label=f"Persons {side}", help=f"Names of the persons on side {side} whose faces are meant; "
                  "empty: everyone in the folder", group=_GROUP, advanced=True)


def _more(side: str) -> Any:
    return option((), label=f"More Faces {side}", help=f"Further faces folders of the performer on side {side}, from "
                  "other clips or photographs", kind="folder", group=_GROUP, per_shot=False)


@dataclass(frozen=True)
class FacesOptions:
    """The faces of both sides."""

    input_a: str = option("", label="Faces A", help="Faces folder of the performer whose face is replaced",
                          kind="folder", required=True, group=_GROUP, per_shot=False)
    input_b: str = option("", label="Faces B", help="Faces folder of the performer who lends the face",
                          kind="folder", required=True, group=_GROUP, per_shot=False)
    more_input_a: tuple[str, ...] = _more("A")
    more_input_b: tuple[str, ...] = _more("B")
    persons_a: tuple[str, ...] = _persons("A")
    persons_b: tuple[str, ...] = _persons("B")
    alignments_a: tuple[str, ...] = _alignments("A")
    alignments_b: tuple[str, ...] = _alignments("B")

    def folders(self, side: str) -> tuple[str, ...]:
        """All faces folders of side "a" or "b", the first one first, each once."""
        given = (getattr(self, f"input_{side}"), *getattr(self, f"more_input_{side}"))
        return tuple(dict.fromkeys(given))


@dataclass(frozen=True)
class FacesCompareOptions(FacesOptions):
    """Say how well the faces of A and B serve a training, and show in which directions B's are missing."""

    output: str = option("", label="Output", help="The picture to write, a PNG file; empty: beside the faces "
                         "folder of B, named after it", kind="file", group="Output")
    flip: bool = option(True, label="Flip", help="Count what B shows in a mirror as well, as training with flip does",
                        group="Directions")
