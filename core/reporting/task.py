"""The task `report`: measure every swapped face, rank the frames, write what a person and a program can read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import AlignmentsError, FacesError, Stopped, UsageError
from ..extraction.aligners.refine import make_aligner
from ..extraction.identity.dlib_resnet import DlibResNet
from ..extraction.origin import source_info
from ..faces.geometry import SAVED_CENTERING, Alignment
from ..faces.nouns import Face
from ..faces.persons import wanted as of_persons
from ..faces.places import default_store
from ..faces.png import read_header
from ..faces.store import AlignmentsStore
from ..jobs.messages import Reporter
from ..media.images import read_image, write_file
from ..media.listing import list_images
from ..media.ranges import parse_frames
from ..media.source import Source, open_source
from ..models.device import choose_device
from ..options.report import ReportOptions
from . import chart
from .measures import LABELS, MEASURES, Measured, Tracker, colours, misalignment, set_flicker
from .results import Results

VERSION = 1
_KIND = "dlib"  # what stores and headers call the vectors
_MOST_REFERENCES = 300  # faces of B that are looked at
_BATCH = 16
_TOLD = 5  # worst frames of each measure that are told


def run(options: ReportOptions, reporter: Reporter) -> dict[str, Any]:
    """Look over a conversion.

    Returns:
        file (the picture), json, csv, frames (looked at), faces (measured), worst (measure -> frames, the worst first),
        text.

    Raises:
        SourceError, AlignmentsError, FacesError, OutputError, UsageError: bad input.
        Stopped: the person asked to; nothing is written.
    """
    if not options.converted.strip():
        raise UsageError("Nothing converted is named", "Name what convert made with --converted")
    converted = Path(options.converted).expanduser().absolute()
    device = str(choose_device(options.device))
    with open_source(options.source) as source:
        frames = parse_frames(options.frames, len(source))
        faces = _faces(options, source, frames)
        identity = DlibResNet(device) if options.faces_b.strip() else None
        performer = _performer(Path(options.faces_b).expanduser(), identity, reporter) if identity else None
        with Results(converted, source, frames) as results:
            aligner = make_aligner(options.aligner, device)
            measured = _measure(source, results, faces, aligner, identity, performer, reporter)
            seen = len(results.frames)
    if not measured:
        raise AlignmentsError(f"No face in the converted frames of {source.path} could be measured",
                              "Name other frames or persons, or convert the clip first")
    set_flicker(measured)
    folder = _folder(options, converted)
    report = _report(options, source, converted, measured)
    write_file(folder / "report.json", json.dumps(report, indent=1, ensure_ascii=False).encode())
    write_file(folder / "report.csv", _csv(measured))
    write_file(folder / "report.png", chart.draw(measured, report["worst"]))
    reporter.preview(folder / "report.png")
    told = "\n".join(_lines(measured, report))
    return {"file": str(folder / "report.png"), "json": str(folder / "report.json"), "csv": str(folder / "report.csv"),
            "frames": seen, "faces": len(measured), "worst": report["worst"], "text": told}


def _faces(options: ReportOptions, source: Source, frames: Sequence[int]) -> dict[int, list[Face]]:
    path = Path(options.alignments).expanduser() if options.alignments.strip() else default_store(source.path)
    if not path.exists():
        raise AlignmentsError(f"There are no alignments for {source.path} (looked for {path})",
                              "Run extract on the clip first, or name its alignments file")
    with AlignmentsStore.readonly(path) as store:
        store.require(source_info(source))
        is_meant = of_persons(store, options.persons)
        return {frame: meant for frame, here in store.iterate(frames)
                if (meant := [face for face in here if face.state != "removed" and is_meant(face)])}


def _performer(folder: Path, identity: DlibResNet, reporter: Reporter) -> np.ndarray:
    """The mean vector of a faces folder, of up to `_MOST_REFERENCES` faces spread over it; float64 [128].

    Raises:
        FacesError: there is no face in it.
    """
    try:
        names = list_images(folder)
    except OSError as error:
        raise FacesError(f"Cannot read the faces folder {folder} ({error.strerror})", "Name the faces of B") from error
    chosen = [names[place] for place in np.unique(np.linspace(0, len(names) - 1, _MOST_REFERENCES).astype(int))] \
        if names else []
    vectors = []
    for number, name in enumerate(chosen):
        if reporter.progress(number, len(chosen), "faces", "Looking at B's faces"):
            raise Stopped
        try:
            header = read_header(folder / name)
        except FacesError:
            continue  # a picture of something else
        if _KIND in header.identities:
            vectors.append(np.asarray(header.identities[_KIND], np.float64))
            continue
        pixels = read_image(folder / name)
        landmarks = Alignment(header.landmarks).points(pixels.shape[0], header.centering or SAVED_CENTERING)
        vectors.append(identity.vectors([identity.chip(pixels, landmarks.astype(np.float32))])[0].astype(np.float64))
    if not vectors:
        raise FacesError(f"There are no extracted faces in {folder}", "Name the faces folder of B")
    return np.mean(vectors, axis=0)


def _measure(source: Source, results: Results, faces: dict[int, list[Face]], aligner: Any, identity: DlibResNet | None,
             performer: np.ndarray | None, reporter: Reporter) -> list[Measured]:
    """Every face of the converted frames with its figures, but for flicker, which needs them all."""
    tracker, measured = Tracker(), []
    waiting: list[tuple[Measured, np.ndarray]] = []
    total = len(results.frames)
    for done, (index, before, after) in enumerate(results.pairs()):
        if reporter.progress(done, total, "frames", "Measuring"):
            raise Stopped
        here = faces.get(index, [])
        tracks = tracker.follow(index, here)
        found = aligner.align([after] * len(here), [face.box for face in here]) if here else []
        for face, track, points in zip(here, tracks, found, strict=True):
            try:
                (old, weight), (new, _) = colours(before, face), colours(after, face)
            except ValueError:
                continue  # landmarks that cannot be a face
            one = Measured(index, source.name(index), face.uuid, face.position, face.person, track, new - old, weight,
                           misalignment=misalignment(points, face.landmarks))
            measured.append(one)
            if identity is not None:
                waiting.append((one, identity.chip(after, face.landmarks)))
                if len(waiting) >= _BATCH:
                    _identify(waiting, identity, performer)
    _identify(waiting, identity, performer)
    return measured


def _identify(waiting: list[tuple[Measured, np.ndarray]], identity: DlibResNet | None,
              performer: np.ndarray | None) -> None:
    if not waiting or identity is None or performer is None:
        return
    vectors = identity.vectors([chip for _, chip in waiting])
    for (one, _), vector in zip(waiting, vectors, strict=True):
        one.identity = float(np.linalg.norm(vector.astype(np.float64) - performer))
    waiting.clear()


# --- what is written ----------------------------------------------------------------------------------------------


def _folder(options: ReportOptions, converted: Path) -> Path:
    """Never into the folder of what was converted, where the picture would be taken for a frame."""
    if options.output.strip():
        return Path(options.output).expanduser().absolute()
    return converted.with_name(f"{converted.name if converted.is_dir() else converted.stem}_report")


def _ranked(measured: Sequence[Measured], measure: str) -> list[int]:
    """Frames by their worst face, the worst first."""
    worst: dict[int, float] = {}
    for one in measured:
        value = getattr(one, measure)
        if value is not None:
            worst[one.frame] = max(value, worst.get(one.frame, 0.0))
    return sorted(worst, key=lambda frame: (-worst[frame], frame))


def _report(options: ReportOptions, source: Source, converted: Path, measured: Sequence[Measured]) -> dict[str, Any]:
    rows = [{"frame": one.frame, "name": one.name, "face": one.face, "position": one.position, "person": one.person,
             **{measure: None if (value := getattr(one, measure)) is None else round(value, 5) for measure in MEASURES}}
            for one in measured]
    return {"version": VERSION, "source": str(source.path), "converted": str(converted), "aligner": options.aligner,
            "measures": list(MEASURES), "faces": rows,
            "worst": {measure: _ranked(measured, measure) for measure in MEASURES}}


def _csv(measured: Sequence[Measured]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["frame", "name", "face", "position", "person", *MEASURES])
    for one in measured:
        figures = ["" if (value := getattr(one, measure)) is None else f"{value:.5f}" for measure in MEASURES]
        person = "" if one.person is None else one.person
        writer.writerow([one.frame, one.name, one.face, one.position, person, *figures])
    return text.getvalue().encode()


def _lines(measured: Sequence[Measured], report: dict[str, Any]) -> list[str]:
    lines = [f"{len(measured):,} faces in {len({one.frame for one in measured}):,} frames"]
    for measure in MEASURES:
        values = sorted(value for one in measured if (value := getattr(one, measure)) is not None)
        if not values:
            lines.append(f"{LABELS[measure]}: not measured")
            continue
        worst = ", ".join(map(str, report["worst"][measure][:_TOLD]))
        lines.append(f"{LABELS[measure]}: half of the faces up to {values[len(values) // 2]:.3f}, "
                     f"the worst {values[-1]:.3f}; look at frames {worst}")
    return lines
