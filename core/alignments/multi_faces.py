"""The job `alignments multi-faces`: frames with more than one face, or the pictures of these faces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..faces.nouns import Face
from ..jobs.messages import Reporter
from ..media.ranges import format_frames
from ..media.source import open_source
from ..options.alignments import MultiFacesOptions
from .frames import deliver_frames, opened_in_step
from .listing import Item, deliver
from .pictures import Owners, faces_folder, scan
from .stores import chosen, opened, store_path


def run(options: MultiFacesOptions, reporter: Reporter) -> dict[str, Any]:
    """List, or move, the frames with several faces; with a faces folder the faces' pictures, by their number.

    Returns:
        as `listing.deliver`, with "frames" such as "0-99,150".

    Raises:
        FacesError, SourceError, AlignmentsError, UsageError, OutputError, Stopped: as the parts say.
    """
    if options.faces.strip():
        return _pictures(options, faces_folder(options.faces), reporter)
    if options.source.strip():
        with open_source(options.source) as source, opened_in_step(options, source) as store:
            frames = [frame for frame, faces in chosen(store, options) if len(faces) > 1]
            return deliver_frames("multi-faces", options, source, store, frames, reporter)
    if options.action == "move":
        raise UsageError("Frames cannot be moved without their source", "Name the folder of images, or a faces folder")
    with opened(options, write=False) as store:
        names = store.frame_names()
        found = {frame: faces for frame, faces in chosen(store, options) if len(faces) > 1}
    items = [Item(f"{frame}\t{names.get(frame, '')}".rstrip()) for frame in found]
    result = deliver("multi-faces", options, items, store_path(options).parent, reporter)
    return {**result, "frames": format_frames(list(found))}


def _pictures(options: MultiFacesOptions, folder: Path, reporter: Reporter) -> dict[str, Any]:
    pictures = scan(folder, reporter)
    with opened(options, write=False) as store:
        found: dict[int, list[Face]] = {frame: faces for frame, faces in chosen(store, options) if len(faces) > 1}
        owner = Owners((face for faces in found.values() for face in faces), store.source.name)
    items = []
    for picture in pictures:
        face = owner(picture.header)
        if face is not None:
            items.append(Item(str(picture.path.relative_to(folder)), picture.path, str(face.position)))
    return {**deliver("multi-faces", options, items, folder, reporter), "frames": format_frames(list(found))}
