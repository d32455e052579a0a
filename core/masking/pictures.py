"""Face pictures whose headers hold masks: found also where sorting put them into groups, and kept as a store says."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np

from ..errors import FacesError, writing
from ..faces.nouns import PackedMask, StoredMask
from ..faces.packing import pack_mask, unpack_mask
from ..faces.png import FaceHeader, read_header, replace_header
from ..faces.store import AlignmentsStore
from ..media.listing import list_images
from ..partials import partial_path, sweep, sweep_pictures
from ..sorting.names import places
from .subject import Entry


def list_pictures(folder: Path) -> list[Path]:
    """The images of a faces folder, then those of the groups that sorting made in it, each in natural order.

    Raises:
        OSError: no such folder, or it may not be read.
    """
    return [place / name for place in places(folder) for name in list_images(place)]


class Pictures:
    """A faces folder whose headers are kept in step with a store.

    Pictures older than their faces' landmarks are left alone: extract writes them anew, masks included.

    Raises:
        FacesError: no such folder.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder).expanduser().absolute()
        self._paths: dict[str, Path] = {}
        try:
            paths = list_pictures(self.folder)
        except OSError as error:
            raise FacesError(f"Cannot read the faces folder {self.folder} ({error.strerror or error})",
                             "Choose another folder, or leave it empty") from error
        sweep_pictures(self.folder)
        for path in paths:
            try:
                self._paths[read_header(path).uuid] = path
            except FacesError:
                continue

    def write(self, masks: Sequence[tuple[Entry, StoredMask]]) -> None:
        """Put masks into the headers of those faces that have a picture."""
        for entry in dict.fromkeys(entry for entry, _ in masks):
            path = self._paths.get(entry.uuid)
            if path is None or self._current_header(entry, with_masks=False) is None:
                continue
            put_masks(path, [packed(mask) for owner, mask in masks if owner is entry])

    def level(self, entry: Entry, store: AlignmentsStore) -> None:
        """Give the face's picture those of its masks in the store that it lacks."""
        header = self._current_header(entry, with_masks=True)
        if header is None:
            return
        kinds = {mask.kind for mask in header.masks}
        if set(store.mask_kinds(entry.uuid)) - kinds:
            put_masks(self._paths[entry.uuid], [mask for mask in store.packed_masks(entry.uuid)
                                                if mask.kind not in kinds])

    def _current_header(self, entry: Entry, with_masks: bool) -> FaceHeader | None:
        path = self._paths.get(entry.uuid)
        if path is None:
            return None
        header = read_header(path, with_masks=with_masks)
        return header if np.array_equal(header.landmarks, entry.landmarks) else None


def put_masks(path: Path, masks: Sequence[PackedMask]) -> None:
    """Put masks into a picture's header, in the place of those of the same kinds.

    Raises:
        FacesError, OutputError: the picture cannot be read, or written.
    """
    header = read_header(path, with_masks=True)
    kinds = {mask.kind for mask in masks}
    kept = [mask for mask in header.masks if mask.kind not in kinds]
    replace_header(path, replace(header, masks=(*kept, *masks)))


def back_up(folder: Path, pictures: Iterable[Path]) -> Path:
    """Copy pictures of a folder into one beside it, which is there whole or not at all; returns where to.

    Links take no room where the disk allows them; writing a picture anew leaves its link alone.

    Raises:
        OutputError: it cannot be written there.
    """
    stamp = datetime.now().strftime("%Y-%m-%d_%H.%M.%S.%f")[:-3]
    target = folder.with_name(f"{folder.name}_backup_{stamp}")
    part = partial_path(target)
    sweep(folder.parent, lambda name: name.startswith(f"{folder.name}_backup_"))
    with writing(target):
        try:
            part.mkdir()
            for path in pictures:
                copy = part / path.relative_to(folder)
                copy.parent.mkdir(exist_ok=True)
                try:
                    os.link(path, copy)
                except OSError:
                    shutil.copy2(path, copy)
            part.rename(target)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    return target


def packed(mask: StoredMask) -> PackedMask:
    return PackedMask(mask.kind, mask.pixels.shape[0], pack_mask(mask.pixels), mask.matrix, mask.centering,
                      mask.interpolator)


def unpacked(mask: PackedMask) -> StoredMask:
    return StoredMask(mask.kind, unpack_mask(mask.packed, mask.size), mask.matrix, mask.centering, mask.interpolator)
