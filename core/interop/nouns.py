"""What other tools' files say, in one shape whatever the file (stdlib + numpy)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from ..faces.nouns import Box, PackedMask, State


@dataclass(frozen=True, eq=False)
class ForeignFace:
    """A face as a file tells it; what the file does not tell is empty.

    Attributes:
        box: (x, y, w, h) in frame pixels.
        landmarks: float32 [68, 2], frame pixels, centres at integers.
        masks: their matrices in our convention, whatever the file's.
        identities: kind -> float32 vector.
        thumbnail: JPEG.
        person: name.
        state: None where the file does not know who made the face.
        uuid: 32 hexadecimal digits, from our own files.
    """

    box: Box
    landmarks: np.ndarray
    masks: tuple[PackedMask, ...] = ()
    identities: Mapping[str, np.ndarray] = field(default_factory=dict)
    thumbnail: bytes = b""
    score: float = 0.0
    person: str = ""
    state: State | None = None
    uuid: str = ""


@dataclass(frozen=True, eq=False)
class ForeignFrame:
    """A frame as a file tells it.

    Attributes:
        name: file name of the frame's picture; of a video's frame the clip's name and a number.
        index: from 0, where the file counts as we do; None: `name` says which.
        pts, keyframe: of the video's packet; None where the file does not say.
    """

    name: str
    faces: tuple[ForeignFace, ...]
    index: int | None = None
    pts: int | None = None
    keyframe: bool | None = None


@dataclass(eq=False)
class ForeignFile:
    """One file (or folder of pictures) of another tool, recognised.

    Attributes:
        format: what it is, in words.
        count: how many frames (of a folder: pictures) it holds.
        frames: them, made one by one; read once.
        problems: what could not be read of it, one line each; grows while `frames` is read.
    """

    format: str
    count: int
    frames: Iterator[ForeignFrame]
    problems: list[str]
