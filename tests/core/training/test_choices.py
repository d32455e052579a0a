"""What a person chooses of losses and optimisers, through the train task: it is done, kept, and told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from understudy.core.errors import ModelError, UsageError
from understudy.core.jobs.messages import SilentReporter
from understudy.core.models import folder
from understudy.core.models.state import ModelState
from understudy.core.options.field import make
from understudy.core.options.train import TrainOptions
from understudy.core.training import finder, fixed, task
from understudy.core.training.augmenting.batch import Batch
from understudy.core.training.computing import choosing
from understudy.core.training.computing.execution import Execution
from understudy.core.training.loop import Losses, Trainer
from understudy.core.training.watching import history

pytestmark = pytest.mark.usefixtures("tiny_trainer")


class Recorder(SilentReporter):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, message: str, detail: str = "") -> None:
        if "faces only" not in message and "near twin" not in message:  # told of the drawn faces
            self.warnings.append(message)


@pytest.fixture
def values(faces_a: Path, faces_b: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Nothing is measured: two runs may find different layouts the fastest, whose sums differ in their last bits."""
    monkeypatch.setattr(choosing, "measure", lambda *_, **__: (Execution(), {}))
    return {"input_a": str(faces_a), "input_b": str(faces_b), "model_dir": str(tmp_path / "model"), "trainer": "tiny",
            "iterations": 12, "batch_size": 2, "precision": "float32", "preview_images": 2, "logs": False}


def train(values: dict[str, Any], **more: Any) -> tuple[dict[str, Any], list[str]]:
    reporter = Recorder()
    return task.run(TrainOptions(**{**values, **more}), reporter), reporter.warnings


def test_what_may_change_changes_and_is_kept_with_its_session(values: dict[str, Any]) -> None:
    train(values, loss_function="laploss", loss_function_2="ffl", loss_weight_2=300, eye_multiplier=5,
          gradient_clipping="autoclip", gradient_accumulation=2, epsilon_exponent=-6, warmup=4)
    train(values, iterations=14, loss_function="mse", weight_decay=0.25)
    first, second = folder.read_state(values["model_dir"]).sessions
    assert first["loss"] == "laploss+3*ffl"
    assert (first["eyes"], first["mouth"], first["clipping"], first["accumulation"], first["warm_up"]) == (
        5, 2, "autoclip", 2, 4)
    assert first["epsilon"] == pytest.approx(1e-6)
    assert (second["loss"], second["weight_decay"], second["accumulation"]) == ("mse", 0.25, 1)


def test_what_is_fixed_stays_and_the_person_is_told(values: dict[str, Any]) -> None:
    train(values, optimizer="nadam", ada_beta_1=0.6)
    _, warnings = train(values, iterations=14, optimizer="lion", ada_beta_1=0.6, ada_beta_2=0.5, ada_amsgrad=True)
    (told,) = warnings
    assert "goes on as it was made" in told
    for words in ("optimizer 'nadam' (not 'lion')", "ada-beta-2 0.999 (not 0.5)", "ada-amsgrad False (not True)"):
        assert words in told
    _, warnings = train(values, iterations=16)
    assert not warnings
    assert folder.read_state(values["model_dir"]).settings.optimizer == "nadam"


def test_a_default_that_is_given_is_an_option_that_is_given(values: dict[str, Any]) -> None:
    """A panel and a command line say what they want also where that is what everybody gets."""
    values |= {"trainer": "sketch", "save_interval": 10}
    train(values, coverage=100.0, mask_type="components", optimizer="nadam", iterations=1)
    reporter = Recorder()
    usual = {"iterations": 2, "coverage": 87.5, "mask-type": "extended", "optimizer": "auto", "ada-beta-1": 0.0}
    task.run(make(TrainOptions, {**values, **usual}), reporter)
    (told,) = reporter.warnings
    assert "coverage 100.0 (not 87.5)" in told
    assert "mask-type 'components' (not 'extended')" in told
    assert "optimizer" not in told  # was left to the trainer both times
    assert "beta" not in told
    settings = folder.read_state(values["model_dir"]).settings
    assert (settings.coverage, settings.mask_type) == (1.0, "components")


def test_a_trainer_s_own_option_is_named_as_it_is_given(values: dict[str, Any]) -> None:
    options = TrainOptions(**{**values, "trainer": "dlight", "dlight_features": "fair", "vertical_offset": 5.0})
    made = fixed.asked(options)
    model_dir = Path(values["model_dir"])
    model_dir.mkdir()
    (model_dir / "state.json").write_bytes(ModelState(made, 128, 256).to_json())
    reporter = Recorder()
    later = replace(options, dlight_features="lowmem", dlight_output_size=128, vertical_offset=-5.0)
    assert fixed.settings_of(later, model_dir, reporter)[0] == made
    (told,) = reporter.warnings
    for words in ("dlight-features 'fair' (not 'lowmem')", "dlight-output-size 256 (not 128)",
                  "vertical-offset 5.0 (not -5.0)"):
        assert words in told


def test_a_learned_mask_is_learned(values: dict[str, Any]) -> None:
    result, _ = train(values, trainer="sketch", learn_mask=True, iterations=3)
    assert result["iterations"] == 3
    (written,) = history.read(Path(values["model_dir"]))
    assert {"face_a", "mask_a", "landmarks_a", "mask_b"} <= set(written.losses)
    trained = folder.load(values["model_dir"])
    assert trained.settings.learn_mask
    y = trained.predict(torch.zeros(1, 64, 64, 3).numpy())
    assert y.shape == (1, 64, 64, 4)


def test_the_finder_begins_a_model_with_its_rate(values: dict[str, Any]) -> None:
    rate = {"use_lr_finder": True, "lr_finder_iterations": 100, "lr_finder_mode": "graph-and-set",
            "lr_finder_strength": "extreme"}
    result, _ = train(values, **rate)
    found = result["found_learning_rate"]
    assert (Path(values["model_dir"]) / finder.GRAPH_NAME).is_file()
    state = folder.read_state(values["model_dir"])
    assert state.settings.found_learning_rate == state.sessions[0]["learning_rate"] == found
    _, warnings = train(values, iterations=14, **rate)
    assert [f"goes on with {found:g}" in warning for warning in warnings] == [True]
    train(values, iterations=16, learning_rate=1e-6)
    rates = [session["learning_rate"] for session in folder.read_state(values["model_dir"]).sessions]
    assert rates == [found, found, 1e-6]


def test_a_model_that_begins_after_the_finder_is_the_one_that_would_have_begun_without(values: dict[str, Any],
                                                                                      tmp_path: Path) -> None:
    """But for its rate: the trial leaves no trace in weights or batches."""
    result, _ = train(values, use_lr_finder=True, lr_finder_iterations=100)
    other = {**values, "model_dir": str(tmp_path / "other"), "learning_rate": result["found_learning_rate"]}
    train(other)
    one, two = (folder.read_tensors(Path(v["model_dir"]) / folder.read_state(v["model_dir"]).model_file)
                for v in (values, other))
    assert all(torch.equal(value, two[name]) for name, value in one.items())


def test_the_finder_may_draw_and_leave(values: dict[str, Any]) -> None:
    result, _ = train(values, use_lr_finder=True, lr_finder_iterations=100, lr_finder_mode="graph-and-exit")
    assert result["iterations"] == 0
    assert result["found_learning_rate"] > 0
    assert not folder.exists(values["model_dir"])
    assert [path.name for path in Path(values["model_dir"]).iterdir()] == [finder.GRAPH_NAME]


def test_a_rate_that_is_given_need_not_be_found(values: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="Leave one of them out"):
        train(values, use_lr_finder=True, learning_rate=1e-4)
    assert not Path(values["model_dir"]).exists()


def test_a_broken_loss_stops_at_the_last_good_save(values: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture of B turns into no numbers at iteration 15, after the save at 10."""
    compute = Trainer.compute

    def poisoned(self: Trainer, batch: Batch, iteration: int) -> Losses:
        if iteration == 14:
            batch = replace(batch, feed=batch.feed.clone())
            batch.feed[-1] = float("nan")
        return compute(self, batch, iteration)

    monkeypatch.setattr(Trainer, "compute", poisoned)
    values |= {"iterations": 30, "save_interval": 10}
    with pytest.raises(ModelError, match=r"became nan \(B\) at iteration 15"):
        train(values)
    state = folder.read_state(values["model_dir"])
    assert state.iterations == 10
    weights = folder.read_tensors(Path(values["model_dir"]) / state.model_file)
    assert all(torch.isfinite(value).all() for value in weights.values())


def test_weights_that_broke_are_not_saved(values: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The step before the save overflows: no loss has told of it yet."""
    update = Trainer.update

    def overflowing(self: Trainer, iteration: int, rate: float | None = None) -> None:
        update(self, iteration, rate)
        if iteration == 19:
            with torch.no_grad():
                self.model.decoder_a[0][0].weight[0] = float("inf")

    monkeypatch.setattr(Trainer, "update", overflowing)
    with pytest.raises(ModelError, match="Weights became infinite or no numbers at iteration 20"):
        train(values, iterations=30, save_interval=10)
    assert folder.read_state(values["model_dir"]).iterations == 10
