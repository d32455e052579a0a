"""OpenCV's landmarks, with a small TensorFlow graph of the same input and output in place of the published one."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from tensorboard.compat.proto.graph_pb2 import GraphDef
from tensorboard.compat.proto.types_pb2 import DT_FLOAT

from understudy.core.errors import WeightsError
from understudy.core.extraction.aligners.cv2_dnn import Cv2Dnn
from understudy.core.weights.files import folder
from understudy.core.weights.rows import find

from ..conftest import portrait

CELL = 16  # the graph averages cells of so many pixels before it multiplies
BOX = (90.0, 70.0, 100.0, 120.0)


def linear_graph(weight: np.ndarray, bias: np.ndarray) -> bytes:
    """A frozen graph: [1, 128, 128, 3] -> means of 8 by 8 cells -> 192 numbers -> `weight` and `bias`."""
    graph = GraphDef()

    def node(name: str, operation: str, *inputs: str):
        made = graph.node.add(name=name, op=operation, input=inputs)
        made.attr["T" if operation != "Const" and operation != "Placeholder" else "dtype"].type = DT_FLOAT
        return made

    def constant(name: str, values: np.ndarray) -> None:
        tensor = node(name, "Const").attr["value"].tensor
        tensor.dtype = DT_FLOAT
        for size in values.shape:
            tensor.tensor_shape.dim.add(size=size)
        tensor.tensor_content = values.astype("<f4").tobytes()

    shape = node("picture", "Placeholder").attr["shape"].shape
    for size in (1, 128, 128, 3):
        shape.dim.add(size=size)
    pool = node("pool", "AvgPool", "picture")
    pool.attr["ksize"].list.i.extend([1, CELL, CELL, 1])
    pool.attr["strides"].list.i.extend([1, CELL, CELL, 1])
    pool.attr["padding"].s = b"VALID"
    pool.attr["data_format"].s = b"NHWC"
    node("flat", "Flatten", "pool")
    constant("weight", weight)
    node("product", "MatMul", "flat", "weight")
    constant("bias", bias)
    node("landmarks", "BiasAdd", "product", "bias")
    return graph.SerializeToString()


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path))

    def save(data: bytes) -> Path:
        file = folder() / find("cv2-landmarks").file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        return file
    return save


def test_the_crop_is_fed_as_rgb_from_0_to_255_and_the_answers_are_shares_of_its_side(place):
    random = np.random.default_rng(5)
    weight, bias = random.normal(0, 1e-4, (192, 136)), random.uniform(0.2, 0.8, 136)
    place(linear_graph(weight, bias))
    (landmarks,) = Cv2Dnn().align([portrait()], [BOX])
    side, left, top = 120, 80, 80  # square, and lower by half the difference of the sides
    crop = cv2.resize(portrait()[top:top + side, left:left + side], (128, 128), interpolation=cv2.INTER_CUBIC)
    means = crop.astype(float).reshape(8, CELL, 8, CELL, 3).mean((1, 3)).ravel()
    wanted = np.array([left, top]) - 0.5 + (means @ weight + bias).reshape(68, 2) * side
    np.testing.assert_allclose(landmarks, wanted, atol=0.05)
    flipped = np.ascontiguousarray(portrait()[..., ::-1])
    assert np.abs(Cv2Dnn().align([flipped], [BOX])[0] - wanted).max() > 1


def test_several_faces_and_normalisation(place):
    random = np.random.default_rng(6)
    place(linear_graph(random.normal(0, 1e-4, (192, 136)), random.uniform(0.2, 0.8, 136)))
    other = (-30.0, 200.0, 80.0, 80.0)
    aligner = Cv2Dnn()
    both = aligner.align([portrait(), portrait(9, 2)], [BOX, other])
    assert both.dtype == np.float32
    np.testing.assert_array_equal(aligner.align([portrait(9, 2)], [other])[0], both[1])
    assert np.abs(Cv2Dnn("cpu", "clahe").align([portrait()], [BOX])[0] - both[0]).max() > 0.1
    assert aligner.align([], []).shape == (0, 68, 2)


def test_weights_that_cannot_be_used_are_told(place, tmp_path, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match="cv2-landmarks"):
        Cv2Dnn()
    place(b"not a graph, whatever OpenCV makes of it" * 10)
    with pytest.raises(WeightsError, match="cnn-facial-landmark"):
        Cv2Dnn().align([portrait()], [BOX])
    place(linear_graph(np.zeros((192, 98)), np.zeros(98)))
    with pytest.raises(WeightsError, match="98 numbers"):
        Cv2Dnn().align([portrait()], [BOX])
