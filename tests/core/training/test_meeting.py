"""Processes that torchrun started again meet each other, not what an earlier start left in the store."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from torch.distributed import HashStore, Store

from understudy.core.errors import ModelError
from understudy.core.training.computing.meeting import fresh_part

SOON = timedelta(seconds=30)


@pytest.fixture(params=[2, 3])
def size(request: pytest.FixtureRequest) -> int:
    return request.param


def together(size: int, work: Callable[[int], object]) -> list[object]:
    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(work, range(size)))


def test_all_meet_in_one_part_and_every_time_in_a_new_one(size: int) -> None:
    """A restarted training once looked for the addresses of processes that were gone, for 30 minutes."""
    store = HashStore()
    for start in range(3):
        def meet(rank: int, start: int = start) -> list[str]:
            part = fresh_part(store, rank, size, SOON)
            assert not part.check(["address/0"])  # nobody wrote here before
            part.set(f"met/{rank}", f"{start} {rank}")
            return [part.get(f"met/{other}").decode() for other in range(size)]

        assert together(size, meet) == [[f"{start} {rank}" for rank in range(size)]] * size
        fresh = together(size, lambda rank: fresh_part(store, rank, size, SOON))
        assert all(isinstance(part, Store) for part in fresh)
        fresh[0].set("address/0", "of somebody who is gone")


def test_a_word_of_one_who_is_gone_is_answered_again(size: int) -> None:
    store = HashStore()
    store.set("word/1", "of somebody who is gone")
    store.set("answer/1", "of somebody")
    parts = together(size, lambda rank: fresh_part(store, rank, size, SOON))
    parts[1].set("key", "value")
    assert all(part.get("key") == b"value" for part in parts)


def test_who_waits_in_vain_says_so() -> None:
    for rank in range(2):
        with pytest.raises(ModelError, match="not come to train"):
            fresh_part(HashStore(), rank, 2, timedelta(seconds=0.2))
