"""The job `alignments leftover-faces`: pictures whose face is not, or no longer, in the alignments."""

from __future__ import annotations

from typing import Any

from ..jobs.messages import Reporter
from ..options.alignments import LeftoverFacesOptions
from .listing import Item, deliver
from .pictures import Owners, all_faces, faces_folder, scan
from .stores import opened


def run(options: LeftoverFacesOptions, reporter: Reporter) -> dict[str, Any]:
    """List, or move away, the pictures that no face of the alignments owns.

    Returns:
        as `listing.deliver`.

    Raises:
        FacesError: no faces folder.
        AlignmentsError: the alignments cannot be used.
        OutputError: the list or the folder cannot be written.
        Stopped: the person asked to.
    """
    folder = faces_folder(options.faces)
    pictures = scan(folder, reporter)
    with opened(options, write=False) as store:
        owner = Owners(all_faces(store), store.source.name)
    items = [Item(str(picture.path.relative_to(folder)), picture.path, str(picture.path.parent.relative_to(folder)))
             for picture in pictures if owner(picture.header) is None]
    return deliver("leftover-faces", options, items, folder, reporter)
