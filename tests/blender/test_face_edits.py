"""Faces of a frame under `blender -b`: moved, drawn, copied, interpolated, reverted, deleted, named, each with undo."""

from __future__ import annotations

import importlib.util
import shutil
import time
from math import radians
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
moving, build, press = helpers.moving, helpers.build, helpers.press
START, TRIM = helpers.START, helpers.TRIM


@pytest.fixture
def shot(scene: Any, tmp_path: Path, core_python: Path, extension: Any) -> SimpleNamespace:
    made = build(scene, tmp_path, people=2)
    made.store_of = extension("core.faces.store").AlignmentsStore
    made.faces = lambda frame, removed=False: helpers.faces(made.store_of, made.store, frame, removed)
    return made


def is_as_found(shot: SimpleNamespace, frame: int) -> bool:
    return [(f.state, f.landmarks.tobytes(), f.box) for f in shot.faces(frame)] == [
        ("machine", moving.landmarks(p, frame).tobytes(), moving.box(p, frame)) for p in range(2)]


def test_moving_scaling_and_rotating_are_exact_and_undone(shot: SimpleNamespace) -> None:
    original = moving.landmarks(1, 6).astype(np.float64)
    middle = (original.min(0) + original.max(0)) / 2
    c, s = np.cos(radians(30)), np.sin(radians(30))
    # Anticlockwise as it is seen, where y runs down: what is right of the middle goes up.
    turned = np.stack([(original - middle) @ (c, s), (original - middle) @ (-s, c)], 1) + middle
    for name, values, wanted in (("landmarks_move", {"offset": (3.25, -7.5)}, original + np.array((3.25, -7.5))),
                                 ("landmarks_scale", {"factor": 1.2}, (original - middle) * 1.2 + middle),
                                 ("landmarks_rotate", {"angle": radians(30)}, turned)):
        assert press(name, frame=6, face="1", **values) == {"FINISHED"}
        first, second = shot.faces(6)
        assert (first.state, second.state) == ("machine", "edited")
        np.testing.assert_allclose(second.landmarks, wanted, atol=2e-3)
        assert first.landmarks.tobytes() == moving.landmarks(0, 6).tobytes()
        bpy.ops.ed.undo()
        assert is_as_found(shot, 6)
        bpy.ops.ed.redo()
        np.testing.assert_allclose(shot.faces(6)[1].landmarks, wanted, atol=2e-3)
        bpy.ops.ed.undo()
    press("landmarks_scale", frame=6, face="1", factor=2.0)
    # The box goes along.
    np.testing.assert_allclose(shot.faces(6)[1].box[2:], 2 * np.array(moving.box(1, 6)[2:]), atol=1e-3)


def test_the_shown_frame_and_the_chosen_face_are_meant(shot: SimpleNamespace) -> None:
    bpy.context.scene.frame_set(START + 3)
    with pytest.raises(RuntimeError, match="has 2 faces"):
        press("landmarks_move", offset=(5, 0))
    bpy.context.window_manager.understudy_correction.face = shot.faces(TRIM + 3)[0].uuid
    press("landmarks_move", offset=(5, 0))
    np.testing.assert_allclose(shot.faces(TRIM + 3)[0].landmarks, moving.landmarks(0, TRIM + 3) + np.array((5, 0)),
                               atol=1e-3)
    bpy.context.scene.frame_set(START - 2)
    with pytest.raises(RuntimeError, match="not shown at this frame"):
        press("landmarks_move", offset=(5, 0))


def test_markers_follow_other_edits(shot: SimpleNamespace) -> None:
    press("markers_make", frames="6")
    (clip,) = bpy.data.movieclips
    track = clip.tracking.objects["Anna"].tracks["lm_08"]
    track.markers.find_frame(7).co = (0.5, 0.5)  # moved, not applied
    track.markers.find_frame(7).is_keyed = True
    press("landmarks_move", frame=6, face="0", offset=(10, 20))
    x, y = moving.landmarks(0, 6)[9] + (10, 20)
    co = clip.tracking.objects["Anna"].tracks["lm_09"].markers.find_frame(7).co
    np.testing.assert_allclose((co[0] * 640 - 0.5, (1 - co[1]) * 360 - 0.5), (x, y), atol=1e-3)
    assert tuple(track.markers.find_frame(7).co) == (0.5, 0.5)
    press("markers_apply")
    landmarks = shot.faces(6)[0].landmarks
    np.testing.assert_allclose(landmarks[8], (319.5, 179.5), atol=0.01)
    np.testing.assert_allclose(landmarks[9], (x, y), atol=0.01)
    press("face_delete", frame=6, face="0")
    assert clip.tracking.objects["Anna"].tracks["lm_09"].markers.find_frame(7).mute  # Blender keeps a track's last one
    bpy.ops.ed.undo()
    (clip,) = bpy.data.movieclips
    assert not clip.tracking.objects["Anna"].tracks["lm_09"].markers.find_frame(7).mute
    assert len(shot.faces(6)) == 2


def test_copying_from_the_frames_around(shot: SimpleNamespace) -> None:
    press("landmarks_move", frame=5, face="0", offset=(2, 2))
    press("faces_copy", frame=6, way="PREVIOUS")
    first, second = shot.faces(6)
    np.testing.assert_allclose(first.landmarks, moving.landmarks(0, 5) + np.float32(2), atol=1e-3)
    assert second.landmarks.tobytes() == moving.landmarks(1, 5).tobytes()
    assert (first.state, second.state) == ("edited", "edited")
    bpy.ops.ed.undo()
    assert is_as_found(shot, 6)

    press("faces_copy", frame=6, way="NEXT", face="1")
    first, second = shot.faces(6)
    assert first.state == "machine"
    assert second.landmarks.tobytes() == moving.landmarks(1, 7).tobytes()
    for number in ("0", "1"):
        press("face_delete", frame=8, face=number)
    assert shot.faces(8) == []
    press("faces_copy", frame=8, way="PREVIOUS")
    added = shot.faces(8)
    assert [(f.state, f.person) for f in added] == [("added", f.person) for f in shot.faces(7)]
    assert [f.landmarks.tobytes() for f in added] == [moving.landmarks(p, 7).tobytes() for p in range(2)]
    with pytest.raises(RuntimeError, match="No frame before"):
        press("faces_copy", frame=0, way="PREVIOUS")


def test_interpolating_between_two_corrected_frames(shot: SimpleNamespace) -> None:
    press("landmarks_move", frame=4, face="0", offset=(8, 0))
    with pytest.raises(RuntimeError, match="No corrected frame after"):
        press("face_interpolate", frame=6, face="0")
    press("landmarks_move", frame=12, face="0", offset=(0, 16))
    press("face_delete", frame=7, face="0")
    start, end = moving.landmarks(0, 4) + np.array((8, 0)), moving.landmarks(0, 12) + np.array((0, 16))
    assert press("face_interpolate", frame=6, face="0") == {"FINISHED"}
    for frame in range(5, 12):
        anna = next(f for f in shot.faces(frame) if f.person == shot.faces(0)[0].person)
        share = (frame - 4) / 8
        np.testing.assert_allclose(anna.landmarks, (1 - share) * start + share * end, atol=2e-3)
        assert anna.state == ("added" if frame == 7 else "edited")
    assert is_as_found(shot, 3)
    assert all(f.state == "machine" for f in shot.faces(8)[1:])
    bpy.ops.ed.undo()
    assert is_as_found(shot, 8)

    # Corrections: what was found keeps its movement, here a jump in frame 9.
    with shot.store_of.open(shot.store) as store:
        face = store.faces(9)[0]
        store.move_landmarks(face.uuid, face.landmarks + np.array((0, 5), np.float32))
    press("face_interpolate", frame=6, face="0", way="CORRECTIONS", first=4, last=12)
    for frame in (5, 9, 11):
        share = (frame - 4) / 8
        moved = np.array(((1 - share) * 8, share * 16 + (5 if frame == 9 else 0)))
        np.testing.assert_allclose(shot.faces(frame)[0].landmarks, moving.landmarks(0, frame) + moved, atol=2e-3)
    assert len(shot.faces(7)) == 1  # nothing was found there that could keep its movement


def test_reverting_a_frame_to_what_was_found(shot: SimpleNamespace) -> None:
    with pytest.raises(RuntimeError, match="Nothing in frame 5 was changed"):
        press("frame_revert", frame=5)
    press("landmarks_move", frame=5, face="0", offset=(2, 2))
    press("landmarks_move", frame=5, face="0", offset=(2, 2))
    press("face_delete", frame=5, face="1")
    press("face_person", frame=5, face="0", person="Carla")
    assert press("frame_revert", frame=5) == {"FINISHED"}
    assert is_as_found(shot, 5)
    with shot.store_of.readonly(shot.store) as store:
        assert store.people()[store.faces(5)[0].person] == "Carla"  # who it is is no matter of landmarks
    bpy.ops.ed.undo()
    assert [f.state for f in shot.faces(5, removed=True)] == ["edited", "removed"]


def test_persons_are_set_and_made(shot: SimpleNamespace) -> None:
    def names() -> list[str | None]:
        with shot.store_of.readonly(shot.store) as store:
            return [store.people().get(face.person) for face in store.faces(2)]

    press("face_person", frame=2, face="0", person="ben")  # however it is written
    assert names() == ["Ben", "Ben"]
    bpy.ops.ed.undo()
    assert names() == ["Anna", "Ben"]
    press("face_person", frame=2, face="1", person="")
    assert names() == ["Anna", None]
    press("face_person", frame=2, face="1", person="  Dora  M. ")
    assert names() == ["Anna", "Dora M."]


def test_a_box_that_is_moved_without_the_aligner_takes_landmarks_along(shot: SimpleNamespace) -> None:
    x, y, w, h = moving.box(0, 4)
    press("face_box", frame=4, face="0", box=(x + 10, y, w * 2, h), align=False)
    (face, _) = shot.faces(4)
    original = moving.landmarks(0, 4)
    np.testing.assert_allclose(face.landmarks[:, 0], (original[:, 0] - x) * 2 + x + 10, atol=1e-2)
    np.testing.assert_allclose(face.landmarks[:, 1], original[:, 1], atol=1e-2)
    with pytest.raises(RuntimeError, match="smaller than 8"):
        press("face_box", frame=4, face="0", box=(x, y, 3, 3))
    with pytest.raises(RuntimeError, match="has no frame 99"):
        press("face_box", frame=99, new=True, box=(x, y, 30, 30))


@pytest.mark.footage
def test_the_real_aligner_looks_into_a_box(scene: Any, tmp_path: Path, core_python: Path, footage: Path,
                                           extension: Any) -> None:
    """dlib on actor_a through the service: a box for a frame without faces, then one that was put beside the face."""
    clip = Path(shutil.copy(footage / "actor_a.mp4", tmp_path))
    helpers.media.index(clip)
    helpers.media.run_core("-c", "\n".join((
        "import sys; from understudy.core.extraction.origin import source_info",
        "from understudy.core.faces.places import default_store",
        "from understudy.core.faces.store import AlignmentsStore",
        "from understudy.core.media.source import open_source",
        "with open_source(sys.argv[1]) as s:",
        "    AlignmentsStore.create(default_store(sys.argv[1]), source_info(s)).close()",
    )), str(clip))
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strips.new_movie(name="a", filepath=str(clip), channel=1, frame_start=1)
    scene.understudy.active.strip_a = "a"
    bpy.ops.wm.save_mainfile()
    store_of, path = extension("core.faces.store").AlignmentsStore, tmp_path / "actor_a_alignments.db"
    truth = np.load(footage / "actor_a_truth.npz")
    points = truth["landmarks"][40].reshape(-1, 2)[:68]
    low, high = points.min(0), points.max(0)
    box = (*low, *(high - low))
    service = extension("addon.service")
    try:
        scene.frame_set(41)
        assert press("face_box", new=True, box=box) == {"FINISHED"}
        (face,) = helpers.faces(store_of, path, 40)
        eyes = np.linalg.norm(points[36] - points[45])
        assert np.linalg.norm(face.landmarks - points, axis=1).mean() / eyes < 0.08
        assert (face.state, face.aligner) == ("added", "dlib")
        press("landmarks_move", frame=40, offset=(30, -20))
        begun = time.perf_counter()
        press("face_box", frame=40, box=box)
        print(f"a box, warm: {time.perf_counter() - begun:.2f} s")
        (again,) = helpers.faces(store_of, path, 40)
        assert again.uuid == face.uuid
        np.testing.assert_allclose(again.landmarks, face.landmarks, atol=0.01)
        bpy.ops.ed.undo()
        np.testing.assert_allclose(helpers.faces(store_of, path, 40)[0].landmarks,
                                   face.landmarks + np.array((30, -20)), atol=0.01)
    finally:
        service._worker.close()
