"""Networks that all threads of a process share, and that go when nobody needs them any more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import torch
from torch import Tensor, nn

from ..weights.files import weights_file
from .networks import computing, load, read_state

N = TypeVar("N", bound=nn.Module)
T = TypeVar("T")

_mutex = threading.RLock()  # making one network may take another
_away: list[tuple[nn.Module, torch.device]] = []  # networks that left a card, and which
_shared: WeakValueDictionary[tuple[Any, ...], Any] = WeakValueDictionary()


def shared_network(build: Callable[[], N], weights: str, device: str,
                   adapt: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] = lambda state: state) -> N:
    """A network with published weights, ready for inference; the same one for all who ask.

    Args:
        build: makes the network, its numbers yet to come.
        weights: name of a row of `core.weights` whose file holds a state dict.
        device: torch's name.
        adapt: turns the file's state dict into the network's, where they differ.

    Raises:
        WeightsError: if the file is missing, damaged or of another network.
    """
    file = weights_file(weights)

    def make() -> N:
        return load(build(), adapt(read_state(file)), file).to(torch.device(device))

    return share((build, file, device), make)


def free_card() -> None:
    """For a pause: bring all shared networks from the graphics card to memory, and let nobody use them meanwhile."""
    computing.close()
    with _mutex:
        for network in list(_shared.values()):
            weights = next(network.parameters(), None) if isinstance(network, nn.Module) else None
            if weights is not None and weights.device.type != "cpu":
                _away.append((network, weights.device))
                network.to("cpu")


def take_card() -> None:
    """After the pause: bring them back."""
    with _mutex:
        while _away:
            network, device = _away.pop()
            network.to(device)
    computing.open()


def share(key: tuple[Any, ...], make: Callable[[], T]) -> T:
    """What `make()` gives, or what it gave to somebody who asked with the same key and still holds it.

    The key names all that the result depends on. A path in it stands for the file as it is now: one that was replaced
    since is another.
    """
    stamped = tuple((part, (stat := part.stat()).st_mtime_ns, stat.st_size) if isinstance(part, Path) else part
                    for part in key)
    with _mutex:
        found = _shared.get(stamped)
        if found is None:
            found = make()
            _shared[stamped] = found
        return found
