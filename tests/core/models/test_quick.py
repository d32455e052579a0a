"""bfloat16 only where nobody can see it, and a face that comes out the same whoever is computed with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from understudy.core.conversion.cast import Cast, Part, Roles
from understudy.core.conversion.swap import Cut
from understudy.core.models import base, folder, quick
from understudy.core.models.quick import TOLERANCE, quicken
from understudy.core.options.convert import ConvertOptions


def trained(name: str = "sketch", gain: float = 1.0) -> folder.TrainedModel:
    torch.manual_seed(5)
    model = base.build(name)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(gain)
    state = folder.ModelState(folder.Settings(name), model.input_size, model.output_size)
    return folder.TrainedModel(model, state, torch.device("cpu"))


def faces(count: int) -> np.ndarray:
    return np.random.default_rng(2).random((count, 64, 64, 3)).astype(np.float32)


def test_pictures_stay_the_same_to_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "has_bfloat16", lambda device: True)
    exact = quicken(trained(), "float32")
    fast = quicken(trained(), "auto")
    assert (exact.precision, fast.precision) == (torch.float32, torch.bfloat16)
    plain = trained().predict(faces(4))
    assert np.abs(exact.predict(faces(4)) - plain).max() < 1e-5
    assert 0 < np.abs(fast.predict(faces(4)) - plain).max() <= TOLERANCE


def test_a_model_that_bfloat16_would_change_keeps_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "has_bfloat16", lambda device: True)
    assert quicken(trained(gain=3.0), "auto").precision == torch.float32
    assert quicken(trained(gain=3.0), "bfloat16").precision == torch.bfloat16  # a person may insist


def test_without_instructions_for_it_nothing_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "has_bfloat16", lambda device: False)
    monkeypatch.setattr(quick, "deviation", lambda *arguments: pytest.fail("looked"))
    assert quicken(trained(), "auto").precision == torch.float32


def parts(pictures: np.ndarray) -> list[Part]:
    made: list[Any] = [Cut.__new__(Cut) for _ in pictures]
    for cut, picture in zip(made, pictures, strict=True):
        object.__setattr__(cut, "feed", picture)
    return [Part(0, cut) for cut in made]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["sketch", pytest.param("lightweight", marks=pytest.mark.long)])
def test_no_face_depends_on_whom_it_is_computed_with(name: str, precision: str) -> None:
    """To the last bit: of one frame alone, of a batch of a restart, of a batch of another machine's shard."""
    roles = Roles((), {}, 0, None, {})
    cast = Cast([quicken(trained(name), precision)], roles, ConvertOptions(batch_size=16, precision=precision))
    one = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        pictures = faces(13)
        whole = cast.predict(parts(pictures))
        for group in (1, 3, 5):
            for start in range(0, len(pictures), group):
                for here, there in zip(cast.predict(parts(pictures[start:start + group])), whole[start:], strict=False):
                    np.testing.assert_array_equal(here, there)
    finally:
        torch.set_num_threads(one)
