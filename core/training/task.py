"""The train task: options in, a model folder out; run again, it goes on from the last save."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from ..errors import ModelError, UsageError, writing
from ..jobs.messages import Reporter
from ..media.images import write_file
from ..models import folder
from ..models.base import SwapModel
from ..models.folder import ModelState, Settings
from ..models.locking import locked
from ..models.state import HISTORY_NAME, LOCK_NAME, LOGS_NAME, PREVIEW_NAME
from ..models.transfer import freeze_encoder, load_encoder
from ..options.train import TrainOptions
from . import finder, fixed
from . import recipe as recipes
from .augmenting import augmentation_sheet
from .augmenting.batches import Batches, Maker, maker_for, process_size
from .computing import choosing
from .computing.compiling import compile_networks
from .computing.distributed import Crew, World
from .computing.gradients import Gradients, sides_can_part
from .computing.savings import Savings, enough_memory, prepare
from .computing.threads import Threads, Way, allowed_threads, ways
from .faces.data import FaceSet
from .faces.reading import Cut
from .faces.sides import load_sides, mask_work
from .loop import Trainer
from .session import Session, calm_threads, follow, restore
from .watching import history
from .watching import watcher as watching


def run(options: TrainOptions, reporter: Reporter) -> dict[str, Any]:
    """Train a model up to `options.iterations` in all.

    Returns:
        model_dir, trainer, iterations (in all), session_iterations, loss_a, loss_b (means of
        the last 100 iterations), found_learning_rate (where it was looked for), rate (EG/s of this session), precision,
        preview.

    Raises:
        FacesError: a faces folder that cannot be used.
        AlignmentsError: persons are chosen, and their alignments cannot be used or do not know them.
        ModelError: the model folder is damaged, of another trainer or in use, the loss is no number any more, or memory
            is not enough.
        OutputError: the model folder cannot be written.
        UsageError: an option that the trainer or this machine does not have.
        Stopped: the person asked to stop; everything is saved.
    """
    with Crew.of(options) as crew, enough_memory(options):
        return train(options, reporter, crew)


def train(options: TrainOptions, reporter: Reporter, crew: Crew) -> dict[str, Any]:
    """`run` as one of the processes of `crew`."""
    model_dir = Path(options.model_dir)
    calm_threads()
    settings, state = fixed.settings_of(options, model_dir, reporter)
    if state and state.iterations >= options.iterations and not options.show_augmentation:
        reporter.warning(f"The model in {model_dir} has {state.iterations} iterations already; ask for more to go on")
        return _result(model_dir, state, None)
    shapes = folder.hollow_model(settings)
    settings = recipes.settled(settings, shapes.recipe)
    recipe = recipes.chosen(options, shapes.recipe, settings)
    parts = settings.penalized_mask_loss and max(recipe.eyes, recipe.mouth) > 1
    sides = load_sides(options, Cut(process_size(shapes), settings, mask_work(options), parts), reporter,
                       flip=options.flip)
    if options.show_augmentation:
        return _show_augmentation(options, shapes, sides, state, crew, reporter)
    if crew.warning:
        reporter.warning(crew.warning)
    with (_locked(model_dir) if crew.leads else nullcontext(), _threads_given_back(), crew.joined(reporter) as world,
          world.lasting()):
        world.require_same_faces([side.paths for side in sides])
        state = folder.read_state(model_dir) if folder.exists(model_dir) else None
        new = ModelState(settings, shapes.input_size, shapes.output_size)
        trainer, measured, choice = _trainer(options, model_dir, settings, state, crew.device, world, reporter)
        maker = maker_for(options, shapes, sides, crew.device, world.places(options.batch_size))
        trial = _try_rates(options, trainer, state, maker, crew.device, reporter) if options.use_lr_finder else None
        if trial:
            new = replace(new, settings=replace(settings, found_learning_rate=trial.found))
            if world.leads and options.lr_finder_mode != "set":
                _write_graph(trial, model_dir, reporter)
            if options.lr_finder_mode == "graph-and-exit":
                return _result(model_dir, new, None)
        first = state.iterations if state else 0
        with Batches(maker, first, crew.device) as batches:
            if not world.leads:
                follow(trainer, batches, first, options.iterations, reporter)
                return {}
            session = _session(options, model_dir, state or new, trainer, measured, choice, sides, reporter)
            session.run(batches, options.iterations)
    return _result(model_dir, session.state, session)


def _show_augmentation(options: TrainOptions, model: SwapModel, sides: tuple[FaceSet, FaceSet],
                       state: ModelState | None, crew: Crew, reporter: Reporter) -> dict[str, Any]:
    if not crew.leads:
        return {}
    maker = maker_for(options, model, sides, crew.device)
    path = Path(options.show_augmentation)
    if path.parent == Path():
        path = Path(options.model_dir) / path
    return augmentation_sheet.write(maker, state.iterations if state else 0, path, reporter)


def _trainer(options: TrainOptions, model_dir: Path, settings: Settings, state: ModelState | None,
             device: torch.device, world: World, reporter: Reporter
             ) -> tuple[Trainer, dict[str, float], tuple[Way, ...]]:
    """The model in training as it was saved, or as it begins; the seconds of what was tried to find how; and what ways
    a processor leaves to choose from.
    """
    savings = Savings.of(options, device, world.size, reporter)
    prepare(options, device)
    model = _beginning(options, model_dir, settings, state, world.leads, reporter).to(device)
    savings.apply(model)
    recipe = recipes.chosen(options, model.recipe, settings)
    gradients = Gradients(model, recipes.face_loss(recipe, settings), recipe.side_weights, recipe.landmark_weight,
                          recipe.accumulation)
    choice = _ways(options, model, world)
    if device.type == "cpu":
        gradients.take(choice[0])
    # Whoever computes with others has to compute like them.
    found = choosing.execution(options, state, gradients, device, world.size, fixed.asked(options),
                               reporter) if world.leads else None
    agreed = world.agree(found)
    assert agreed is not None  # the first process has found one
    execution, measured = agreed
    if execution.compiled and not world.leads:
        compile_networks(model)
    execution.place(model)
    gradients.join(world, options.batch_size)
    trainer = Trainer(gradients, recipe, execution, options.seed, options.nan_protection, savings)
    if state:
        restore(trainer, model_dir, state, reporter)
    return trainer, measured, choice


def _session(options: TrainOptions, model_dir: Path, state: ModelState, trainer: Trainer, measured: dict[str, float],
             choice: tuple[Way, ...], sides: tuple[FaceSet, FaceSet], reporter: Reporter) -> Session:
    """The run of the process that watches and saves."""
    gradients, device = trainer.gradients, trainer.device
    facts = {"batch_size": options.batch_size, **recipes.facts(trainer.recipe, options),
             "seed": options.seed, **choosing.surroundings(options, device, gradients.world.size),
             **asdict(trainer.execution),
             "measured_seconds": measured, "faces_a": len(sides[0]), "faces_b": len(sides[1])}
    watcher = watching.make(options, model_dir, sides, (state.input_size, state.output_size), options.seed, reporter)
    return Session(model_dir, state, trainer, watcher, facts, reporter, options,
                   threads=Threads(choice, gradients.take) if device.type == "cpu" else None)


def _ways(options: TrainOptions, model: SwapModel, world: World) -> tuple[Way, ...]:
    """How the processor may be put to a step."""
    may_part = world.size == 1 and not options.ping_pong and sides_can_part(model)
    return ways(max(1, allowed_threads() // world.size), may_part, options.threads)


def _beginning(options: TrainOptions, model_dir: Path, settings: Settings, state: ModelState | None, leads: bool,
               reporter: Reporter) -> SwapModel:
    """The model as it was saved, or a new one, with the encoder that the person wants for it."""
    if state:
        path = model_dir / state.model_file
        model = folder.build_model(state, folder.read_tensors(path, state.checksums.get(path.name)), path)
        if options.load_weights:
            reporter.warning(f"Weights are loaded into new models only; the model in {model_dir} goes on from its own")
    else:
        torch.manual_seed(options.seed)
        model = folder.fresh_model(settings, start=leads)  # the other processes get the first one's
        if options.load_weights:
            reporter.warning(str(load_encoder(model, options.load_weights)))
    if options.freeze_weights:
        freeze_encoder(model)
    return model


def _try_rates(options: TrainOptions, trainer: Trainer, state: ModelState | None, maker: Maker, device: torch.device,
               reporter: Reporter) -> finder.Trial | None:
    """Let a new model's training begin with the learning rate that serves it; None for an older model.

    Raises:
        ModelError: no rate lowered the loss.
        UsageError: a rate is given as well.
        Stopped: the person asked to stop.
    """
    if state:
        reporter.warning("The learning rate is found for new models only; the model in "
                         f"{options.model_dir} goes on with {trainer.recipe.learning_rate:g}")
        return None
    if options.learning_rate:
        raise UsageError("A learning rate is given and is to be found as well", "Leave one of them out")
    with Batches(maker, 0, device) as batches:
        trial = finder.find(trainer, batches.next, options.lr_finder_iterations, options.lr_finder_strength, reporter)
    trainer.start_with(trial.found)
    return trial


def _write_graph(trial: finder.Trial, model_dir: Path, reporter: Reporter) -> None:
    path = model_dir / finder.GRAPH_NAME
    write_file(path, finder.graph(trial))
    reporter.preview(path)


@contextmanager
def _locked(model_dir: Path) -> Iterator[None]:
    """One training at a time in a model folder.

    Raises:
        ModelError: another one runs there.
        OutputError: the folder cannot be written.
    """
    with writing(model_dir):
        model_dir.mkdir(parents=True, exist_ok=True)
    refusal = ModelError(f"Another training is running in {model_dir}", "Stop it, or choose another folder")
    with ExitStack() as unlocked, locked(model_dir, refusal):
        unlocked.callback(_clear, model_dir)
        yield


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
    if folder.exists(model_dir):
        return
    shutil.rmtree(model_dir / LOGS_NAME / "session_1", ignore_errors=True)
    shutil.rmtree(model_dir / HISTORY_NAME, ignore_errors=True)
    with suppress(OSError):
        (model_dir / LOCK_NAME).unlink(missing_ok=True)
    for empty in (model_dir / LOGS_NAME, model_dir):
        with suppress(OSError):
            empty.rmdir()


def _found_rate(state: ModelState) -> dict[str, float]:
    found = state.settings.found_learning_rate
    return {"found_learning_rate": found} if found else {}


def _result(model_dir: Path, state: ModelState, session: Session | None) -> dict[str, Any]:
    last = state.sessions[-1] if state.sessions else {}
    means = history.recent_losses(model_dir)
    losses: dict[str, Any] = {name: means[name] for name in ("loss_a", "loss_b") if name in means}
    places = {"preview": model_dir / PREVIEW_NAME, "logs": model_dir / LOGS_NAME}
    return {"model_dir": str(model_dir), "trainer": state.settings.trainer, "iterations": state.iterations,
            "session_iterations": last.get("iterations", 0) if session else 0, **losses, **_found_rate(state),
            "rate": last.get("rate", 0.0), "precision": last.get("precision", ""),
            **{name: str(path) for name, path in places.items() if path.exists()}}
