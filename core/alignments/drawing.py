"""Drawing what is known of a face over its frame (cv2)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..faces.geometry import Alignment, transform
from ..faces.nouns import Face

_BITS = 4  # cv2 takes fixed-point coordinates: 1/16 px
_RUNS = ((0, 17, False), (17, 22, False), (22, 27, False), (27, 31, False), (31, 36, False), (36, 42, True),
         (42, 48, True), (48, 60, True), (60, 68, True))  # first, end, closed: lines through the landmarks
_LINES = {"machine": (80, 220, 255), "edited": (255, 210, 60), "added": (255, 120, 220), "removed": (140, 140, 140)}
_BOX, _CROP = (255, 255, 255), (80, 230, 90)
_AXES = ((235, 70, 70), (80, 220, 90), (70, 130, 255))  # to the person's left, down, where the nose points


@dataclass(frozen=True)
class Layers:
    """Which parts are drawn: landmarks, boxes (the detector's white, training's crop green), pose, words."""

    landmarks: bool = True
    boxes: bool = True
    pose: bool = True
    names: bool = True


def draw_face(pixels: np.ndarray, face: Face, layers: Layers, name: str = "") -> None:
    """Draw one face into a frame; the colour of its lines tells its state.

    Args:
        pixels: uint8 [H, W, 3] RGB, changed in place.
        name: the person's.
    """
    thick = max(1, round(min(pixels.shape[:2]) / 540))
    alignment = Alignment(face.landmarks)
    colour = _LINES[face.state]
    if layers.boxes:
        x, y, w, h = face.box
        _lines(pixels, np.array([(x, y), (x + w, y), (x + w, y + h), (x, y + h)]), True, _BOX, thick)
        _lines(pixels, alignment.roi(256, "face"), True, _CROP, thick)
    if layers.landmarks:
        for first, end, closed in _RUNS:
            _lines(pixels, face.landmarks[first:end], closed, colour, thick)
        for point in face.landmarks:
            cv2.circle(pixels, _fixed(point), round((thick + 0.2) * (1 << _BITS)), (255, 255, 255), -1, cv2.LINE_AA,
                       _BITS)
    if layers.pose:
        _draw_axes(pixels, alignment, thick)
    words = [f"{face.position} {name}".strip() + ("" if face.state == "machine" else f" {face.state}")
             ] if layers.names else []
    if layers.pose:
        pose = alignment.pose()
        words.append(f"yaw {round(pose.yaw):+d}  pitch {round(pose.pitch):+d}  roll {round(pose.roll):+d}")
    _write(pixels, words, face.box, thick)


def _draw_axes(pixels: np.ndarray, alignment: Alignment, thick: int) -> None:
    """The head's three axes from the bridge of the nose, half the face's width long, as the camera sees them."""
    pitch, yaw, roll = np.radians(alignment.pose())
    start = alignment.landmarks[27]
    length = alignment.source_size / 4
    upright = np.array([(np.cos(yaw), 0.0), (np.sin(pitch) * np.sin(yaw), np.cos(pitch)),
                        (np.sin(yaw), -np.sin(pitch) * np.cos(yaw))])
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)], [0, 0]])[:2]
    tips = transform(upright * length, np.column_stack([turn, start]))
    for tip, colour in zip(tips, _AXES, strict=True):
        cv2.line(pixels, _fixed(start), _fixed(tip), colour, thick + 1, cv2.LINE_AA, _BITS)


def _write(pixels: np.ndarray, words: list[str], box: tuple[float, float, float, float], thick: int) -> None:
    """Lines of text above a box, or below its upper edge where the frame ends there."""
    scale = 0.42 * thick
    step = round(16 * thick)
    y = box[1] - step * len(words) + step // 2
    y = y if y > step else box[1] + step
    for number, line in enumerate(words):
        place = (round(max(box[0], 2)), round(y + number * step))
        for colour, width in (((0, 0, 0), 3 * thick), ((255, 255, 255), thick)):
            cv2.putText(pixels, line, place, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, width, cv2.LINE_AA)


def _lines(pixels: np.ndarray, points: np.ndarray, closed: bool, colour: tuple[int, int, int], thick: int) -> None:
    fixed = np.rint(_bounded(points) * (1 << _BITS)).astype(np.int32)
    cv2.polylines(pixels, [fixed], closed, colour, thick, cv2.LINE_AA, _BITS)


def _fixed(point: np.ndarray) -> tuple[int, int]:
    x, y = np.rint(_bounded(point) * (1 << _BITS)).astype(int)
    return int(x), int(y)


def _bounded(points: np.ndarray) -> np.ndarray:
    """Within what cv2's arithmetic bears; landmarks may lie anywhere."""
    return np.clip(np.asarray(points, np.float64), -30_000, 30_000)
