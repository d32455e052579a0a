"""Head poses from landmarks: a perspective-n-point solver in plain numpy (stdlib + numpy; both sides import it)."""

from __future__ import annotations

from math import atan2, degrees, hypot
from typing import NamedTuple

import numpy as np

# 68-point indices that have a counterpart on the generic head below.
POSE_POINTS = (6, 7, 8, 9, 10, 17, 21, 22, 26, 31, 32, 33, 34, 35, 36, 39, 42, 45, 48, 50, 51, 52, 54, 56, 57, 58)
# The generic head, in the order of POSE_POINTS: x to the person's right (the picture's left), y up, z to the camera.
HEAD: np.ndarray = np.array([
    (4.056931, -11.432347, 1.636229), (1.833492, -12.542305, 4.061275), (0, -12.901019, 4.070434),
    (-1.833492, -12.542305, 4.061275), (-4.056931, -11.432347, 1.636229), (6.825897, 1.275284, 4.402142),
    (1.330353, 1.636816, 6.903745), (-1.330353, 1.636816, 6.903745), (-6.825897, 1.275284, 4.402142),
    (1.930245, -5.060977, 5.914376), (.746313, -5.136947, 6.263227), (0, -5.485328, 6.76343),
    (-.746313, -5.136947, 6.263227), (-1.930245, -5.060977, 5.914376), (5.311432, 0, 3.987654),
    (1.78993, -.091703, 4.413414), (-1.78993, -.091703, 4.413414), (-5.311432, 0, 3.987654),
    (2.774015, -7.566103, 5.048531), (.509714, -7.056507, 6.566167), (0, -7.131772, 6.704956),
    (-.509714, -7.056507, 6.566167), (-2.774015, -7.566103, 5.048531), (-.589441, -8.443925, 6.109526),
    (0, -8.601736, 6.097667), (.589441, -8.443925, 6.109526),
], dtype=np.float64)
HEAD.setflags(write=False)
FOCAL, PRINCIPAL = 4.0, 0.5  # the camera that looks at the unit box
# 3-D points on the generic head that the wider crops are centred on.
CENTRES: dict[str, np.ndarray] = {"face": np.array((0.0, -1.5, 4.2)), "head": np.array((0.0, 0.0, -2.3))}
# A frontal head that fills the unit box. The head's axes point against the picture's, so it lies "behind" the camera:
# negative depth turns both axes round in the projection.
_START_TRANSLATION = np.array((0.0, 3.8, -62.0))


class Pose(NamedTuple):
    """Degrees. pitch > 0: looks up; yaw > 0: turned to the right of the picture; roll > 0: tilted clockwise in it."""

    pitch: float
    yaw: float
    roll: float


def solve(normalized: np.ndarray) -> list[tuple[Pose, dict[str, np.ndarray]]]:
    """Poses of faces and where their crops are centred.

    Args:
        normalized: [N, 68, 2] landmarks in the unit box; many at once take a twentieth of the time.

    Returns:
        of each face the pose (roll relative to the unit box), and per centring the offset [2] of its centre in
        unit-box units.
    """
    rotations, translations = solve_pnp(np.asarray(normalized, np.float64)[:, list(POSE_POINTS)])
    centres = project(np.stack(list(CENTRES.values())), rotations, translations) - PRINCIPAL
    return [(angles(rotation), {"legacy": np.zeros(2), **dict(zip(CENTRES, offsets, strict=True))})
            for rotation, offsets in zip(rotations, centres, strict=True)]


def angles(rotation: np.ndarray) -> Pose:
    """Euler angles of a rotation of the generic head, about x, y and z in this order (z outermost).

    The head's y axis points up and its x axis to the picture's left; pitch and yaw are turned to the picture's terms.
    """
    (xx, _, _), (yx, _, _), (zx, zy, zz) = rotation.tolist()
    return Pose(degrees(-atan2(zy, zz)), degrees(atan2(zx, hypot(zy, zz))), degrees(atan2(yx, xx)))


def project(points: np.ndarray, rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Pinhole projection of [P, 3] points of the generic head into the unit box, [N, P, 2].

    Args:
        rotation, translation: [N, 3, 3] and [N, 3].
    """
    camera = points @ rotation.transpose(0, 2, 1) + translation[:, None]
    return FOCAL * camera[..., :2] / camera[..., 2:] + PRINCIPAL


def solve_pnp(points: np.ndarray, iterations: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Rotations [N, 3, 3] and translations [N, 3] that bring the generic head closest to `points` in the unit box.

    Levenberg-Marquardt on the reprojection error (K. Madsen, H. B. Nielsen, O. Tingleff, "Methods for non-linear least
    squares problems", 2004, algorithm 3.16), from a frontal head. The rotation is updated by left multiplication with
    exp([w]x), so its derivative at w = 0 is the cross product with the rotated point.

    Args:
        points: [N, 26, 2], each face by itself; a face that is done waits for nobody.
    """
    count = len(points)
    rotations, translations = np.tile(np.eye(3), (count, 1, 1)), np.tile(_START_TRANSLATION, (count, 1))
    who, rotation, translation = np.arange(count), rotations.copy(), translations.copy()
    error, jacobian = _residual(points, rotation, translation)
    normal, gradient = _equations(error, jacobian)
    damping, growth = 1e-3 * np.diagonal(normal, axis1=1, axis2=2).max(1), np.full(count, 2.0)
    for _ in range(iterations):
        step = np.linalg.solve(normal + damping[:, None, None] * np.eye(6), -gradient[..., None])[..., 0]
        moved = _exp(step[:, :3]) @ rotation, translation + step[:, 3:]
        new_error, new_jacobian = _residual(points, *moved)
        before = (error ** 2).sum(1)
        gain = before - (new_error ** 2).sum(1)
        predicted = (step * (damping[:, None] * step - gradient)).sum(1)
        better = gain > 0
        ratio = np.divide(gain, predicted, out=np.ones_like(gain), where=predicted > 0)
        damping = damping * np.where(better, np.maximum(1 / 3, 1 - (2 * ratio - 1) ** 3), growth)
        growth = np.where(better, 2.0, 2 * growth)
        rotation, translation = (np.where(_like(better, new), new, old)
                                 for new, old in zip(moved, (rotation, translation), strict=True))
        error, jacobian = (np.where(_like(better, new), new, old)
                           for new, old in ((new_error, error), (new_jacobian, jacobian)))
        normal, gradient = _equations(error, jacobian)
        done = np.where(better, (gain <= 1e-14 * np.maximum(before - gain, 1e-14)) | (abs(gradient).max(1) < 1e-12),
                        abs(step).max(1) < 1e-10)
        rotations[who], translations[who] = rotation, translation
        if done.any():
            points, who, rotation, translation, error, jacobian, normal, gradient, damping, growth = (
                values[~done] for values in (points, who, rotation, translation, error, jacobian, normal, gradient,
                                             damping, growth))
        if not len(who):
            break
    return rotations, translations


def _like(chosen: np.ndarray, values: np.ndarray) -> np.ndarray:
    return chosen.reshape(-1, *[1] * (values.ndim - 1))


def _residual(points: np.ndarray, rotation: np.ndarray, translation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Reprojection errors [N, 52] and how they change with w and the translation [N, 52, 6]."""
    rotated = HEAD @ rotation.transpose(0, 2, 1)
    x, y, z = rotated.transpose(2, 0, 1)
    camera = rotated + translation[:, None]
    scale = FOCAL / camera[..., 2]
    seen = camera[..., :2] * scale[..., None]
    deeper_x, deeper_y = (-seen / camera[..., 2:]).transpose(2, 0, 1)  # what moving away does to the projection
    jacobian = np.zeros((len(points), len(HEAD), 2, 6))
    along_x, along_y = jacobian[:, :, 0], jacobian[:, :, 1]
    # g . (w x r) = w . (r x g), with g the derivative of the projection: (scale, 0, deeper_x), (0, scale, deeper_y).
    along_x[..., 0], along_x[..., 1], along_x[..., 2] = y * deeper_x, z * scale - x * deeper_x, -y * scale
    along_y[..., 0], along_y[..., 1], along_y[..., 2] = y * deeper_y - z * scale, -x * deeper_y, x * scale
    along_x[..., 3], along_x[..., 5] = scale, deeper_x
    along_y[..., 4], along_y[..., 5] = scale, deeper_y
    return (seen + PRINCIPAL - points).reshape(-1, 2 * len(HEAD)), jacobian.reshape(-1, 2 * len(HEAD), 6)


def _equations(error: np.ndarray, jacobian: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The normal equations' matrices [N, 6, 6] and the gradients [N, 6]."""
    transposed = jacobian.transpose(0, 2, 1)
    return transposed @ jacobian, (transposed @ error[..., None])[..., 0]


def _exp(w: np.ndarray) -> np.ndarray:
    """Rodrigues' formula: the rotations [N, 3, 3] about `w` [N, 3] by |w| radians."""
    angle = np.maximum(np.linalg.norm(w, axis=1), 1e-12)[:, None, None]
    cross = np.zeros((len(w), 3, 3))
    cross[:, 2, 1], cross[:, 0, 2], cross[:, 1, 0] = w.T
    cross -= cross.transpose(0, 2, 1)
    return np.eye(3) + np.sin(angle) / angle * cross + (1 - np.cos(angle)) / angle ** 2 * cross @ cross
