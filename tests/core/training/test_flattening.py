"""The hint that a loss has flattened: given where it has, and not where it falls or is too young."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from understudy.core.training.watching import flattening
from understudy.core.training.watching.history import HistoryWriter

RNG = np.random.default_rng(5)


def noisy(level: np.ndarray) -> np.ndarray:
    return level * RNG.normal(1, 0.1, len(level))


@pytest.mark.parametrize(("level", "flat"), [
    (np.full(20_000, 0.1), True),
    (np.concatenate([0.3 * np.arange(1, 10_001) ** -0.3, np.full(40_000, 0.02)]), True),
    (np.linspace(0.1, 0.12, 20_000), True),  # it rises
    (np.linspace(0.2, 0.1, 20_000), False),
    (0.3 * np.arange(1, 20_001) ** -0.5, False),
])
def test_the_rule(level: np.ndarray, flat: bool) -> None:
    found = flattening.trend(noisy(level))
    assert found is not None
    assert found.is_flat is flat
    assert bool(found.sentence) is flat
    if flat:
        assert "preview decides" in found.sentence
    true = 1 - level[-1] / level[-found.iterations]
    assert found.fall == pytest.approx(true, abs=0.03)


def test_a_noisy_loss_is_not_called_flat_too_soon() -> None:
    """Two thousand iterations with half the loss as scatter prove nothing."""
    found = flattening.trend(np.full(2000, 0.1) * RNG.normal(1, 0.9, 2000))
    assert found is not None
    assert not found.is_flat


def test_nothing_is_said_of_a_young_or_unknown_training(tmp_path: Path) -> None:
    assert flattening.trend(np.ones(1999)) is None
    assert flattening.trend(np.full(5000, np.nan)) is None
    assert flattening.trend_of(tmp_path, 5000) is None


def test_a_history_is_read_over_its_sessions(tmp_path: Path) -> None:
    for session, first, count in ((1, 0, 3000), (2, 3000, 1500)):
        writer = HistoryWriter(tmp_path, session, first, 8)
        for _ in range(count):
            writer.add({"loss_a": 0.1, "loss_b": 0.05}, 0.1)
        writer.flush()
        writer.close()
    found = flattening.trend_of(tmp_path, 4500)
    assert found is not None
    assert (found.iterations, found.is_flat) == (2000, True)
    assert found.sentence.startswith("Over the last 2,000 iterations the loss did not fall.")
