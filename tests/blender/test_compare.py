"""Compare: a line between original and result, for looking only. And conversions of a part of the frames."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest

SIZE = (64, 48)
RED, BLUE = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)


def picture(path: Path, colour: tuple[float, float, float]) -> Path:
    image = bpy.data.images.new("w", *SIZE, alpha=True)
    image.pixels.foreach_set(np.tile(np.array([*colour, 1.0], np.float32), SIZE[0] * SIZE[1]))
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)
    return path


def strips(scene: Any) -> Any:
    editor = scene.sequence_editor_create()
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def rendered(scene: Any, folder: Path) -> np.ndarray:
    """float32 [H, W, 3] of the current frame."""
    scene.render.filepath = str(folder / "rendered.png")
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(scene.render.filepath)
    values = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(values)
    bpy.data.images.remove(image)
    return values.reshape(SIZE[1], SIZE[0], -1)[..., :3]


@pytest.fixture
def shot(scene: Any, tmp_path: Path) -> SimpleNamespace:
    """A red picture for ten frames, and a blue result above it."""
    scene.render.resolution_x, scene.render.resolution_y, scene.render.use_sequencer = *SIZE, True
    scene.view_settings.view_transform = "Standard"
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_mode = "PNG", "RGB"
    below = strips(scene).new_image(name="A", filepath=str(picture(tmp_path / "red.png", RED)), channel=1,
                                    frame_start=1)
    above = strips(scene).new_image(name="A swapped", filepath=str(picture(tmp_path / "blue.png", BLUE)), channel=2,
                                    frame_start=1)
    for strip in (below, above):
        strip.frame_final_duration = 10
    below.understudy_id, above.understudy_overlay = "a" * 32, "a" * 32
    scene.frame_set(3)
    yield SimpleNamespace(below=below, above=above)
    bpy.context.window_manager.understudy_compare = False


def test_the_result_shows_on_the_right_of_the_line(scene: Any, shot: SimpleNamespace) -> None:
    manager = bpy.context.window_manager
    shot.above.crop.min_x = 8  # a person's own crop
    manager.understudy_compare_at = 0.25
    manager.understudy_compare = True
    assert shot.above.crop.min_x == 8 + (SIZE[0] - 8) // 4
    manager.understudy_compare_at = 1.0
    assert shot.above.crop.min_x == SIZE[0]
    assert shot.below.crop.min_x == 0
    manager.understudy_compare = False
    assert shot.above.crop.min_x == 8


def test_an_animated_crop_keeps_the_line(scene: Any, shot: SimpleNamespace, tmp_path: Path) -> None:
    """What strip A's animation crops goes on below the line, and is all that there is once comparing is off."""
    manager, crop = bpy.context.window_manager, shot.above.crop
    for frame, value in ((1, 0), (9, 32)):
        crop.min_x = value
        crop.keyframe_insert("min_x", frame=frame)
    for curve in curves(scene):
        for point in curve.keyframe_points:
            point.interpolation = "LINEAR"
    scene.frame_set(5)
    assert crop.min_x == 16
    manager.understudy_compare_at = 0.5
    manager.understudy_compare = True
    assert crop.min_x == 16 + (SIZE[0] - 16) // 2
    for frame, own in ((9, 32), (1, 0), (5, 16)):
        scene.frame_set(frame)
        assert crop.min_x == own + (SIZE[0] - own) // 2
        seen = scene.evaluated_get(bpy.context.evaluated_depsgraph_get())
        assert strips_there(seen)["A swapped"].crop.min_x == crop.min_x
    pixels = rendered(scene, tmp_path)
    assert np.allclose(pixels[:, 16:], BLUE, atol=0.01)
    assert np.allclose(pixels[:, :16], RED, atol=0.01)
    assert crop.min_x == 16 + (SIZE[0] - 16) // 2
    bpy.ops.wm.save_mainfile()
    scene.frame_set(9)
    assert crop.min_x == 48
    manager.understudy_compare = False
    assert crop.min_x == 32
    scene.frame_set(5)
    assert crop.min_x == 16


def curves(scene: Any) -> Any:
    action = scene.animation_data.action
    return action.fcurves if hasattr(action, "fcurves") else action.layers[0].strips[0].channelbags[0].fcurves


def strips_there(scene: Any) -> Any:
    return scene.sequence_editor.strips if hasattr(scene.sequence_editor, "strips") else scene.sequence_editor.sequences


def test_renders_and_saved_files_have_the_whole_result(scene: Any, shot: SimpleNamespace, tmp_path: Path) -> None:
    manager = bpy.context.window_manager
    manager.understudy_compare_at = 0.5
    manager.understudy_compare = True
    pixels = rendered(scene, tmp_path)
    assert np.allclose(pixels, BLUE, atol=0.01)
    assert shot.above.crop.min_x == SIZE[0] // 2  # and it goes on
    bpy.ops.wm.save_mainfile()
    assert shot.above.crop.min_x == SIZE[0] // 2
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    opened = next(s for s in strips(bpy.context.scene) if s.understudy_overlay)
    assert not bpy.context.window_manager.understudy_compare
    assert (opened.crop.min_x, opened.understudy_crop) == (0, -1)


def test_a_file_from_a_crash_is_put_right(extension: Any, scene: Any, shot: SimpleNamespace, tmp_path: Path) -> None:
    """Blender's own recovery files are written without a word to extensions."""
    shot.above.understudy_crop, shot.above.crop.min_x = 5, 40
    bpy.ops.wm.save_mainfile()
    assert (shot.above.crop.min_x, shot.above.understudy_crop) == (5, -1)
    shot.above.understudy_crop, shot.above.crop.min_x = 5, 40
    handlers = bpy.app.handlers.save_pre[:]
    bpy.app.handlers.save_pre.clear()
    bpy.ops.wm.save_mainfile()
    bpy.app.handlers.save_pre.extend(handlers)
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    opened = next(s for s in strips(bpy.context.scene) if s.understudy_overlay)
    assert (opened.crop.min_x, opened.understudy_crop) == (5, -1)


# --- parts ------------------------------------------------------------------------------------------------------


@pytest.fixture
def planned(extension: Any, scene: Any, shot: SimpleNamespace, tmp_path: Path,
            monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the operator would run: the list fills instead of jobs starting. Strip A shows pictures 0 to 9."""
    folder = tmp_path / "shot"
    folder.mkdir()
    names = [picture(folder / f"p_{n:03d}.png", RED).name for n in range(10)]
    strips(scene).remove(shot.below)
    strip = strips(scene).new_image(name="A", filepath=str(folder / names[0]), channel=1, frame_start=5)
    for name in names[1:]:
        strip.elements.append(name)
    extension("addon.shot").choose(scene, "a", strip)
    seen: list[Any] = []
    stages = extension("addon.stages")
    monkeypatch.setenv("UNDERSTUDY_CONSENT", "1")
    monkeypatch.setattr(stages, "problem", lambda *args, **kwargs: "")
    monkeypatch.setattr(stages, "plan", lambda scene, stage, **overrides: seen.append(overrides) or [])
    monkeypatch.setattr(stages, "run_and_wait", lambda *args: "stopped")
    return seen


def test_a_part_of_the_frames_is_converted(scene: Any, planned: list[Any]) -> None:
    scene.frame_set(8)
    bpy.ops.understudy.convert(span="FRAME")
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 1, 7
    bpy.ops.understudy.convert(span="PREVIEW")
    bpy.ops.understudy.convert()
    assert planned == [{"frames": "3"}, {"frames": "0-2"}, {}]


def test_parts_that_are_none_are_refused(scene: Any, planned: list[Any]) -> None:
    scene.frame_set(40)
    with pytest.raises(RuntimeError, match="shows nothing there"):
        bpy.ops.understudy.convert(span="FRAME")
    with pytest.raises(RuntimeError, match="no preview range"):
        bpy.ops.understudy.convert(span="PREVIEW")
    scene.frame_set(8)
    scene.understudy.active.convert.writer = "video"
    with pytest.raises(RuntimeError, match="made as a whole"):
        bpy.ops.understudy.convert(span="FRAME")
    assert planned == []
