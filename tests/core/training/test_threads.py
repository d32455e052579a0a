"""The choice of the number of threads, on made-up step times."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from understudy.core.training.computing.threads import Threads, Way, allowed_threads, ways


class Chooser(Threads):
    """With the number of threads in use to look at."""

    def __init__(self, most: int) -> None:
        self.used = 0
        super().__init__(ways(most, may_part=False), lambda way: setattr(self, "used", way.threads))


def simulate(threads: Chooser, cost: Callable[[int], float], steps: int) -> list[int]:
    """Steps that take `cost(threads in use)` seconds; returns the number in use at each."""
    used = []
    for _ in range(steps):
        used.append(threads.used)
        threads.note(cost(used[-1]))
    return used


def test_what_there_is_to_choose_from() -> None:
    assert ways(8, may_part=True) == (Way(4, apart=True), Way(8))
    assert ways(8, may_part=False) == (Way(8), Way(4))
    assert ways(1, may_part=True) == ways(1, may_part=False) == (Way(1),)


def test_a_number_that_a_person_wants_leaves_no_choice() -> None:
    assert ways(8, may_part=True, fixed=4) == (Way(2, apart=True),)
    assert ways(8, may_part=False, fixed=3) == (Way(3),)
    assert ways(8, may_part=True, fixed=1) == (Way(1),)


@pytest.mark.parametrize(("most", "other"), [(2, 1), (8, 4)])
def test_on_a_busy_machine_fewer_threads_win(most: int, other: int) -> None:
    threads = Chooser(most)
    used = simulate(threads, lambda n: 0.5 if n == most else 0.2, 20)
    assert used == [most] * 4 + [other] * 16
    assert threads.current == Way(other)


def test_alone_all_threads_stay_but_for_a_short_trial_now_and_then() -> None:
    threads = Chooser(2)
    used = simulate(threads, lambda n: 0.1 if n == 2 else 0.18, 1000)
    assert threads.current == Way(2)
    assert 4 <= used.count(1) <= 0.02 * 1000


def test_load_that_comes_and_goes_is_followed() -> None:
    threads = Chooser(2)
    simulate(threads, lambda n: {2: 0.1, 1: 0.18}[n], 100)
    assert threads.current == Way(2)
    simulate(threads, lambda n: {2: 1.5, 1: 0.3}[n], 60)
    assert threads.current == Way(1)
    simulate(threads, lambda n: {2: 0.1, 1: 0.18}[n], 400)
    assert threads.current == Way(2)


def test_a_hair_s_breadth_changes_nothing() -> None:
    threads = Chooser(2)
    simulate(threads, lambda n: {2: 0.1, 1: 0.095}[n], 50)
    assert threads.current == Way(2)


def test_a_single_thread_has_no_choice() -> None:
    threads = Chooser(1)
    assert set(simulate(threads, lambda n: 1.0, 50)) == {1}
    assert allowed_threads() >= 1
