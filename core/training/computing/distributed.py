"""Training in several processes: each computes a part of every batch on a card of its own, PyTorch's
DistributedDataParallel averages the gradients, and the first process alone speaks, saves and stops.

The processes are started here (`--gpus`, one computer) or by torchrun (`--distributed`, any number of computers).
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import distributed, nn
from torch.distributed import TCPStore  # type: ignore[attr-defined]  # exported, but not said so to type checkers
from torch.nn.parallel import DistributedDataParallel

from ...errors import FacesError, ModelError, Stopped, UnderstudyError, UsageError
from ...jobs.messages import Reporter, SilentReporter
from ...models.device import choose_device
from ...options.train import TrainOptions
from . import lost
from .meeting import USE_LIBUV, torchrun_store

PATIENCE = timedelta(minutes=30)  # how long one process waits for the slowest to read its faces
_PAUSE = timedelta(days=30)  # for how long one of them may be paused while the others wait for its word
_LOOK = 0.1  # seconds between two looks at processes that are starting
_Value = TypeVar("_Value")


class World:
    """All processes of a training; this class itself is the world of one that trains alone.

    Attributes:
        rank: number of this process, from 0.
        size: how many there are.
    """

    rank, size = 0, 1

    @property
    def leads(self) -> bool:
        """Whether this process speaks and saves for all."""
        return self.rank == 0

    def places(self, batch_size: int) -> range:
        """Which faces of each side's batch this process computes."""
        return range(batch_size * self.rank // self.size, batch_size * (self.rank + 1) // self.size)

    def share(self, batch_size: int) -> float:
        """What the mean over this process's faces counts in the mean over all processes, 1 where all have as many."""
        return len(self.places(batch_size)) * self.size / batch_size

    def spread(self, network: nn.Module) -> nn.Module:
        """The network with its gradients averaged over all processes in every backward pass."""
        return network

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """The mean of what all processes have, in all of them."""
        return values

    def agree(self, value: _Value) -> _Value:
        """What the first process has, in all of them; may be anything that can be pickled."""
        return value

    def any(self, asked: bool) -> bool:
        """Whether one of the processes is asked to stop."""
        return asked

    def require_same_faces(self, sides: Sequence[Sequence[Path]]) -> None:
        """Raises FacesError where another process reads other faces."""

    @contextmanager
    def lasting(self) -> Iterator[None]:
        """Within it, the loss of another process is told in words (ModelError)."""
        yield


class _Group(World):
    """Several processes that `torch.distributed` has joined."""

    def __init__(self, device: torch.device) -> None:
        self.rank, self.size = distributed.get_rank(), distributed.get_world_size()
        self._device = device
        # Small words between the processes go by gloo: it notices at once when one of them is gone.
        self._words = distributed.new_group(backend="gloo", timeout=PATIENCE)
        distributed.distributed_c10d._set_pg_timeout(_PAUSE, self._words)  # from here on: now all are there

    def spread(self, network: nn.Module) -> nn.Module:
        cards = [self._device] if self._device.type == "cuda" else None
        return DistributedDataParallel(network, device_ids=cards)

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        total = values.detach().cpu()
        distributed.all_reduce(total, group=self._words)
        return total / self.size

    def agree(self, value: _Value) -> _Value:
        held: list[Any] = [value]
        distributed.broadcast_object_list(held, src=0, group=self._words)
        return held[0]

    def any(self, asked: bool) -> bool:
        flag = torch.tensor(int(asked))
        distributed.all_reduce(flag, distributed.ReduceOp.MAX, group=self._words)
        return bool(flag)

    def require_same_faces(self, sides: Sequence[Sequence[Path]]) -> None:
        names = "\n".join(path.name for side in sides for path in (*side, Path("/")))
        here = hashlib.sha256(names.encode()).hexdigest()
        everywhere: list[Any] = [None] * self.size
        distributed.all_gather_object(everywhere, here, group=self._words)
        others = [rank for rank, digest in enumerate(everywhere) if digest != everywhere[0]]
        if others:
            raise FacesError(f"Process {others[0]} of the training reads other faces than process 0",
                             "Give every computer the same faces folders, with the same pictures")

    @contextmanager
    def lasting(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            if isinstance(error, distributed.DistError) or "gloo" in str(error) or "NCCL" in str(error):
                raise ModelError("A process of the training was lost, so the others stopped; the last save stands",
                                 "Look at its messages (out of memory, perhaps); the same command again goes on from "
                                 "the last save") from error
            raise


def chosen_cards(text: str, device: torch.device) -> tuple[torch.device, ...]:
    """The devices that `--gpus` means: a number, "all", or a list of numbers with commas such as "0,2" or "1,".

    On a processor the number is that of processes, which share its cores.

    Raises:
        UsageError: it is neither, or this computer does not have them.
    """
    text = text.strip()
    if not text:
        return (device,)
    here = torch.cuda.device_count() if device.type == "cuda" else os.cpu_count() or 1
    try:
        numbers = tuple(range(here if text == "all" else int(text))) if "," not in text else tuple(
            int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise UsageError(f"gpus cannot be {text!r}", "Give a number, a list such as 0,2, or all") from None
    if not numbers or len(set(numbers)) < len(numbers) or min(numbers) < 0 or max(numbers) >= here:
        raise UsageError(f"gpus cannot be {text!r} on this computer", f"It has {here}, numbered from 0"
                         if device.type == "cuda" else f"Its processor has room for {here} processes")
    if device.type != "cuda":
        return (device,) * len(numbers)
    return tuple(torch.device("cuda", number) for number in numbers)


def unequal(cards: Sequence[torch.device]) -> str:
    """What to know of cards that are not alike; empty where they are."""
    if len(cards) < 2 or cards[0].type != "cuda":
        return ""
    told = [torch.cuda.get_device_properties(card) for card in cards]
    if len({(card.name, card.total_memory) for card in told}) == 1:
        return ""
    names = ", ".join(f"{card.index}: {properties.name} ({properties.total_memory / 2**30:.0f} GB)"
                      for card, properties in zip(cards, told, strict=True))
    return (f"The graphics cards are not alike ({names}); each gets as many faces, so the slowest sets the pace and "
            "the smallest the batch size")


def _without_cards(cards: Sequence[torch.device], options: TrainOptions) -> str:
    """What to know where cards were asked for and there are none; empty where `--device cpu` says so already."""
    if len(cards) < 2 or cards[0].type != "cpu" or options.device == "cpu":
        return ""
    return (f"PyTorch finds no graphics card, so {len(cards)} processes share this computer's processor; one would be "
            "as fast")


class Crew:
    """The processes of one training, from before they read their faces until they are done.

    Attributes:
        device: where this process computes.
        warning: what to know of its graphics cards, or of their lack; empty where all is well.
    """

    def __init__(self, device: torch.device, rank: int = 0, size: int = 1, port: int | None = None) -> None:
        # PyTorch has functions that ask for a card's number; one that nobody numbered is the first.
        self.device = torch.device("cuda", device.index or 0) if device.type == "cuda" else device
        self.warning = ""
        self._rank, self._size, self._port = rank, size, port
        self._others: list[BaseProcess] = []
        self._store: TCPStore | None = None

    @classmethod
    def of(cls, options: TrainOptions) -> Crew:
        """As the options want it: alone, joining what torchrun started, or with processes that are started now.

        Raises:
            UsageError: devices that are not here, more processes than faces in a batch, or torchrun is wanted and did
                not start this process.
        """
        device = choose_device(options.device)
        if not options.distributed:
            cards = chosen_cards(options.gpus, device)
            crew = cls(cards[0], size=len(cards))
        elif {"RANK", "WORLD_SIZE", "LOCAL_RANK"} - set(os.environ):
            raise UsageError("--distributed is for processes that torchrun starts",
                             "Start them with torchrun, or use --gpus on a single computer")
        else:
            cards = chosen_cards(options.gpus or "all", device) if device == torch.device("cuda") else (device,)
            crew = cls(cards[int(os.environ["LOCAL_RANK"]) % len(cards)], int(os.environ["RANK"]),
                       int(os.environ["WORLD_SIZE"]))
        crew.warning = unequal(cards) or _without_cards(cards, options)
        if crew._size > options.batch_size:
            raise UsageError(f"A batch of {options.batch_size} faces is too small for {crew._size} processes",
                             "Raise the batch size, or use fewer graphics cards")
        if not options.distributed and len(cards) > 1:
            crew._start(options, cards)
        return crew

    def _start(self, options: TrainOptions, cards: tuple[torch.device, ...]) -> None:
        """Start the others; this process is the first of them."""
        self._store = TCPStore("127.0.0.1", 0, len(cards), is_master=True, wait_for_workers=False,
                               use_libuv=USE_LIBUV)
        context = multiprocessing.get_context("spawn")
        for rank, card in enumerate(cards[1:], 1):
            process = context.Process(target=_follow, args=(options, card, rank, len(cards), self._store.port),
                                      name=f"understudy-rank-{rank}", daemon=True)
            process.start()
            self._others.append(process)

    def __enter__(self) -> Crew:
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)  # streams and recordings belong to the current card
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """The others end by themselves after the last iteration; after an error they have nothing left to do."""
        for process in self._others:
            if kind is None:
                process.join(timeout=30)
            if process.is_alive():
                process.terminate()
            process.join()

    @property
    def leads(self) -> bool:
        """Whether this process is the first."""
        return self._rank == 0

    @contextmanager
    def joined(self, reporter: Reporter) -> Iterator[World]:
        """The world, once every process has read its faces.

        Raises:
            ModelError: one of them ended before.
            Stopped: the person asked to while waiting.
        """
        if self._size == 1:
            yield World()
            return
        # Without NCCL, as on Windows, gloo carries what lies on cards as well.
        has_nccl = self.device.type == "cuda" and distributed.is_nccl_available()
        backend = "cpu:gloo,cuda:nccl" if has_nccl else "gloo"
        if self._port is not None:
            self._store = TCPStore("127.0.0.1", self._port, self._size, is_master=False, use_libuv=USE_LIBUV)
            self._store.set(_here(self._rank), "yes")
        elif self._others:
            self._wait(reporter)
        store = self._store or torchrun_store(self._rank, self._size, PATIENCE)
        distributed.init_process_group(backend, store=store, rank=self._rank, world_size=self._size, timeout=PATIENCE)
        try:
            with lost.watched(self._others):
                yield _Group(self.device)
        finally:
            distributed.destroy_process_group()

    def _wait(self, reporter: Reporter) -> None:
        assert self._store is not None
        ready = 0
        while ready < len(self._others):
            for process in self._others:
                if process.exitcode is not None:
                    raise ModelError(f"The process {process.name} ended before the training began",
                                     "Its own message stands above, or in the job's log")
            ready = sum(self._store.check([_here(rank)]) for rank in range(1, self._size))
            if reporter.progress(ready, len(self._others), "processes", "Waiting for the other processes"):
                raise Stopped
            time.sleep(_LOOK)


def _here(rank: int) -> str:
    return f"here/{rank}"


def _follow(options: TrainOptions, device: torch.device, rank: int, size: int, port: int) -> None:
    """What a started process does: the same task, silently."""
    from ..task import train

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; the first stops all
    threading.Thread(target=lost.end_with_parent, name="parent", daemon=True).start()
    try:
        with Crew(device, rank, size, port) as crew:
            train(options, SilentReporter(), crew)
    except Stopped:
        pass  # as the first process was asked to, which still saves
    except UnderstudyError as error:
        sys.exit(f"{multiprocessing.current_process().name}: {error}")
