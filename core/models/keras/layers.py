"""How the layers of our networks are laid out in Keras: kinds, shapes, order of axes and of channels.

There pictures are [N, H, W, C] and blue comes first; here they are [N, C, H, W] and red does. Pixel shuffles have to be
by block (see `layers.PixelShuffle`): that is the order in which Keras' convolutions feed them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from ..base import SwapModel
from ..dlight import Dlight
from ..layers import BatchNorm, Bottleneck, Conv, Dense, Output, PictureNorm, SeparableDown

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Variable:
    """One tensor of a layer.

    Attributes:
        name: in the model's state.
        shape: in Keras.
        convert: the tensor there -> the tensor here.
    """

    name: str
    shape: Shape
    convert: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Counterpart:
    """A layer of ours as Keras has it: its class there, and its variables in their order."""

    kind: str
    variables: list[Variable]


def counterparts(model: SwapModel) -> list[Counterpart]:
    """The layers with weights in the order in which A's, then B's outputs are computed, each once.

    Args:
        model: on the meta device; it is run once, which costs nothing there.
    """
    return [_counterpart(name, module, near) for name, module, near in _in_order(model)]


@dataclass(frozen=True)
class _Surroundings:
    """What is known of a layer beside itself.

    Attributes:
        picture: the last three channels that it sees are the picture's.
        face: what it makes is a face.
        flattened, unflattened: [C, H, W] of what a dense layer sees or makes, if that was or will be a picture.
    """

    picture: bool = False
    face: bool = False
    flattened: Shape | None = None
    unflattened: Shape | None = None


def _in_order(model: SwapModel) -> list[tuple[str, nn.Module, _Surroundings]]:
    names = {module: name for name, module in model.named_modules()}
    found: dict[nn.Module, _Surroundings] = {}
    faces = {module.conv for module in model.modules() if isinstance(module, Output) and module.conv.out_channels == 3}
    passed_on = isinstance(model, Dlight)  # the stages of its encoder keep the picture beside what they make of it
    near: dict[nn.Module, _Surroundings] = {
        module: _Surroundings(picture=module.in_channels == 3 or (passed_on and name.startswith("encoder")),
                              face=module in faces)
        for name, module in model.named_modules() if isinstance(module, Conv)}

    def entering(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if isinstance(module, Bottleneck):
            near[module.squeeze] = _Surroundings(picture=passed_on, flattened=tuple(inputs[0].shape[1:]))
            near[module.expand] = _Surroundings(unflattened=module.shape)
        else:
            found.setdefault(module, near.get(module, _Surroundings()))

    inside = {part for module in model.modules() if isinstance(module, SeparableDown) for part in module.children()}
    handles = [module.register_forward_pre_hook(entering) for module in model.modules() if module not in inside
               and isinstance(module, (Conv, Dense, PictureNorm, BatchNorm, SeparableDown, Bottleneck))]
    x = torch.empty(1, 3, model.input_size, model.input_size, device="meta")
    was_training = model.training
    model.eval().forward_both(x, x)
    model.train(was_training)
    for handle in handles:
        handle.remove()
    return [(names[module], module, surroundings) for module, surroundings in found.items()]


def _counterpart(name: str, module: nn.Module, near: _Surroundings) -> Counterpart:
    if isinstance(module, Conv):
        return Counterpart("Conv2D", _conv(name, module, near))
    if isinstance(module, Dense):
        return Counterpart("Dense", _dense(name, module, near))
    if isinstance(module, SeparableDown):
        depthwise, pointwise, _ = module
        assert isinstance(depthwise, Conv)
        assert isinstance(pointwise, Conv)
        shape = (*depthwise.kernel_size, depthwise.in_channels, 1)
        return Counterpart("SeparableConv2D", [
            Variable(f"{name}.0.weight", shape, lambda kernel: kernel.transpose(2, 3, 0, 1)),
            *_conv(f"{name}.1", pointwise, near)])
    if isinstance(module, PictureNorm):
        return Counterpart("InstanceNormalization", [Variable(f"{name}.{ours}", (1,), _same)
                                                     for ours in ("scale", "shift")])
    assert isinstance(module, BatchNorm)
    return Counterpart("BatchNormalization", [Variable(f"{name}.{ours}", (module.num_features,), _same)
                                              for ours in ("weight", "bias", "running_mean", "running_var")])


def _same(values: np.ndarray) -> np.ndarray:
    return values


def _conv(name: str, module: Conv, near: _Surroundings) -> list[Variable]:
    def kernel(values: np.ndarray) -> np.ndarray:
        turned = _red_first(values, 2) if near.picture else values
        turned = _red_first(turned, 3) if near.face else turned
        return turned.transpose(3, 2, 0, 1)

    def bias(values: np.ndarray) -> np.ndarray:
        return _red_first(values, 0) if near.face else values

    variables = [Variable(f"{name}.weight", (*module.kernel_size, module.in_channels, module.out_channels), kernel)]
    return variables if module.bias is None else [*variables, Variable(f"{name}.bias", (module.out_channels,), bias)]


def _dense(name: str, module: Dense, near: _Surroundings) -> list[Variable]:
    def weight(values: np.ndarray) -> np.ndarray:
        if near.flattened:
            channels, height, width = near.flattened
            values = values.reshape(height, width, channels, -1)
            values = _red_first(values, 2) if near.picture else values
            values = values.transpose(2, 0, 1, 3).reshape(module.in_features, -1)
        return (_channels_first(values, near.unflattened) if near.unflattened else values).T

    def bias(values: np.ndarray) -> np.ndarray:
        return _channels_first(values, near.unflattened) if near.unflattened else values

    return [Variable(f"{name}.weight", (module.in_features, module.out_features), weight),
            Variable(f"{name}.bias", (module.out_features,), bias)]


def _channels_first(values: np.ndarray, shape: Shape) -> np.ndarray:
    """The last axis holds H, W, C; make it C, H, W = `shape`."""
    channels, height, width = shape
    split = values.reshape(*values.shape[:-1], height, width, channels)
    return np.moveaxis(split, -1, -3).reshape(values.shape)


def _red_first(values: np.ndarray, axis: int) -> np.ndarray:
    """The last three along an axis in reverse."""
    size = values.shape[axis]
    return values.take([*range(size - 3), size - 1, size - 2, size - 3], axis)
