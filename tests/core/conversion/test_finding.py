"""Faces found on the fly, and faces chosen by the pictures in a faces folder; frames kept as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.core.conversion.task import run
from understudy.core.errors import AlignmentsError, FacesError
from understudy.core.faces.chunks import without_texts
from understudy.core.faces.png import KEYWORD, FaceHeader, write_face
from understudy.core.faces.store import AlignmentsStore
from understudy.core.jobs.messages import SilentReporter
from understudy.core.media.images import encode_png, read_image
from understudy.core.media.source import open_source


def face_picture(path: Path, face: Any, source: str, frame_name: str, is_video: bool, *, foreign: bool = False) -> None:
    """A picture as extract writes it, or, without our chunk, as another tool does."""
    header = FaceHeader(face.uuid, face.landmarks, face.box, np.eye(3)[:2], source, is_video, face.frame, frame_name,
                        (240, 180), face.position)
    path.parent.mkdir(exist_ok=True)
    write_face(path, encode_png(np.zeros((16, 16, 3), np.uint8)), header)
    if foreign:
        path.write_bytes(without_texts(path.read_bytes(), (KEYWORD,)))


@pytest.mark.parametrize("foreign", [False, True])
@pytest.mark.parametrize("kind", ["images", "video"])
def test_only_faces_whose_pictures_are_there(kind: str, foreign: bool, request: pytest.FixtureRequest,
                                             options: Callable, save_mirror: Callable, tmp_path: Path) -> None:
    scene = request.getfixturevalue(kind)
    model, folder = save_mirror(tmp_path / "model", b=0.5), tmp_path / "faces"
    with open_source(scene.path) as source, AlignmentsStore.readonly(scene.store) as store:
        for frame, position in ((2, 0), (5, 1)):
            name = source.files[frame].name if kind == "images" else f"{source.name(frame)}.mp4"
            face_picture(folder / f"{frame}.png", store.faces(frame)[position], scene.path.name, name, kind == "video",
                         foreign=foreign)
    result = run(options(scene, model, writer="images", input_aligned_dir=str(folder)), SilentReporter())
    assert (result["faces"], result["with_faces"], result["converted"]) == (2, 2, 10)
    frames = scene.frames()
    with open_source(scene.path) as source:
        changed = [n for n in range(10) if not np.array_equal(
            read_image(tmp_path / "out" / f"{source.name(n)}.png"), frames[n])]
    assert changed == [2, 5]


def test_a_folder_of_other_faces_is_told(video: Any, images: Any, options: Callable, save_mirror: Callable,
                                         tmp_path: Path) -> None:
    model, folder = save_mirror(tmp_path / "model"), tmp_path / "faces"
    with AlignmentsStore.readonly(images.store) as store:
        face_picture(folder / "a.png", store.faces(2)[0], "shot", "img_9.png", False)
    wanted = options(video, model, input_aligned_dir=str(folder))
    with pytest.raises(FacesError, match=r"None of the 1 pictures in .*faces is of a face in .*clip\.mp4 .*of shot"):
        run(wanted, SilentReporter())
    assert not (tmp_path / "out").exists()
    with pytest.raises(FacesError, match="no faces folder"):
        run(options(video, model, input_aligned_dir=str(tmp_path / "none")), SilentReporter())


def test_frames_left_out_are_kept_as_they_are(images: Any, options: Callable, save_mirror: Callable,
                                              tmp_path: Path) -> None:
    model = save_mirror(tmp_path / "model", b=0.5)
    values = {"writer": "images", "frames": "1-2,5"}
    assert run(options(images, model, **values), SilentReporter())["frames"] == 3
    result = run(options(images, model, **values, keep_unchanged=True), SilentReporter())
    assert (result["frames"], result["converted"], result["kept"]) == (10, 7, 3)
    assert result["made"]["frames"] == "0-9"
    for index, before in enumerate(images.frames()):
        after = read_image(tmp_path / "out" / f"img_{2 * index + 5}.png")
        assert np.array_equal(after, before) == (index not in (1, 2, 5))


def test_faces_are_found_on_the_fly_and_kept(video: Any, options: Callable, save_mirror: Callable, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    """What extraction is asked for, and that conversion goes on with it; extraction itself has tests of its own."""
    from understudy.core.extraction import task

    model = save_mirror(tmp_path / "model", b=0.5)
    with pytest.raises(AlignmentsError, match="on-the-fly"):
        run(options(video, model, alignments=str(tmp_path / "new.db")), SilentReporter())
    asked: list[Any] = []

    def extract(wanted: Any, reporter: Any) -> dict[str, Any]:
        asked.append(wanted)
        (tmp_path / "new.db").write_bytes(video.store.read_bytes())
        with AlignmentsStore.open(tmp_path / "new.db") as store:
            store._connection.execute("DELETE FROM frame WHERE idx > 5")
            store._connection.execute("DELETE FROM face WHERE frame > 5")
        return {}

    monkeypatch.setattr(task, "run", extract)
    fly = options(video, model, alignments=str(tmp_path / "new.db"), on_the_fly=True, frames="0-5")
    assert run(fly, SilentReporter())["faces"] == 6
    (first,) = asked
    assert (first.frames, first.detector, first.aligner, first.every, first.purpose, first.skip_existing) == (
        "0-5", "dlib", "dlib", 0, "convert", True)
    assert first.alignments == str(tmp_path / "new.db")
    run(fly, SilentReporter())
    assert len(asked) == 1  # all of these frames were searched
    run(options(video, model, alignments=str(tmp_path / "new.db"), on_the_fly=True, frames="4-7"), SilentReporter())
    assert asked[1].frames == "6-7"


@pytest.mark.footage
def test_on_the_fly_on_footage(footage: Path, save_mirror: Callable, tmp_path: Path) -> None:
    """The real detector and aligner, on frames of a rendered actor."""
    from understudy.core.options import make
    from understudy.core.options.convert import ConvertOptions

    result = run(make(ConvertOptions, {
        "source": str(footage / "actor_a.mp4"), "model_dir": str(save_mirror(tmp_path / "model")), "frames": "0-2",
        "output": str(tmp_path / "out"), "alignments": str(tmp_path / "a.db"), "on_the_fly": True,
        "device": "cpu"}), SilentReporter())
    assert (result["faces"], result["frames"]) == (3, 3)
    with AlignmentsStore.readonly(tmp_path / "a.db") as store:
        assert store.frames_seen() == {0, 1, 2}
