"""How processes that torchrun started find each other, and not those of an earlier start.

torchrun keeps one store for all its starts. The addresses of processes that are gone stay in it, and processes that
were started again would wait for them until their patience ends. So they agree on a part of the store that is new.
"""

from __future__ import annotations

import os
import time
from datetime import timedelta
from uuid import uuid4

from torch.distributed import PrefixStore, Store, TCPStore  # type: ignore[attr-defined]  # exported without saying so

from ...errors import ModelError

USE_LIBUV = os.name != "nt"  # PyTorch for Windows comes without it, and would refuse to keep a store
_LOOK = 0.05  # seconds between two looks at the store


def torchrun_store(rank: int, size: int, patience: timedelta) -> Store:
    """The part of torchrun's store that is for this start alone; without torchrun's, the first process keeps one.

    Raises:
        ModelError: the other processes have not come after `patience`.
    """
    keeps = rank == 0 and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"  # as in a SLURM job's own variables
    store = TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), size, is_master=keeps, timeout=patience,
                     wait_for_workers=False, use_libuv=USE_LIBUV)
    return fresh_part(store, rank, size, patience)


def fresh_part(store: Store, rank: int, size: int, patience: timedelta) -> Store:
    """A part of `store` to which nobody has written before, the same for all `size` processes that ask at this time.

    Each process says a word that it has just made up; the first one answers every word with its own, which names the
    part, and answers again where a word changes: the one before was left by a process that is gone.

    Raises:
        ModelError: the other processes have not come after `patience`.
    """
    word = uuid4().hex
    end = time.monotonic() + patience.total_seconds()
    name = _lead(store, size, word, end) if rank == 0 else _follow(store, rank, word, end)
    return PrefixStore(name, store)


def _lead(store: Store, size: int, word: str, end: float) -> str:
    answered: dict[int, str] = {}
    waited_for = set(range(1, size))
    while True:
        waited_for -= {rank for rank in waited_for if store.check([f"{word}/{rank}"])}
        if not waited_for:
            return word
        for rank in waited_for:
            said = _read(store, f"word/{rank}")
            if said and said != answered.get(rank):
                store.set(f"answer/{rank}", f"{said} {word}")
                answered[rank] = said
        _wait(end, f"{len(waited_for)} of the {size - 1} other processes have")


def _follow(store: Store, rank: int, word: str, end: float) -> str:
    store.set(f"word/{rank}", word)
    while True:
        said, _, name = _read(store, f"answer/{rank}").partition(" ")
        if said == word:
            store.set(f"{name}/{rank}", "here")
            return name
        _wait(end, "The first process has")


def _read(store: Store, key: str) -> str:
    return store.get(key).decode() if store.check([key]) else ""


def _wait(end: float, who: str) -> None:
    if time.monotonic() > end:
        raise ModelError(f"{who} not come to train", "Look at its messages; the same command again goes on from the "
                         "last save")
    time.sleep(_LOOK)
