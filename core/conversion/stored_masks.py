"""Masks that conversion takes from the alignments rather than draws."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from ..errors import AlignmentsError, UsageError
from ..extraction.maskers.stored import lay
from ..faces.nouns import Face, StoredMask
from ..faces.packing import pack_mask
from ..faces.store import AlignmentsStore
from ..media.ranges import format_frames
from ..options.convert_look import ConvertLookOptions
from ..options.maskers import DRAWN, DRAWN_IN_BLENDER, MASKS, PREDICTED, how_to_get
from .mask import blur, thresholded

_BLUR_SIZE = 128  # side in pixels of a stored mask at which a blur's width is meant


class StoredMasks:
    """A conversion's stored masks, read one by one as they are needed; a context manager that closes the store.

    Args:
        store: open until then; used by one thread at a time.
        options: which masks, and how they are treated.

    Raises:
        UsageError: `mask_add` or `mask_subtract` name something that is no stored mask.
    """

    def __init__(self, store: AlignmentsStore, options: ConvertLookOptions) -> None:
        self._store, self._options = store, options
        self.kind = "" if options.mask_type in ("none", PREDICTED, *DRAWN) else options.mask_type
        known = {row.name for row in (*MASKS, *DRAWN_IN_BLENDER)} - set(DRAWN)
        for kind in (*options.mask_add, *options.mask_subtract):
            if kind not in known:
                raise UsageError(f"There are no stored masks called {kind}", f"Known: {', '.join(sorted(known))}")
        self._having = store.faces_with_mask(self.kind) if self.kind else set()
        self._added, self._subtracted = (
            {kind: having for kind in dict.fromkeys(kinds) if (having := store.faces_with_mask(kind))}
            for kinds in (options.mask_add, options.mask_subtract))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    @property
    def counts(self) -> bool:
        """Whether any mask in this store has a say."""
        return bool(self.kind or self._added or self._subtracted)

    def require(self, faces: Mapping[int, Sequence[Face]]) -> None:
        """Make sure that each face has its mask.

        Raises:
            AlignmentsError: naming the frames of those that have none.
        """
        if not self.kind:
            return
        lacking = [frame for frame, here in faces.items() for face in here if not self.has(face.uuid)]
        if lacking:
            raise AlignmentsError(
                f"{len(lacking)} of {sum(map(len, faces.values()))} faces have no mask {self.kind} in "
                f"{self._store.path} (frames {_shortened(lacking)})",
                f"{how_to_get(self.kind)}. Or choose another mask")

    def has(self, uuid: str) -> bool:
        """Whether a face has the mask that it needs."""
        return not self.kind or uuid in self._having

    def key(self, faces: Iterable[Face]) -> bytes:
        """Bytes that change whenever one of these faces' masks does."""
        parts = []
        for face in faces:
            for number, kind in enumerate(self._kinds(face.uuid)):
                mask = self._store.mask(face.uuid, kind)
                if mask is not None:
                    more = [f"{number}{kind}".encode()] if kind != self.kind else []
                    parts += [*more, pack_mask(mask.pixels), np.asarray(mask.matrix, "<f8").tobytes()]
        return b"".join(parts)

    def _kinds(self, uuid: str) -> list[str]:
        more = (kind for kinds in (self._added, self._subtracted) for kind, having in kinds.items() if uuid in having)
        return [*([self.kind] if self.kind else []), *more]

    def laid(self, uuid: str, matrix: np.ndarray, size: int) -> np.ndarray:
        """A face's mask in a crop, thresholded and blurred, float32 [size, size] 0..1; `matrix` maps frame -> crop.

        Raises:
            AlignmentsError: it went since `require`.
        """
        mask = self._store.mask(uuid, self.kind)
        if mask is None:
            raise AlignmentsError(f"The mask {self.kind} of a face went from {self._store.path} meanwhile",
                                  how_to_get(self.kind))
        return self._treated(mask, matrix, size, self._options.mask_threshold)

    def correction(self, uuid: str, matrix: np.ndarray, size: int) -> Correction | None:
        """What is added to a face's mask and taken out of it, in a crop; None: nothing."""
        found = []
        for kinds in (self._added, self._subtracted):
            masks = [mask for kind, having in kinds.items() if uuid in having
                     and (mask := self._store.mask(uuid, kind)) is not None]
            found.append(np.maximum.reduce([self._treated(mask, matrix, size, 0.0) for mask in masks])
                         if masks else None)
        return Correction(*found) if any(part is not None for part in found) else None

    def _treated(self, mask: StoredMask, matrix: np.ndarray, size: int, threshold: float) -> np.ndarray:
        """Blurred where it is kept, so that a width means the same whatever the size of the model's output."""
        options = self._options
        kept = thresholded(mask.pixels.astype(np.float32) / 255.0, threshold)
        width = max(1, round((options.mask_kernel | 1) * kept.shape[0] / _BLUR_SIZE))
        soft = blur(kept, options.mask_blur, width, options.mask_passes)
        return np.clip(lay(replace(mask, pixels=soft), matrix, size), 0.0, 1.0)


@dataclass(frozen=True, eq=False)
class Correction:
    """Areas that a person drew, float32 [S, S] 0..1, to be added to a mask or taken out of it."""

    added: np.ndarray | None
    subtracted: np.ndarray | None

    def of(self, mask: np.ndarray) -> np.ndarray:
        """The mask with both: what is taken out stays out, even where it was added."""
        if self.added is not None:
            mask = np.maximum(mask, self.added)
        return mask if self.subtracted is None else np.minimum(mask, 1.0 - self.subtracted)


def _shortened(frames: list[int]) -> str:
    text = format_frames(sorted(set(frames)))
    return text if len(text) <= 80 else text[:80].rpartition(",")[0] + " …"
