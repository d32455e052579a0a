"""Training that saves memory: the same training in less of it, one side at a time, and float16."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from understudy.core.errors import ModelError, UsageError
from understudy.core.jobs.messages import Reporter, SilentReporter
from understudy.core.models import folder
from understudy.core.models.base import SharedEncoderModel, SwapModel, build
from understudy.core.options.rows import TRAINERS, Row
from understudy.core.options.train import TrainOptions
from understudy.core.training import task
from understudy.core.training.augmenting.batch import Batch, random_batch
from understudy.core.training.computing.execution import Execution
from understudy.core.training.computing.gradients import Gradients
from understudy.core.training.computing.pingpong import PingPong, own_parameters
from understudy.core.training.computing.savings import Savings, enough_memory
from understudy.core.training.loop import Trainer
from understudy.core.training.losses import FaceLoss

CPU = torch.device("cpu")


NONE = Savings()


def make_trainer(model: SwapModel, savings: Savings = NONE, precision: str = "float32", **changes: object) -> Trainer:
    savings.apply(model)
    recipe = replace(model.recipe, **changes)
    gradients = Gradients(model, FaceLoss(recipe.loss, penalized=True), recipe.side_weights, recipe.landmark_weight,
                          recipe.accumulation)
    return Trainer(gradients, recipe, Execution(precision), savings=savings)


def batch(model: SwapModel, seed: int, faces: int = 3) -> Batch:
    torch.manual_seed(seed)
    return random_batch(model.input_size, model.output_sizes, faces, CPU)


def weights(model: SwapModel) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters()}


@pytest.mark.parametrize("savings", [Savings(gradients=True), Savings(moments=True)], ids=["gradients", "moments"])
def test_the_same_training_in_less_memory(tiny: type[SharedEncoderModel], savings: Savings) -> None:
    torch.manual_seed(0)
    plain = tiny()
    usual, saving = make_trainer(plain), make_trainer(copy.deepcopy(plain), savings)
    for iteration in range(4):
        fed = batch(plain, iteration)
        one, other = usual.step(fed, iteration), saving.step(fed, iteration)
        assert other.named == pytest.approx(one.named, rel=1e-5)
    for name, weight in weights(usual.model).items():
        torch.testing.assert_close(weights(saving.model)[name], weight, rtol=1e-4, atol=1e-6)


def test_offloaded_moments_survive_a_save(tiny: type[SharedEncoderModel]) -> None:
    torch.manual_seed(0)
    trainer = make_trainer(tiny(), Savings(moments=True))
    for iteration in range(3):
        trainer.step(batch(trainer.model, iteration), iteration)
    again = make_trainer(tiny(), Savings(moments=True))
    again.model.load_state_dict(trainer.model_tensors())
    again.load_optimizer_tensors({key: value.clone() for key, value in trainer.optimizer_tensors().items()})
    for one in (trainer, again):
        one.step(batch(trainer.model, 3), 3)
    for name, weight in weights(trainer.model).items():
        assert torch.equal(weights(again.model)[name], weight), name


class TestPingPong:
    def test_only_the_side_whose_turn_it_is_learns(self, tiny: type[SharedEncoderModel]) -> None:
        torch.manual_seed(0)
        trainer = make_trainer(tiny(), Savings(turns=2), ema=0.0)
        changed = []
        for iteration in range(8):
            before = weights(trainer.model)
            trainer.step(batch(trainer.model, iteration), iteration)
            now = weights(trainer.model)
            changed.append({name.split(".")[0] for name in now if not torch.equal(now[name], before[name])})
        a, b = {"encoder", "decoder_a"}, {"encoder", "decoder_b"}
        assert changed[1:] == [a, b, b, a, a, b, b]  # in the first step the learning rate is still 0

    def test_losses_of_both_sides_are_told(self, tiny: type[SharedEncoderModel]) -> None:
        trainer = make_trainer(tiny(), Savings(turns=2))
        first, second, third = (trainer.step(batch(trainer.model, 0), iteration) for iteration in range(3))
        assert first.finite
        assert first.b == second.b  # B waits: what it was when A's turn began
        assert third.a != second.a
        assert third.finite

    def test_a_turn_s_gradients_are_those_of_both_sides_for_its_side(self, tiny: type[SharedEncoderModel]) -> None:
        torch.manual_seed(0)
        model = tiny().eval()  # without dropout
        gradients = Gradients(model, FaceLoss("mae", penalized=True))
        fed = batch(model, 0)
        gradients(Execution(), fed)
        both = {name: p.grad for name, p in model.named_parameters()}
        model.zero_grad(set_to_none=True)
        gradients.of_side(Execution(), fed, "b")
        for name, parameter in model.named_parameters():
            if name.startswith("decoder_a"):
                assert parameter.grad is None
            elif name.startswith("decoder_b"):
                torch.testing.assert_close(parameter.grad, both[name])

    def test_what_waits_leaves_with_all_that_belongs_to_it(self, tiny: type[SharedEncoderModel]) -> None:
        """float64 stands for another place: nothing but what was sent away may be there, and it comes back."""
        trainer = make_trainer(tiny(), Savings(turns=1))
        model, turns = trainer.model, trainer._turns
        for iteration in range(2):  # both sides have moments then
            trainer.step(batch(model, iteration), iteration)
        before = weights(model)

        def tensors(part: torch.nn.Module) -> list[torch.Tensor]:
            found = [t for p in part.parameters() for t in (p, *trainer.optimizer.state[p].values()) if t.ndim]
            places = {id(p): index for index, p in enumerate(model.parameters())}
            return [*found, *(trainer.averages[places[id(p)]] for p in part.parameters())]

        turns._home, turns.device = torch.float64, torch.float32
        turns.turn("a", trainer.optimizer, trainer.averages)
        assert {t.dtype for t in tensors(model.decoder_b)} == {torch.float64}
        assert {t.dtype for t in (*tensors(model.decoder_a), *tensors(model.encoder))} == {torch.float32}
        with turns.both("a"):
            assert {p.dtype for p in model.parameters()} == {torch.float32}
        assert {p.dtype for p in model.decoder_b.parameters()} == {torch.float64}
        turns.turn("b", trainer.optimizer, trainer.averages)
        assert {t.dtype for t in tensors(model.decoder_b)} == {torch.float32}
        assert all(torch.equal(weight, before[name]) for name, weight in weights(model).items()
                   if not name.startswith("decoder_a"))

    def test_whose_turn_it_is(self, tiny: type[SharedEncoderModel]) -> None:
        turns = PingPong(tiny(), 3)
        assert [turns.side(iteration) for iteration in range(8)] == ["a"] * 3 + ["b"] * 3 + ["a"] * 2

    @pytest.mark.parametrize("row", TRAINERS, ids=lambda row: row.name)
    def test_every_trainer_has_parts_of_its_own_per_side(self, row: Row) -> None:
        with torch.device("meta"):
            model = build(row.name)
        own = own_parameters(model)
        names = {id(p): name for name, p in model.named_parameters()}
        assert own["b"]
        if row.name != "dfl-sae":
            assert all("_a" in names[id(p)] for p in own["a"])
        assert all("_b" in names[id(p)] for p in own["b"])

    def test_turns_that_are_long_are_warned_of(self, recorded: list[str]) -> None:
        Savings.of(TrainOptions(ping_pong=True, save_interval=250), CPU, 1, Recorder(recorded))
        assert "100 or fewer" in recorded[0]
        with pytest.raises(UsageError, match="one device"):
            Savings.of(TrainOptions(ping_pong=True), CPU, 2, SilentReporter())


class Recorder(SilentReporter):
    def __init__(self, told: list[str]) -> None:
        super().__init__()
        self._told = told

    def warning(self, text: str, *details: str) -> None:
        self._told.append(text)


@pytest.fixture
def recorded() -> list[str]:
    return []


def test_on_a_processor_moments_stay_where_they_are_and_a_person_is_told(recorded: list[str]) -> None:
    reporter: Reporter = Recorder(recorded)
    assert Savings.of(TrainOptions(optimizer_savings=True), CPU, 1, reporter) == Savings()
    assert "change nothing" in recorded[0]


class TestFloat16:
    def test_a_step_whose_gradients_overflow_is_left_out(self, tiny: type[SharedEncoderModel]) -> None:
        torch.manual_seed(0)
        trainer = make_trainer(tiny(), precision="float16", warm_up=0, ema=0.0)
        trainer.compute(batch(trainer.model, 0), 0)
        next(trainer.model.parameters()).grad.view(-1)[0] = float("inf")
        before, scale = weights(trainer.model), trainer._scaler.get_scale()
        trainer.update(0)
        assert all(torch.equal(weight, before[name]) for name, weight in weights(trainer.model).items())
        assert trainer._scaler.get_scale() == scale / 2

    def test_it_learns_what_float32_learns(self, tiny: type[SharedEncoderModel]) -> None:
        torch.manual_seed(0)
        plain = tiny()
        usual = make_trainer(plain, warm_up=0)
        half = make_trainer(copy.deepcopy(plain), precision="float16", warm_up=0)
        losses = [(usual.step(batch(plain, 0), i).a, half.step(batch(plain, 0), i).a) for i in range(20)]
        assert losses[-1][0] < losses[0][0]
        assert losses[-1][1] == pytest.approx(losses[-1][0], rel=0.02)

    def test_the_scale_survives_a_save(self, tiny: type[SharedEncoderModel]) -> None:
        trainer = make_trainer(tiny(), precision="float16")
        trainer._scaler.load_state_dict({**trainer._scaler.state_dict(), "scale": 1024.0})
        trainer.step(batch(trainer.model, 0), 0)
        again = make_trainer(tiny(), precision="float16")
        again.load_optimizer_tensors(trainer.optimizer_tensors())
        assert again._scaler.get_scale() == 1024.0


@pytest.mark.usefixtures("tiny_trainer")
class TestTask:
    @pytest.fixture
    def options(self, faces_a: Path, faces_b: Path, tmp_path: Path) -> TrainOptions:
        return TrainOptions(input_a=str(faces_a), input_b=str(faces_b), model_dir=str(tmp_path / "model"),
                            trainer="tiny", iterations=24, batch_size=4, precision="float32", save_interval=10,
                            preview_images=2, logs=False, ping_pong=True, memory_saving_gradients=True)

    def test_one_side_at_a_time_trains_shows_saves_and_goes_on(self, options: TrainOptions) -> None:
        result = task.run(options, SilentReporter())
        assert result["iterations"] == 24
        assert result["loss_a"] > 0
        assert result["loss_b"] > 0
        assert Path(result["preview"]).is_file()
        again = task.run(replace(options, iterations=40, ping_pong=False), SilentReporter())
        assert again["iterations"] == 40

    def test_turns_come_back_where_they_were(self, options: TrainOptions, tmp_path: Path) -> None:
        """Stopped and gone on, one side at a time learns what it would have learned at a stretch."""
        def trained(model_dir: Path, *until: int) -> dict[str, torch.Tensor]:
            for iterations in until:
                task.run(replace(options, model_dir=str(model_dir), iterations=iterations, threads=1), SilentReporter())
            return folder.read_tensors(model_dir / folder.read_state(model_dir).model_file)

        straight, stopped = trained(tmp_path / "one", 24), trained(tmp_path / "two", 13, 24)
        assert all(torch.equal(weight, stopped[name]) for name, weight in straight.items())

    @pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
                                       MemoryError()], ids=["card", "computer"])
    def test_too_little_memory_is_told_in_words(self, options: TrainOptions, monkeypatch: pytest.MonkeyPatch,
                                                error: Exception) -> None:
        def step(*_: object) -> None:
            raise error

        monkeypatch.setattr(Trainer, "compute", step)
        with pytest.raises(ModelError, match=r"too small for the trainer tiny with batch size 4.*smaller batch"):
            task.run(options, SilentReporter())

    def test_other_failures_are_no_lack_of_memory(self, options: TrainOptions) -> None:
        with pytest.raises(RuntimeError, match="shapes"), enough_memory(options):
            raise RuntimeError("shapes do not match")

    def test_a_processor_without_memory(self, options: TrainOptions) -> None:
        with pytest.raises(ModelError, match="too small"), enough_memory(options):
            torch.empty(1 << 55)
