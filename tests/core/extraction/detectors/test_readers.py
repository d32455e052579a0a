"""What ONNX Runtime and OpenCV read from files: decoding, the size of the input, channels, and damaged files."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.errors import WeightsError
from understudy.core.extraction.detectors import scrfd, yunet
from understudy.core.extraction.detectors.opencv_ssd import OpenCvSsd
from understudy.core.extraction.detectors.scrfd import Scrfd
from understudy.core.extraction.detectors.yunet import YuNet
from understudy.core.faces.matching import overlap

from .wire import caffe_weights, onnx_model

STRIDES = (8, 16, 32)
WIDTH, HEIGHT = 128, 64
cells = st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.integers(0, 1), st.integers(0, 3), st.integers(0, 1),
                           st.tuples(*[st.floats(2, 100)] * 4)), max_size=4, unique_by=lambda cell: cell[:4])


@settings(max_examples=50)
@given(cells)
def test_scrfds_answers_are_decoded_into_the_boxes_that_were_written(written):
    scores = [np.zeros((HEIGHT // s * (WIDTH // s) * 2, 1), np.float32) for s in STRIDES]
    distances = [np.zeros((len(level), 4), np.float32) for level in scores]
    wanted = []
    for number, (level, row, column, anchor, sides) in enumerate(written):
        stride = STRIDES[level]
        index = (row * (WIDTH // stride) + column) * 2 + anchor
        scores[level][index] = 0.9 - 0.1 * number
        distances[level][index] = np.array(sides) / stride
        x, y = column * stride, row * stride
        wanted.append((x - sides[0], y - sides[1], x + sides[2], y + sides[3]))
    for answers in (scores + distances, [level[None] for level in scores + distances]):
        boxes, kept = scrfd.decoded(answers, WIDTH, 0.5)
        assert len(boxes) == len(kept) == len(written)
        for box in wanted:
            assert np.abs(boxes - box).max(1).min() < 1e-3


@settings(max_examples=50)
@given(cells)
def test_yunets_answers_are_decoded_into_the_boxes_that_were_written(written):
    answers, wanted = [], []
    for level, stride in enumerate(STRIDES):
        count = HEIGHT // stride * (WIDTH // stride)
        likely, placed, offsets = (np.zeros((1, count, n), np.float32) for n in (1, 1, 4))
        for own, row, column, anchor, (x, y, w, h) in written:
            index = row * (WIDTH // stride) + column
            if own == level and anchor == 0:
                likely[0, index], placed[0, index] = 0.9, 1.1  # what is above 1 counts as 1
                offsets[0, index] = x / stride - column, y / stride - row, np.log(w / stride), np.log(h / stride)
                wanted.append((x - w / 2, y - h / 2, x + w / 2, y + h / 2))
        answers += [likely, placed, offsets]
    boxes, scores = yunet.decoded(answers, WIDTH, 0.7)
    assert len(boxes) == len(wanted)
    np.testing.assert_allclose(scores, np.sqrt(0.9), rtol=1e-6)
    for box in wanted:
        assert np.abs(boxes - box).max(1).min() < 1e-3


def red_scrfd(height: int | str, width: int | str) -> bytes:
    """A network of SCRFD's shape that finds, in any cell of 8 px that is red, a face reaching 1 cell around it."""
    nodes: list = []
    constants: dict[str, np.ndarray] = {"one": np.array([-1, 1]), "four": np.array([-1, 4])}
    outputs: dict[str, list] = {}
    for level, stride in enumerate(STRIDES):
        # Red above 0.5 of -1 .. 1 and blue below -0.5: both anchors' scores near 1; only the finest stride speaks.
        grade = np.zeros((2, 3, 1, 1), np.float32)
        grade[:, 0], grade[:, 2] = 10, -10
        constants[f"grade{level}"] = grade
        constants[f"limit{level}"] = np.full(2, -10 if level == 0 else -100, np.float32)
        constants[f"reach{level}"] = np.zeros((8, 3, 1, 1), np.float32)
        constants[f"cells{level}"] = np.tile(np.array([0.5, 0.5, 1.5, 1.5], np.float32), 2)
        nodes += [
            ("AveragePool", ["input"], f"pool{level}", {"kernel_shape": [stride] * 2, "strides": [stride] * 2}),
            ("Conv", [f"pool{level}", f"grade{level}", f"limit{level}"], f"raw{level}", {}),
            ("Sigmoid", [f"raw{level}"], f"share{level}", {}),
            ("Transpose", [f"share{level}"], f"last{level}", {"perm": [0, 2, 3, 1]}),
            ("Reshape", [f"last{level}", "one"], f"score{level}", {}),
            ("Conv", [f"pool{level}", f"reach{level}", f"cells{level}"], f"far{level}", {}),
            ("Transpose", [f"far{level}"], f"away{level}", {"perm": [0, 2, 3, 1]}),
            ("Reshape", [f"away{level}", "four"], f"box{level}", {}),
        ]
    for kind, values in (("score", 1), ("box", 4)):
        outputs |= {f"{kind}{level}": [f"{kind}{level}n", values] for level in range(3)}
    return onnx_model(nodes, constants, [1, 3, height, width], outputs)


@pytest.mark.parametrize("size", [("h", "w"), (640, 640)], ids=["any size", "fixed size"])
def test_scrfd_is_fed_red_first_and_its_boxes_land_on_the_frame(put, size):
    put("scrfd", red_scrfd(*size))
    detector = Scrfd(320)
    frame = np.zeros((360, 640, 3), np.uint8)
    scale = 1 if size == (640, 640) else 2  # a frame of 640 in an input of 640, or reduced to 320
    x, y = (160, 96) if scale == 1 else (160, 96 - 6 * 2)  # on a cell of the canvas, whatever its padding
    if scale == 1:
        y -= 140 % 8  # 360 rows in the middle of 640
    frame[y:y + 8 * scale, x:x + 8 * scale, 0] = 255
    for frames in ([frame], [np.zeros_like(frame), frame]):
        *empty, (found,) = detector.detect(frames)
        assert empty in ([], [[]])
        assert found.score > 0.99
        wanted = (x - 4 * scale, y - 4 * scale, 16 * scale, 16 * scale)
        assert overlap(found.box, wanted) > 0.9
    frame[..., [0, 2]] = frame[..., [2, 0]]
    assert detector.detect([frame]) == [[]]  # blue


@pytest.mark.parametrize(("row", "make"), [("scrfd", Scrfd), ("yunet", YuNet)])
def test_other_onnx_files_are_refused_by_name(put, row, make):
    one = onnx_model([("Relu", ["input"], "out", {})], {}, [1, 3, 640, 640], {"out": [1, 3, 640, 640]})
    for content in (one, one[:-30], b"\x08\x08", b"not a network"):
        path = put(row, content)
        with pytest.raises(WeightsError, match=path.name.replace(".", r"\.")):
            make()


SSD = """
input: "data" input_shape { dim: 1 dim: 3 dim: 300 dim: 300 }
layer { name: "pool" type: "Pooling" bottom: "data" top: "pool"
        pooling_param { pool: AVE kernel_size: 20 stride: 20 } }
layer { name: "loc" type: "Convolution" bottom: "pool" top: "loc" convolution_param { num_output: 4 kernel_size: 1 } }
layer { name: "loc_perm" type: "Permute" bottom: "loc" top: "loc_perm"
        permute_param { order: 0 order: 2 order: 3 order: 1 } }
layer { name: "loc_flat" type: "Flatten" bottom: "loc_perm" top: "loc_flat" flatten_param { axis: 1 } }
layer { name: "conf" type: "Convolution" bottom: "pool" top: "conf" convolution_param { num_output: 2 kernel_size: 1 } }
layer { name: "conf_perm" type: "Permute" bottom: "conf" top: "conf_perm"
        permute_param { order: 0 order: 2 order: 3 order: 1 } }
layer { name: "conf_flat" type: "Flatten" bottom: "conf_perm" top: "conf_flat" flatten_param { axis: 1 } }
layer { name: "prior" type: "PriorBox" bottom: "pool" bottom: "data" top: "prior"
        prior_box_param { min_size: 40 clip: false variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2
                          step: 20 offset: 0.5 } }
layer { name: "conf_reshape" type: "Reshape" bottom: "conf_flat" top: "conf_reshape"
        reshape_param { shape { dim: 0 dim: -1 dim: 2 } } }
layer { name: "conf_softmax" type: "Softmax" bottom: "conf_reshape" top: "conf_softmax" softmax_param { axis: 2 } }
layer { name: "conf_last" type: "Flatten" bottom: "conf_softmax" top: "conf_last" flatten_param { axis: 1 } }
layer { name: "detection_out" type: "DetectionOutput" bottom: "loc_flat" bottom: "conf_last" bottom: "prior"
        top: "detection_out"
        detection_output_param { num_classes: 2 share_location: true background_label_id: 0
            nms_param { nms_threshold: 0.45 top_k: 400 } code_type: CENTER_SIZE keep_top_k: 200
            confidence_threshold: 0.2 clip: 1 } }
"""


def red_ssd() -> bytes:
    """Weights for `SSD`: in cells of 20 px a face of 40 px where red stands out; channels blue, green, red."""
    conf = np.zeros((2, 3, 1, 1), np.float32)
    conf[1, 2], conf[1, 0] = 0.1, -0.1  # of pixels less the mean
    return caffe_weights({"loc": ("Convolution", [np.zeros((4, 3, 1, 1), np.float32), np.zeros(4, np.float32)]),
                          "conf": ("Convolution", [conf, np.array([0, -8], np.float32)])})


def test_opencvs_detector_is_fed_blue_first_without_the_mean_in_batches(put):
    put("opencv-ssd", red_ssd())
    put("opencv-ssd-layout", SSD.encode())
    detector = OpenCvSsd()
    frame = np.zeros((300, 600, 3), np.uint8) + np.array([123, 117, 104], np.uint8)
    red = frame.copy()
    red[80:120, 200:240] = (255, 117, 0)  # a cell of 20 px in the input, which is half as large and padded by 75
    red[90:130, 200:240] = (255, 117, 0)
    nothing, found = detector.detect([frame, red])
    assert nothing == []
    assert len(found) >= 1
    assert overlap(found[0].box, (180, 70, 80, 80)) > 0.6
    assert found[0].score > 0.9
    (alone,) = detector.detect([red])
    np.testing.assert_allclose([face.box for face in alone], [face.box for face in found], atol=1e-3)
    assert detector.detect([red[..., ::-1].copy()]) == [[]]


def test_opencvs_detector_subtracts_each_channels_own_mean(put):
    """A network that calls anything a face whose channels are not exactly 0 together after the mean."""
    conf = np.zeros((2, 3, 1, 1), np.float32)
    conf[1] = np.array([1, 20, 300])[:, None, None]  # no wrong order of the three means adds up to 0
    for sign in (1, -1):
        put("opencv-ssd", caffe_weights({
            "loc": ("Convolution", [np.zeros((4, 3, 1, 1), np.float32), np.zeros(4, np.float32)]),
            "conf": ("Convolution", [sign * conf, np.array([0, -3], np.float32)])}))
        put("opencv-ssd-layout", SSD.encode())
        mean = np.zeros((300, 300, 3), np.uint8) + np.array([123, 117, 104], np.uint8)
        assert OpenCvSsd().detect([mean]) == [[]]


def test_opencvs_damaged_files_are_refused_by_name(put):
    put("opencv-ssd-layout", SSD.encode())
    path = put("opencv-ssd", b"no weights")
    with pytest.raises(WeightsError, match=path.name.replace(".", r"\.")):
        OpenCvSsd()
    put("opencv-ssd", red_ssd())
    put("opencv-ssd-layout", b"layer { name: ")
    with pytest.raises(WeightsError):
        OpenCvSsd()
