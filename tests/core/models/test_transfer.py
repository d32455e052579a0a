"""Weights from another model, and models that have moved."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from understudy.core.errors import ModelError
from understudy.core.models import folder
from understudy.core.models.transfer import freeze_encoder, load_encoder

from .tiny import fresh, saved

pytestmark = pytest.mark.usefixtures("tiny_trainer")


def test_the_encoder_is_taken_and_the_rest_stays_random(tmp_path: Path) -> None:
    saved(tmp_path, seed=1)
    model, source, own = fresh(2), fresh(1).state_dict(), fresh(2).state_dict()
    transfer = load_encoder(model, tmp_path)
    for name, value in model.state_dict().items():
        assert torch.equal(value, (source if name.startswith("encoder.") else own)[name])
    assert str(transfer) == f"Took 2 of the encoder's 2 layers (0.0 of 0.0 million weights) from {tmp_path} (tiny, " \
                            "5 iterations)"
    assert transfer.taken_values == transfer.values == sum(v.numel() for k, v in source.items() if "encoder" in k)


def test_layers_of_another_shape_begin_at_random_and_are_named(tmp_path: Path) -> None:
    saved(tmp_path, seed=1)
    model, own = fresh(2, wide=True), fresh(2, wide=True).state_dict()
    transfer = load_encoder(model, tmp_path)
    assert (transfer.taken, transfer.left) == (("encoder.0.0",), ("encoder.1.0",))
    assert "these do not fit and begin at random: encoder.1.0" in str(transfer)
    assert torch.equal(model.encoder[1][0].weight, own["encoder.1.0.weight"])
    assert torch.equal(model.encoder[0][0].weight, fresh(1).encoder[0][0].weight)


def test_an_encoder_of_which_nothing_fits_is_refused(tmp_path: Path) -> None:
    state = saved(tmp_path)
    folder.write(tmp_path, state, {"encoder.other": torch.zeros(3)}, None)
    with pytest.raises(ModelError, match=r"No layer of the encoder of .* fits"):
        load_encoder(fresh(), tmp_path)
    with pytest.raises(ModelError, match="There is no model in"):
        load_encoder(fresh(), tmp_path / "nowhere")


def test_a_frozen_encoder_is_left_alone() -> None:
    model = fresh()
    assert freeze_encoder(model) == sum(p.numel() for p in model.encoder.parameters())
    assert {name.partition(".")[0] for name, p in model.named_parameters() if p.requires_grad} == {
        "decoder_a", "decoder_b"}
    trained = [p for group in model.parameters_for(model.recipe, 1e-3) for p in group["params"]]
    assert not any(p is q for p in trained for q in model.encoder.parameters())


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """Root may write everywhere, whatever a folder's mode says."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.name == "nt", reason="needs a folder that may not be written to")
def test_a_model_that_has_moved_opens_where_nothing_may_be_written(tmp_path: Path) -> None:
    saved(tmp_path / "here", seed=3)
    faces = np.random.default_rng(0).random((2, 16, 16, 3), np.float32)
    before = folder.load(tmp_path / "here").predict(faces)
    place = Path(shutil.move(tmp_path / "here", tmp_path / "another machine"))
    for path in (*place.iterdir(), place):
        path.chmod(0o555 if path.is_dir() else 0o444)
    for parent in (tmp_path, *tmp_path.parents):
        if Path(tempfile.gettempdir()) in parent.parents:
            parent.chmod(0o755)
    listed = sorted(path.name for path in place.iterdir())
    try:
        with as_somebody_else():
            with pytest.raises(OSError, match="denied"):
                (place / "new").write_text("")
            model = folder.load(place, "cpu")
            assert np.array_equal(model.predict(faces), before)
    finally:
        place.chmod(0o755)
    assert sorted(path.name for path in place.iterdir()) == listed


def test_a_model_opens_on_another_device(tmp_path: Path) -> None:
    """What was saved on any device is read into memory and then placed: here on torch's device without memory."""
    saved(tmp_path)
    model = folder.load(tmp_path, "meta")
    assert {p.device.type for p in model.model.parameters()} == {"meta"}
    assert model.model(torch.zeros(1, 3, 16, 16, device="meta"), "b").shape == (1, 3, 16, 16)
