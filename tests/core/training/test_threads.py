"""The choice of the number of threads, on made-up step times."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from understudy.core.training.threads import Threads, allowed_threads


def simulate(threads: Threads, cost: Callable[[int], float], steps: int) -> list[int]:
    """Steps that take `cost(threads in use)` seconds; returns the number in use at each."""
    used = []
    for _ in range(steps):
        used.append(torch.get_num_threads())
        threads.note(cost(used[-1]))
    return used


@pytest.mark.parametrize(("most", "other"), [(2, 1), (8, 4)])
def test_on_a_busy_machine_fewer_threads_win(most: int, other: int) -> None:
    threads = Threads(most)
    used = simulate(threads, lambda n: 0.5 if n == most else 0.2, 20)
    assert used == [most] * 4 + [other] * 16
    assert threads.current == other


def test_alone_all_threads_stay_but_for_a_short_trial_now_and_then() -> None:
    threads = Threads(2)
    used = simulate(threads, lambda n: 0.1 if n == 2 else 0.18, 1000)
    assert threads.current == 2
    assert 4 <= used.count(1) <= 0.02 * 1000


def test_load_that_comes_and_goes_is_followed() -> None:
    threads = Threads(2)
    simulate(threads, lambda n: {2: 0.1, 1: 0.18}[n], 100)
    assert threads.current == 2
    simulate(threads, lambda n: {2: 1.5, 1: 0.3}[n], 60)
    assert threads.current == 1
    simulate(threads, lambda n: {2: 0.1, 1: 0.18}[n], 400)
    assert threads.current == 2


def test_a_hair_s_breadth_changes_nothing() -> None:
    threads = Threads(2)
    simulate(threads, lambda n: {2: 0.1, 1: 0.095}[n], 50)
    assert threads.current == 2


def test_a_single_thread_has_no_choice() -> None:
    threads = Threads(1)
    assert set(simulate(threads, lambda n: 1.0, 50)) == {1}
    assert allowed_threads() >= 1
