"""Head pose from landmarks against the truth of rendered heads."""

from __future__ import annotations

import numpy as np
import pytest

from understudy.core.faces.geometry import Alignment


@pytest.mark.footage
@pytest.mark.parametrize("clip", ["actor_a", "actor_b"])
def test_pose_follows_the_truth(footage, clip):
    truth = np.load(footage / f"{clip}_truth.npz")
    poses = np.array([Alignment(points - 0.5).pose() for points in truth["landmarks"][:, 0]])
    for column, angle in enumerate(("pitch", "yaw", "roll")):
        assert np.corrcoef(poses[:, column], truth[angle][:, 0])[0, 1] > 0.9, angle
