"""Landmarks as tracking markers under `blender -b`: only what moves changes, to a hundredth of a pixel, with undo."""

from __future__ import annotations

import importlib.util
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"blender_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


helpers = _load("moving_shot")
moving, build, faces, press = helpers.moving, helpers.build, helpers.faces, helpers.press
COUNT, START, TRIM = helpers.COUNT, helpers.START, helpers.TRIM
OPS = bpy.ops.understudy


@pytest.fixture
def shot(scene: Any, tmp_path: Path, core_python: Path) -> SimpleNamespace:
    return build(scene, tmp_path)


@pytest.fixture
def store_of(extension: Any) -> Any:
    return extension("core.faces.store").AlignmentsStore


def the_clip() -> Any:
    (clip,) = bpy.data.movieclips
    return clip


def marker(name: str, landmark: int, clip_frame: int) -> Any:
    return the_clip().tracking.objects[name].tracks[f"lm_{landmark:02d}"].markers.find_frame(clip_frame)


def put(name: str, landmark: int, clip_frame: int, x: float, y: float) -> None:
    """Move a marker to frame pixels as a person does: Blender notes that it was keyed."""
    one = marker(name, landmark, clip_frame)
    one.co = ((x + 0.5) / moving.SIZE[0], 1 - (y + 0.5) / moving.SIZE[1])
    one.is_keyed = True


@pytest.mark.parametrize("kind", ["video", "images"])
def test_only_what_is_moved_changes_to_a_hundredth_of_a_pixel(scene: Any, tmp_path: Path, core_python: Path,
                                                              store_of: Any, kind: str) -> None:
    shot = build(scene, tmp_path, kind=kind, people=2)
    assert press("markers_make", frames="0-29") == {"FINISHED"}
    clip = the_clip()
    assert sorted(o.name for o in clip.tracking.objects) == ["Anna", "Ben", "Camera"]
    assert clip.frame_start == START - TRIM  # both editors show the same frame at the same time
    frames = np.arange(COUNT)
    for person, name in enumerate(moving.NAMES):
        for landmark in range(68):
            markers = clip.tracking.objects[name].tracks[f"lm_{landmark:02d}"].markers
            assert [m.frame for m in markers] == list(frames + 1)
            assert not any(m.is_keyed for m in markers)
            found = [(m.co[0] * 640 - 0.5, (1 - m.co[1]) * 360 - 0.5) for m in markers]
            np.testing.assert_allclose(found, [moving.landmarks(person, n)[landmark] for n in frames], atol=1e-3)

    before = shot.store.read_bytes()
    with pytest.raises(RuntimeError, match="No marker was moved"):
        press("markers_apply")
    assert shot.store.read_bytes() == before

    generator = np.random.default_rng(2)
    wanted: dict[tuple[int, int], np.ndarray] = {}
    for person, frame in ((0, 0), (0, 7), (1, 7), (1, 29)):
        points = moving.landmarks(person, frame).astype(np.float64)
        for landmark in generator.choice(68, 9, replace=False):
            points[landmark] += generator.uniform(-20, 20, 2)
            put(moving.NAMES[person], int(landmark), frame + 1, *points[landmark])
        wanted[person, frame] = points
    assert press("markers_apply") == {"FINISHED"}
    for frame in range(COUNT):
        for person, face in enumerate(faces(store_of, shot.store, frame)):
            original = moving.landmarks(person, frame)
            points = wanted.get((person, frame))
            if points is None:
                assert face.state == "machine"
                assert face.landmarks.tobytes() == original.tobytes()
                continue
            assert face.state == "edited"
            np.testing.assert_allclose(face.landmarks, points, atol=0.01)
            still = (points == original).all(1)
            assert face.landmarks[still].tobytes() == original[still].tobytes()
    with pytest.raises(RuntimeError, match="No marker was moved"):
        press("markers_apply")


def test_pictures_without_numbers_are_refused_in_words(scene: Any, tmp_path: Path, core_python: Path) -> None:
    shot = build(scene, tmp_path, kind="images", count=3)
    (shot.path / "shot_0002.png").rename(shot.path / "shot_0007.png")
    with pytest.raises(RuntimeError, match="not numbered one after the other"):
        press("markers_make", frames="0-1")


def test_undo_and_redo_bring_back_markers_and_alignments(shot: SimpleNamespace, store_of: Any, tmp_path: Path) -> None:
    press("markers_make", frames="5-6")
    original = moving.landmarks(0, 5)
    put("Anna", 30, 6, 100, 100)
    bpy.ops.ed.undo_push(message="Drag")
    press("markers_apply")
    put("Anna", 31, 6, 120, 90)
    bpy.ops.ed.undo_push(message="Drag")
    press("markers_apply")

    def now() -> np.ndarray:
        (face,) = faces(store_of, shot.store, 5)
        return face.landmarks

    both = now()
    np.testing.assert_allclose(both[[30, 31]], [(100, 100), (120, 90)], atol=0.01)
    bpy.ops.ed.undo()
    np.testing.assert_allclose(now()[30], (100, 100), atol=0.01)
    assert now()[31].tobytes() == original[31].tobytes()
    assert marker("Anna", 31, 6).is_keyed  # moved and not applied, as it was then
    bpy.ops.ed.undo()  # the second drag
    assert not marker("Anna", 31, 6).is_keyed
    bpy.ops.ed.undo()  # the first Apply
    assert now().tobytes() == original.tobytes()
    assert faces(store_of, shot.store, 5)[0].state == "machine"
    for _ in range(3):
        bpy.ops.ed.redo()
    assert now().tobytes() == both.tobytes()

    # One backup of the session, made before its first edit.
    (copy,) = tmp_path.glob("moving_alignments_backup_*.db")
    assert faces(store_of, copy, 5)[0].landmarks.tobytes() == original.tobytes()


def test_what_others_write_meanwhile_is_not_undone(shot: SimpleNamespace, store_of: Any, capfd: Any) -> None:
    press("landmarks_move", frame=3, offset=(5, 0))
    with store_of.open(shot.store) as other:  # a job, or another Blender
        other.move_landmarks(other.faces(8)[0].uuid, moving.landmarks(0, 8) + 1)
    bpy.ops.ed.undo()
    assert "changed by somebody else" in capfd.readouterr().out
    assert faces(store_of, shot.store, 8)[0].landmarks.tobytes() == (moving.landmarks(0, 8) + 1).tobytes()
    assert faces(store_of, shot.store, 3)[0].state == "edited"
    press("landmarks_move", frame=3, offset=(5, 0))
    bpy.ops.ed.undo()
    np.testing.assert_allclose(faces(store_of, shot.store, 3)[0].landmarks, moving.landmarks(0, 3) + np.array((5, 0)),
                               atol=1e-3)


def test_discard_and_remove(shot: SimpleNamespace, store_of: Any) -> None:
    press("markers_make", frames="5")
    put("Anna", 10, 6, 300, 200)
    correcting = sys.modules["bl_ext.user_default.understudy.addon.correcting"]
    assert correcting.unsaved(bpy.context) == 1
    press("markers_discard")
    one = marker("Anna", 10, 6)
    np.testing.assert_allclose((one.co[0] * 640 - 0.5, (1 - one.co[1]) * 360 - 0.5), moving.landmarks(0, 5)[10],
                               atol=1e-3)
    assert not one.is_keyed
    assert correcting.unsaved(bpy.context) == 0
    own = the_clip().tracking.objects.new("mine")
    own.tracks.new(name="mine", frame=1)
    press("markers_remove")
    assert [o.name for o in the_clip().tracking.objects] == ["Camera", "mine"]
    with pytest.raises(RuntimeError, match="Edit as Markers"):
        press("markers_apply")


def test_leaving_the_editing_applies_or_drops(shot: SimpleNamespace, store_of: Any) -> None:
    OPS.edit_landmarks()
    press("markers_make", frames="5")
    put("Anna", 10, 6, 300, 200)
    OPS.edit_landmarks(unsaved="APPLY")
    np.testing.assert_allclose(faces(store_of, shot.store, 5)[0].landmarks[10], (300, 200), atol=0.01)


def test_blenders_tracker_carries_corrections_on(shot: SimpleNamespace, store_of: Any) -> None:
    """The machine lost two points from frame 10 on; they are corrected in 10, tracked to 18, and applied."""
    with store_of.open(shot.store) as store, store.transaction():
        for frame in range(10, 20):
            face = store.faces(frame)[0]
            wrong = face.landmarks.copy()
            wrong[[33, 51]] += (25, -14)
            store.move_landmarks(face.uuid, wrong)
    with store_of.open(shot.store) as store:  # in 16 and 17 it saw nothing at all
        for frame in (16, 17):
            store.remove_face(store.faces(frame)[0].uuid)
    press("markers_make", frames="10-20")
    for landmark in (33, 51):
        put("Anna", landmark, 11, *moving.landmarks(0, 10)[landmark])
    assert press("markers_track", frame=11, count=8) == {"FINISHED"}
    press("markers_apply")
    for frame in (*range(10, 16), 18):
        (face,) = faces(store_of, shot.store, frame)
        assert face.state == "edited", frame
        np.testing.assert_allclose(face.landmarks[[33, 51]], moving.landmarks(0, frame)[[33, 51]], atol=0.3)
        others = np.delete(np.arange(68), [33, 51])
        assert face.landmarks[others].tobytes() == moving.landmarks(0, frame)[others].tobytes()
    assert faces(store_of, shot.store, 19)[0].state == "machine"
    assert faces(store_of, shot.store, 16) == []  # two points are no face

    # All markers of a face, carried into frames without one, make one there.
    press("markers_track", frame=16, count=2, which="ALL")
    press("markers_apply")
    for frame in (16, 17):
        (face,) = faces(store_of, shot.store, frame)
        assert face.state == "added"
        inner = moving.landmarks(0, frame)[17:]
        assert np.abs(face.landmarks[17:] - inner).mean() < 0.3
        with store_of.readonly(shot.store) as store:
            assert store.people()[face.person] == "Anna"


def test_a_hundred_frames_of_corrections_hold_nothing_up(scene: Any, tmp_path: Path, core_python: Path, store_of: Any,
                                                         extension: Any, lines: Callable[..., int], at_once: int
                                                         ) -> None:
    shot = build(scene, tmp_path, count=100)
    press("markers_make", frames="0-99")
    for frame in range(100):
        for landmark in range(68):
            x, y = moving.landmarks(0, frame)[landmark]
            put("Anna", landmark, frame + 1, x + 1.5, y - 2.25)
    spent = lines(press, "markers_apply")
    print(f"100 frames of 68 moved markers: {spent} lines")
    assert spent < at_once
    for frame in range(100):
        (face,) = faces(store_of, shot.store, frame)
        np.testing.assert_allclose(face.landmarks, moving.landmarks(0, frame) + np.array((1.5, -2.25)), atol=0.01)

    # The same work in slices: no step of it holds a window up.
    marker_edits, markers = extension("addon.marker_edits"), extension("addon.markers")
    marker_record, moved_markers = extension("addon.marker_record"), extension("addon.moved_markers")
    clip, record = the_clip(), marker_record.record_of(the_clip())
    longest, done = 0, object()
    for steps in (moved_markers.moving(clip, record), markers.discard(clip)):
        said: list[Any] = []
        while said[-1:] != [done]:
            longest = max(longest, lines(lambda: said.append(next(steps, done))))  # noqa: B023 - called at once
    print(f"longest step: {longest} lines")
    assert longest < at_once
    assert marker_edits.PENDING.look() == 0


def test_a_busy_or_missing_store_is_told_in_words(shot: SimpleNamespace, monkeypatch: pytest.MonkeyPatch,
                                                 extension: Any) -> None:
    monkeypatch.setattr(extension("addon.corrections"), "PATIENCE", 0.05)
    writer = sqlite3.connect(shot.store, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    with pytest.raises(RuntimeError, match="being written by another job"):
        press("landmarks_move", frame=3, offset=(5, 0))
    writer.execute("ROLLBACK")
    writer.close()
    assert press("landmarks_move", frame=3, offset=(5, 0)) == {"FINISHED"}
    shot.store.unlink()
    with pytest.raises(RuntimeError, match="no alignments"):
        press("landmarks_move", frame=3, offset=(5, 0))
