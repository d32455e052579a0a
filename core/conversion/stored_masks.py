"""Masks that conversion takes from the alignments rather than draws."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import numpy as np

from ..errors import AlignmentsError
from ..extraction.maskers.stored import lay
from ..faces.nouns import Face
from ..faces.packing import pack_mask
from ..faces.store import AlignmentsStore
from ..media.ranges import format_frames
from ..options.maskers import how_to_get


class StoredMasks:
    """The masks of one kind, read one by one as they are needed; a context manager that closes the store.

    Args:
        store: open until then; used by one thread at a time.
        kind: what the masks are called there.
    """

    def __init__(self, store: AlignmentsStore, kind: str) -> None:
        self._store, self._kind = store, kind

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    def require(self, faces: Mapping[int, Sequence[Face]]) -> None:
        """Make sure that each face has its mask.

        Raises:
            AlignmentsError: naming the frames of those that have none.
        """
        having = self._store.faces_with_mask(self._kind)
        lacking = [frame for frame, here in faces.items() for face in here if face.uuid not in having]
        if lacking:
            raise AlignmentsError(
                f"{len(lacking)} of {sum(map(len, faces.values()))} faces have no mask {self._kind} in "
                f"{self._store.path} (frames {_shortened(lacking)})",
                f"{how_to_get(self._kind)}. Or choose another mask")

    def key(self, faces: Iterable[Face]) -> bytes:
        """Bytes that change whenever one of these faces' masks does."""
        parts = []
        for face in faces:
            mask = self._store.mask(face.uuid, self._kind)
            if mask is not None:
                parts += [pack_mask(mask.pixels), np.asarray(mask.matrix, "<f8").tobytes()]
        return b"".join(parts)

    def laid(self, uuid: str, matrix: np.ndarray, size: int) -> np.ndarray:
        """A face's mask in a crop, uint8 [size, size]; `matrix` maps frame -> crop.

        Raises:
            AlignmentsError: it went since `require`.
        """
        mask = self._store.mask(uuid, self._kind)
        if mask is None:
            raise AlignmentsError(f"The mask {self._kind} of a face went from {self._store.path} meanwhile",
                                  how_to_get(self._kind))
        return lay(mask, matrix, size)


def _shortened(frames: list[int]) -> str:
    text = format_frames(sorted(set(frames)))
    return text if len(text) <= 80 else text[:80].rpartition(",")[0] + " …"
