"""The whole task on small clips: what is written, what stays untouched, what a second run does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from understudy.core.alignments.temporal import run as temporal
from understudy.core.conversion import task
from understudy.core.conversion.swap import Swapper, convert_frame
from understudy.core.conversion.task import run
from understudy.core.errors import Stopped
from understudy.core.faces.geometry import Alignment
from understudy.core.faces.store import AlignmentsStore
from understudy.core.jobs.messages import SilentReporter
from understudy.core.media.images import read_image
from understudy.core.media.pictures import read_entries
from understudy.core.media.source import open_source
from understudy.core.models.folder import load
from understudy.core.options import Row, make
from understudy.core.options.alignments import TemporalOptions
from understudy.core.options.rows import COLOURS, WRITERS

FRAMES, FACELESS = 10, (3, 7)


def rgba(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    error = (one.astype(float) - other.astype(float)) ** 2
    return float(10 * np.log10(255**2 / max(error.mean(), 1e-9)))


def pictures(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if not p.name.startswith("."))


def test_identity_model_gives_the_frames_back(images: Any, options: Callable, save_mirror: Callable,
                                              tmp_path: Path) -> None:
    model = save_mirror(tmp_path / "model", vertical_offset=0.03)
    result = run(options(images, model, writer="images"), SilentReporter())
    layers = run(options(images, model, writer="overlay", output=str(tmp_path / "layers")), SilentReporter())
    assert result["converted"] == layers["converted"] == FRAMES
    assert (result["faces"], result["with_faces"], result["without_faces"]) == (9, 8, 2)
    written = pictures(tmp_path / "out")
    assert [p.stem for p in written] == sorted(f"img_{2 * n + 5}" for n in range(FRAMES))
    for index, before in enumerate(images.frames()):
        after = read_image(tmp_path / "out" / f"img_{2 * index + 5}.png")
        inside = rgba(tmp_path / "layers" / f"img_{2 * index + 5}.png")[..., 3] > 0
        assert inside.any() == (index not in FACELESS)
        np.testing.assert_array_equal(after[~inside], before[~inside])
        if inside.any():
            assert psnr(after[inside], before[inside]) >= 46.0


@pytest.mark.parametrize("color", [row.name for row in COLOURS])
def test_overlay_over_the_source_is_the_full_frame(color: str, video: Any, options: Callable, save_mirror: Callable,
                                                   tmp_path: Path) -> None:
    model = save_mirror(tmp_path / "model", b=0.6)
    values = {"color": color, "erosion": 5.0, "face_scale": 4.0}
    run(options(video, model, writer="images", **values), SilentReporter())
    run(options(video, model, writer="overlay", output=str(tmp_path / "layers"), **values), SilentReporter())
    for index, before in enumerate(video.frames()):
        layer = rgba(tmp_path / "layers" / f"clip_{index:06d}.png").astype(float)
        alpha = layer[..., 3:] / 255
        over = before * (1 - alpha) + layer[..., :3] * alpha
        after = read_image(tmp_path / "out" / f"clip_{index:06d}.png")
        assert np.abs(over - after).max() <= 1.0
        if color == "none" and index not in FACELESS:
            solid = alpha[..., 0] == 1
            assert after[solid].mean() == pytest.approx(0.6 * before[solid].mean(), rel=0.02)


def test_avg_color_brings_a_dark_swap_back_to_the_original_mean(video: Any, options: Callable, save_mirror: Callable,
                                                                tmp_path: Path) -> None:
    model = load(save_mirror(tmp_path / "model", b=0.6))
    with open_source(video.path) as source, AlignmentsStore.readonly(video.store) as store:
        frame, faces = source.read(0), store.faces(0)
    converted = convert_frame(frame, faces, model, options(video, tmp_path, mask_blur="none"))
    (patch,) = converted.patches
    (cut,) = Swapper(model, options(video, tmp_path)).cut(frame, faces)
    inside = patch.mask == 1
    np.testing.assert_allclose(patch.rgb[inside].mean(0), cut.reference[inside].mean(0), atol=0.02)
    assert patch.face == faces[0].uuid


def test_mask_is_the_hulls_of_the_landmarks(video: Any, options: Callable, save_mirror: Callable,
                                            tmp_path: Path) -> None:
    """Alpha covers the features of the face and leaves out what is far from it."""
    model = load(save_mirror(tmp_path / "model"))
    with open_source(video.path) as source, AlignmentsStore.readonly(video.store) as store:
        frame, faces = source.read(2), store.faces(2)
    alpha = {}
    for kind in ("components", "extended", "none"):
        layer = convert_frame(frame, faces, model, options(video, tmp_path, mask_type=kind)).layer
        x, y, w, h = layer.box
        alpha[kind] = np.zeros(frame.pixels.shape[:2])
        alpha[kind][y:y + h, x:x + w] = layer.alpha / 255
    nose = np.rint(faces[0].landmarks[27:36]).astype(int)
    for kind in alpha:
        assert (alpha[kind][nose[:, 1], nose[:, 0]] > 0.98).all()
    assert alpha["components"].sum() < alpha["extended"].sum() < alpha["none"].sum()
    side = 1 / np.sqrt(np.linalg.det(Alignment(faces[0].landmarks).matrix(192, "face", 0.875)[:, :2])) * 192
    assert alpha["none"].sum() == pytest.approx(side * side, rel=0.02)  # the whole crop


def test_swap_model_takes_the_other_side(images: Any, options: Callable, save_mirror: Callable,
                                         tmp_path: Path) -> None:
    model = save_mirror(tmp_path / "model", a=1.0, b=0.2)
    run(options(images, model, writer="images", color="none", swap_model=True, frames="0"), SilentReporter())
    assert psnr(read_image(tmp_path / "out" / "img_5.png"), images.frames()[0]) > 40
    run(options(images, model, writer="images", color="none", frames="0"), SilentReporter())  # made again
    assert psnr(read_image(tmp_path / "out" / "img_5.png"), images.frames()[0]) < 30


@pytest.mark.parametrize(("swap_model", "favours_b"), [(True, True), (True, False), (False, True)])
def test_swap_model_warns_where_the_trainer_favours_b(
        images: Any, options: Callable, save_mirror: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        swap_model: bool, favours_b: bool) -> None:
    class Listener(SilentReporter):
        def warning(self, message: str, detail: str = "") -> None:
            warnings.append(message)

    warnings: list[str] = []
    monkeypatch.setattr(task, "TRAINERS", (Row("mirror", "Mirror", "Gives back its input", "", favours_b=favours_b),))
    model = save_mirror(tmp_path / "model")
    run(options(images, model, writer="images", color="none", swap_model=swap_model, frames="0"), Listener())
    assert any("more detail" in warning for warning in warnings) == (swap_model and favours_b)


def test_frames_without_faces_pass_through(images: Any, options: Callable, save_mirror: Callable,
                                           tmp_path: Path) -> None:
    model = save_mirror(tmp_path / "model", b=0.3)
    run(options(images, model, writer="images", mask_type="none"), SilentReporter())
    run(options(images, model, writer="overlay", output=str(tmp_path / "layers")), SilentReporter())
    frames = images.frames()
    for index in FACELESS:
        np.testing.assert_array_equal(read_image(tmp_path / "out" / f"img_{2 * index + 5}.png"), frames[index])
        assert not rgba(tmp_path / "layers" / f"img_{2 * index + 5}.png").any()


def test_removed_faces_stay_as_they_are(images: Any, options: Callable, save_mirror: Callable,
                                        tmp_path: Path) -> None:
    with AlignmentsStore.open(images.store) as store:
        store._connection.execute("UPDATE face SET state = 'removed' WHERE frame = 5 AND position = 1")
    result = run(options(images, save_mirror(tmp_path / "model"), frames="5"), SilentReporter())
    assert result["faces"] == 1


@pytest.mark.parametrize("row", WRITERS, ids=lambda row: row.name)
def test_every_writer_marks_and_finishes(row: Row, video: Any, options: Callable, save_mirror: Callable,
                                         listener: type, tmp_path: Path) -> None:
    told = listener()
    result = run(options(video, save_mirror(tmp_path / "model"), writer=row.name, frames="1-8"), told)
    output = Path(result["output"])
    assert told.seen[0] == (0, 8)
    assert told.seen[-1] == (8, 8)
    assert result["frames"] == result["converted"] == 8
    assert result["rate"] > 0
    if output.is_dir():
        names = [f"clip_{n:06d}{result['made']['suffix']}" for n in range(1, 9)]
        if row.name == "patch":  # by face; frame 5 shows two
            names = [f"clip_0_{n:06d}.png" for n in range(1, 9)] + ["clip_1_000005.png", "matrices.json"]
        assert [p.name for p in pictures(output)] == names
        assert all(read_entries(p) for p in pictures(output) if p.suffix != ".json")
    else:
        with open_source(output) as made:
            assert len(made) == 8
            assert psnr(made.read(0).pixels, video.frames()[1]) > 28
        assert b"Understudy" in output.read_bytes()
        assert pictures(output.parent) == [output]


def test_video_replaces_its_own_file_only(video: Any, options: Callable, save_mirror: Callable,
                                          tmp_path: Path) -> None:
    wanted = options(video, save_mirror(tmp_path / "model"), writer="video", output=str(tmp_path / "out.mp4"))
    run(wanted, SilentReporter())
    assert Path(run(wanted, SilentReporter())["output"]) == tmp_path / "out.mp4"


def test_a_second_run_keeps_what_is_there(video: Any, options: Callable, save_mirror: Callable, listener: type,
                                          tmp_path: Path) -> None:
    model = save_mirror(tmp_path / "model", b=0.7)
    wanted = options(video, model)
    with pytest.raises(Stopped):
        run(wanted, listener(stop_after=4))
    done = pictures(tmp_path / "out")
    assert 3 <= len(done) < FRAMES
    times = {p: p.stat().st_mtime_ns for p in done}
    done[1].write_bytes(done[1].read_bytes()[:-20])  # a torn picture, from a machine that lost power
    told = listener()
    result = run(wanted, told)
    assert told.seen[0] == (len(done) - 1, FRAMES)
    assert result["kept"] == len(done) - 1
    assert {p: p.stat().st_mtime_ns for p in done if p != done[1]} == {p: t for p, t in times.items() if p != done[1]}
    assert run(wanted, SilentReporter())["converted"] == 0
    together = {p.name: p.read_bytes() for p in pictures(tmp_path / "out")}
    fresh = tmp_path / "fresh"
    run(options(video, model, output=str(fresh)), SilentReporter())
    assert {p.name: p.read_bytes() for p in pictures(fresh)} == together


def test_what_changed_is_made_again(video: Any, options: Callable, save_mirror: Callable, tmp_path: Path) -> None:
    model = save_mirror(tmp_path / "model")
    run(options(video, model), SilentReporter())
    assert run(options(video, model, batch_size=2), SilentReporter())["converted"] == 0
    assert run(options(video, model, erosion=5.0), SilentReporter())["converted"] == 8  # frames with faces
    save_mirror(tmp_path / "model", b=0.9)
    assert run(options(video, model, erosion=5.0), SilentReporter())["converted"] == 8
    with AlignmentsStore.open(video.store) as store:
        moved = (store.faces(4)[0].landmarks + 0.5).astype("<f4").tobytes()
        store._connection.execute("UPDATE face SET landmarks = ? WHERE frame = 4", (moved,))
    assert run(options(video, model, erosion=5.0), SilentReporter())["converted"] == 1


def test_stopping_a_video_leaves_nothing(video: Any, options: Callable, save_mirror: Callable, listener: type,
                                         tmp_path: Path) -> None:
    wanted = options(video, save_mirror(tmp_path / "model"), writer="video", output=str(tmp_path / "new" / "out.mp4"))
    with pytest.raises(Stopped):
        run(wanted, listener(stop_after=3))
    assert not (tmp_path / "new").exists()


def test_frames_never_searched_are_told(video: Any, options: Callable, save_mirror: Callable, listener: type,
                                        tmp_path: Path) -> None:
    with AlignmentsStore.open(video.store) as store:
        store._connection.execute("DELETE FROM frame WHERE idx > 7")
        store._connection.execute("DELETE FROM face WHERE frame > 7")
    told = listener()
    assert run(options(video, save_mirror(tmp_path / "model")), told)["converted"] == FRAMES
    assert len(told.warnings) == 1
    assert "2 of the 10 frames" in told.warnings[0]


def test_alignments_are_smoothed_for_the_conversion_alone(images: Any, options: Callable, save_mirror: Callable,
                                                          tmp_path: Path) -> None:
    """Smoothed on the fly gives what smoothed alignments give; the file stays, a second run keeps the pictures."""
    model, chance = save_mirror(tmp_path / "model", b=0.5), np.random.default_rng(0)
    with AlignmentsStore.open(images.store) as store:
        for _, faces in list(store.iterate()):
            for face in faces:
                store.move_landmarks(face.uuid, face.landmarks + chance.normal(0, 1.5, (68, 2)))
        store._connection.execute("DELETE FROM history")  # as extraction would have left them
    before = images.store.read_bytes()
    smooth = options(images, model, writer="images", smooth_alignments=True)
    assert run(smooth, SilentReporter())["converted"] == FRAMES
    assert images.store.read_bytes() == before
    assert run(smooth, SilentReporter())["converted"] == 0
    plain = options(images, model, writer="images", output=str(tmp_path / "plain"))
    run(plain, SilentReporter())
    names = [path.name for path in pictures(tmp_path / "out")]

    def same() -> list[bool]:
        return [np.array_equal(read_image(tmp_path / "out" / name), read_image(tmp_path / "plain" / name))
                for name in names]

    assert not all(same())
    temporal(make(TemporalOptions, {"alignments": str(images.store)}), SilentReporter())
    run(plain, SilentReporter())
    assert all(same())
