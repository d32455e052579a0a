"""The drawn masks without OpenCV: hulls and edges where OpenCV has them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.extraction.maskers.landmark import draw
from understudy.core.faces.geometry import MEAN_FACE
from understudy.core.faces.hulls import convex_hull, depth


def face(seed: int, size: float = 60.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    t = np.linspace(np.pi, 0, 17)
    jaw = np.column_stack([0.5 + 0.62 * np.cos(t), 0.25 + 0.95 * np.sin(t)])
    return (np.vstack([jaw, MEAN_FACE]) + rng.normal(0, 0.01, (68, 2))) * size + 30


@pytest.mark.parametrize("kind", ["components", "extended"])
@pytest.mark.parametrize("seed", range(3))
def test_the_edge_is_the_drawn_mask_s(kind: str, seed: int) -> None:
    """`draw` fills the same hulls with OpenCV; only pixels that its edge crosses may differ."""
    points, places = face(seed), np.arange(128.0)
    deep = depth(points, kind, places[None, :], places[:, None])
    drawn = draw(points, 128, kind)
    assert (deep[drawn == 0] < 0.75).all()
    assert (deep[drawn == 255] > -0.75).all()
    assert ((deep > 0) != (drawn > 127)).mean() < 0.005
    assert (deep > 0).sum() > 3000


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=3, max_size=12))
def test_the_hull_is_opencv_s(points: list[tuple[int, int]]) -> None:
    given_points = np.array(points, np.float32)
    theirs, ours = cv2.convexHull(given_points)[:, 0], convex_hull(given_points)
    if len(ours) < 3:
        assert cv2.contourArea(theirs) == 0
        return
    assert {tuple(p) for p in ours.tolist()} <= {tuple(p) for p in theirs.tolist()}
    assert cv2.contourArea(ours.astype(np.float32)) == pytest.approx(cv2.contourArea(theirs))


def test_a_face_of_one_point_has_no_inside() -> None:
    places = np.arange(8.0)
    assert (depth(np.zeros((68, 2)), "components", places, places) == -np.inf).all()
    with pytest.raises(ValueError, match="vgg"):
        depth(face(0), "vgg", places, places)
