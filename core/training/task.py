"""The train task: options in, a model folder out; run again, it goes on from the last save."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import torch

from ..errors import ModelError, writing
from ..jobs.lock import FileLock
from ..jobs.messages import Reporter
from ..models import folder
from ..models.base import Recipe, SwapModel
from ..models.device import choose_device
from ..models.folder import ModelState, Settings
from ..options.field import options_of
from ..options.train import TrainOptions
from ..options.trainers import trainer_options
from . import preview
from .augmentation import Amounts, Augmenter, Growth
from .batches import Batches
from .data import FaceSet, load_faces
from .execution import Execution
from .freshness import warn_of_outdated
from .gradients import Gradients, sides_can_part
from .log import LOGS_NAME, METRICS_NAME, read_metrics
from .loop import Trainer
from .losses import FaceLoss
from .persons import faces_of
from .precision import measure
from .session import PREVIEW_NAME, Session, calm_threads, restore
from .threads import Threads, allowed_threads

LOCK_NAME = "lock"


def run(options: TrainOptions, reporter: Reporter) -> dict[str, Any]:
    """Train a model up to `options.iterations` in all.

    Returns:
        model_dir, trainer, iterations (in all), session_iterations, loss_a, loss_b (means of the last lines of the
        metrics file), rate (EG/s of this session), precision, preview.

    Raises:
        FacesError: a faces folder that cannot be used.
        AlignmentsError: persons are chosen, and their alignments cannot be used or do not know them.
        ModelError: the model folder is damaged, of another trainer or in use, or the loss is no number any more.
        OutputError: the model folder cannot be written.
        UsageError: an option that the trainer or this machine does not have.
        Stopped: the person asked to stop; everything is saved.
    """
    model_dir = Path(options.model_dir)
    device = choose_device(options.device)
    calm_threads()
    settings, state = _settings(options, model_dir, reporter)
    if state and state.iterations >= options.iterations:
        reporter.warning(f"The model in {model_dir} has {state.iterations} iterations already; ask for more to go on")
        return _result(model_dir, state, None)
    torch.manual_seed(options.seed)
    fresh = folder.fresh_model(settings)
    settings = recipes.settled(settings, fresh.recipe)
    size = max(fresh.input_size, fresh.output_size) * fresh.recipe.oversampling
    only = (faces_of(options.persons_a, options.alignments_a, "A"),
            faces_of(options.persons_b, options.alignments_b, "B"))
    sides = (load_faces(options.input_a, size, settings, reporter, "A", only[0]),
             load_faces(options.input_b, size, settings, reporter, "B", only[1]))
    for side, alignments, label in zip(sides, (options.alignments_a, options.alignments_b), "AB", strict=True):
        warn_of_outdated(side.folder, side.paths, alignments, reporter, label)
    with _locked(model_dir), _threads_given_back():
        state = folder.read_state(model_dir) if folder.exists(model_dir) else None
        session = _session(options, model_dir, settings, state, fresh, sides, device, reporter)
        augmenter = Augmenter(size, fresh.input_size, fresh.output_size, _amounts(options, fresh.recipe),
                              in_one=fresh.recipe.oversampling > 1)
        landmarks = (sides[0].landmarks, sides[1].landmarks) if fresh.recipe.landmark_weight else None
        with Batches(sides[0].crops, sides[1].crops, options.batch_size, augmenter, options.seed,
                     session.state.iterations, landmarks, _growth(options, fresh.recipe)) as batches:
            session.run(batches, options.iterations, options.save_interval)
    return _result(model_dir, session.state, session)


def _settings(options: TrainOptions, model_dir: Path, reporter: Reporter) -> tuple[Settings, ModelState | None]:
    """What is fixed: as the model has it, or for a new model as the options say."""
    wanted = _asked(options)
    if not folder.exists(model_dir):
        return wanted, None
    state = folder.read_state(model_dir)
    if state.settings.trainer != options.trainer:
        raise ModelError(f"The model in {model_dir} is of the trainer {state.settings.trainer}, not {options.trainer}",
                         f"Choose the trainer {state.settings.trainer}, or another model folder")
    asked, default = _fixed(wanted), _fixed(_asked(TrainOptions(trainer=options.trainer)))
    for key, kept in _fixed(state.settings).items():
        if asked.get(key) not in (kept, default.get(key)):
            reporter.warning(f"{key.replace('_', '-')} stays {kept!r}, as the model in {model_dir} was made with it; "
                             f"{asked[key]!r} needs a new model folder")
    return state.settings, state


def _asked(options: TrainOptions) -> Settings:
    """The settings of a new model: every fixed option is found there by its name.

    Raises:
        UsageError: an option of another trainer is set.
    """
    known = {field.name for field in fields(Settings)}
    values = {option.name: getattr(options, option.name) for option in options_of(options)
              if option.declaration.fixed and option.name in known}
    values |= {"coverage": options.coverage / 100, "vertical_offset": options.vertical_offset / 100}
    return Settings(trainer_options=trainer_options(options.trainer, options), **values)


def _fixed(settings: Settings) -> dict[str, Any]:
    """The settings by name, the trainer's own beside the others."""
    values = asdict(settings)
    return values | values.pop("trainer_options")


def _session(options: TrainOptions, model_dir: Path, settings: Settings, state: ModelState | None, fresh: SwapModel,
             sides: tuple[FaceSet, FaceSet], device: torch.device, reporter: Reporter) -> Session:
    model = fresh
    if state:
        path = model_dir / state.model_file
        model = folder.build_model(state, folder.read_tensors(path), path)
    model.to(device)
    recipe = _recipe(options, model.recipe)
    loss = FaceLoss(recipe.loss, settings.penalized_mask_loss, recipe.mask_floor)
    processors = allowed_threads()
    parallel = processors > 1 and sides_can_part(model)
    threads = Threads(processors // 2 if parallel else processors) if device.type == "cpu" else None
    gradients = Gradients(model, loss, recipe.side_weights, parallel, recipe.landmark_weight)
    execution, measured = _execution(options, state, gradients, device)
    trainer = Trainer(gradients, recipe, execution, options.seed)
    if state:
        restore(trainer, model_dir, state)
    facts = {"batch_size": options.batch_size, "learning_rate": recipe.learning_rate, "loss": recipe.loss,
             "seed": options.seed, "device": device.type, "asked_precision": options.precision, **asdict(execution),
             "measured_seconds": measured, "faces_a": len(sides[0]), "faces_b": len(sides[1])}
    previews = [preview.choose(faces, options.preview_images, options.seed, model.input_size, model.output_size,
                               settings) for faces in sides]
    new = ModelState(settings, model.input_size, model.output_size)
    return Session(model_dir, state or new, trainer, (previews[0], previews[1]), facts, reporter, options.logs,
                   threads=threads)


def _recipe(options: TrainOptions, recipe: Recipe) -> Recipe:
    """The trainer's own recipe with what the person chose instead."""
    return replace(recipe, learning_rate=options.learning_rate or recipe.learning_rate,
                   loss=recipe.loss if options.loss == "auto" else options.loss)


def _amounts(options: TrainOptions, recipe: Recipe) -> Amounts:
    """The trainer's own amounts, less what the person switched off."""
    own = Amounts(**recipe.augmentation)  # type: ignore[arg-type]
    return replace(own, color=own.color and options.augment_color, flip=own.flip and options.flip,
                   warp=own.warp and options.warp)


def _growth(options: TrainOptions, recipe: Recipe) -> Growth | None:
    if not recipe.late_augmentation:
        return None
    late = replace(_amounts(options, recipe), **recipe.late_augmentation)  # type: ignore[arg-type]
    return Growth(late, *recipe.late_between)


def _execution(options: TrainOptions, state: ModelState | None, gradients: Gradients,
               device: torch.device) -> tuple[Execution, dict[str, float]]:
    """Measured once per model, device and batch size; a later session on the same goes on as the last one did."""
    last = state.sessions[-1] if state and state.sessions else {}
    same = {"asked_precision": options.precision, "device": device.type, "batch_size": options.batch_size}
    if all(last.get(key) == value for key, value in same.items()) and last.get("precision") in ("float32", "bfloat16"):
        return Execution(last["precision"], bool(last.get("channels_last"))), last.get("measured_seconds", {})
    return measure(gradients, device, options.precision, options.batch_size)


@contextmanager
def _locked(model_dir: Path) -> Iterator[None]:
    """One training at a time in a model folder.

    Raises:
        ModelError: another one runs there.
        OutputError: the folder cannot be written.
    """
    with writing(model_dir):
        model_dir.mkdir(parents=True, exist_ok=True)
        lock = FileLock(model_dir / LOCK_NAME)
        free = lock.acquire()
    if not free:
        raise ModelError(f"Another training is running in {model_dir}", "Stop it, or choose another folder")
    try:
        yield
    finally:
        lock.release()
        if not folder.exists(model_dir):
            _clear(model_dir)


@contextmanager
def _threads_given_back() -> Iterator[None]:
    """The number of threads is the whole process's: leave it as it was."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _clear(model_dir: Path) -> None:
    """Take away what a new training left that failed before its first save; anything else there stays."""
    shutil.rmtree(model_dir / LOGS_NAME / "session_1", ignore_errors=True)
    with suppress(OSError):
        (model_dir / METRICS_NAME).unlink(missing_ok=True)
        (model_dir / LOCK_NAME).unlink(missing_ok=True)
    for empty in (model_dir / LOGS_NAME, model_dir):
        with suppress(OSError):
            empty.rmdir()


def _result(model_dir: Path, state: ModelState, session: Session | None) -> dict[str, Any]:
    lines = read_metrics(model_dir)[-5:]
    last = state.sessions[-1] if state.sessions else {}
    losses = {key: sum(line[key] for line in lines) / len(lines) for key in ("loss_a", "loss_b") if lines}
    return {"model_dir": str(model_dir), "trainer": state.settings.trainer, "iterations": state.iterations,
            "session_iterations": last.get("iterations", 0) if session else 0, **losses, "rate": last.get("rate", 0.0),
            "precision": last.get("precision", ""), "preview": str(model_dir / PREVIEW_NAME),
            "logs": str(model_dir / LOGS_NAME)}
