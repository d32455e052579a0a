"""The demonstration: clips -> extract -> train -> convert -> Blender, through the same tasks that people use."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import blender_process
from ..errors import FacesError, UsageError, writing
from ..jobs.messages import Reporter
from ..jobs.tasks import TASKS
from ..media.source import Source, open_source
from ..options.convert import ConvertOptions
from ..options.demo import DemoOptions
from ..options.extract import ExtractOptions
from ..options.train import TrainOptions
from . import blender, clips, side_by_side
from .portraits import ASTRONAUT, HOPPER, Portrait

STEPS = 7


@dataclass(frozen=True)
class Places:
    """Where everything lies below the output folder."""

    folder: Path

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @property
    def overlay(self) -> Path:
        return self.folder / "overlay"

    @property
    def work(self) -> Path:
        return self.folder / "blender"

    @property
    def swapped(self) -> Path:
        return self.folder / "swapped.mp4"

    @property
    def before_after(self) -> Path:
        return self.folder / "before_after.mp4"

    @property
    def blend(self) -> Path:
        return self.folder / "understudy_demo.blend"

    @property
    def clips(self) -> Path:
        return self.folder / "clips"

    def faces(self, side: str) -> Path:
        return self.folder / f"faces_{side}"

    def alignments(self, side: str) -> Path:
        return self.folder / "alignments" / f"{side}_alignments.db"


class Step:
    """A reporter that says before each text which of the steps it belongs to.

    `warn`: False keeps advice on a person's footage (more faces are better) to itself where the footage is ours.
    """

    def __init__(self, reporter: Reporter, number: int, label: str = "", warn: bool = True) -> None:
        self._reporter = reporter
        self._warn = warn
        self._head = f"[{number}/{STEPS}] {label}"

    def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
        return self._reporter.progress(done, total, unit, self._head + text)

    def warning(self, message: str, detail: str = "") -> None:
        if self._warn:
            self._reporter.warning(message, detail)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reporter, name)


def run(options: DemoOptions, reporter: Reporter) -> dict[str, Any]:
    """Make everything that is not there yet; run again, complete steps are skipped and a longer training goes on.

    Returns:
        Paths: swapped ("" without Blender), before_after, preview, loss, blend ("" without Blender), folder.

    Raises:
        UnderstudyError: whatever the tasks raise; UsageError where the folder holds the swap of other clips.
        Stopped: the person asked to stop.
    """
    program = blender_process.find_blender(options.blender_python)  # a wrong name is told now, not after the training
    places = Places(Path(options.output).expanduser().absolute())
    with writing(places.folder):
        places.folder.mkdir(parents=True, exist_ok=True)
    shots = {"a": _clip(options.a, ASTRONAUT, places, Step(reporter, 1)),
             "b": _clip(options.b, HOPPER, places, Step(reporter, 1))}
    _claim(places, shots)
    for number, side in ((2, "a"), (3, "b")):
        TASKS["extract"].load()(ExtractOptions(source=str(shots[side]), alignments=str(places.alignments(side)),
                                               faces=str(places.faces(side))),
                                Step(reporter, number, f"Faces of {side.upper()}: "))
    own = bool(options.a.strip() or options.b.strip())
    _train(options, places, Step(reporter, 4, warn=own))
    converted = TASKS["convert"].load()(
        ConvertOptions(source=str(shots["a"]), model_dir=str(places.model), output=str(places.overlay),
                       alignments=str(places.alignments("a")), writer="overlay"), Step(reporter, 5))
    with open_source(shots["a"]) as source:
        overlays = overlay_files(places.overlay, source)
        if program:
            _render(program, places, source, overlays, bool(converted["converted"]), Step(reporter, 6))
        else:
            reporter.warning("There is no Blender here, so swapped.mp4 and the .blend were not made",
                             blender_process.HOW)
        # With a variable rate the sequencer shows other frames than the file has.
        _compare(places, source, overlays, bool(program) and source.constant_rate, Step(reporter, 7))
    return {"swapped": str(places.swapped) if program else "", "before_after": str(places.before_after),
            "preview": _keep(places, "preview.png"), "loss": _keep(places, "loss.png"),
            "blend": str(places.blend) if program else "", "folder": str(places.folder)}


def _clip(given: str, portrait: Portrait, places: Places, reporter: Reporter) -> Path:
    """The person's clip, or the sample clip, made now unless it is there."""
    if given.strip():
        path = Path(given).expanduser().absolute()
        open_source(path).close()
        return path
    return clips.sample(portrait, places.clips, reporter)


def _claim(places: Places, shots: dict[str, Path]) -> None:
    """Note which clips this folder is about, so that faces and models of different people never mix."""
    note = places.folder / "demo.json"
    prints = {}
    for side, path in shots.items():
        with open_source(path) as source:
            prints[side] = source.fingerprint
    with writing(note):
        if not note.exists():
            note.write_text(json.dumps(prints), encoding="utf-8")
            return
        try:
            same = json.loads(note.read_text(encoding="utf-8")) == prints
        except ValueError:
            same = False
    if not same:
        raise UsageError(f"The folder {places.folder} holds the swap of other clips",
                         "Choose another --output, or delete that folder")


def _train(options: DemoOptions, places: Places, reporter: Reporter) -> None:
    from ..models import folder

    if folder.exists(places.model):
        state = folder.read_state(places.model)
        if state.settings.trainer == options.trainer and state.iterations >= options.iterations:
            return
    TASKS["train"].load()(TrainOptions(input_a=str(places.faces("a")), input_b=str(places.faces("b")),
                                       model_dir=str(places.model), trainer=options.trainer,
                                       iterations=options.iterations), reporter)


def overlay_files(folder: Path, source: Source) -> list[Path]:
    """The overlay's pictures, one per frame of the source, in order.

    Raises:
        FacesError: if some are missing (someone deleted them meanwhile).
    """
    files = [folder / f"{source.name(index)}.png" for index in range(len(source))]
    missing = [path.name for path in files if not path.is_file()]
    if missing:
        raise FacesError(f"The overlay {folder} lacks {len(missing)} of {len(files)} pictures ({missing[0]} …)",
                         "Delete that folder and run the same command again")
    return files


def _render(program: list[str], places: Places, source: Source, overlays: list[Path], changed: bool,
            reporter: Reporter) -> None:
    if not changed and places.blend.is_file() and newer(places.swapped, *overlays):
        return
    width, height = source.size
    spec = {"source": str(source.path), "overlay": str(places.overlay), "size": [width, height],
            "rate": [source.rate.numerator, source.rate.denominator], "blend": str(places.blend),
            "output": str(places.swapped)}
    blender.build_scene(program, spec, places.work, reporter)


def _compare(places: Places, source: Source, overlays: list[Path], rendered: bool, reporter: Reporter) -> None:
    made_of = [places.swapped] if rendered else overlays
    if newer(places.before_after, *made_of):
        return
    after: Callable[[], Any] = lambda: (side_by_side.rendered(places.swapped) if rendered  # noqa: E731
                                        else side_by_side.composited(source, overlays))
    side_by_side.write(source, after(), places.before_after, reporter)


def newer(path: Path, *than: Path) -> bool:
    """Whether `path` is there and no older than any of `than`."""
    return path.is_file() and all(path.stat().st_mtime_ns >= other.stat().st_mtime_ns for other in than)


def _keep(places: Places, name: str) -> str:
    """Copy a picture of the training to the top of the output folder, where people look first."""
    made = places.model / name
    if not made.is_file():
        return ""
    kept = places.folder / name
    with writing(kept):
        shutil.copyfile(made, partial := kept.with_name(f".{name}.{os.getpid()}"))
        os.replace(partial, kept)
    return str(kept)
