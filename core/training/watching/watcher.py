"""What a training shows of itself while it runs: figures, previews, time-lapse, graph, window; and what it is asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ...errors import UnderstudyError
from ...jobs.messages import Reporter
from ...jobs.progress import duration
from ...media.images import encode_png, write_file
from ...media.provenance import png_mark
from ...models.state import LOSS_NAME, PREVIEW_NAME
from ...options.train import TrainOptions
from ...options.watching import WatchingOptions
from ..faces.data import FaceSet, list_faces
from . import graphs, history, preview, requests, timelapse
from .log import TrainingLog
from .preview import Look, Predict, PreviewFaces, Shown
from .timelapse import Timelapse
from .viewer import Viewer

_BETWEEN_LOOKS = 0.5  # seconds between two looks for requests
_GRAPH_SHARE = 0.01  # part of the training's time that drawing its graph may take
Predicting = Callable[[], AbstractContextManager[Predict]]


@dataclass(frozen=True)
class Asked:
    """What a person wants of a running training: `save` it, save it and `quit`, keep a `snapshot`."""

    save: bool = False
    quit: bool = False
    snapshot: bool = False


@dataclass
class Watcher:
    """Everything a session shows. `with watcher.session(…):` around the steps, `note` after each, `saved` after each
    save, `asked` between steps. Nothing of it is needed for the training: what cannot be shown or written down is said
    once, as a warning, and what is switched off costs nothing.

    Attributes:
        model_dir: the model folder; exists once the session begins.
        faces: of A and B for the preview; None: no preview.
        look: how sheets are drawn.
        written: whether preview.png is kept in the model folder.
        timelapse: None: off.
        window, tensorboard: whether to open a window, to write TensorBoard's logs.
        at_once: faces that the model is given at a time for previews.
        text: what to say beside the progress.
    """

    model_dir: Path
    reporter: Reporter
    faces: tuple[PreviewFaces, PreviewFaces] | None = None
    look: Look = field(default_factory=Look)
    written: bool = True
    timelapse: Timelapse | None = None
    window: bool = False
    tensorboard: bool = False
    at_once: int = 16
    text: str = "Training"
    _log: TrainingLog | None = None
    _viewer: Viewer | None = None
    _picture: Path = Path()
    _shown: list[Shown] = field(default_factory=list)
    _tinted: bool = True
    _first: int = 0
    _began: float = 0.0
    _looked: float = 0.0
    _graph_due: float = 0.0
    _warned: set[str] = field(default_factory=set)

    @contextmanager
    def session(self, first: int, sessions: Sequence[Mapping[str, Any]], batch_size: int) -> Iterator[None]:
        """Within it, what is written while the session lasts is open.

        Args:
            first: iterations made before.
            sessions: earlier ones, from the model's state.
            batch_size: faces of each side per iteration.

        Raises:
            OutputError: the model folder cannot be written.
        """
        with ExitStack() as stack:
            self._first, self._began = first, time.monotonic()
            requests.take(self.model_dir)  # what nobody answered is of another session
            history.trim(self.model_dir, sessions)
            self._log = stack.enter_context(TrainingLog(self.model_dir, first, len(sessions) + 1, batch_size,
                                                        self.tensorboard))
            self._picture = self.model_dir / PREVIEW_NAME
            if self.window and self.faces is not None:
                if not self.written:
                    place = stack.enter_context(TemporaryDirectory(prefix="understudy_preview_"))
                    self._picture = Path(place) / PREVIEW_NAME
                self._viewer = stack.enter_context(Viewer(self._picture, self.reporter))
            yield

    def note(self, iteration: int, losses: Mapping[str, float], seconds: float) -> None:
        """An iteration (counted from 1, in all) was made."""
        log = self._log
        assert log is not None
        self._gently("figures", lambda: self._tell(iteration, log.add(iteration, losses, seconds)))

    def _gently(self, what: str, work: Callable[[], None]) -> None:
        """Make something that nothing depends on; where that fails, say so the first time."""
        try:
            work()
        except UnderstudyError as error:
            if what not in self._warned:
                self._warned.add(what)
                self.reporter.warning(f"The training goes on without {what}: {error}")

    def _tell(self, iteration: int, means: dict[str, float] | None) -> None:
        if means is None:
            return
        told = {name: means[name] for name in ("loss_a", "loss_b", "rate")}
        self.reporter.metric(iteration, told)
        self.text = (f"Loss {told['loss_a']:.4f} (A), {told['loss_b']:.4f} (B), {told['rate']:.3g} EG/s, "
                     f"{iteration - self._first:,} this session in {duration(time.monotonic() - self._began)}")

    def asked(self, predicting: Predicting) -> Asked:
        """What a person wants now; a wish to see the preview is met at once."""
        keys = self._viewer.keys() if self._viewer is not None else set()
        now = time.monotonic()
        wanted: set[requests.Request] = set()
        if now - self._looked >= _BETWEEN_LOOKS:
            self._looked = now
            wanted = requests.take(self.model_dir)
        if "refresh" in wanted or "refresh" in keys:
            self._gently("a preview", lambda: self._show(predicting))
            self._gently("a graph", self._draw_graph)
        if "mask" in keys:
            self._tinted = not self._tinted
            self._gently("a preview", self._write_sheet)
        return Asked("save" in wanted or "save" in keys, "quit" in keys, "snapshot" in wanted)

    def saved(self, iterations: int, predicting: Predicting, last: bool = False) -> None:
        """The model was saved: bring everything that shows it up to date.

        Args:
            last: of the session; the graph is then drawn however much time that has taken already.
            predicting: gives, within a `with` block, the function that runs the model as saved.
        """
        log, film = self._log, self.timelapse
        assert log is not None
        self._gently("figures", lambda: self._tell(iterations, log.flush()))
        self._gently("a preview", lambda: self._show(predicting))
        if film is not None:
            self._gently("a time-lapse", lambda: self._expose(film, iterations, predicting))
        if last or time.monotonic() >= self._graph_due:
            self._gently("a graph", self._draw_graph)

    def _expose(self, film: Timelapse, iterations: int, predicting: Predicting) -> None:
        with predicting() as predict:
            shown = preview.look_through(predict, *film.faces, self.at_once)
        film.write(iterations, preview.sheet(shown, self.look))

    def _show(self, predicting: Predicting) -> None:
        if self.faces is not None:
            with predicting() as predict:
                self._shown = preview.look_through(predict, *self.faces, self.at_once)
            self._write_sheet()

    def _write_sheet(self) -> None:
        if self._shown:
            write_file(self._picture, encode_png(preview.sheet(self._shown, self.look, self._tinted), png_mark()))
            if self.written:
                self.reporter.preview(self._picture)

    def _draw_graph(self) -> None:
        begin = time.monotonic()
        picture = graphs.loss_graph(history.read(self.model_dir))
        if picture is not None:
            write_file(self.model_dir / LOSS_NAME, encode_png(picture))
        self._graph_due = time.monotonic() + (time.monotonic() - begin) / _GRAPH_SHARE


def make(options: TrainOptions, model_dir: Path, sides: tuple[FaceSet, FaceSet], sizes: tuple[int, int], seed: int,
         reporter: Reporter) -> Watcher:
    """The watcher that the options ask for.

    Args:
        sizes: the model's input and output size.

    Raises:
        UsageError: a colour that is none.
        FacesError: a time-lapse's folder cannot be used.
    """
    look = Look(options.mask_opacity / 100, preview.parse_color(options.mask_color), options.preview_scale / 100)
    faces = None
    if options.write_image or options.preview:
        faces = _chosen(sides[0], options, sizes, seed, reporter), _chosen(sides[1], options, sizes, seed, reporter)
    return Watcher(model_dir, reporter, faces, look, options.write_image,
                   _timelapse(options, model_dir, sides, sizes, reporter), options.preview, options.logs,
                   at_once=2 * options.batch_size)  # what training can hold, looking can


def _chosen(faces: FaceSet, options: WatchingOptions, sizes: tuple[int, int], seed: int, reporter: Reporter
            ) -> PreviewFaces:
    count = options.preview_images
    paths = [faces.paths[index] for index in preview.order(len(faces), count, seed)]
    return preview.read_faces(paths, count, faces.cut, sizes, reporter, faces.alignments)


def _timelapse(options: WatchingOptions, model_dir: Path, sides: tuple[FaceSet, FaceSet], sizes: tuple[int, int],
               reporter: Reporter) -> Timelapse | None:
    inputs = (options.timelapse_input_a, options.timelapse_input_b)
    if not (options.timelapse or options.timelapse_output or any(inputs)):
        return None
    read = []
    for faces, given in zip(sides, inputs, strict=True):
        paths = list_faces(Path(given).expanduser()) if given else sorted(faces.paths)
        read.append(preview.read_faces(paths, timelapse.FACES, faces.cut, sizes, reporter,
                                       () if given else faces.alignments))
    output = Path(options.timelapse_output).expanduser() if options.timelapse_output else None
    return Timelapse(output or model_dir / timelapse.FOLDER_NAME, (read[0], read[1]))
