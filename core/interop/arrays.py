"""What stands for numpy's own functions while a stranger's pickle is read: arrays and scalars of plain numbers only."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_CODE = re.compile(r"[<>|=]?(?:b1|[iu][1248]|f[248])")
_MOST_DIMENSIONS = 4


@dataclass(frozen=True)
class Global:
    """A name that numpy's pickles hold; `call` makes what its call would (None: it is never called)."""

    call: Callable[..., Any] | None = None


@dataclass(frozen=True)
class Dtype:
    """A type of plain numbers."""

    code: str

    def built(self, state: tuple[Any, ...]) -> Dtype:
        """With the byte order that its state names, as numpy writes it: (version, order, ...)."""
        if len(state) < 2 or state[1] not in ("<", ">", "|", "="):
            raise ValueError("an array's type is damaged")
        return Dtype(state[1] + self.code.lstrip("<>|="))

    def read(self, raw: bytes, shape: tuple[int, ...], by_columns: bool = False) -> np.ndarray:
        """The numbers in `raw`, as an array of exactly that many."""
        if len(shape) > _MOST_DIMENSIONS or not all(type(n) is int and n >= 0 for n in shape):
            raise ValueError("an array's shape is damaged")
        dtype = np.dtype(self.code)
        if math.prod(shape) * dtype.itemsize != len(raw):
            raise ValueError("an array's shape does not fit its data")
        if dtype.kind == "b":
            dtype = np.dtype("u1")  # a byte other than 0 or 1 would be no bool
        return np.frombuffer(raw, dtype).reshape(shape, order="F" if by_columns else "C")


@dataclass(eq=False)
class PendingArray:
    """An array whose numbers are still to come."""

    memo_keys: list[int] = field(default_factory=list)

    def built(self, state: tuple[Any, ...]) -> np.ndarray:
        """From the state as numpy writes it: (version, shape, dtype, stored by columns, bytes)."""
        if len(state) != 5:
            raise ValueError("an array is damaged")
        _version, shape, dtype, by_columns, raw = state
        if not isinstance(shape, tuple) or not isinstance(dtype, Dtype) or not isinstance(raw, bytes):
            raise ValueError("an array holds something other than plain numbers")
        return dtype.read(raw, shape, bool(by_columns))


def _dtype(code: Any, *_: Any) -> Dtype:
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise ValueError(f"an array is of {str(code)[:40]!r}, which are no plain numbers")
    return Dtype(code)


def _scalar(dtype: Any, raw: Any) -> Any:
    if not isinstance(dtype, Dtype) or not isinstance(raw, bytes):
        raise ValueError("a number is damaged")
    return dtype.read(raw, ()).item()


def _from_buffer(raw: Any, dtype: Any, shape: Any, order: Any = "C", *_: Any) -> np.ndarray:
    if not isinstance(dtype, Dtype) or not isinstance(raw, bytes) or not isinstance(shape, tuple):
        raise ValueError("an array holds something other than plain numbers")
    return dtype.read(raw, shape, order == "F")


def _encode(text: Any, encoding: Any) -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        raise ValueError("its bytes are damaged")
    return text.encode("latin-1")


def _empty_bytes(*arguments: Any) -> bytes:
    if arguments:
        raise ValueError("its bytes are damaged")
    return b""


# numpy 2 moved its core; protocol 2 has no bytes and writes them as encoded text.
GLOBALS: dict[tuple[str, str], Global] = {
    ("numpy", "ndarray"): Global(),
    ("numpy", "dtype"): Global(_dtype),
    ("_codecs", "encode"): Global(_encode),
    ("builtins", "bytes"): Global(_empty_bytes), ("__builtin__", "bytes"): Global(_empty_bytes),
    **{(f"numpy.{core}.multiarray", name): Global(call) for core in ("core", "_core")
       for name, call in (("_reconstruct", lambda *_: PendingArray()), ("scalar", _scalar))},
    **{(f"numpy.{core}.numeric", "_frombuffer"): Global(_from_buffer) for core in ("core", "_core")},
}
