"""dlib's landmarks from any detector's boxes: they start from the box that dlib would have drawn itself."""

from __future__ import annotations

import dlib
import numpy as np
import pytest

from understudy.core.extraction.aligners.dlib_68 import Dlib68
from understudy.core.extraction.aligners.dlib_box import DlibBox
from understudy.core.faces.matching import overlap
from understudy.core.media.source import open_source

from ..conftest import no_face, portrait


@pytest.fixture(scope="module")
def own() -> tuple[float, float, float, float]:
    """dlib's box of the portrait's face."""
    (rectangle,) = dlib.get_frontal_face_detector()(portrait())
    return float(rectangle.left()), float(rectangle.top()), float(rectangle.width()), float(rectangle.height())


@pytest.mark.parametrize(("scale", "right", "down", "tall"), [
    (1, 0, 0, 1), (0.8, 0, 0, 1), (1.25, 0, 0, 1), (0.9, 0.1, -0.1, 1), (1.1, -0.1, 0.1, 1), (0.9, 0, -0.05, 1.3)])
def test_other_boxes_lead_to_dlibs_own(own, scale, right, down, tall):
    x, y, w, h = own
    other = (x + w * (0.5 - scale / 2 + right), y + h * (0.5 - scale * tall / 2 + down), w * scale, h * scale * tall)
    assert overlap(DlibBox().of(portrait(), other), own) > 0.65  # dlib looks at sizes in steps of a sixth


def test_where_dlib_sees_nobody_the_box_is_made_square():
    assert DlibBox().of(no_face(), (100.0, 60.0, 40.0, 90.0)) == pytest.approx((90, 75, 60, 60))


@pytest.mark.parametrize("box", [(-80.0, -60.0, 90.0, 90.0), (310.0, 290.0, 50.0, 50.0), (5.0, 5.0, 0.0, 0.0)])
def test_boxes_at_and_beyond_the_edge_are_borne(box):
    assert np.isfinite(DlibBox().of(portrait(), box)).all()


def test_a_neighbours_face_is_left_alone(own):
    """Two of them side by side: the box between them, on nobody, stays where it is."""
    both = np.concatenate([portrait(), portrait()], 1)
    x, y, w, h = own
    between = (x + 160.0, y, w, h)
    assert overlap(DlibBox().of(both, between), between) > 0.9


@pytest.mark.footage
@pytest.mark.parametrize("clip", ["actor_a", "actor_b"])
def test_tight_boxes_serve_on_turned_heads_too(footage, clip):
    """Boxes that end where the face ends, as other detectors draw them, with heads turned by up to 43 degrees."""
    truth = np.load(footage / f"{clip}_truth.npz")
    turned = np.flatnonzero(np.abs(truth["yaw"][:, 0]) > 25)[::12]
    aligner, errors = Dlib68(), []
    with open_source(footage / f"{clip}.mp4") as source:
        for frame in source.frames([int(index) for index in turned]):
            wanted = truth["landmarks_contour"][frame.index, 0] - 0.5
            low, high = wanted.min(0), wanted.max(0)
            low[1] -= 0.2 * (high - low)[1]  # some forehead
            (found,) = aligner.align([frame.pixels], [(*low, *(high - low))])
            errors.append(np.linalg.norm(found - wanted, axis=1)[17:].mean()
                          / np.linalg.norm(wanted[36] - wanted[45]))
    assert len(errors) >= 6
    assert np.mean(errors) < 0.07  # 0.2 to 0.4 from the boxes as they are
