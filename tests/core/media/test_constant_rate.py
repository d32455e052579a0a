from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import accumulate
from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest

from understudy.core.errors import SourceError, Stopped
from understudy.core.jobs.messages import SilentReporter
from understudy.core.media import constant_rate
from understudy.core.media.source import open_source
from understudy.core.options.constant_rate import ConstantRateOptions

TIMES = [0, *accumulate([33, 33, 100, 34, 200, 66, 33, 33, 100, 40, 70])]


def test_each_frame_of_the_copy_is_the_one_on_show(tmp_path: Path, clips: ModuleType,
                                                   read_number: Callable[[np.ndarray], int]) -> None:
    path = clips.video(tmp_path / "a.mp4", 12, pts=TIMES, time_base=(1, 1000), audio="aac")
    made = open_source(constant_rate.copy(path, tmp_path / "b.mp4", Fraction(50)))
    assert (made.rate, made.constant_rate, made.has_audio) == (Fraction(50), True, True)
    shown = [read_number(f.pixels) for f in made.frames()]
    expected = [max(n for n, t in enumerate(TIMES) if t <= k * 20 + 1) for k in range(len(shown))]
    assert shown == expected
    assert shown[-1] == 11


def test_the_task_chooses_rate_and_place(tmp_path: Path, clips: ModuleType) -> None:
    clips.video(tmp_path / "a.mp4", 12, pts=TIMES, time_base=(1, 1000), rotation=90)
    result = constant_rate.run(ConstantRateOptions(source=str(tmp_path / "a.mp4")), SilentReporter())
    assert result["output"] == str(tmp_path / "a_constant.mp4")
    assert result["rate"] == [24000, 1001]
    copy = open_source(result["output"])
    assert (copy.size, copy.index.rotation, len(copy)) == ((168, 96), 0, result["frames"])


def test_a_plain_copy_is_not_marked_as_altered_unless_it_was(tmp_path: Path, clips: ModuleType) -> None:
    from understudy.core.media.writers import VideoWriter

    path = clips.video(tmp_path / "a.mp4", 4)
    with av.open(str(constant_rate.copy(path, tmp_path / "b.mp4"))) as plain:
        assert "comment" not in plain.metadata
    source = open_source(path)
    with VideoWriter(tmp_path / "c.mp4", source) as writer:
        for frame in source.frames():
            writer.write(frame.index, frame.pixels)
    with av.open(str(constant_rate.copy(tmp_path / "c.mp4", tmp_path / "d.mp4"))) as marked:
        assert "lgorithmically altered" in marked.metadata["comment"]


def test_stopping_leaves_nothing(tmp_path: Path, clips: ModuleType) -> None:
    class Stops(SilentReporter):
        def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
            return done >= 5

    path = clips.video(tmp_path / "a.mp4", 12)
    with pytest.raises(Stopped):
        constant_rate.copy(path, tmp_path / "b.mp4", reporter=Stops())
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["a.mp4"]


def test_images_have_no_rate(tmp_path: Path, clips: ModuleType) -> None:
    with pytest.raises(SourceError, match="folder of images"):
        constant_rate.copy(clips.images(tmp_path / "in", [1]), tmp_path / "b.mp4")
