"""Loading a network's published weights, and running it beside other work."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ..errors import WeightsError
from .gate import Gate

Network = TypeVar("Network", bound=nn.Module)
computing = Gate()  # closed during a pause
# Under which names training programs put the state dict when they save more than that.
_ENVELOPES = ("state_dict", "net_state_dict", "model_state_dict")
_COUNTER = "num_batches_tracked"  # batch norm's, which files from before PyTorch 0.4.1 lack; inference ignores it


def read_state(file: Path) -> dict[str, Tensor]:
    """The state dict in a file, bare or in an envelope; only tensors and plain containers are ever unpickled.

    Raises:
        WeightsError: if the file is damaged, or holds anything else.
    """
    try:
        data: Any = torch.load(file, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, KeyError, EOFError, pickle.UnpicklingError, AttributeError,
            TypeError, IndexError) as error:
        raise WeightsError(f"The weights {file} cannot be read ({type(error).__name__})",
                           "Fetch or import them again: understudy weights verify tells which are damaged") from error
    for name in _ENVELOPES:
        if isinstance(data, Mapping) and isinstance(data.get(name), Mapping):
            data = data[name]
    if not isinstance(data, Mapping) or not all(isinstance(value, Tensor) for value in data.values()):
        raise WeightsError(f"The weights {file} hold no state dict", "Import the file that this network was saved to")
    return {str(key).removeprefix("module."): value for key, value in data.items()}


def load(network: Network, state: Mapping[str, Tensor], file: Path) -> Network:
    """`network` with `state` in it, ready for inference.

    Args:
        file: where `state` is from, for messages.

    Raises:
        WeightsError: if a tensor is missing, superfluous or of another shape.
    """
    expected = network.state_dict()
    missing = [key for key in expected if key not in state and not key.endswith(_COUNTER)]
    superfluous = [key for key in state if key not in expected]
    other = [key for key in expected if key in state and state[key].shape != expected[key].shape]
    for problem, keys in (("lack", missing), ("have the unknown", superfluous), ("have another size of", other)):
        if keys:
            more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
            raise WeightsError(f"The weights {file} are of another network: they {problem} {keys[0]}{more}",
                               "Import the file that belongs to this network")
    network.load_state_dict(dict(state), strict=False)
    return network.eval().requires_grad_(False)


@contextmanager
def inference() -> Iterator[None]:
    """Compute without gradients and on one processor thread; waits while `computing` is closed.

    Extraction keeps a thread per core busy with other frames; torch's idle threads would only spin beside them.
    """
    with computing.passed():
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with torch.inference_mode():
                yield
        finally:
            torch.set_num_threads(threads)
