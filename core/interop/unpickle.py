"""Reading pickles that hold plain data, without running anything.

A pickle is a program for a small stack machine. This is that machine with only the instructions that build plain data
(Python's `Lib/pickletools.py` describes them all): lists, tuples, dicts, strings, bytes, numbers, None and numpy's
number arrays. Long lists of numbers come as arrays, of small integers as bytes.

The standard library's reader with a guarded `find_class` would not do for strangers' files: a few bytes make it ask for
gigabytes (an index into its memo), or overflow the C stack (a nested tuple as a key).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import GLOBALS, Dtype, Global, PendingArray
from .number_lists import read_numbers

LARGEST_VALUE = 64 * 1024 * 1024  # bytes of one string; an array's are held in one
_BYTES_PER_CONTAINER = 8  # a real file spends more; an empty list costs 56 bytes of memory and one in the file
_FREE_CONTAINERS = 10_000
_PROTOCOLS = range(2, 6)

_MARK, _NOTHING = object(), object()
_PLAIN = (type(None), bool, int, float, str, bytes, list, tuple, dict, np.ndarray)


class Refused(ValueError):
    """The data are no pickle, are damaged, or ask for something that plain data do not need."""


def loads(data: bytes) -> Any:
    """What a pickle of protocol 2 to 5 holds; takes at most some ten times the memory of `data`.

    Raises:
        Refused: for anything but plain data.
    """
    try:
        return _Machine(data).run()
    except Refused:
        raise
    except (IndexError, struct.error) as error:
        raise Refused("it is cut off or damaged") from error
    except (ValueError, TypeError, OverflowError) as error:
        raise Refused(f"it is damaged ({error})") from error


class _Memo:
    """What a pickle may refer to again, by numbers that mostly count up."""

    def __init__(self) -> None:
        self._counted: list[Any] = []
        self._others: dict[int, Any] = {}

    def __len__(self) -> int:
        return len(self._counted) + len(self._others)

    def put(self, key: int, value: Any) -> None:
        if key < len(self._counted):
            self._counted[key] = value
        elif key == len(self._counted):
            self._counted.append(value)
        else:
            self._others[key] = value

    def get(self, key: int) -> Any:
        return self._counted[key] if key < len(self._counted) else self._others.get(key, _NOTHING)

    def hide(self, count: int) -> None:
        """Count on past lists that were read as a part of something larger."""
        for _ in range(count):
            self.put(len(self), _NOTHING)


class _Machine:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0
        self.stack: list[Any] = []
        self.memo = _Memo()
        self.containers = _FREE_CONTAINERS + len(data) // _BYTES_PER_CONTAINER

    def run(self) -> Any:
        if self.data[:1] != b"\x80" or self.data[1] not in _PROTOCOLS:
            raise Refused("it is no pickle of protocol 2 to 5")
        while True:
            code = self.data[self.position]
            self.position += 1
            if code == _STOP:
                return self._result()
            handler = _HANDLERS.get(code)
            if handler is None:
                raise Refused(f"it holds the instruction {bytes([code])!r}, which plain data do not need")
            handler(self)

    def _result(self) -> Any:
        if len(self.stack) != 1 or not isinstance(self.stack[0], _PLAIN):
            raise Refused("it does not end with one value")
        return self.stack[0]

    # Taking from the data and the stack

    def take(self, count: int) -> bytes:
        end = self.position + count
        if count > LARGEST_VALUE:
            raise Refused(f"it holds a value of {count} bytes")
        if end > len(self.data):
            raise Refused("it is cut off")
        part = self.data[self.position:end]
        self.position = end
        return part

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def line(self) -> str:
        end = self.data.index(b"\n", self.position, self.position + 200)
        return self.take(end + 1 - self.position)[:-1].decode("ascii")

    def pop(self) -> Any:
        value = self.stack.pop()
        if value is _MARK:
            raise Refused("it is damaged (a mark stands where a value should)")
        return value

    def pop_mark(self) -> list[Any]:
        """Everything above the topmost mark, which goes too."""
        stack = self.stack
        start = len(stack) - 1
        while stack[start] is not _MARK:
            start -= 1
            if start < 0:
                raise Refused("it is damaged (no mark)")
        values = stack[start + 1:]
        del stack[start:]
        return values

    def top(self, kind: type) -> Any:
        if not self.stack or type(self.stack[-1]) is not kind:
            raise Refused(f"it is damaged (no {kind.__name__} where one should be)")
        return self.stack[-1]

    # Plain values

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def push_container(self, value: Any) -> None:
        self.containers -= 1
        if self.containers < 0:
            raise Refused("it holds more containers than a file of its size should")
        self.stack.append(value)

    def long(self) -> None:
        self.push(int.from_bytes(self.take(self.number(1)), "little", signed=True))

    def text(self, size: int) -> None:
        self.push(self.take(self.number(size)).decode("utf-8", "surrogatepass"))

    def bytes_(self, size: int) -> None:
        self.push(self.take(self.number(size)))

    # Containers

    def empty_list(self) -> None:
        """A list; one of many numbers and nothing else is read whole, as an array (of small integers: bytes)."""
        start, code = self.position, self.data[self.position]
        filling = start + {0x94: 1, ord("q"): 2, ord("r"): 5}.get(code, 0)  # behind what remembers the list itself
        found = read_numbers(self.data, filling)
        if found is None:
            self.push_container([])
            return
        value, end, hidden = found
        self.push_container(value)
        if filling > start:
            self.put(len(self.memo) if code == 0x94 else int.from_bytes(self.data[start + 1:filling], "little"))
        self.memo.hide(hidden)
        self.position = end

    def append(self) -> None:
        value = self.pop()
        self.top(list).append(value)

    def appends(self) -> None:
        values = self.pop_mark()
        self.top(list).extend(values)

    def set_item(self) -> None:
        value, key = self.pop(), self.pop()
        self.top(dict)[_key(key)] = value

    def set_items(self) -> None:
        values = self.pop_mark()
        target = self.top(dict)
        for key, value in zip(values[::2], values[1::2], strict=True):
            target[_key(key)] = value

    def tuple_(self, count: int) -> None:
        values = [self.pop() for _ in range(count)]
        self.push_container(tuple(reversed(values)))

    # The memo

    def put(self, key: int) -> None:
        value = self.stack[-1]
        if value is _MARK:
            raise Refused("it is damaged (a mark is remembered)")
        self.memo.put(key, value)
        if isinstance(value, PendingArray):
            value.memo_keys.append(key)

    def get(self, key: int) -> None:
        value = self.memo.get(key)
        if value is _NOTHING:
            raise Refused("it is damaged (it refers to what is not there)")
        self.stack.append(value)

    # numpy's arrays

    def global_(self, module: Any, name: Any) -> None:
        found = GLOBALS.get((module, name)) if isinstance(module, str) and isinstance(name, str) else None
        if found is None:
            raise Refused(f"it asks for {str(module)[:80]}.{str(name)[:80]}, which plain data do not need")
        self.push(found)

    def stack_global(self) -> None:
        name, module = self.pop(), self.pop()
        self.global_(module, name)

    def reduce(self) -> None:
        arguments, function = self.pop(), self.pop()
        if not isinstance(function, Global) or function.call is None or not isinstance(arguments, tuple):
            raise Refused("it asks to call something, which plain data do not need")
        self.push_container(function.call(*arguments))

    def build(self) -> None:
        state, target = self.pop(), self.pop()
        if not isinstance(target, (PendingArray, Dtype)) or not isinstance(state, tuple):
            raise Refused("it asks to change an object, which plain data do not need")
        built = target.built(state)
        if isinstance(target, PendingArray):
            for key in target.memo_keys:
                self.memo.put(key, built)
        self.push(built)


def _key(key: Any) -> Any:
    """A dict's key; no tuples, whose hash may recurse as deep as a stranger likes."""
    if not isinstance(key, (str, bytes, int, float, type(None))):
        raise Refused("it is damaged (a key that is no plain value)")
    return key


def _fixed(size: int, code: str) -> Callable[[_Machine], None]:
    def read(machine: _Machine) -> None:
        machine.push(struct.unpack(code, machine.take(size))[0])

    return read


_STOP = ord(".")
_HANDLERS: dict[int, Callable[[_Machine], Any]] = {code[0]: handler for code, handler in {
    b"\x80": lambda m: m.take(1),  # PROTO
    b"\x95": lambda m: m.take(8),  # FRAME: only says how much comes
    b"(": lambda m: m.stack.append(_MARK), b"0": lambda m: m.stack.pop(), b"1": _Machine.pop_mark,
    b"2": lambda m: m.push(m.stack[-1]),
    b"N": lambda m: m.push(None), b"\x88": lambda m: m.push(True), b"\x89": lambda m: m.push(False),
    b"K": lambda m: m.push(m.number(1)), b"M": lambda m: m.push(m.number(2)), b"J": _fixed(4, "<i"),
    b"G": _fixed(8, ">d"), b"\x8a": _Machine.long,
    b"C": lambda m: m.bytes_(1), b"B": lambda m: m.bytes_(4), b"\x8e": lambda m: m.bytes_(8),
    b"\x96": lambda m: m.bytes_(8),  # BYTEARRAY8
    b"\x8c": lambda m: m.text(1), b"X": lambda m: m.text(4), b"\x8d": lambda m: m.text(8),
    b"]": _Machine.empty_list, b"}": lambda m: m.push_container({}), b")": lambda m: m.push(()),
    b"a": _Machine.append, b"e": _Machine.appends, b"s": _Machine.set_item, b"u": _Machine.set_items,
    b"\x85": lambda m: m.tuple_(1), b"\x86": lambda m: m.tuple_(2), b"\x87": lambda m: m.tuple_(3),
    b"t": lambda m: m.push_container(tuple(m.pop_mark())),
    b"q": lambda m: m.put(m.number(1)), b"r": lambda m: m.put(m.number(4)), b"\x94": lambda m: m.put(len(m.memo)),
    b"h": lambda m: m.get(m.number(1)), b"j": lambda m: m.get(m.number(4)),
    b"c": lambda m: m.global_(m.line(), m.line()), b"\x93": _Machine.stack_global,
    b"R": _Machine.reduce, b"b": _Machine.build,
}.items()}
