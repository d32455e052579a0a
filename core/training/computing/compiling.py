"""torch.compile for the networks: tried where a compiler exists, left out with a word where it fails."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from typing import Any

import torch

from ...folders import user_cache
from ...models.base import SwapModel

_COMPILERS = ("cl",) if os.name == "nt" else ("c++", "g++", "clang++")
_PARTS = ("encode", "decode")


def missing(device: torch.device) -> str:
    """What torch.compile lacks on this machine, in words; "" if nothing."""
    if device.type == "cuda":
        return "" if importlib.util.find_spec("triton") else "the package triton"
    if device.type != "cpu":
        return f"support for {device.type}"
    named = os.environ.get("CXX")
    return "" if named or any(map(shutil.which, _COMPILERS)) else "a C++ compiler"


def keep_results() -> None:
    """What is compiled stays in the user's cache, so that the next training of the kind starts at once. Call it before
    the first compilation; a place that is set already stays.
    """
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(user_cache() / "compiled"))


def compile_networks(model: SwapModel) -> Callable[[], None]:
    """Let the model's passes run compiled where gradients are computed; previews, which come in other sizes, do not.

    Nothing is compiled before the first pass. Weights and their names stay the same.

    Returns:
        What takes it back.
    """
    keep_results()
    for name in _PARTS:
        setattr(model, name, _where_it_trains(getattr(model, name)))

    def undo() -> None:
        for name in _PARTS:
            model.__dict__.pop(name, None)

    return undo


def _where_it_trains(plain: Callable[..., Any]) -> Callable[..., Any]:
    compiled = torch.compile(plain, dynamic=False)

    def either(*values: Any) -> Any:
        return compiled(*values) if torch.is_grad_enabled() else plain(*values)

    return either
