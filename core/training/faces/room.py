"""Room for the crops of many faces: in memory, or, where it is large, in a nameless file in the user's cache."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import writing
from ...folders import user_cache

MEMORY_BUDGET = 1 << 30  # bytes of an array kept in memory


def room(shape: tuple[int, ...]) -> np.ndarray:
    """An empty uint8 array of this shape.

    Raises:
        OutputError: it is large, and the disk has no room for it.
    """
    size = int(np.prod(shape, dtype=np.int64))
    if size <= MEMORY_BUDGET:
        return np.empty(shape, np.uint8)
    place = user_cache()  # not the system's temporary folder, which may itself lie in memory
    with writing(place):
        place.mkdir(parents=True, exist_ok=True)
        file: Any = tempfile.TemporaryFile(prefix="faces_", dir=place)  # noqa: SIM115 - the array keeps it open
        _reserve(file, size, place)
    return np.memmap(file, np.uint8, "r+", shape=shape)


def _reserve(file: Any, size: int, place: Path) -> None:
    """Take room on the disk now: where it lacks later, writing to the array would end the process.

    Raises:
        OSError: there is not enough.
    """
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except (AttributeError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
        if shutil.disk_usage(place).free < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None
        file.truncate(size)
