"""Where the faces to replace are known from: searched for on the fly, and chosen by the pictures in a faces folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from ..alignments.pictures import faces_folder, scan
from ..errors import FacesError
from ..extraction.folder import frame_file_name
from ..extraction.origin import source_info
from ..faces.nouns import Face
from ..faces.places import default_store
from ..faces.store import AlignmentsStore
from ..interop.frames import Frames
from ..interop.nouns import ForeignFrame
from ..jobs.messages import Reporter
from ..media.ranges import format_frames, parse_frames
from ..media.source import Source
from ..options import find
from ..options.convert import ConvertOptions
from ..options.extract import ExtractOptions
from ..options.maskers import DRAWN
from ..options.rows import MASKERS


def store_path(options: ConvertOptions, source: Source) -> Path:
    """Where the alignments are that the options mean."""
    return Path(options.alignments).expanduser() if options.alignments.strip() else default_store(source.path)


def find_faces(options: ConvertOptions, source: Source, reporter: Reporter) -> None:
    """Extract the wanted frames that were never searched, into the alignments; those already there stay as they are.

    A mask that is stored with faces, such as bisenet-fp, is made for those that are found.

    Raises:
        UsageError: frames that the source does not have.
        AlignmentsError: alignments of another clip.
        FacesError: no face in any of the frames.
        WeightsError: the detector or aligner lacks its weights.
        Stopped: the person asked to; running again goes on.
    """
    from ..extraction import task  # only now: it brings all detectors' libraries

    path = store_path(options, source)
    wanted = parse_frames(options.frames, len(source))
    if path.exists():
        with AlignmentsStore.readonly(path, source_info(source)) as store:
            seen = store.frames_seen()
        wanted = [frame for frame in wanted if frame not in seen]
    if not wanted:
        return
    made = options.mask_type not in ("none", *DRAWN) and options.mask_type in {row.name for row in MASKERS}
    masker = (find(MASKERS, options.mask_type).name,) if made else ()
    try:
        task.run(ExtractOptions(source=str(source.path), alignments=str(path.absolute()), purpose="convert",
                                frames=format_frames(wanted), detector=options.detector, aligner=options.aligner,
                                masker=masker, device=options.device, skip_existing=True), reporter)
    except FacesError:
        if not path.exists():
            raise  # nobody in any frame; otherwise those found before are enough


def chosen_by_folder(options: ConvertOptions, source: Source, store: AlignmentsStore,
                     reporter: Reporter) -> Callable[[Face], bool] | None:
    """Which faces have their picture in the folder that the options name; None: no folder is named.

    Pictures of ours tell the face itself; those of other tools its frame and its number there.

    Raises:
        FacesError: no such folder, or no picture of this clip's faces in it.
        Stopped: the person asked to.
    """
    if not options.input_aligned_dir.strip():
        return None
    folder = faces_folder(options.input_aligned_dir)
    names = {} if source.kind == "video" else {index: frame_file_name(source, index) for index in range(len(source))}
    frames = Frames(source_info(source), names)
    uuids: set[str] = set()
    places: set[tuple[int, int]] = set()
    clips: Counter[str] = Counter()
    for picture in scan(folder, reporter):
        header = picture.header
        clips[header.source or "another clip"] += 1
        if header.uuid:
            uuids.add(header.uuid)
            continue
        index = frames.find(ForeignFrame(header.frame_name, ()))
        if index is not None and (source.kind == "images" or header.source == source.path.stem):
            places.add((index, header.position))

    def is_chosen(face: Face) -> bool:
        return face.uuid in uuids or (face.frame, face.position) in places

    if not any(is_chosen(face) for _, faces in store.iterate() for face in faces):
        whose = clips.most_common(1)[0][0]
        raise FacesError(f"None of the {clips.total()} pictures in {folder} is of a face in {source.path} (most are of "
                         f"{whose})", "Name the faces folder that was extracted with these alignments")
    return is_chosen
