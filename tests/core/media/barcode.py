"""Pictures that carry their own number, and reading it back (numpy only, so that every ring can use it).

The upper half is a bar code: 21 columns, the bits above and their complements below, so that reading compares and
never thresholds: no gain, gamma, colour matrix or lossy codec disturbs it. The lower half is a coloured moving picture,
which gives the codec something to predict.
"""

from __future__ import annotations

import numpy as np

COLUMNS = 21
LIMIT = 1 << 13


def _bits(number: int) -> list[int]:
    if not 0 <= number < LIMIT:
        raise ValueError(f"{number} does not fit the bar code")
    check = (number * 7 + 3 + (number >> 4) * 5 + (number >> 8) * 11) % 16
    # 1 0 … 1 1 at the ends tells mirrored and upside-down pictures from upright ones; the checksum the rest.
    return [1, 0, *(number >> i & 1 for i in range(12, -1, -1)), *(check >> i & 1 for i in range(3, -1, -1)), 1, 1]


def make(number: int, width: int = 160, height: int = 96) -> np.ndarray:
    """uint8 [height, width, 3] RGB carrying `number` (0..8191); at least 84 pixels wide and 32 high."""
    columns = np.arange(width) * COLUMNS // width
    row = np.array(_bits(number))[columns] * 255
    picture = np.empty((height, width, 3), np.uint8)
    quarter = height // 4
    picture[:quarter] = row[None, :, None]
    picture[quarter:2 * quarter] = 255 - row[None, :, None]
    y, x = np.mgrid[0:height - 2 * quarter, 0:width].astype(np.float32)
    phase = 2 * np.pi * (x / width * 2 + number / 25)
    picture[2 * quarter:, :, 0] = 128 + 90 * np.sin(phase)
    picture[2 * quarter:, :, 1] = 128 + 90 * np.sin(phase + 2 + y / height)
    picture[2 * quarter:, :, 2] = 40 + 170 * y / max(1, y.max())
    return picture


def read(pixels: np.ndarray) -> int:
    """The number in a picture [H, W, 1 or more] of any dtype and scale.

    Raises:
        ValueError: no bar code, a mirrored or turned one, or a mixture of two.
    """
    grey = np.asarray(pixels)[..., :3].mean(axis=2, dtype=np.float64)
    height, width = grey.shape
    quarter = height // 4
    edge = max(1, quarter // 5)
    bits = []
    for column in range(COLUMNS):
        left, right = -(-column * width // COLUMNS), -(-(column + 1) * width // COLUMNS)
        inset = max(0, (right - left) // 5)
        part = grey[:, left + inset:right - inset]
        above, below = part[edge:quarter - edge].mean(), part[quarter + edge:2 * quarter - edge].mean()
        if abs(above - below) < 0.5 * np.ptp(grey[:2 * quarter]) or above == below:
            raise ValueError(f"no clear bar in column {column}")
        bits.append(int(above > below))
    number = int("".join(map(str, bits[2:15])), 2)
    if bits != _bits(number):
        raise ValueError(f"not a bar code: {bits}")
    return number
