"""A long clip needs no more memory than a short one."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from understudy.core.media.writers import VideoWriter

from .conftest import portrait

RUN = """
import resource, sys
from understudy.core.extraction.task import run
from understudy.core.jobs.messages import SilentReporter
from understudy.core.options.extract import ExtractOptions
result = run(ExtractOptions(source=sys.argv[1], faces=sys.argv[2]), SilentReporter())
print(result["faces"], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def clip(path: Path, seconds: int) -> Path:
    """25 frames a second, with a face in every fifth; the others are quickly done with."""
    with VideoWriter(path, None, rate=Fraction(25), preset="ultrafast", altered=False) as writer:
        for n in range(25 * seconds):
            writer.write(n, portrait(n // 5 % 14, n // 5 % 9) if n % 5 == 0 else np.zeros((300, 320, 3), np.uint8))
    return path


def peak(path: Path) -> tuple[int, int]:
    """(faces, most memory in the system's units) of an extraction in a process of its own."""
    done = subprocess.run([sys.executable, "-c", RUN, str(path), str(path.with_suffix(""))], capture_output=True,
                          text=True, check=True)
    faces, most = done.stdout.split()
    return int(faces), int(most)


@pytest.mark.long
def test_ten_minutes_need_no_more_memory_than_ten_seconds(tmp_path):
    few, short = peak(clip(tmp_path / "short.mp4", 10))
    many, long = peak(clip(tmp_path / "long.mp4", 600))
    assert (few, many) == (50, 3000)
    assert long <= 1.1 * short
