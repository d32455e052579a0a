"""Writes small ONNX and Caffe networks, so that code which reads them is tested without anybody's weights.

Both formats are protocol buffers; the field numbers are those of onnx.proto and caffe.proto.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def _varint(number: int) -> bytes:
    parts = bytearray()
    number &= (1 << 64) - 1
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def field(number: int, value: int | str | bytes) -> bytes:
    """One field of a message: a number, a text or a message."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _value_info(name: str, shape: Sequence[int | str]) -> bytes:
    dimensions = b"".join(field(1, field(1, size) if isinstance(size, int) else field(2, size)) for size in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dimensions)))


def _attribute(name: str, value: int | Sequence[int]) -> bytes:
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, 2)
    return field(1, name) + b"".join(field(8, v) for v in value) + field(20, 7)


def _tensor(name: str, values: np.ndarray) -> bytes:
    kind = 7 if values.dtype == np.int64 else 1
    return b"".join(field(1, size) for size in values.shape) + field(2, kind) + field(8, name) + field(
        9, values.tobytes())


def onnx_model(nodes: Sequence[tuple[str, Sequence[str], str, dict[str, Any]]], constants: dict[str, np.ndarray],
               input_shape: Sequence[int | str], outputs: dict[str, Sequence[int | str]]) -> bytes:
    """An ONNX file whose input is called "input".

    Args:
        nodes: (operator, names of inputs, name of the output, attributes).
        constants: float32 or int64 arrays by name.
        outputs: their shapes by name.
    """
    graph = b"".join(
        field(1, b"".join(field(1, name) for name in inputs) + field(2, output) + field(3, output) + field(4, operator)
              + b"".join(field(5, _attribute(name, value)) for name, value in attributes.items()))
        for operator, inputs, output, attributes in nodes)
    graph += field(2, "test") + b"".join(field(5, _tensor(name, values)) for name, values in constants.items())
    graph += field(11, _value_info("input", input_shape))
    graph += b"".join(field(12, _value_info(name, shape)) for name, shape in outputs.items())
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


def caffe_weights(layers: dict[str, tuple[str, Sequence[np.ndarray]]]) -> bytes:
    """A caffemodel: by name of the layer its type and its float32 arrays."""
    def blob(values: np.ndarray) -> bytes:
        shape = b"".join(_varint(size) for size in values.shape)
        return field(5, values.astype("<f4").tobytes()) + field(7, field(1, shape))

    return field(1, "test") + b"".join(
        field(100, field(1, name) + field(2, kind) + b"".join(field(7, blob(values)) for values in arrays))
        for name, (kind, arrays) in layers.items())
