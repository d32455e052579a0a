"""kill -9 at random instants: running again completes; no frame is lost, doubled or half-written."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from understudy.core.conversion.task import run
from understudy.core.jobs.messages import SilentReporter
from understudy.core.media.images import write_png
from understudy.core.media.source import open_source
from understudy.core.models import base, folder
from understudy.core.options.convert import ConvertOptions

from ..killing import kill_at_random_instants
from .conftest import FRAMES, extract, picture

LONG = 60
RUN = """
import sys
from understudy.core.conversion.task import run
from understudy.core.jobs.messages import SilentReporter
from understudy.core.options.convert import ConvertOptions

class Begun(SilentReporter):
    said = False

    def progress(self, done, total, unit, text=""):
        if not self.said:
            print("begin", flush=True)
            self.said = True
        return False

source, model, output, writer = sys.argv[1:]
run(ConvertOptions(source=source, model_dir=model, output=output, writer=writer, device="cpu", batch_size=4), Begun())
"""


def _corner(pixels: np.ndarray) -> np.ndarray:
    """A part that no face reaches, and that tells the frames of the scene apart."""
    return pixels[150:, :60].astype(float)


class Case:
    """A clip, a model, and what the whole conversion gives."""

    def __init__(self, place: Path, writer: str) -> None:
        torch.manual_seed(1)
        made = base.build("sketch")
        state = folder.ModelState(folder.Settings("sketch", coverage=0.875), made.input_size, made.output_size)
        folder.write(place / "model", state, made.state_dict(), {})
        for index in range(LONG):
            write_png(place / "shot" / f"img_{index:03d}.png", picture(index % FRAMES))
        self.shot, self.model, self.out = extract(place / "shot").path, place / "model", place / "out"
        self.writer = writer
        self.output = self.out / "film.mp4" if writer == "video" else self.out
        self.whole: dict[str, bytes] = {}
        self.corners = [_corner(picture(index)) for index in range(FRAMES)]

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-c", RUN, str(self.shot), str(self.model), str(self.output), self.writer]

    def prepare(self) -> None:
        shutil.rmtree(self.out, ignore_errors=True)

    def again(self) -> int:
        return run(ConvertOptions(source=str(self.shot), model_dir=str(self.model), output=str(self.output),
                                  writer=self.writer, device="cpu", batch_size=4), SilentReporter())["converted"]

    def files(self) -> dict[str, bytes]:
        if not self.out.exists():
            return {}
        return {path.name: path.read_bytes() for path in self.out.iterdir() if not path.name.startswith(".")}

    def check_pictures(self) -> None:
        """What is there is whole; what is not there is made, and nothing else; no torn file stays."""
        before = self.files()
        self.whole = self.whole or before
        assert len(self.whole) == LONG
        assert {name: self.whole[name] for name in before} == before
        assert self.again() == LONG - len(before)
        assert self.files() == self.whole
        assert not list(self.out.glob(".*"))

    def check_video(self) -> None:
        """A film is there whole or not at all; made again it holds every frame once, in order."""
        for last in (False, True):
            if self.output.exists():
                with open_source(self.output) as film:
                    assert len(film) == LONG
                    shown = [_corner(frame.pixels) for frame in film.frames()]
                for index, corner in enumerate(shown):
                    nearest = int(np.argmin([np.abs(corner - other).mean() for other in self.corners]))
                    assert nearest == index % FRAMES
            assert self.output.exists() or not last
            if not last:
                self.again()
        assert [path.name for path in self.out.iterdir()] == ["film.mp4"]


@pytest.mark.parametrize("instants", [3, pytest.param(20, marks=pytest.mark.long)])
def test_pictures(tmp_path: Path, instants: int) -> None:
    case = Case(tmp_path, "images")
    kill_at_random_instants(case.command, instants, case.check_pictures, case.prepare, seed=2)


@pytest.mark.parametrize("instants", [2, pytest.param(10, marks=pytest.mark.long)])
def test_a_film(tmp_path: Path, instants: int) -> None:
    case = Case(tmp_path, "video")
    kill_at_random_instants(case.command, instants, case.check_video, case.prepare, seed=3)
