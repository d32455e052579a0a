"""A head in two and a half dimensions: a depth for every pixel of a portrait, turned, projected and warped back."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from .portraits import Stage

CAMERA = 9.0  # distance of the camera from the head's axis, in outer-eye distances

# How far each landmark lies in front of the axis through the ears, in outer-eye distances (about 90 mm): our own
# reading of anthropometric proportions, the same on both sides of the face.
_JAW = (0.12, 0.14, 0.20, 0.28, 0.40, 0.55, 0.74, 0.90, 0.96)
_BROW = (0.70, 0.82, 0.90, 0.95, 0.97)
_EYE = (0.76, 0.84, 0.88, 0.86, 0.86, 0.83)
DEPTH = np.array([
    *_JAW, *reversed(_JAW[:8]), *_BROW, *reversed(_BROW),
    0.98, 1.08, 1.18, 1.28, 1.04, 1.10, 1.14, 1.10, 1.04,
    *_EYE, *(_EYE[i] for i in (3, 2, 1, 0, 5, 4)),
    0.86, 0.98, 1.06, 1.08, 1.06, 0.98, 0.86, 0.98, 1.05, 1.07, 1.05, 0.98,
    0.88, 1.00, 1.04, 1.00, 0.88, 1.00, 1.04, 1.00,
])


@dataclass(frozen=True)
class Pose:
    """Where a head is: yaw > 0 turns to the right of the picture, pitch > 0 looks up, roll > 0 tilts clockwise (all
    degrees); x and y move it (outer-eye distances), lean brings it nearer (share of its size)."""

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    x: float = 0.0
    y: float = 0.0
    lean: float = 0.0


def rotation(pose: Pose) -> np.ndarray:
    """float64 [3, 3] for column vectors with x right, y down, z to the camera: roll after pitch after yaw."""
    yaw, pitch, roll = np.radians((pose.yaw, pose.pitch, pose.roll))
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    nod = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    tilt = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    return tilt @ nod @ turn


@dataclass(frozen=True)
class Head:
    """A staged portrait's geometry, on the canvas at `1 / step` of its resolution.

    Attributes:
        stage: the portrait.
        step: canvas pixels per sample of the fields below.
        depth: float32 [h, w], in front of the axis through the ears, canvas px.
        weight: float32 [h, w], 1 where the head turns rigidly, 0 where the body stays.
        pivot: (x, y) of the point about which the head turns, canvas px; its depth is 0.
        normals: float32 [h, w, 3], unit vectors out of the skin.
    """

    stage: Stage
    step: int
    depth: np.ndarray
    weight: np.ndarray
    pivot: np.ndarray
    normals: np.ndarray
    grid: np.ndarray = field(repr=False)

    def project(self, points: np.ndarray, depth: np.ndarray, weight: np.ndarray, pose: Pose) -> np.ndarray:
        """Where points of the portrait are seen under a pose.

        Args:
            points: [..., 2] canvas px; depth, weight: [...], as the fields above.

        Returns:
            [..., 2] canvas px. Neutral pose: `points`, for the portrait is taken to show them in perspective.
        """
        unit = self.stage.unit
        camera = CAMERA * unit
        x, y = points[..., 0] - self.pivot[0], points[..., 1] - self.pivot[1]
        near = (camera - depth) / camera  # from the picture back to the head
        solid = np.stack([x * near, y * near, depth], axis=-1)
        turned = solid @ rotation(pose).T.astype(solid.dtype)
        size = camera / (camera - turned[..., 2]) * (1 + pose.lean)
        moved = turned[..., :2] * size[..., None] + self.pivot + np.array([pose.x, pose.y]) * unit
        return (points + weight[..., None] * (moved - points)).astype(points.dtype)

    def backward(self, pose: Pose) -> np.ndarray:
        """float32 [H, W, 2]: for every pixel of the shot the canvas pixel of the portrait that is seen there.

        The forward displacement is inverted by fixed-point iteration, which converges because no slope of the head is
        steep enough to fold over at the angles that the clips use.
        """
        shift = self.project(self.grid, self.depth, self.weight, pose) - self.grid
        seen = self.grid.copy()
        for _ in range(20):
            u, v = seen[..., 0] / self.step, seen[..., 1] / self.step
            seen = self.grid - cv2.remap(shift, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        (width, height), m = self.stage.size, self.stage.margin
        away = (seen - self.grid).astype(np.float32)
        x, y = np.meshgrid(np.arange(width, dtype=np.float32) + m, np.arange(height, dtype=np.float32) + m)
        fine = cv2.remap(away, x / self.step, y / self.step, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return fine + np.stack([x, y], axis=-1)


def build(stage: Stage, step: int = 2) -> Head:
    """Fit depth, weight and normals to a staged portrait."""
    height, width = stage.pixels.shape[:2]
    x, y = np.meshgrid(np.arange(0, width, step, dtype=np.float64), np.arange(0, height, step, dtype=np.float64))
    grid = np.stack([x, y], axis=-1)
    depth = _depth(stage, grid)
    weight = _weight(stage, grid)
    face = stage.landmarks
    pivot = np.array([0.5 * (face[0, 0] + face[16, 0]), face[33, 1] + 0.15 * stage.unit])
    smooth = cv2.GaussianBlur(depth, (0, 0), 0.05 * stage.unit / step)
    slope_x, slope_y = cv2.Sobel(smooth, -1, 1, 0, scale=1 / 8) / step, cv2.Sobel(smooth, -1, 0, 1, scale=1 / 8) / step
    normals = np.stack([-slope_x, -slope_y, np.ones_like(slope_x)], axis=-1)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    return Head(stage, step, depth.astype(np.float32), weight.astype(np.float32), pivot, normals.astype(np.float32),
                grid.astype(np.float32))


def _depth(stage: Stage, grid: np.ndarray) -> np.ndarray:
    """A rounded skull under the hair, corrected towards the landmarks' depths by a sum of Gaussians."""
    unit = stage.unit
    corners = np.array(stage.portrait.skull).reshape(2, 2)
    (left, top), (right, bottom) = stage.to_canvas(corners)
    centre, half = np.array([(left + right) / 2, (top + bottom) / 2]), np.array([right - left, bottom - top]) / 2

    def skull(points: np.ndarray) -> np.ndarray:
        radius = np.sqrt((((points - centre) / half) ** 2).sum(-1))
        bowl = np.clip(1 - np.clip(radius, 0, 1) ** 2.2, 0, 1)
        neck = np.exp(-((points[..., 0] - stage.landmarks[8, 0]) / (0.5 * unit)) ** 2)
        below = np.clip((points[..., 1] - stage.landmarks[33, 1]) / (0.6 * unit), 0, 1)
        return unit * np.maximum(0.98 * bowl, 0.5 * neck * below)

    wide, marks = 0.26 * unit, stage.landmarks
    kernel = np.exp(-((marks[:, None] - marks[None]) ** 2).sum(-1) / (2 * wide ** 2))
    weights = np.linalg.solve(kernel + 0.15 * np.eye(68), DEPTH * unit - skull(marks))
    depth = skull(grid)
    for mark, amount in zip(marks, weights, strict=True):
        depth += amount * np.exp(-((grid - mark) ** 2).sum(-1) / (2 * wide ** 2))
    step = grid[0, 1, 0] - grid[0, 0, 0]
    return cv2.GaussianBlur(np.maximum(depth, 0), (0, 0), 0.04 * unit / step)


def _weight(stage: Stage, grid: np.ndarray) -> np.ndarray:
    """1 down to the jaw, then less and less down the neck; the line follows the jaw's curve."""
    top, bottom = (stage.to_canvas((0, row))[0, 1] for row in stage.portrait.neck)
    chin = stage.landmarks[8, 0]
    rise = 0.25 * stage.unit * np.clip(np.abs(grid[..., 0] - chin) / stage.unit, 0, 1) ** 2
    t = np.clip((grid[..., 1] - (top - rise)) / (bottom - top), 0, 1)
    return 1 - t * t * (3 - 2 * t)
