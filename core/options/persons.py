"""Options of `understudy persons …`."""

from __future__ import annotations

from dataclasses import dataclass

from .alignments import StoreOptions
from .field import option
from .rows import IDENTITIES, Row

_AUTO = Row("auto", "Automatic", "The model whose vectors most faces have", "")


@dataclass(frozen=True)
class _Clip(StoreOptions):
    source: str = option("", label="Source", help="Clip, or alignments file, whose persons are meant; may be left out "
                         "where the alignments are named", kind="path", positional=True, per_shot=False)


@dataclass(frozen=True)
class _Faces:
    frames: str = option("", label="Frames", help="Only faces in these frames, counted from 0, such as 0-99,150; "
                         "empty: all", group="Faces")
    position: int = option(-1, label="Face Number", help="Only the face of this number in each frame; -1: any", min=-1,
                           max=1000, group="Faces")
    pictures: str = option("", label="Pictures", help="Only faces with a picture here: a picture of the faces folder, "
                           "or a folder of them, such as one that sort has made", kind="path", group="Faces")


@dataclass(frozen=True)
class PersonsListOptions(_Clip):
    """List the persons of a clip: names, numbers of faces, first and last frames."""


@dataclass(frozen=True)
class PersonsLinkOptions(_Clip):
    """Find out which faces are one person's; names given and faces assigned by a person stay."""

    identity: str = option("auto", label="Identity", help="Whose vectors tell people apart",
                           choices=(_AUTO, *IDENTITIES), group="Linking", advanced=True)
    similarity: float = option(0.0, label="Similarity", help="Least mean cosine similarity of one person's faces; "
                               "higher keeps more people apart, 0: as the identity model wants it", min=0.0, max=1.0,
                               group="Linking")
    least_faces: int = option(3, label="Least Faces", help="From how many faces somebody unknown becomes a person; "
                              "fewer belong to nobody", min=1, max=10_000, group="Linking")


@dataclass(frozen=True)
class PersonsNameOptions(_Clip):
    """Give a person a name."""

    person: str = option("", label="Person", help="What the person is called now, such as \"Person 1\"", required=True,
                         group="Persons")
    name: str = option("", label="Name", help="What to call this person", required=True, group="Persons")


@dataclass(frozen=True)
class PersonsMergeOptions(_Clip):
    """Make several persons one; the first one's name stays."""

    persons: tuple[str, ...] = option((), label="Persons", help="Names of two or more persons who are the same, the "
                                      "one that stays first", required=True, group="Persons")


@dataclass(frozen=True)
class PersonsSplitOptions(_Faces, _Clip):
    """Make two persons of one: the faces chosen leave, or, where none are, those that look least like the rest."""

    person: str = option("", label="Person", help="Who is really two", required=True, group="Persons")
    name: str = option("", label="Name", help="What to call the one who leaves; empty: the next free number",
                       group="Persons")


@dataclass(frozen=True)
class PersonsAssignOptions(_Faces, _Clip):
    """Say whose faces these are; somebody new is added, and linking never changes it."""

    person: str = option("", label="Person", help="Whose faces they are; empty: nobody's", group="Persons")
