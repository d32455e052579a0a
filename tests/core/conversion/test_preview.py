"""The live preview's side of the service: what is shown is what conversion makes, and what is warm stays warm."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.core.conversion import preview, task
from understudy.core.errors import AlignmentsError, ModelError, SourceError, Stopped, UsageError
from understudy.core.extraction.origin import source_info
from understudy.core.faces.store import AlignmentsStore
from understudy.core.jobs.messages import SilentReporter
from understudy.core.jobs.requests import REQUESTS
from understudy.core.jobs.service_client import Service
from understudy.core.media.images import read_image
from understudy.core.media.provenance import is_marked
from understudy.core.media.source import open_source

GAP = 4
SIZE = (240, 180)


@pytest.fixture(autouse=True)
def cold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Nothing is warm, and pictures go below the test's folder."""
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(preview, "_warm", preview._Warm())


def asked(name: str, scene: Any, model: Path, /, *, options: dict[str, Any] | None = None, **values: Any
          ) -> dict[str, Any]:
    given = {"source": str(scene.path), "model_dir": str(model), "device": "cpu", **(options or {})}
    return REQUESTS[name]({"options": given, **values}, SilentReporter())


def views(told: dict[str, Any]) -> list[np.ndarray]:
    """The four pictures of a look."""
    sheet = read_image(told["file"])
    w, h = SIZE
    assert sheet.shape[:2] == (2 * h + GAP, 2 * w + GAP)
    return [sheet[y:y + h, x:x + w] for y in (0, h + GAP) for x in (0, w + GAP)]


def test_it_shows_what_conversion_makes(images: Any, save_mirror: Any, options: Any, tmp_path: Path) -> None:
    """Pixel for pixel, with settings other than the defaults, beside the frame itself."""
    model = save_mirror(tmp_path / "model", b=0.6)
    settings = {"color": "none", "mask_type": "components", "erosion": 10.0, "face_scale": 4.0}
    told = asked("convert_frame", images, model, options=settings, frame=5)
    original, swapped, raw, final = views(told)
    task.run(options(images, model, writer="images", **settings), SilentReporter())
    with open_source(images.path) as source:
        made = read_image(tmp_path / "out" / f"{source.name(5)}.png")
        np.testing.assert_array_equal(original, source.read(5).pixels)
    np.testing.assert_array_equal(swapped, made)
    assert (told["faces"], told["note"]) == (2, "")
    changed = (swapped != original).any(axis=2)
    assert changed.sum() > 500
    assert not (changed & (final[..., 0] == 0)).any()
    assert raw[..., 0].sum() > final[..., 0].sum() > 0  # eroded
    assert is_marked(told["file"])


def test_only_the_views_that_are_asked_for(images: Any, save_mirror: Any, tmp_path: Path) -> None:
    model = save_mirror(tmp_path / "model", b=0.6)
    told = asked("convert_frame", images, model, frame=1, views=["swapped"])
    assert told["size"] == list(SIZE)
    assert asked("convert_frame", images, model, frame=1, views=["original", "swapped"])["size"] == [484, 180]
    with pytest.raises(UsageError, match="no view 'mirror'"):
        asked("convert_frame", images, model, frame=1, views=["mirror"])


def test_a_frame_without_faces_says_why(images: Any, save_mirror: Any, tmp_path: Path) -> None:
    model = save_mirror(tmp_path / "model", b=0.6)
    told = asked("convert_frame", images, model, frame=3)
    assert told["note"] == "There is no face in frame 3"
    original, swapped, raw, final = views(told)
    np.testing.assert_array_equal(original, swapped)
    assert not raw.any()
    assert not final.any()
    other = tmp_path / "other.db"
    with open_source(images.path) as source, AlignmentsStore.create(other, source_info(source)):
        pass
    told = asked("convert_frame", images, model, options={"alignments": str(other)}, frame=3)
    assert told["note"] == "Frame 3 was never searched for faces"


def test_bad_input_is_told_in_words(images: Any, save_mirror: Any, tmp_path: Path) -> None:
    model = save_mirror(tmp_path / "model")
    for values, error, words in (({"frame": 10}, SourceError, "no frame 10"), ({"frame": -1}, SourceError, "no frame"),
                                 ({"frame": 1, "options": {"mask_type": "custom"}}, AlignmentsError, "no mask custom"),
                                 ({"frame": 1, "options": {"source": "/nowhere.mp4"}}, SourceError, "nowhere"),
                                 ({"frame": 1, "options": {"color": "mauve"}}, UsageError, "mauve"),
                                 ({"frame": 1, "options": {"alignments": "/no.db"}}, AlignmentsError, "/no.db")):
        with pytest.raises(error, match=words):
            asked("convert_frame", images, model, **values)
    with pytest.raises(ModelError):
        asked("convert_frame", images, tmp_path / "no_model", frame=1)


def test_the_model_stays_warm_until_it_is_saved_to(images: Any, save_mirror: Any, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []
    true = preview.load_models
    monkeypatch.setattr(preview, "load_models", lambda *given: reads.append(1) or true(*given))
    model = save_mirror(tmp_path / "model", b=1.0)
    before = views(asked("convert_frame", images, model, options={"color": "none"}, frame=1))[1]
    for erosion in (0.0, 20.0):
        asked("convert_frame", images, model, options={"erosion": erosion}, frame=2)
    assert len(reads) == 1
    save_mirror(model, b=0.5)
    after = views(asked("convert_frame", images, model, options={"color": "none"}, frame=1))[1]
    assert len(reads) == 2
    assert (after < before).any()


def test_a_newer_look_stops_an_older_one(images: Any, save_mirror: Any, tmp_path: Path) -> None:
    class Cancelled(SilentReporter):
        def progress(self, *_: Any) -> bool:
            return True

    model = save_mirror(tmp_path / "model")
    for name, values in (("convert_frame", {"frame": 1}), ("convert_faces", {})):
        with pytest.raises(Stopped):
            REQUESTS[name]({"options": {"source": str(images.path), "model_dir": str(model)}, **values}, Cancelled())


def test_five_faces_one_from_each_fifth(images: Any, save_mirror: Any, tmp_path: Path) -> None:
    """Frames 3 and 7 have no face; the others in fifths: 0 1, 2 4, 5 6, 8, 9 (numpy puts longer parts first)."""
    model = save_mirror(tmp_path / "model", b=0.5)
    having = [0, 1, 2, 4, 5, 6, 8, 9]
    drawn = set()
    for seed in range(6):
        told = asked("convert_faces", images, model, options={"color": "none"}, seed=seed)
        parts = [list(part) for part in np.array_split(having, 5)]
        assert [frame in part for frame, part in zip(told["frames"], parts, strict=True)] == [True] * 5
        drawn.add(tuple(told["frames"]))
    assert len(drawn) > 1
    sheet = read_image(told["file"])
    assert asked("convert_faces", images, model, seed=5)["frames"] == told["frames"]
    assert sheet.shape == (2 * 384 + GAP, 5 * 384 + 4 * GAP, 3)
    for column in range(5):
        x = column * (384 + GAP)
        above, below = sheet[:384, x:x + 384].astype(int), sheet[384 + GAP:, x:x + 384].astype(int)
        middle = np.s_[160:224, 160:224]
        assert below[middle].mean() < 0.7 * above[middle].mean()  # the model halves what it sees
        np.testing.assert_array_equal(above[:30, :60], below[:30, :60])  # the surroundings are the frame's
    told = asked("convert_faces", images, model, options={"frames": "0-2"})
    assert told["frames"] == [0, 1, 2]
    with pytest.raises(AlignmentsError, match="no faces"):
        asked("convert_faces", images, model, options={"frames": "3"})


def test_pictures_of_processes_that_died_are_removed(images: Any, save_mirror: Any, tmp_path: Path) -> None:
    live = tmp_path / "home" / "cache" / "live"
    for name, age in (("1", 3 * 86400), ("2", 60)):
        (live / name).mkdir(parents=True)
        (live / name / "frame.png").write_bytes(b"")
        for place in (live / name / "frame.png", live / name):
            os.utime(place, (time.time() - age,) * 2)
    told = asked("convert_frame", images, save_mirror(tmp_path / "model"), frame=0)
    assert {place.name for place in live.iterdir()} == {"2", str(os.getpid())}
    assert Path(told["file"]).parent.name == str(os.getpid())


def test_the_service_answers_and_takes_its_pictures_along(images: Any, tmp_path: Path) -> None:
    """A real process with a real model, untrained."""
    import torch

    from understudy.core.models import base, folder

    torch.manual_seed(0)
    made = base.build("sketch")
    state = folder.ModelState(folder.Settings("sketch"), 64, 64, iterations=1)
    folder.write(tmp_path / "model", state, made.state_dict(), None)
    service = Service(sys.executable, tmp_path / "service.txt")
    try:
        given = {"source": str(images.path), "model_dir": str(tmp_path / "model"), "device": "cpu"}
        told = service.ask("convert_frame", options=given, frame=1).wait(60)
        assert (told["faces"], Path(told["file"]).exists()) == (1, True)
    finally:
        service.close(patience=10)
    assert not Path(told["file"]).exists()
