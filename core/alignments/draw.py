"""The job `alignments draw`: frames with what is known of their faces drawn in, to look through."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AlignmentsError, OutputError, Stopped
from ..extraction.cores import worker_count
from ..extraction.stream import stream
from ..jobs.messages import Reporter
from ..media.frame import Frame
from ..media.images import encode_png, write_file
from ..media.source import open_source
from ..options.alignments import DrawOptions
from .drawing import Layers, draw_face
from .listing import stamp
from .stores import chosen, opened


def run(options: DrawOptions, reporter: Reporter) -> dict[str, Any]:
    """Write a picture of every frame that holds a face which is meant.

    Returns:
        {"folder", "frames" (drawn), "faces"}.

    Raises:
        SourceError, AlignmentsError, UsageError, OutputError: as the parts say, before anything is drawn.
        Stopped: the person asked to; what was drawn stays.
    """
    layers = Layers(options.landmarks, options.boxes, options.pose, options.names)
    with open_source(options.source) as source, opened(options, write=False, source=source) as store:
        people = store.people()
        faces = dict(chosen(store, options))
        if not faces:
            raise AlignmentsError(f"There are no faces to draw in the chosen frames of {source.path}",
                                  "Choose other frames or persons")
        folder = _folder(options, source.path)

        def draw(frame: Frame) -> tuple[Path, bytes]:
            pixels = np.ascontiguousarray(frame.pixels).copy()
            for face in faces[frame.index]:
                draw_face(pixels, face, layers, people.get(face.person, "") if face.person is not None else "")
            return folder / f"{source.name(frame.index)}.png", encode_png(pixels)

        workers = worker_count()
        drawn = stream(source.frames(sorted(faces)), draw, workers, 2 * workers + 2)
        try:
            for number, (path, png) in enumerate(drawn):
                if reporter.progress(number, len(faces), "frames", "Drawing"):
                    raise Stopped
                write_file(path, png)
        finally:
            drawn.close()
    reporter.progress(len(faces), len(faces), "frames", "Drawing")
    return {"folder": str(folder), "frames": len(faces), "faces": sum(map(len, faces.values()))}


def _folder(options: DrawOptions, source: Path) -> Path:
    if options.output.strip():
        folder = Path(options.output).expanduser().absolute()
    else:
        # Beside a folder of images, not inside, where the pictures would become frames.
        folder = source.parent / f"drawn_landmarks_{stamp()}"
    if folder.resolve() == source.resolve():
        raise OutputError(f"The output {folder} is the folder of the frames themselves", "Choose another output")
    return folder
