"""Every trainer as a person uses it: trains, is saved, opens again bit for bit, goes on, and converts a frame."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from understudy.core.conversion.swap import convert_frame
from understudy.core.faces.nouns import Face
from understudy.core.jobs.messages import SilentReporter
from understudy.core.media.frame import Frame
from understudy.core.models import folder
from understudy.core.models.folder import ModelState, Tensors
from understudy.core.options.convert import ConvertOptions
from understudy.core.options.rows import TRAINERS
from understudy.core.options.train import TrainOptions
from understudy.core.training import task
from understudy.core.training.computing import choosing
from understudy.core.training.computing.execution import Execution

# What makes a trainer smallest; those that are not here have no options for it.
SMALLEST: dict[str, dict[str, Any]] = {
    "original": {"lowmem": True},
    "unbalanced": {"unbalanced_input_size": 64, "unbalanced_nodes": 512, "unbalanced_complexity_encoder": 64,
                   "unbalanced_complexity_decoder_a": 64, "unbalanced_complexity_decoder_b": 64},
    "dfl-h128": {"lowmem": True},
    "dfl-sae": {"dfl_sae_input_size": 64, "dfl_sae_autoencoder_dims": 32, "dfl_sae_encoder_dims": 21,
                "dfl_sae_decoder_dims": 10, "dfl_sae_multiscale_decoder": True, "learn_mask": True},
    "villain": {"lowmem": True},
    "realface": {"realface_output_size": 64, "realface_dense_nodes": 768, "realface_complexity_encoder": 96},
    "dlight": {"dlight_features": "lowmem", "dlight_output_size": 128},
}
# Four times as fast as float32 where the processor can; and not measured, which would take longer than the training.
PRECISION = "bfloat16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "float32"
FAST = Execution(PRECISION, channels_last=True)
FIELD = [row.name for row in TRAINERS if row.name != "sketch"]
Draw = Callable[[int, tuple[int, int, int]], tuple[np.ndarray, np.ndarray]]


@pytest.fixture
def model_dir(tmp_path: Path) -> Iterator[Path]:
    """These models are large, and pytest would keep those of the last three runs."""
    yield tmp_path / "model"
    shutil.rmtree(tmp_path)


def prints(tensors: dict[str, torch.Tensor]) -> dict[str, int]:
    """A checksum of each tensor's bits, which is quicker than keeping it."""
    return {name: int(tensor.detach().contiguous().view(torch.int32).sum()) if tensor.dtype == torch.float32
            else int(tensor) for name, tensor in tensors.items()}


def check(options: TrainOptions, draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train, open, convert, and train one iteration more in a session of its own."""
    saved: dict[str, int] = {}
    write = folder.write

    def noting(place: Path, state: ModelState, model: Tensors, optimizer: Tensors | None) -> ModelState:
        saved.update(prints(model))
        return write(place, state, model, optimizer)

    monkeypatch.setattr(folder, "write", noting)
    result = task.run(options, SilentReporter())
    assert result["iterations"] == options.iterations
    assert math.isfinite(result["loss_a"] + result["loss_b"])
    trained = folder.load(options.model_dir)
    assert trained.settings.trainer == options.trainer
    assert prints(trained.model.state_dict()) == saved
    converts_a_frame(trained, draw)
    del trained
    goes_on(options, saved, monkeypatch)


def converts_a_frame(trained: folder.TrainedModel, draw: Draw) -> None:
    frame, landmarks = draw(3, (200, 150, 120))
    face = Face("a" * 32, 0, landmarks, (80, 40, 160, 160))
    done = convert_frame(Frame("clip.mp4", 0, 0.0, frame), [face], trained, ConvertOptions(color="none"))
    assert done.layer.alpha.any()
    assert np.isfinite(done.patches[0].rgb).all()


def goes_on(options: TrainOptions, saved: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The optimiser goes on counting, and its step moves every weight; what is saved then is looked at, not written."""
    ends: list[tuple[ModelState, dict[str, int], set[int]]] = []

    def ending(place: Path, state: ModelState, model: Tensors, optimizer: Tensors | None) -> ModelState:
        steps = {int(value) for name, value in (optimizer or {}).items() if name.startswith("step/")}
        ends.append((state, prints(model), steps))
        return replace(state, save=state.save + 1)

    monkeypatch.setattr(folder, "write", ending)
    task.run(replace(options, iterations=options.iterations + 1), SilentReporter())
    state, after, steps = ends[-1]
    assert [session["iterations"] for session in state.sessions] == [options.iterations, 1]
    assert steps == {options.iterations + 1}
    assert [name for name, value in after.items() if value == saved[name]] == []


def chosen(trainer: str, faces_a: Path, faces_b: Path, model_dir: Path, **more: Any) -> TrainOptions:
    return TrainOptions(input_a=str(faces_a), input_b=str(faces_b), model_dir=str(model_dir), trainer=trainer,
                        batch_size=2, precision=PRECISION, compile="off", write_image=False, logs=False,
                        save_optimizer="exit", seed=5, **more)


@pytest.mark.parametrize("trainer", FIELD)
def test_a_trainer_at_its_smallest(trainer: str, faces_a: Path, faces_b: Path, model_dir: Path, face_maker: Draw,
                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choosing, "execution", lambda *_: (FAST, {}))
    check(chosen(trainer, faces_a, faces_b, model_dir, iterations=3, **SMALLEST.get(trainer, {})), face_maker,
          monkeypatch)


@pytest.mark.long
@pytest.mark.parametrize("trainer", FIELD)
def test_a_trainer_as_it_is(trainer: str, faces_a: Path, faces_b: Path, model_dir: Path, face_maker: Draw,
                            monkeypatch: pytest.MonkeyPatch) -> None:
    check(chosen(trainer, faces_a, faces_b, model_dir, iterations=20), face_maker, monkeypatch)
