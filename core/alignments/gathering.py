"""Which faces go into a merged training set, and how they are told apart there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from ..faces.nouns import Face
from ..faces.png import FaceHeader
from ..faces.store import AlignmentsStore
from .pictures import Owners, Picture, all_faces


@dataclass(frozen=True, eq=False)
class Part:
    """One face of a merged set.

    Attributes:
        clip: number of its clip, in order of appearance.
        clip_name: name that no other clip has.
        frame_name: name that no other clip's frame has.
        position: number that no other face of the frame has.
        picture: the one that is taken.
        face: as its store has it, or as its picture's header says.
        store: number of its store; None where none has it.
    """

    clip: int
    clip_name: str
    frame_name: str
    position: int
    picture: Picture
    face: Face
    store: int | None

    @property
    def header(self) -> FaceHeader:
        """Its picture's header, in step with the names."""
        return replace(self.picture.header, uuid=self.face.uuid, source=self.clip_name, frame_name=self.frame_name,
                       position=self.position)


def gathered(pictures: Sequence[Picture], stores: Sequence[AlignmentsStore]) -> list[Part]:
    """Each face of the pictures once, in their order, under names of its own."""
    parts = _named_clips(_once(pictures, stores))
    first: dict[str, int] = {}
    clashing = {part.clip for part in sorted(parts, key=lambda part: part.clip)
                if first.setdefault(Path(part.frame_name).stem, part.clip) != part.clip}
    taken: dict[str, set[int]] = {}
    result = []
    for part in parts:
        name = part.frame_name
        if part.clip in clashing:
            name = f"{Path(part.clip_name).stem}_{name}"
        numbers = taken.setdefault(name, set())
        position = part.position if part.position not in numbers else next(n for n in count() if n not in numbers)
        numbers.add(position)
        result.append(replace(part, frame_name=name, position=position))
    return result


def _once(pictures: Sequence[Picture], stores: Sequence[AlignmentsStore]) -> list[Part]:
    owners = [Owners(all_faces(store), store.source.name) for store in stores]
    infos = [store.source for store in stores]
    clips: dict[tuple[Any, ...], int] = {}
    parts: dict[Any, Part] = {}
    for picture in pictures:
        header = picture.header
        store = next((number for number, own in enumerate(owners) if own(header) is not None), None)
        face = _from_header(header) if store is None else owners[store](header)
        assert face is not None
        name = header.source or picture.path.parent.name if store is None else infos[store].name
        place = (name, header.source_is_video, header.frame_size) if store is None else (infos[store].fingerprint,)
        clip = clips.setdefault(place, len(clips))
        # One face may have come from two extractions of its clip, which gave it two uuids.
        same = (clip, header.frame_name, face.landmarks.tobytes())
        if face.uuid not in parts and same not in parts:
            part = Part(clip, name, header.frame_name, face.position, picture, face, store)
            parts[face.uuid] = parts[same] = part
    return list(dict.fromkeys(parts.values()))


def _from_header(header: FaceHeader) -> Face:
    uuid = header.uuid or uuid5(NAMESPACE_URL, f"{header.source} {header.frame_name} {header.position}").hex
    return Face(header.frame, header.box, header.landmarks, header.detector, header.aligner,
                position=header.position, uuid=uuid)


def _named_clips(parts: Sequence[Part]) -> list[Part]:
    """The parts, their clips' names told apart: the second clip.mp4 is clip-2.mp4."""
    names: dict[int, str] = {}
    for part in parts:
        if part.clip not in names:
            wanted = Path(part.clip_name)
            others = set(names.values())
            names[part.clip] = next(name for n in count(1) if (name := part.clip_name if n == 1 else
                                                               f"{wanted.stem}-{n}{wanted.suffix}") not in others)
    return [replace(part, clip_name=names[part.clip]) for part in parts]
