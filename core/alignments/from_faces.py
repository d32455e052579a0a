"""The job `alignments from-faces`: lost alignments are rebuilt from what the pictures' headers say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import numpy as np

from ..errors import AlignmentsError
from ..extraction.origin import source_info
from ..faces.nouns import Face, SourceInfo
from ..faces.places import default_store
from ..faces.png import FaceHeader, read_header
from ..faces.store import Found
from ..jobs.messages import Reporter
from ..media.ranges import natural_key
from ..media.source import open_source
from ..options.alignments import FromFacesOptions
from .building import backed_up, built
from .frames import frame_files
from .naming import renumber
from .pictures import Picture, faces_folder, scan
from .stores import Plan, counted

SETTINGS = "from-faces"  # how frames were looked at that only pictures tell of


@dataclass(frozen=True)
class _Rebuilt:
    """One clip's alignments to be.

    Attributes:
        path: where they go.
        info: of the clip.
        frames: number of each frame -> its name and pictures, in order of their faces' old numbers.
    """

    path: Path
    info: SourceInfo
    frames: dict[int, tuple[str, list[Picture]]]

    def numbered(self) -> Iterator[tuple[int, str, int, Picture]]:
        """(frame, its name, the face's number in it without gaps, picture)."""
        for frame, (name, pictures) in sorted(self.frames.items()):
            for position, picture in enumerate(pictures):
                yield frame, name, position, picture


def run(options: FromFacesOptions, reporter: Reporter) -> dict[str, Any]:
    """Write alignments with the faces that have pictures; gaps in the faces' numbers are closed, and pictures follow.

    What was edited by hand cannot be told from what was found, so that all faces count as found by machine.

    Returns:
        {"alignments" (files), "frames", "faces", "pictures" (told their new number), "renamed", "others" (pictures of
        other clips than the one named), "backups", "dry_run", "text" (dry run: what would be done)}.

    Raises:
        FacesError: no faces folder.
        AlignmentsError: none of the pictures is of the clip that is named.
        SourceError, OutputError: as the parts say.
        Stopped: the person asked to; a second run goes on.
    """
    folder = faces_folder(options.faces)
    pictures = scan(folder, reporter)
    rebuilt = _of_clip(options, pictures) if options.source.strip() else _of_each(options, folder, pictures)
    plan = Plan(options.dry_run)
    backups = []
    for clip in rebuilt:
        faces = sum(len(pictures) for _, pictures in clip.frames.values())
        plan.say(f"write {clip.path} with {faces} faces in {len(clip.frames)} frames of {clip.info.name}")
        if not plan.dry:
            backups.append(backed_up(clip.path))
            _write(clip, reporter)
    stale = [(picture, position) for clip in rebuilt for _, _, position, picture in clip.numbered()
             if picture.header.uuid and picture.header.position != position]
    renamed = renumber(folder, stale, plan, reporter)
    taken = sum(len(own) for clip in rebuilt for _, own in clip.frames.values())
    return plan.result(alignments=[str(clip.path) for clip in rebuilt], frames=sum(len(c.frames) for c in rebuilt),
                       faces=taken, pictures=len(stale), renamed=renamed, others=len(pictures) - taken,
                       backups=[path for path in backups if path])


def _of_clip(options: FromFacesOptions, pictures: Sequence[Picture]) -> list[_Rebuilt]:
    with open_source(options.source) as source:
        info = source_info(source)
        path = Path(options.alignments).expanduser() if options.alignments.strip() else default_store(source.path)
        numbers = {file.name: number for number, file in enumerate(frame_files(source) or ())}
        frames: dict[int, tuple[str, list[Picture]]] = {}
        for picture in pictures:
            frame = _frame_in(info, numbers, picture.header)
            if frame is not None:
                frames.setdefault(frame, (picture.header.frame_name, []))[1].append(picture)
    if not frames:
        some = ", ".join(sorted({picture.header.source or picture.header.frame_name for picture in pictures})[:3])
        raise AlignmentsError(f"None of the {len(pictures)} pictures is of {info.name}; they are of {some}",
                              "Name the clip that the faces are from")
    return [_Rebuilt(path.absolute(), info, _in_order(frames))]


def _frame_in(info: SourceInfo, numbers: dict[str, int], header: FaceHeader) -> int | None:
    """Which frame of the clip a picture is of; None where it is of another clip.

    Args:
        numbers: of the images of a folder, by file name.
    """
    if header.source_is_video != (info.kind == "video") or header.frame_size != (info.width, info.height):
        return None
    if not header.source_is_video:
        return numbers.get(header.frame_name) if header.source in ("", info.name) else None
    same = Path(header.source).stem == Path(info.name).stem
    return header.frame if same and 0 <= header.frame < info.length else None


def _of_each(options: FromFacesOptions, folder: Path, pictures: Sequence[Picture]) -> list[_Rebuilt]:
    output = Path(options.output).expanduser().absolute() if options.output.strip() else folder
    clips: dict[tuple[str, bool], list[Picture]] = {}
    for picture in pictures:
        clips.setdefault((picture.header.source, picture.header.source_is_video), []).append(picture)
    rebuilt = []
    for (name, is_video), own in sorted(clips.items()):
        frames: dict[int, tuple[str, list[Picture]]] = {}
        numbers = _frame_numbers(own)
        for picture in own:
            frames.setdefault(numbers[picture.header.frame_name], (picture.header.frame_name, []))[1].append(picture)
        sizes = [picture.header.frame_size for picture in own]
        # No clip has this fingerprint: these alignments are for training, until from-faces is told the clip.
        info = SourceInfo(f"faces:{uuid5(NAMESPACE_URL, f'{name} {max(sizes)}').hex}", name or folder.name,
                          *max(sizes), "25", max(frames) + 1, "video" if is_video else "images")
        stem = Path(name).stem or folder.name
        rebuilt.append(_Rebuilt(output / f"{stem}_alignments.db", info, _in_order(frames)))
    return rebuilt


def _frame_numbers(pictures: Sequence[Picture]) -> dict[str, int]:
    """Frame name -> number: as the headers say, or by the names where another program's do not."""
    told = {picture.header.frame_name: picture.header.frame for picture in pictures}
    if all(frame >= 0 for frame in told.values()) and len(set(told.values())) == len(told):
        return told
    return {name: number for number, name in enumerate(sorted(told, key=natural_key))}


def _in_order(frames: dict[int, tuple[str, list[Picture]]]) -> dict[int, tuple[str, list[Picture]]]:
    return {frame: (name, sorted(pictures, key=lambda picture: (picture.header.position, picture.path)))
            for frame, (name, pictures) in frames.items()}


def _write(clip: _Rebuilt, reporter: Reporter) -> None:
    with built(clip.path, clip.info) as store:
        seen = set()
        for frame, name, position, picture in counted(reporter, list(clip.numbered()), "faces", "Rebuilding"):
            header = read_header(picture.path, with_masks=True)
            uuid = header.uuid or uuid5(NAMESPACE_URL, f"{clip.info.name} {name} {header.position}").hex
            if uuid in seen:  # a second picture of the same face
                uuid = uuid5(NAMESPACE_URL, f"{uuid} {picture.path.name}").hex
            seen.add(uuid)
            store.set_frame(frame, name, SETTINGS)
            face = Face(frame, header.box, header.landmarks, header.detector, header.aligner, position=position,
                        uuid=uuid)
            store.put(Found(face, identities={kind: np.array(vector, np.float32)
                                              for kind, vector in header.identities.items()}, masks=header.masks))
