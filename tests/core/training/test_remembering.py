"""Measurements of this machine that are kept."""

from __future__ import annotations

import json

import pytest
import torch

from understudy.core.training.computing import remembering
from understudy.core.training.computing.execution import Execution

CPU = torch.device("cpu")
MEASURED = (Execution("bfloat16", channels_last=True), {"float32": 0.5, "bfloat16 channels-last": 0.25})


def test_what_was_measured_comes_back_for_the_same_training_only() -> None:
    key = remembering.key(CPU, "sketch", 16)
    assert remembering.recall(key) is None
    remembering.remember(key, MEASURED)
    assert remembering.recall(remembering.key(CPU, "sketch", 16)) == MEASURED
    assert remembering.recall(remembering.key(CPU, "sketch", 8)) is None


def test_after_a_week_it_is_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    remembering.remember("key", MEASURED)
    later = remembering.time.time() + 8 * 24 * 3600
    monkeypatch.setattr(remembering.time, "time", lambda: later)
    assert remembering.recall("key") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"key": 3}', '{"key": {"at": "x", "execution": {}, "seconds": {}}}',
                                  '{"key": {"at": 9e99}}', "\x00"])
def test_a_damaged_file_is_no_measurement(text: str) -> None:
    remembering.path().parent.mkdir()
    remembering.path().write_text(text)
    assert remembering.recall("key") is None
    remembering.remember("key", MEASURED)
    assert remembering.recall("key") == MEASURED


def test_it_does_not_grow_for_ever_and_may_be_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(remembering._MOST + 3):
        remembering.remember(str(number), MEASURED)
    held = json.loads(remembering.path().read_text())
    assert (len(held), "2" in held, "3" in held) == (remembering._MOST, False, True)
    monkeypatch.setattr(remembering, "path", lambda: remembering.Path("/dev/null/below"))
    remembering.remember("other", MEASURED)
    assert remembering.recall("other") is None
