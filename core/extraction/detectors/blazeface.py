"""BlazeFace for the front and the back camera of telephones, with the `face-alignment` library's network.

V. Bazarevsky et al., "BlazeFace: Sub-millisecond neural face detection on mobile GPUs", 2019. The library's network
grades batches and blends overlapping boxes by itself; its detector class is passed over because it cuts off the sides
of wide frames, where ours scales them into the network's square.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from face_alignment.detection.blazeface.net_blazeface import BlazeFace

from ...errors import WeightsError
from ...faces.nouns import Detection
from ...weights.files import weights_file
from ..networks import inference, load, read_state
from ..sharing import share
from .anchored import frames_at_once
from .framing import squared


class _Blaze:
    """Takes the arguments of every detector; `size` is without effect, since the network's input has its own."""

    default_confidence = 0.5
    is_back: bool
    side: int
    weights: str

    def __init__(self, size: int = 640, confidence: float | None = None, device: str = "cpu") -> None:
        self.batch_size = frames_at_once(device)
        least = self.default_confidence if confidence is None else confidence
        file, anchors = weights_file(self.weights), weights_file(f"{self.weights}-anchors")
        self._network = share((_network, file, anchors, device, least),
                              partial(_network, self.is_back, file, anchors, device, least))

    def detect(self, frames: Sequence[np.ndarray]) -> list[list[Detection]]:
        framed = squared(frames, self.side)
        with inference():
            answers = [faces.cpu().numpy() for faces in self._network.predict_on_batch(framed.pixels)]
        # It says top, left, bottom, right in shares of the side, six points, the score.
        return [framed.detections(faces[:, (1, 0, 3, 2)] * self.side, faces[:, 16]) for faces in answers]


class BlazeFaceFront(_Blaze):
    """For faces that fill much of the frame."""

    is_back, side, weights = False, 128, "blazeface-front"


class BlazeFaceBack(_Blaze):
    """For faces further away."""

    is_back, side, weights = True, 256, "blazeface-back"


def _network(is_back: bool, file: Path, anchors: Path, device: str, least: float) -> BlazeFace:
    network = load(BlazeFace(back_model=is_back), read_state(file), file).to(device)
    try:
        network.load_anchors_from_npy(np.load(anchors, allow_pickle=False), device)
    except (OSError, ValueError, EOFError, AssertionError) as error:
        raise WeightsError(f"The anchors {anchors} are damaged", "Fetch or import them again") from error
    network.min_score_thresh = least
    return network
