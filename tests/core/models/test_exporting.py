"""Exported models: what ONNX Runtime makes of them is what the model makes, by the names and layouts of live tools."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from understudy.core.errors import ModelError, OutputError, Stopped, UsageError
from understudy.core.jobs.messages import SilentReporter
from understudy.core.media.provenance import SOURCE_TYPE
from understudy.core.models import base, exporting, folder
from understudy.core.models.exporting import run
from understudy.core.models.folder import ModelState, Settings
from understudy.core.options import make
from understudy.core.options.models import ModelExportOptions
from understudy.core.options.rows import TRAINERS

# The smallest of each trainer; those that are large all the same are for the long ring.
SMALL: dict[str, dict[str, Any]] = {
    "sketch": {},
    "unbalanced": {"input_size": 64, "nodes": 512, "complexity_encoder": 64, "complexity_decoder_a": 64,
                   "complexity_decoder_b": 64},
    "dfl-sae": {"input_size": 64, "autoencoder_dims": 32, "encoder_dims": 21, "decoder_dims": 10,
                "architecture": "liae"},
    "dlight": {"features": "lowmem", "details": "fast", "output_size": 128},
    "realface": {"input_size": 64, "output_size": 64, "dense_nodes": 768, "complexity_encoder": 96},
    "original": {"lowmem": True}, "dfl-h128": {"lowmem": True}, "villain": {"lowmem": True},
    "lightweight": {}, "iae": {}, "dfaker": {}}
QUICK = ("sketch", "unbalanced", "dfl-sae")
CASES = [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.long]) for name in SMALL]


def saved(place: Path, trainer: str = "sketch", learn_mask: bool = True, **settings: Any) -> folder.TrainedModel:
    """A model folder with weights that change every part of its answer; the model as conversion loads it."""
    torch.manual_seed(5)
    model = base.build(trainer, SMALL[trainer], learn_mask=learn_mask, start=False)
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.any():  # biases, traits, …: what starts from 0
                parameter.uniform_(-0.2, 0.2)
    kind = Settings(trainer, SMALL[trainer], learn_mask=learn_mask, **settings)
    state = ModelState(kind, model.input_size, model.output_size, iterations=77, sessions=[{"iterations": 77}])
    folder.write(place, state, model.state_dict(), None)
    return folder.load(place)


def exported(place: Path, **options: Any) -> dict[str, Any]:
    return run(make(ModelExportOptions, {"model_dir": str(place), **options}), SilentReporter())


def session(path: str | Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def faces(count: int, size: int) -> np.ndarray:
    return np.random.default_rng(3).random((count, size, size, 3), np.float32)


def test_every_trainer_is_covered() -> None:
    assert set(SMALL) == {row.name for row in TRAINERS}


@pytest.mark.parametrize("trainer", CASES)
def test_what_live_tools_get_is_what_conversion_gets(trainer: str, tmp_path: Path) -> None:
    """By the rules of DeepFaceLive: BGR in and out, colours last, three outputs by place, masks with one channel."""
    trained = saved(tmp_path / "model", trainer)
    told = exported(tmp_path / "model")
    assert told["difference"] < 1e-5
    live = session(told["file"])
    assert [one.name for one in live.get_inputs()] == ["in_face:0"]
    assert live.get_inputs()[0].shape[1:] == [trained.input_size, trained.input_size, 3]
    assert [one.name for one in live.get_outputs()] == ["out_face_mask:0", "out_celeb_face:0", "out_celeb_face_mask:0"]
    for count in (1, 4):
        given = faces(count, trained.input_size)
        own_mask, swapped, mask = live.run(None, {"in_face:0": given[..., ::-1]})
        expected, own = trained.predict(given, "b"), trained.predict(given, "a")
        np.testing.assert_allclose(swapped[..., ::-1], expected[..., :3], atol=1e-4)
        np.testing.assert_allclose(mask, expected[..., 3:], atol=1e-4)
        np.testing.assert_allclose(own_mask, own[..., 3:], atol=1e-4)


def test_the_plain_file_has_colours_first_and_a_mask_only_if_it_was_learned(tmp_path: Path) -> None:
    trained = saved(tmp_path / "model", learn_mask=False)
    told = exported(tmp_path / "model", format="onnx", output=str(tmp_path / "net.onnx"), side="a", opset=17)
    plain = session(told["file"])
    given = faces(2, 64)
    (swapped,) = plain.run(None, {"face": given.transpose(0, 3, 1, 2)})
    np.testing.assert_allclose(swapped.transpose(0, 2, 3, 1), trained.predict(given, "a"), atol=1e-4)
    assert [one.name for one in plain.get_outputs()] == ["swapped"]
    assert {one.domain: one.version for one in onnx.load(told["file"]).opset_import}[""] == 17
    saved(tmp_path / "model")
    again = session(exported(tmp_path / "model", format="onnx", output=str(tmp_path / "net.onnx"))["file"])
    assert [one.name for one in again.get_outputs()] == ["swapped", "mask"]


def test_a_model_without_masks_says_so_and_gives_ones(tmp_path: Path) -> None:
    trained = saved(tmp_path / "model", learn_mask=False)
    told = exported(tmp_path / "model")
    own_mask, swapped, mask = session(told["file"]).run(None, {"in_face:0": faces(3, 64)})
    assert mask.shape == own_mask.shape == (3, 64, 64, 1)
    assert (mask == 1).all()
    assert (own_mask == 1).all()
    np.testing.assert_allclose(swapped[..., ::-1], trained.predict(faces(3, 64)[..., ::-1]), atol=1e-4)
    assert "learned no mask" in told["text"]


def test_one_face_at_a_time_where_that_is_wished(tmp_path: Path) -> None:
    saved(tmp_path / "model")
    live = session(exported(tmp_path / "model", dynamic_batch=False)["file"])
    assert live.get_inputs()[0].shape == [1, 64, 64, 3]
    assert live.run(None, {"in_face:0": faces(1, 64)})[1].shape == (1, 64, 64, 3)


def test_old_runtimes_can_read_it_and_it_says_what_it_is(tmp_path: Path) -> None:
    """DeepFaceLive's Linux build brings onnxruntime 1.11, whose ONNX 1.11 knows layout 8 and operators up to 16."""
    saved(tmp_path / "model", centering="face", coverage=0.875)
    told = exported(tmp_path / "model")
    model = onnx.load(told["file"])
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version <= 8
    assert {one.domain: one.version for one in model.opset_import} == {"": 13}
    said = {one.key: one.value for one in model.metadata_props}
    assert said == told["metadata"]
    assert said["trainer"] == "sketch"
    assert said["iterations"] == "77"
    assert said["face_of"] == "B"
    assert said["colour"] == "BGR 0..1"
    assert said["digital_source_type"] == SOURCE_TYPE
    assert "algorithmically altered" in said["statement"]
    assert float(said["face_coverage"]) == 1.75  # 0.875 of a crop whose unit box is half of it


def test_where_it_goes(tmp_path: Path) -> None:
    saved(tmp_path / "model")
    assert exported(tmp_path / "model")["file"] == str(tmp_path / "model.dfm")
    assert exported(tmp_path / "model")["file"] == str(tmp_path / "model.dfm")  # one's own is replaced
    assert exported(tmp_path / "model", output=str(tmp_path / "new" / "anna"))["file"] == str(tmp_path / "new/anna.dfm")
    with pytest.raises(UsageError, match=r"end in \.dfm"):
        exported(tmp_path / "model", output=str(tmp_path / "anna.onnx"))
    (tmp_path / "other.dfm").write_bytes(b"someone's")
    with pytest.raises(OutputError, match=r"other\.dfm is there"):
        exported(tmp_path / "model", output=str(tmp_path / "other.dfm"))
    assert (tmp_path / "other.dfm").read_bytes() == b"someone's"


def test_what_goes_wrong_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError):
        exported(tmp_path / "nothing")
    saved(tmp_path / "model")
    before = Path(exported(tmp_path / "model")["file"]).read_bytes()

    def full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "no space")

    class Stopping(SilentReporter):
        def progress(self, done: int, *_: Any) -> bool:
            return done == 2

    with pytest.raises(Stopped):
        run(make(ModelExportOptions, {"model_dir": str(tmp_path / "model")}), Stopping())
    monkeypatch.setattr(exporting, "write_atomically", full)
    with pytest.raises(OutputError, match="disk is full"):
        exported(tmp_path / "model")
    assert (tmp_path / "model.dfm").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["model.dfm"]


def test_a_file_that_makes_something_else_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path / "model")
    true = exporting._exported

    def wrong(wrapped: Any, *rest: Any) -> bytes:
        made = true(wrapped, *rest)
        with torch.no_grad():
            next(iter(wrapped.parameters())).add_(0.5)  # PyTorch's side is now another network
        return made

    monkeypatch.setattr(exporting, "_exported", wrong)
    with pytest.raises(ModelError, match="something else"):
        exported(tmp_path / "model")
    assert not (tmp_path / "model.dfm").exists()
