"""dlib's networks, read from dlib's own weight files and run by torch.

dlib itself needs about ten times as long on a processor, and blocks all of Python meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

# Channel means that the networks were trained with, RGB 0..255, and their divisor.
MEAN, DIVISOR = (122.782, 117.001, 104.298), 256.0
_EPSILON = 1e-4  # dlib's, added to variances


def tensors(file: Path, least: int = 64) -> Iterator[np.ndarray]:
    """The parameter tensors of a dlib network file, flat, in the order in which pictures pass them.

    dlib writes integers as one byte (sign and count) and that many little-endian bytes; a tensor as its version 2,
    four dimensions, and raw float32. Everything between tensors is bookkeeping, which is passed over: a tensor is
    recognised by its head and by having at least `least` values (no other tensor of these files is so large).
    """
    data = file.read_bytes()
    place = 0
    while (place := data.find(b"\x01\x02", place)) >= 0:
        sizes, start = _integers(data, place + 2, 4)
        count = int(np.prod(sizes)) if sizes else 0
        if count >= least and sizes[2:] == [1, 1] and start + 4 * count <= len(data):
            yield np.frombuffer(data, "<f4", count, start)
            place = start + 4 * count
        else:
            place += 1


def folded_convolution(source: Iterator[np.ndarray], inputs: int, outputs: int, kernel: int, stride: int,
                       is_trained_on: bool = False) -> nn.Conv2d:
    """The next convolution, with the scale and shift per channel that follow it folded into its weights.

    Args:
        is_trained_on: the file was written in mid-training, with batch normalisation's statistics: the last batch's
            mean and inverse deviation, which are passed over, and the running mean and variance.

    Raises:
        ValueError: if what comes next is of another size.
    """
    layer = convolution(source, inputs, outputs, kernel, stride)
    scale, shift = np.split(_next(source, 2 * outputs), 2)
    if is_trained_on:
        _, _, mean, variance = (_next(source, outputs) for _ in range(4))
        scale = scale / np.sqrt(variance + _EPSILON)
        shift = shift - mean * scale
    gamma, beta = torch.from_numpy(scale.copy()), torch.from_numpy(shift.copy())
    assert layer.bias is not None
    layer.weight = nn.Parameter(layer.weight * gamma[:, None, None, None])
    layer.bias = nn.Parameter(layer.bias * gamma + beta)
    return layer


def convolution(source: Iterator[np.ndarray], inputs: int, outputs: int, kernel: int, stride: int) -> nn.Conv2d:
    """The next convolution; dlib pads those that go on by one pixel, and no others.

    Raises:
        ValueError: if what comes next is of another size.
    """
    count = outputs * inputs * kernel * kernel
    parameters = _next(source, count + outputs)
    layer = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2 if stride == 1 else 0)
    weight = torch.from_numpy(parameters[:count].copy())
    layer.weight = nn.Parameter(weight.view(outputs, inputs, kernel, kernel))
    layer.bias = nn.Parameter(torch.from_numpy(parameters[count:].copy()))
    return layer


def _next(source: Iterator[np.ndarray], size: int) -> np.ndarray:
    values = next(source, None)
    if values is None or values.size != size:
        raise ValueError(f"{0 if values is None else values.size} numbers where {size} belong")
    return values


def _integers(data: bytes, place: int, count: int) -> tuple[list[int], int]:
    values: list[int] = []
    for _ in range(count):
        length = data[place] if place < len(data) else 0
        if not 1 <= length <= 4:  # negative and very large numbers are no sizes
            return [], place
        values.append(int.from_bytes(data[place + 1:place + 1 + length], "little"))
        place += 1 + length
    return values, place
