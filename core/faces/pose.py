"""Head pose from landmarks: a perspective-n-point solver in plain numpy (stdlib + numpy; both sides import it)."""

from __future__ import annotations

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


def solve(normalized: np.ndarray) -> tuple[Pose, dict[str, np.ndarray]]:
    """Pose of a face and where its crops are centred.

    Args:
        normalized: [68, 2] landmarks in the unit box.

    Returns:
        the pose (roll relative to the unit box), and per centring the offset [2] of its centre in unit-box units.
    """
    rotation, translation = solve_pnp(np.asarray(normalized, np.float64)[list(POSE_POINTS)])
    offsets = {"legacy": np.zeros(2)}
    for name, centre in CENTRES.items():
        offsets[name] = project(centre[None], rotation, translation)[0] - PRINCIPAL
    return angles(rotation), offsets


def angles(rotation: np.ndarray) -> Pose:
    """Euler angles of a rotation of the generic head, about x, y and z in this order (z outermost).

    The head's y axis points up and its x axis to the picture's left; pitch and yaw are turned to the picture's terms.
    """
    pitch = -np.arctan2(rotation[2, 1], rotation[2, 2])
    yaw = np.arctan2(rotation[2, 0], np.hypot(rotation[2, 1], rotation[2, 2]))
    roll = np.arctan2(rotation[1, 0], rotation[0, 0])
    return Pose(float(np.degrees(pitch)), float(np.degrees(yaw)), float(np.degrees(roll)))


def project(points: np.ndarray, rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Pinhole projection of [N, 3] points of the generic head into the unit box, [N, 2]."""
    camera = points @ rotation.T + translation
    return FOCAL * camera[:, :2] / camera[:, 2:] + PRINCIPAL


def solve_pnp(points: np.ndarray, iterations: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """Rotation [3, 3] and translation [3] that bring the generic head closest to `points` [26, 2] in the unit box.

    Levenberg-Marquardt on the reprojection error (K. Madsen, H. B. Nielsen, O. Tingleff, "Methods for non-linear least
    squares problems", 2004, algorithm 3.16), from a frontal head. The rotation is updated by left multiplication with
    exp([w]x), so its derivative at w = 0 is the cross product with the rotated point.
    """
    rotation, translation = np.eye(3), _START_TRANSLATION.copy()
    error, jacobian = _residual(points, rotation, translation)
    normal, gradient = jacobian.T @ jacobian, jacobian.T @ error
    damping, growth = 1e-3 * normal.diagonal().max(), 2.0
    for _ in range(iterations):
        step = np.linalg.solve(normal + damping * np.eye(6), -gradient)
        new_rotation, new_translation = _exp(step[:3]) @ rotation, translation + step[3:]
        new_error, new_jacobian = _residual(points, new_rotation, new_translation)
        gain = error @ error - new_error @ new_error
        if gain > 0:
            rotation, translation, error, jacobian = new_rotation, new_translation, new_error, new_jacobian
            normal, gradient = jacobian.T @ jacobian, jacobian.T @ error
            predicted = step @ (damping * step - gradient)
            damping *= max(1 / 3, 1 - (2 * gain / predicted - 1) ** 3) if predicted > 0 else 1 / 3
            growth = 2.0
            if gain <= 1e-14 * max(error @ error, 1e-14) or np.abs(gradient).max() < 1e-12:
                break
        else:
            damping *= growth
            growth *= 2
            if np.abs(step).max() < 1e-10:
                break
    return rotation, translation


def _residual(points: np.ndarray, rotation: np.ndarray, translation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rotated = HEAD @ rotation.T
    x, y, z = (rotated + translation).T
    error = np.column_stack([FOCAL * x / z, FOCAL * y / z]) + PRINCIPAL - points
    zero = np.zeros_like(z)
    d_camera = np.stack([np.column_stack([FOCAL / z, zero, -FOCAL * x / z ** 2]),
                         np.column_stack([zero, FOCAL / z, -FOCAL * y / z ** 2])], 1)  # [26, 2, 3]
    d_rotation = np.cross(rotated[:, None, :], d_camera)  # g . (w x r) = w . (r x g)
    return error.ravel(), np.concatenate([d_rotation, d_camera], 2).reshape(-1, 6)


def _exp(w: np.ndarray) -> np.ndarray:
    """Rodrigues' formula: the rotation about `w` by |w| radians."""
    angle = np.linalg.norm(w)
    cross = np.array([(0, -w[2], w[1]), (w[2], 0, -w[0]), (-w[1], w[0], 0)])
    if angle < 1e-12:
        return np.eye(3) + cross
    return np.eye(3) + np.sin(angle) / angle * cross + (1 - np.cos(angle)) / angle ** 2 * cross @ cross
