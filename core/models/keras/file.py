"""Reads `.keras` files (Keras 3) as data: the layers with weights in the order in which the model computes them.

Such a file is a zip: config.json holds the graph of layers, model.weights.h5 their numbers in HDF5. Nothing in it is
executed, and pickles in it are not looked at.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ...errors import ModelError

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_MOST_CONFIG = 64 << 20
_MOST_WEIGHTS = 32 << 30
_MOST_PACKED = 4 << 30  # compressed weights have to be unpacked into memory
_MODELS = ("Functional", "Model")  # layers that are networks themselves
_MALFORMED = (KeyError, TypeError, ValueError, IndexError, AttributeError, OSError, RuntimeError, RecursionError,
              NotImplementedError, zipfile.BadZipFile, EOFError)


@dataclass(frozen=True)
class Layer:
    """A layer that has weights.

    Attributes:
        kind: its class: "Conv2D", "Dense", …
        name: what the model calls it.
        path: of its group in the weights file.
    """

    kind: str
    name: str
    path: str


@dataclass
class _Network:
    """One graph of layers; `path` is that of its group in the weights file, "" for the whole model."""

    config: dict[str, Any]
    path: str
    layers: dict[str, dict[str, Any]] = field(init=False)
    paths: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.layers = {layer["config"]["name"]: layer for layer in self.config["layers"]}
        self.paths = {}
        used: dict[str, int] = {}
        for name, layer in self.layers.items():
            snake = _snake_case(layer["class_name"])
            used[snake] = used.get(snake, -1) + 1
            unique = f"{snake}_{used[snake]}" if used[snake] else snake
            self.paths[name] = f"{self.path}/layers/{unique}".lstrip("/")

    def in_order(self) -> Iterator[Layer]:
        """Layers as they are computed for the outputs, one output after the other; repeatedly where they are reused."""
        done: set[tuple[str, int]] = set()
        for output in _tensors(self.config["output_layers"]):
            yield from self._computing(output, done)

    def _computing(self, tensor: tuple[str, int], done: set[tuple[str, int]]) -> Iterator[Layer]:
        if tensor in done:
            return
        done.add(tensor)
        name, node = tensor
        layer = self.layers[name]
        is_network = layer["class_name"] in _MODELS
        if layer["inbound_nodes"]:
            # A network's calls are counted from 1: number 0 is the one that made it.
            for source in _sources(layer["inbound_nodes"][node - is_network]):
                yield from self._computing(source, done)
        if is_network:
            yield from _Network(layer["config"], self.paths[name]).in_order()
        else:
            yield Layer(layer["class_name"], name, self.paths[name])


def _snake_case(name: str) -> str:
    """A class's name as Keras writes it in paths."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _tensors(outputs: list[Any]) -> Iterator[tuple[str, int]]:
    """The (layer, call) pairs in lists of any depth of [layer, call, number of the output]."""
    if outputs and isinstance(outputs[0], str):
        yield str(outputs[0]), int(outputs[1])
    else:
        for inner in outputs:
            yield from _tensors(inner)


def _sources(value: Any) -> Iterator[tuple[str, int]]:
    """The (layer, call) pairs that make the arguments of a call."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            name, node, _ = value["config"]["keras_history"]
            yield str(name), int(node)
        else:
            yield from _sources(list(value.values()))
    elif isinstance(value, list):
        for inner in value:
            yield from _sources(inner)


class KerasFile:
    """An open `.keras` file; a context manager.

    Attributes:
        name: of the model in it.
        kinds: the classes of all its layers.
        layers: those with weights, each once, in the order of computation.

    Raises:
        ModelError: there is no such file, or it is no whole `.keras` file.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._stack = path, ExitStack()
        try:
            self._open()
        except FileNotFoundError:
            self.close()
            raise ModelError(f"There is no file {path}", "Choose the .keras file in the model's folder") from None
        except _MALFORMED as error:
            self.close()
            raise ModelError(f"{path} is no .keras file that can be read ({_one_line(error)})",
                             "Choose a whole .keras file; open a model of .h5 files in a current faceswap once, which "
                             "makes one of them") from None
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        archive = self._stack.enter_context(zipfile.ZipFile(self.path))
        if archive.getinfo(_CONFIG).file_size > _MOST_CONFIG or archive.getinfo(_WEIGHTS).file_size > _MOST_WEIGHTS:
            raise ValueError("too large")
        config = json.loads(archive.read(_CONFIG))
        self.name = str(config["config"]["name"])
        self._weights = self._stack.enter_context(h5py.File(self._weights_in(archive), "r"))
        every = list(dict.fromkeys(_Network(config["config"], "").in_order()))
        self.kinds = {layer.kind for layer in every}
        self.layers = [layer for layer in every if len(self._variables(layer))]

    def _weights_in(self, archive: zipfile.ZipFile) -> Any:
        if archive.getinfo(_WEIGHTS).compress_type == zipfile.ZIP_STORED:  # as Keras writes it: read in place
            return self._stack.enter_context(archive.open(_WEIGHTS))
        if archive.getinfo(_WEIGHTS).file_size > _MOST_PACKED:
            raise ValueError("too large")
        return io.BytesIO(archive.read(_WEIGHTS))

    def _variables(self, layer: Layer) -> Any:
        """The HDF5 group of a layer's weights; raises ValueError if it is another layer's, or in another file."""
        group = self._weights.get(f"{layer.path}/vars", {})
        for member in (group, *group.values()):
            if isinstance(member, h5py.HLObject) and member.file.filename != self._weights.filename:
                raise ValueError("it points to other files")
            if isinstance(member, h5py.Dataset) and (member.external or member.is_virtual):
                raise ValueError("it points to other files")
        recorded = group.attrs.get("name") if group else None
        if recorded is not None and str(recorded) != layer.name:
            raise ValueError(f"the weights of {layer.name} are not where they belong")
        return group

    def values(self, layer: Layer, shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
        """The weights of a layer, float32, in Keras' order.

        Args:
            shapes: that they must have; nothing else is read into memory.

        Raises:
            ModelError: they are others, or the file is damaged.
        """
        try:
            group = self._variables(layer)
            found = [tuple(group[str(index)].shape) for index in range(len(group))]
            if found != shapes:
                raise ModelError(f"The layer {layer.name} in {self.path} has the shapes {found}, not {shapes}",
                                 "The model differs from the trainer's, or its settings file is another model's")
            return [np.asarray(group[str(index)][()], np.float32) for index in range(len(group))]
        except _MALFORMED as error:
            raise ModelError(f"The weights of {layer.name} in {self.path} cannot be read ({_one_line(error)})",
                             "Choose a whole .keras file") from None

    def __enter__(self) -> KerasFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._stack.close()


def _one_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
