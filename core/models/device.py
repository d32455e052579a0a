"""Where networks compute."""

from __future__ import annotations

import torch

from ..errors import UsageError


def choose_device(name: str) -> torch.device:
    """The device of an option ("auto", "cpu", "cuda", "cuda:1", "mps").

    Raises:
        UsageError: it is not here.
    """
    here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    here |= {f"cuda:{number}": True for number in range(torch.cuda.device_count())}
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if here[kind])
    if not here.get(name, False):
        raise UsageError(f"There is no {name} device here for PyTorch to use",
                         f"Choose one of: auto, {', '.join(kind for kind, there in here.items() if there)}")
    return torch.device(name)
