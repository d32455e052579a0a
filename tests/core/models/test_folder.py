"""The model folder: whole after every save and every failure, and clear about what it cannot read."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from understudy.core.errors import ModelError, OutputError
from understudy.core.models import folder
from understudy.core.models.folder import Settings

from .tiny import fresh, saved

pytestmark = pytest.mark.usefixtures("tiny_trainer")


def files(place: Path) -> set[str]:
    return {path.name for path in place.iterdir()}


def test_what_is_saved_comes_back_and_predicts_alike(tmp_path: Path) -> None:
    saved(tmp_path / "deep" / "model", seed=4)
    trained = folder.load(tmp_path / "deep" / "model")
    assert (trained.iterations, trained.input_size, trained.output_size) == (5, 16, 16)
    assert trained.settings == Settings("tiny")
    x = np.random.default_rng(0).random((3, 16, 16, 3), np.float32)
    for side in ("a", "b"):
        y = trained.predict(x, side)
        assert (y.dtype, y.shape) == (np.float32, (3, 16, 16, 3))
        with torch.inference_mode():
            expected = fresh(4)(torch.from_numpy(x).permute(0, 3, 1, 2), side).permute(0, 2, 3, 1).numpy()
        np.testing.assert_allclose(y, expected, atol=1e-6)
    assert np.abs(trained.predict(x, "a") - trained.predict(x, "b")).max() > 1e-3
    assert trained.predict(x[:0]).shape == (0, 16, 16, 3)


def test_a_later_save_replaces_the_earlier_one(tmp_path: Path) -> None:
    first = saved(tmp_path)
    assert files(tmp_path) == {"state.json", "model.1.safetensors", "optimizer.1.safetensors"}
    saved(tmp_path, seed=1, state=first, iterations=9)
    assert files(tmp_path) == {"state.json", "model.2.safetensors", "optimizer.2.safetensors"}
    assert folder.load(tmp_path).iterations == 9
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "model.2.safetensors").stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("step", range(10))
def test_an_end_at_any_step_of_a_save_leaves_a_whole_model(tmp_path: Path, step: int) -> None:
    """Before the new state is in place the old save stands, afterwards the new one; the next save clears up.

    A forked child saves and ends, without any clearing up, at its step-th call to the functions that touch the disk.
    """
    first = saved(tmp_path, seed=1)
    new, weights = replace(first, iterations=9), fresh(2).state_dict()
    child = os.fork()
    if child == 0:
        calls = iter(range(100))

        def ending(real: Callable[..., object]) -> Callable[..., object]:
            return lambda *args, **kwargs: os._exit(9) if next(calls) == step else real(*args, **kwargs)

        for module, names in ((folder, ("save_file", "remove_weights")), (os, ("fsync", "replace", "chmod"))):
            for name in names:
                setattr(module, name, ending(getattr(module, name)))
        folder.write(tmp_path, new, weights, {f"exp_avg/{k}": v for k, v in weights.items()})
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    trained = folder.load(tmp_path)
    assert trained.iterations == (5 if step < 8 else 9)
    expected = fresh(1 if step < 8 else 2).state_dict()
    assert all(torch.equal(v, expected[k]) for k, v in trained.model.state_dict().items())
    state = folder.read_state(tmp_path)
    assert folder.read_tensors(tmp_path / state.optimizer_file).keys() == {f"exp_avg/{k}" for k in expected}
    last = saved(tmp_path, seed=3, state=state, iterations=12)
    assert files(tmp_path) == {"state.json", last.model_file, last.optimizer_file}


def test_a_write_that_the_system_refuses_leaves_the_save_before(tmp_path: Path) -> None:
    """A real refusal: the process may not write files over 1 KB, as if the disk were full."""
    first = saved(tmp_path, seed=1)
    before = files(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limits[1]))
    try:
        with pytest.raises(OutputError, match=str(tmp_path)):
            saved(tmp_path, seed=2, state=first, iterations=9)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert files(tmp_path) == before
    assert folder.load(tmp_path).iterations == 5


def test_a_place_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        saved(tmp_path / "file" / "model")


def test_no_model_there(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        assert not folder.exists(place)
        with pytest.raises(ModelError, match="There is no model in"):
            folder.load(place)


@pytest.mark.parametrize("lowmem", [False, True])
def test_a_model_of_the_first_schema_still_opens(tmp_path: Path, lowmem: bool) -> None:
    """There, low memory stood among the settings of every model."""
    settings = {"trainer": "tiny", "lowmem": lowmem, "centering": "head", "coverage": 0.7, "vertical_offset": 0.0,
                "mask_type": "extended", "penalized_mask_loss": False}
    (tmp_path / "state.json").write_text(json.dumps({"schema": 1, "settings": settings, "input_size": 64, "save": 3,
                                                     "output_size": 64, "iterations": 9, "sessions": []}))
    options = {"lowmem": True} if lowmem else {}
    assert folder.read_state(tmp_path).settings == Settings("tiny", options, "head", 0.7, penalized_mask_loss=False)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"schema": "1"}', '{"schema": true}', '{"schema": 1}',
                                  '{"schema": 1, "settings": 3}', "\x00\x01"])
def test_a_damaged_state_is_told_in_one_line(tmp_path: Path, text: str) -> None:
    saved(tmp_path)
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(ModelError, match=r"state\.json is damaged\. Put a copy") as caught:
        folder.load(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("key", "value"), [("iterations", -1), ("input_size", "wide"), ("sessions", 5),
                                            ("settings", {"trainer": 5}), ("settings", {})])
def test_a_state_with_wrong_values_is_damaged(tmp_path: Path, key: str, value: object) -> None:
    saved(tmp_path)
    data = json.loads((tmp_path / "state.json").read_text())
    data[key] = value
    (tmp_path / "state.json").write_text(json.dumps(data))
    with pytest.raises(ModelError, match="damaged"):
        folder.read_state(tmp_path)


def test_newer_formats_and_unknown_trainers_are_refused_but_new_settings_are_not(tmp_path: Path) -> None:
    saved(tmp_path)
    data = json.loads((tmp_path / "state.json").read_text())
    for change, words in (({"schema": 99}, "newer Understudy.*Update"),
                          ({"settings": {**data["settings"], "trainer": "moriarty"}}, "unknown here, 'moriarty'")):
        (tmp_path / "state.json").write_text(json.dumps({**data, **change}))
        with pytest.raises(ModelError, match=words):
            folder.load(tmp_path)
    (tmp_path / "state.json").write_text(json.dumps({**data, "colour": 1, "settings": {**data["settings"], "x": 2}}))
    assert folder.load(tmp_path).settings == Settings("tiny")


def test_missing_torn_and_foreign_weights(tmp_path: Path) -> None:
    state = saved(tmp_path)
    path = tmp_path / state.model_file
    whole = path.read_bytes()
    for data in (whole[: len(whole) // 2], b"", b"\xff" * 100):
        path.write_bytes(data)
        with pytest.raises(ModelError, match=r"model\.1\.safetensors is damaged"):
            folder.load(tmp_path)
    path.unlink()
    with pytest.raises(ModelError, match=r"model\.1\.safetensors is missing"):
        folder.load(tmp_path)
    folder.write(tmp_path, state, {"other": torch.zeros(3)}, None)
    with pytest.raises(ModelError, match="do not fit the trainer tiny"):
        folder.load(tmp_path)


def test_reading_while_a_training_saves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The weight file named by the state just read is gone because a newer save has replaced it."""
    first = saved(tmp_path, seed=1)
    real = folder.read_tensors

    def late(path: Path, expected: str | None = None) -> folder.Tensors:
        monkeypatch.setattr(folder, "read_tensors", real)
        saved(tmp_path, seed=2, state=first, iterations=9)
        return real(path, expected)

    monkeypatch.setattr(folder, "read_tensors", late)
    assert folder.load(tmp_path).iterations == 9
