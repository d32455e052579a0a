"""Blender masks on the clip become stored masks of faces, moving as their shape keys and tracks say."""

from __future__ import annotations

import importlib.util
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
moving, press = helpers.moving, helpers.press
START, TRIM = helpers.START, helpers.TRIM
WIDTH, HEIGHT = moving.SIZE
EDGE = 4  # pixels of the frame on both sides of an edge that are not looked at

Box = tuple[float, float, float, float]  # left, top, right, bottom in frame pixels


@pytest.fixture
def shot(scene: Any, tmp_path: Path, core_python: Path, extension: Any, consent: None) -> SimpleNamespace:
    made = helpers.build(scene, tmp_path, people=2)
    made.store_of = extension("core.faces.store").AlignmentsStore
    made.transform = extension("core.faces.geometry").transform
    return made


def shape(spline: Any, box: Box) -> None:
    """Give a spline of four points the shape of a box."""
    left, top, right, bottom = box
    side = max(WIDTH, HEIGHT)
    for point, (x, y) in zip(spline.points, ((left, top), (right, top), (right, bottom), (left, bottom)), strict=True):
        at = (0.5 + (x + 0.5 - WIDTH / 2) / side, 0.5 - (y + 0.5 - HEIGHT / 2) / side)
        point.handle_left_type = point.handle_right_type = "VECTOR"
        point.co = point.handle_left = point.handle_right = at
        point.select = True


def drawn(mode: str, box: Box, **values: Any) -> tuple[Any, Any]:
    """A mask with one box, as a person draws it."""
    before = set(bpy.data.masks)
    assert press(f"mask_new_{mode}", **values) == {"FINISHED"}
    (mask,) = set(bpy.data.masks) - before
    spline = mask.layers[0].splines.new()
    spline.points.add(3)
    spline.use_cyclic = True
    shape(spline, box)
    mask.layers[0].splines.active = spline
    return mask, spline


def key(mask: Any, spline: Any, frame: int, box: Box) -> None:
    """A shape key at a timeline frame."""
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = "CLIP_EDITOR"
    space = area.spaces.active
    space.clip, space.mode, space.mask = mask.understudy.clip, "MASK", mask
    region = next(region for region in area.regions if region.type == "WINDOW")
    bpy.context.scene.frame_set(frame)
    shape(spline, box)
    with bpy.context.temp_override(window=window, screen=window.screen, area=area, region=region):
        assert bpy.ops.mask.shape_key_insert() == {"FINISHED"}


def check(shot: SimpleNamespace, frame: int, person: int, kind: str, boxes: list[Box] | None) -> None:
    """What is stored covers exactly these boxes of the frame; None: nothing is stored."""
    with shot.store_of.readonly(shot.store) as store:
        face = store.faces(frame)[person]
        mask = store.mask(face.uuid, kind)
    if boxes is None:
        assert mask is None, (frame, person)
        return
    assert mask is not None, (frame, person)
    y, x = np.mgrid[2:HEIGHT - 2:3, 2:WIDTH - 2:3]
    points = np.stack([x.ravel(), y.ravel()], 1).astype(np.float64)
    cells = np.rint(shot.transform(points, mask.matrix)).astype(int)
    seen = ((cells >= 1) & (cells < mask.pixels.shape[0] - 1)).all(1)
    x, y, values = *points[seen].T, mask.pixels[cells[seen, 1], cells[seen, 0]]
    inside, near = np.zeros(len(x), bool), np.zeros(len(x), bool)
    for left, top, right, bottom in boxes:
        inside |= (x > left) & (x < right) & (y > top) & (y < bottom)
        near |= ((x > left - EDGE) & (x < right + EDGE) & (y > top - EDGE) & (y < bottom + EDGE)
                 & ~((x > left + EDGE) & (x < right - EDGE) & (y > top + EDGE) & (y < bottom - EDGE)))
    assert seen.sum() > 2000  # the crop shows much of the frame
    assert (values[inside & ~near] > 240).all(), (frame, person)
    assert (values[~inside & ~near] < 15).all(), (frame, person)


def between(a: Box, b: Box, share: float) -> Box:
    return tuple((1 - share) * p + share * q for p, q in zip(a, b, strict=True))  # type: ignore[return-value]


def test_a_mask_moves_with_its_keys_and_is_about_one_person(shot: SimpleNamespace, tmp_path: Path) -> None:
    """A box before Anna's face that is keyed at two frames; Blender goes evenly between them, or holds."""
    start, end = (100.0, 110.0, 140.0, 200.0), (180.0, 130.0, 230.0, 190.0)
    mask, spline = drawn("subtract", start, person="Anna")
    assert (mask.understudy.mode, mask.understudy.person) == ("SUBTRACT", "Anna")
    assert (mask.frame_start, mask.frame_end) == (START, bpy.context.scene.frame_end)
    key(mask, spline, START, start)
    key(mask, spline, START + 10, end)
    mask.frame_end = START + 15
    assert press("masks_bake") == {"FINISHED"}
    for frame, share in ((TRIM, 0), (TRIM + 10, 1), (TRIM + 14, 1)):
        check(shot, frame, 0, "blender-subtract", [between(start, end, share)])
    with shot.store_of.readonly(shot.store) as store:
        middle = store.mask(store.faces(TRIM + 5)[0].uuid, "blender-subtract")
    assert middle is not None
    check(shot, TRIM + 5, 0, "blender-subtract", [between(start, end, 0.5)])
    check(shot, TRIM + 5, 1, "blender-subtract", None)  # Ben
    check(shot, TRIM + 16, 0, "blender-subtract", None)  # after the mask's last frame
    check(shot, TRIM - 1, 0, "blender-subtract", None)
    check(shot, TRIM + 5, 0, "blender-add", None)
    assert not list(tmp_path.glob(".understudy_masks_*"))

    # Baked again for fewer frames: what was stored before and is covered no more is cleared, after a backup.
    mask.frame_end = START + 3
    assert press("masks_bake") == {"FINISHED"}
    check(shot, TRIM + 2, 0, "blender-subtract", [between(start, end, 0.2)])
    check(shot, TRIM + 10, 0, "blender-subtract", [])
    assert len(list(tmp_path.glob("moving_alignments_backup_*.db"))) == 1


def test_masks_follow_tracks_and_are_laid_together(shot: SimpleNamespace) -> None:
    """One mask parented to a landmark's track, one that stands still, and one that adds, for everybody."""
    press("markers_make", frames="0-29")
    bpy.context.scene.frame_set(START)
    moved, still = (120.0, 120.0, 170.0, 160.0), (400.0, 100.0, 430.0, 200.0)
    mask, _ = drawn("subtract", moved, person="Anna")
    assert press("mask_parent", mask=mask.name, object="Anna", track="lm_30") == {"FINISHED"}
    drawn("subtract", still)[0].understudy.person = ""
    drawn("add", (130.0, 90.0, 180.0, 110.0))[0].understudy.person = ""
    assert press("masks_bake") == {"FINISHED"}
    for frame in (TRIM, TRIM + 7, 29):
        x, y = np.array(moving.MOTION) * (frame - TRIM)
        there = (moved[0] + x, moved[1] + y, moved[2] + x, moved[3] + y)
        check(shot, frame, 0, "blender-subtract", [there, still])
        check(shot, frame, 1, "blender-subtract", [still])
        check(shot, frame, 0, "blender-add", [(130.0, 90.0, 180.0, 110.0)])


def test_what_cannot_be_baked_is_told_in_words(shot: SimpleNamespace, extension: Any) -> None:
    problem = extension("addon.masks").problem
    board = extension("addon.watch").look()
    assert "New Subtract Mask first" in problem(board)
    assert press("mask_new_subtract") == {"FINISHED"}
    (mask,) = bpy.data.masks
    assert mask.understudy.person == ""  # there are two, and none is chosen
    with pytest.raises(RuntimeError, match="is empty"):
        press("masks_bake")
    with pytest.raises(RuntimeError, match="no such track"):
        press("mask_parent", mask=mask.name, object="Camera")
    bpy.ops.ed.undo()
    assert not len(bpy.data.masks)


def test_a_failing_blender_is_told_in_its_own_words(shot: SimpleNamespace, extension: Any, tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    drawn("add", (130.0, 90.0, 180.0, 110.0))
    program = tmp_path / "blender"
    program.write_text("#!/bin/sh\ntest \"$1\" = --version && { echo Python 3; exit; }\necho no memory left; exit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(extension("addon.masks"), "program", lambda: program)
    with pytest.raises(RuntimeError, match="no memory left"):
        press("masks_bake")
    check(shot, TRIM, 0, "blender-add", None)
