"""The strip that shows a conversion, by rendering: the same frames in the same place, brought up to date in place."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
ROOT = Path(__file__).resolve().parents[2]
COUNT = 40
GAPS = [*range(1, 12), *range(15, 25), 30, 100, 101]
OLD = bpy.app.version < (4, 3, 0)
MODIFIERS = bpy.app.version < (5, 0, 0)  # 5.0's module crashes when a strip gets one


def _load_clips() -> ModuleType:
    spec = importlib.util.spec_from_file_location("blender_clips", Path(__file__).with_name("clips.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


clips = _load_clips()
collection, movie, images, put, trim = clips.collection, clips.movie, clips.images, clips.put, clips.trim


@pytest.fixture(scope="module", autouse=True)
def package(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with clips.package(tmp_path_factory.mktemp("home")):
        yield


@pytest.fixture(scope="module")
def results() -> ModuleType:
    from understudy.addon import results

    return results


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("clips")
    jumps = [40 * n + (n * 7) % 13 for n in range(COUNT)]

    def make(name: str) -> Path:
        path = folder / name
        if not path.exists():
            if name == "shot":
                clips.make("images", path, numbers=GAPS)
            else:
                variable = {"pts": jumps, "time_base": [1, 1000]}
                clips.make("video", path, count=COUNT, **(variable if name == "variable.mp4" else {}))
        return path

    return make


def _overlay_pictures(results: ModuleType, scene: Any, strip: Any, folder: Path, shift: int = 1000) -> None:
    """A converted folder: every shown frame's picture carries its number plus `shift`."""
    frames = results.frame_map(scene, strip)
    folder.mkdir(exist_ok=True)
    for i in frames.shown():
        _write(folder / f"{frames.name(i)}.png", clips.barcode.make(i + shift, *clips.SIZE))


def _write(path: Path, pixels: np.ndarray) -> None:
    height, width = pixels.shape[:2]
    image = bpy.data.images.new("w", width, height, alpha=True)
    rgba = np.ones((height, width, 4), np.float32)
    rgba[..., :3] = pixels[::-1] / 255
    image.pixels.foreach_set(rgba.ravel())
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)


@pytest.mark.parametrize(("name", "how"), [
    ("plain.mp4", "whole"), ("plain.mp4", "trimmed"), ("plain.mp4", "reversed"), ("variable.mp4", "trimmed"),
    ("shot", "trimmed"),
])
def test_the_overlay_lands_on_the_same_frames(name: str, how: str, made: Callable[[str], Path], results: ModuleType,
                                              tmp_path: Path) -> None:
    scene = clips.scene()
    path = made(name)
    strip = images(scene, path, [f"shot_{n:04d}.png" for n in GAPS], 8) if name == "shot" else movie(scene, path, 8)
    if how == "trimmed":
        trim(strip, 5, 4)
    strip.use_reverse_frames = how == "reversed"
    _overlay_pictures(results, scene, strip, tmp_path / "out")
    overlay = results.place(scene, strip, str(tmp_path / "out"))
    assert (overlay.channel, overlay.blend_type, overlay.alpha_mode) == (2, "ALPHA_OVER", "STRAIGHT")
    assert overlay.understudy_overlay == strip.understudy_id
    assert results.strip_range(overlay) == results.strip_range(strip)
    frames = results.frame_map(scene, strip)
    for f in range(frames.first, frames.last + 1):
        assert clips.shown_number(scene, f, tmp_path) == frames.source_frame(f) + 1000
    assert clips.shown_number(scene, frames.last + 1, tmp_path) is None


def test_the_overlay_takes_over_trims_place_and_channel(made: Callable[[str], Path], results: ModuleType,
                                                        tmp_path: Path) -> None:
    scene = clips.scene()
    strip = movie(scene, made("plain.mp4"), 3)
    _overlay_pictures(results, scene, strip, tmp_path / "out")  # the whole clip was converted
    trim(strip, 6, 9)
    strip.transform.offset_x, strip.transform.scale_x, strip.transform.rotation = 11, 0.5, 0.25
    strip.crop.min_y, strip.use_flip_x = 4, True
    blocker = collection(scene).new_movie(name="other", filepath=str(made("plain.mp4")), channel=2, frame_start=20)
    overlay = results.place(scene, strip, tmp_path / "out")
    assert overlay.channel == 3
    assert results.strip_range(overlay) == results.strip_range(strip)
    get = lambda s, new, old: getattr(s, new) if hasattr(s, new) else getattr(s, old)  # noqa: E731
    assert get(overlay, "left_handle_offset", "frame_offset_start") == 6
    assert get(overlay, "right_handle_offset", "frame_offset_end") == 9
    assert (overlay.transform.offset_x, overlay.transform.scale_x, overlay.crop.min_y) == (11, 0.5, 4)
    assert overlay.transform.rotation == pytest.approx(0.25)
    assert overlay.use_flip_x
    again = results.place(scene, strip, tmp_path / "out")
    assert [s.name for s in collection(scene) if s.understudy_overlay] == [again.name]
    assert (again.channel, blocker.channel) == (3, 2)


def test_the_overlay_moves_and_fades_as_its_strip_does(made: Callable[[str], Path], results: ModuleType,
                                                       tmp_path: Path) -> None:
    scene = clips.scene()
    strip = movie(scene, made("plain.mp4"), 3)
    for frame, value in ((5, 0.0), (15, 1.0), (25, 0.5)):
        for group, name, size in ((strip.transform, "offset_x", 40), (strip.transform, "scale_y", 2),
                                  (strip.transform, "rotation", 1), (strip.crop, "max_y", 20),
                                  (strip, "blend_alpha", 1)):
            setattr(group, name, round(value * size) if name == "max_y" else value * size)
            group.keyframe_insert(name, frame=frame)
    strip.transform.scale_x = 0.5
    _overlay_pictures(results, scene, strip, tmp_path / "out")
    twice = results.Made(tmp_path / "out", scale=2.0)
    overlay = results.place(scene, strip, twice)
    for frame in (5, 9, 15, 21, 25):
        scene.frame_set(frame)
        assert overlay.transform.offset_x == pytest.approx(strip.transform.offset_x)
        assert overlay.transform.rotation == pytest.approx(strip.transform.rotation)
        assert overlay.transform.scale_x == pytest.approx(0.25)
        assert overlay.transform.scale_y == pytest.approx(strip.transform.scale_y / 2)
        assert overlay.crop.max_y == pytest.approx(2 * strip.crop.max_y, abs=1)
        assert overlay.blend_alpha == pytest.approx(strip.blend_alpha)
    # Again: the place follows the strip's new keys, the opacity is the person's from the first time on.
    overlay.keyframe_delete("blend_alpha", frame=15)
    strip.transform.offset_x = 7
    strip.transform.keyframe_insert("offset_x", frame=30)
    assert results.place(scene, strip, twice) == overlay
    scene.frame_set(15)
    assert overlay.blend_alpha == pytest.approx(0.25, abs=0.01)
    scene.frame_set(30)
    assert overlay.transform.offset_x == pytest.approx(7)


def test_what_does_not_reach_the_result_is_said(made: Callable[[str], Path], results: ModuleType,
                                               tmp_path: Path) -> None:
    scene = clips.scene()
    strip = movie(scene, made("plain.mp4"), 1)
    _overlay_pictures(results, scene, strip, tmp_path / "out")
    overlay = results.place(scene, strip, tmp_path / "out")
    assert results.missing_from(scene, strip, overlay) == ""
    new = collection(scene).new_effect
    first, last = results.strip_range(strip)
    known = {parameter.identifier for parameter in collection(scene).bl_rna.functions["new_effect"].parameters}
    new(name="Soft", type="GAUSSIAN_BLUR", channel=5, frame_start=first,
        **({"length": last - first} if "length" in known else {"frame_end": last}),
        **{"input1" if "input1" in known else "seq1": strip})
    assert "goes through the effect Soft" in results.missing_from(scene, strip, overlay)


def test_halves_of_a_strip_that_was_cut_keep_their_results(made: Callable[[str], Path], results: ModuleType,
                                                           tmp_path: Path) -> None:
    scene = clips.scene()
    strip = movie(scene, made("plain.mp4"), 1)
    _overlay_pictures(results, scene, strip, tmp_path / "out")
    overlay = results.place(scene, strip, tmp_path / "out")
    last = results.strip_range(strip)[1]
    rest = collection(scene).new_image(name="rest", filepath=str(tmp_path / "out" / "plain_000030.png"),
                                       channel=overlay.channel, frame_start=200)
    rest.understudy_overlay, rest.understudy_shot = overlay.understudy_overlay, overlay.understudy_shot
    trim(strip, 0, 10)
    put(overlay, "right_handle_offset", "frame_offset_end", 10)
    put(rest, "content_start", "frame_start", last - 9)
    results.place(scene, strip, tmp_path / "out")
    assert {s.name for s in collection(scene) if s.understudy_overlay} == {overlay.name, "rest"}
    # Moved away from all of them, the strip takes its result along.
    put(strip, "content_start", "frame_start", 300)
    moved = results.place(scene, strip, tmp_path / "out")
    assert results.strip_range(moved) == results.strip_range(strip)


def test_frames_without_a_picture_are_clear(made: Callable[[str], Path], results: ModuleType, tmp_path: Path) -> None:
    scene = clips.scene()
    strip = movie(scene, made("plain.mp4"))
    _overlay_pictures(results, scene, strip, tmp_path / "out")
    for n in (0, 7, 39):
        (tmp_path / "out" / f"plain_{n:06d}.png").unlink()
    results.place(scene, strip, tmp_path / "out")
    assert [clips.shown_number(scene, f, tmp_path) for f in (1, 2, 8, 9, 40)] == [0, 1001, 7, 1008, 39]


@pytest.mark.parametrize(("tags", "pix_fmt"), [
    ([1, 1, 1, 1], "yuv420p"), ([6, 6, 6, 1], "yuv420p"), ([2, 2, 2, 0], "yuv420p"), ([1, 1, 1, 2], "yuv420p"),
    ([1, 1, 1, 1], "yuv420p10le"), ([1, 1, 1, 1], "yuv422p"),
], ids=["709", "601", "untagged", "full range", "10 bits", "4:2:2"])
def test_an_identity_patch_does_not_shift_colours(tags: list[int], pix_fmt: str, results: ModuleType, tmp_path: Path
                                                  ) -> None:
    """Blender 4.5 and 5.0: 8 bits equal bit for bit, 10 bits within 2/255. 4.2 decodes by a short cut that is up to
    3/255 (1.2 on average) darker, and 10 bits with other chroma, which only the mean tells."""
    names = ("color_primaries", "color_trc", "colorspace", "color_range")
    path = clips.make("video", tmp_path / "c.mp4", count=3, pix_fmt=pix_fmt, crf=1,
                      tags=dict(zip(names, tags, strict=True)) if tags[0] != 2 else {})
    code = ("import sys; from understudy.core.media.source import open_source\n"
            "from understudy.core.media.images import write_png\n"
            "write_png(sys.argv[2], open_source(sys.argv[1]).read(1).pixels)")
    (tmp_path / "out").mkdir()
    clips.run_core("-c", code, str(path), str(tmp_path / "out" / "c_000001.png"))
    scene = clips.scene()
    strip = movie(scene, path)
    without = clips.render(scene, 2, tmp_path).astype(int)
    results.place(scene, strip, tmp_path / "out")
    difference = np.abs(clips.render(scene, 2, tmp_path) - without)
    print(f"{bpy.app.version_string} {tags} {pix_fmt}: at most {difference.max()}, mean {difference.mean():.2f}")
    if OLD and "10" in pix_fmt:
        assert difference.mean() <= 4
    else:
        assert difference.max() <= (3 if OLD else 2 if "10" in pix_fmt else 0)
        assert difference.mean() <= 1.5


# --- bringing a result up to date -------------------------------------------------------------------------------


def test_a_second_conversion_brings_the_same_strip_up_to_date(made: Callable[[str], Path], results: ModuleType,
                                                              tmp_path: Path) -> None:
    """What a person did to the strip stays: name, modifiers, opacity, colour label, animation."""
    scene = clips.scene()
    strip = movie(scene, made("plain.mp4"), 3)
    trim(strip, 4, 4)
    _overlay_pictures(results, scene, strip, tmp_path / "first")
    overlay = results.place(scene, strip, tmp_path / "first", "shot")
    overlay.name, overlay.blend_alpha, overlay.color_tag = "mine", 0.75, "COLOR_04"
    overlay.keyframe_insert("blend_alpha", frame=5)
    if MODIFIERS:
        overlay.modifiers.new("curves", "CURVES")
    trim(strip, 10, 2)
    _overlay_pictures(results, scene, strip, tmp_path / "second", shift=2000)
    again = results.place(scene, strip, tmp_path / "second", "shot")
    assert [s.name for s in collection(scene) if s.understudy_overlay] == ["mine"]
    assert (again.blend_alpha, again.color_tag, len(again.modifiers)) == (0.75, "COLOR_04", int(MODIFIERS))
    assert scene.animation_data.action is not None
    assert results.strip_range(again) == results.strip_range(strip)
    scene.animation_data_clear()
    if MODIFIERS:
        again.modifiers.clear()
    again.blend_alpha = 1.0
    frames = results.frame_map(scene, strip)
    for f in (frames.first, frames.first + 7, frames.last):
        assert clips.shown_number(scene, f, tmp_path) == frames.source_frame(f) + 2000


def test_converting_some_frames_again_changes_those_alone(made: Callable[[str], Path], results: ModuleType,
                                                          tmp_path: Path) -> None:
    scene = clips.scene()
    strip = movie(scene, made("plain.mp4"))
    _overlay_pictures(results, scene, strip, tmp_path / "out")
    before = results.place(scene, strip, tmp_path / "out").name
    for n in range(10, 15):
        _write(tmp_path / "out" / f"plain_{n:06d}.png", clips.barcode.make(n + 3000, *clips.SIZE))
    again = results.place(scene, strip, tmp_path / "out")
    clips.forget(scene)
    assert again.name == before
    assert [clips.shown_number(scene, f, tmp_path) for f in (10, 11, 15, 16)] == [1009, 3010, 3014, 1015]


def test_a_result_moves_up_where_its_channel_is_taken(made: Callable[[str], Path], results: ModuleType, tmp_path: Path
                                                      ) -> None:
    scene = clips.scene()
    strip = movie(scene, made("plain.mp4"))
    _overlay_pictures(results, scene, strip, tmp_path / "out")
    trim(strip, 0, 30)
    assert results.place(scene, strip, tmp_path / "out").channel == 2
    for n in range(10, 40):
        (tmp_path / "out" / f"plain_{n:06d}.png").unlink()
    short = results.place(scene, strip, tmp_path / "out")
    blocker = collection(scene).new_movie(name="other", filepath=str(made("plain.mp4")), channel=2, frame_start=15)
    trim(strip, 0, 0)
    _overlay_pictures(results, scene, strip, tmp_path / "out")
    longer = results.place(scene, strip, tmp_path / "out")
    assert longer.name == short.name
    assert (longer.channel, blocker.channel) == (3, 2)
    assert results.strip_range(longer) == results.strip_range(strip) == (1, 40)
    assert results.strip_range(blocker)[0] == 15


def test_pictures_of_another_size_lie_on_the_same_place(made: Callable[[str], Path], results: ModuleType,
                                                        tmp_path: Path) -> None:
    """Output scale 200: the strip is scaled and cropped so that nothing moves."""
    scene = clips.scene()
    strip = movie(scene, made("plain.mp4"))
    strip.transform.scale_x = strip.transform.scale_y = 0.5
    strip.transform.offset_x, strip.crop.min_x = 17, 20
    without = clips.render(scene, 3, tmp_path).astype(int)
    (tmp_path / "out").mkdir()
    code = ("import sys, cv2; from understudy.core.media.source import open_source\n"
            "from understudy.core.media.images import write_png\n"
            "p = open_source(sys.argv[1]).read(2).pixels\n"
            "write_png(sys.argv[2], cv2.resize(p, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST))")
    clips.run_core("-c", code, str(made("plain.mp4")), str(tmp_path / "out" / "plain_000002.png"))
    found = results.place(scene, strip, results.Made(tmp_path / "out", shows="frames", scale=2.0))
    assert (found.transform.scale_x, found.crop.min_x, found.name) == (0.25, 40, "A converted")
    difference = np.abs(clips.render(scene, 3, tmp_path) - without)
    assert difference.mean() < 2.0  # other pixels are sampled at the bars' edges
    found.transform.offset_x += 8
    assert np.abs(clips.render(scene, 3, tmp_path) - without).mean() > 10.0


# --- films ------------------------------------------------------------------------------------------------------


def _converted(made: Callable[[str], Path], results: ModuleType, tmp_path: Path, frames: str = "") -> Any:
    """A film that stands for a converted one: the clip's own frames, in another file."""
    path = tmp_path / "converted.mp4"
    path.write_bytes(made("plain.mp4").read_bytes())
    clips.index(path)
    return results.Made(path, is_video=True, shows="frames", frames=frames)


def test_a_video_runs_with_its_strip(made: Callable[[str], Path], results: ModuleType, tmp_path: Path) -> None:
    scene = clips.scene()
    strip = movie(scene, made("plain.mp4"), 7)
    trim(strip, 5, 4)
    film = results.place(scene, strip, _converted(made, results, tmp_path))
    assert (film.type, film.channel, film.blend_type) == ("MOVIE", 2, "ALPHA_OVER")
    assert results.strip_range(film) == results.strip_range(strip)
    strip.mute = True
    frames = results.frame_map(scene, strip)
    assert [clips.shown_number(scene, f, tmp_path) for f in (frames.first, frames.first + 9, frames.last)] == [
        frames.source_frame(f) for f in (frames.first, frames.first + 9, frames.last)]
    trim(strip, 8, 2)
    again = results.place(scene, strip, _converted(made, results, tmp_path))
    assert again.name == film.name
    assert results.strip_range(again) == results.strip_range(strip)
    assert clips.shown_number(scene, frames.first + 9, tmp_path) == frames.source_frame(frames.first + 9)


def test_a_video_of_a_range_stands_where_the_range_is(made: Callable[[str], Path], results: ModuleType, tmp_path: Path
                                                      ) -> None:
    """The film holds 40 frames that stand for the source's 100 to 139 in a longer clip."""
    path = clips.make("video", tmp_path / "long.mp4", count=200)
    scene = clips.scene()
    strip = movie(scene, path)
    trim(strip, 100, 60)
    film = results.place(scene, strip, _converted(made, results, tmp_path, "100-139"))
    strip.mute = True
    assert results.strip_range(film) == (101, 140)
    assert [clips.shown_number(scene, f, tmp_path) for f in (101, 120, 140)] == [0, 19, 39]


@pytest.mark.parametrize("how", ["reversed", "variable", "other frames"])
def test_a_video_that_cannot_run_with_its_strip_is_refused(how: str, made: Callable[[str], Path], results: ModuleType,
                                                           tmp_path: Path) -> None:
    from understudy.core.errors import StripError

    scene = clips.scene()
    strip = movie(scene, made("variable.mp4" if how == "variable" else "plain.mp4"))
    strip.use_reverse_frames = how == "reversed"
    with pytest.raises(StripError, match=r"frame by frame|leaves out") as refusal:
        results.place(scene, strip, _converted(made, results, tmp_path, "0-9,20-39" if how == "other frames" else ""))
    assert "Overlay or Image Sequence" in refusal.value.hint
    assert len(collection(scene)) == 1


@pytest.mark.skipif(not MODIFIERS, reason="this Blender's module crashes when a strip gets a modifier")
def test_a_video_with_modifiers_stays_muted(made: Callable[[str], Path], results: ModuleType, tmp_path: Path) -> None:
    scene = clips.scene()
    strip = movie(scene, made("plain.mp4"))
    film = results.place(scene, strip, _converted(made, results, tmp_path))
    film.modifiers.new("curves", "CURVES")
    _overlay_pictures(results, scene, strip, tmp_path / "out")
    pictures = results.place(scene, strip, tmp_path / "out")
    assert (film.mute, pictures.channel, len(collection(scene))) == (True, 3, 3)


def test_pictures_take_the_place_of_a_video(made: Callable[[str], Path], results: ModuleType, tmp_path: Path) -> None:
    scene = clips.scene()
    strip = movie(scene, made("plain.mp4"))
    results.place(scene, strip, _converted(made, results, tmp_path))
    _overlay_pictures(results, scene, strip, tmp_path / "out")
    pictures = results.place(scene, strip, tmp_path / "out")
    assert pictures.channel == 2
    assert [s.name for s in collection(scene) if s.understudy_overlay] == [pictures.name]


def test_what_a_compositor_needs_is_no_strip(made: Callable[[str], Path], results: ModuleType, tmp_path: Path) -> None:
    from understudy.core.errors import StripError

    scene = clips.scene()
    strip = movie(scene, made("plain.mp4"))
    for made_of in ({"kind": "pictures", "path": str(tmp_path), "shows": "patches"},
                    {"kind": "video", "path": str(tmp_path / "a.gif"), "shows": "frames"}):
        told = results.Made.of({"made": made_of}, {})
        assert not told.can_be_shown
        with pytest.raises(StripError, match="for a compositor"):
            results.place(scene, strip, told)


def test_a_plain_blender_renders_the_same_sound_included(made: Callable[[str], Path], results: ModuleType,
                                                         tmp_path: Path) -> None:
    """Without the extension: the file alone, opened by another process that knows nothing of it."""
    scene = clips.scene()
    sound = tmp_path / "talk.mp4"
    clips.make("video", sound, count=COUNT, audio="aac")
    strip = movie(scene, sound)
    if bpy.app.version >= (4, 3, 0):  # 4.2's module is built without sound
        collection(scene).new_sound(name="talk", filepath=str(sound), channel=3, frame_start=1)
    strip.transform.rotation, strip.crop.min_x = 0.2, 12
    _overlay_pictures(results, scene, strip, tmp_path / "out")
    overlay = results.place(scene, strip, tmp_path / "out")
    assert OLD or "talk" in [s.name for s in collection(scene) if s.type == "SOUND" and not s.mute]
    expected = clips.render(scene, 9, tmp_path)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    code = ("import os, sys, bpy\n"
            "bpy.ops.wm.open_mainfile(filepath=sys.argv[1])\n"
            "s = bpy.context.scene; s.frame_set(9); s.render.filepath = sys.argv[2]\n"
            "bpy.ops.render.render(write_still=True); sys.stdout.flush(); os._exit(0)")
    environment = {**os.environ, "BLENDER_USER_RESOURCES": str(tmp_path / "nobody")}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "shot.blend"), str(tmp_path / "plain.png")], check=True,
                   env=environment, capture_output=True)
    image = bpy.data.images.load(str(tmp_path / "plain.png"))
    values = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(values)
    plain = (values.reshape(*expected.shape[:2], 4)[::-1, :, :3] * 255 + 0.5).astype(np.uint8)
    np.testing.assert_array_equal(plain, expected)
    overlay.mute = True
    assert np.abs(clips.render(scene, 9, tmp_path).astype(int) - expected).max() > 50  # and the overlay was in it
