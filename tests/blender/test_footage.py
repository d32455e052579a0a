"""Frame-exactness, by rendering: what Blender shows of a strip is what the core reads through the frame map."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

bpy = pytest.importorskip("bpy")
ROOT = Path(__file__).resolve().parents[2]
COUNT = 40
JUMPS = [0, *accumulate(random.Random(3).choices([33, 33, 34, 66, 50, 17], k=COUNT - 1))]
HOLDS = [0, *accumulate(random.Random(3).choices([33, 33, 34, 66, 100, 200], k=COUNT - 1))]
GAPS = [*range(1, 12), *range(15, 25), 30, 100, 101]
OLD = bpy.app.version < (4, 3, 0)

VIDEOS: dict[str, dict[str, Any]] = {
    "plain.mp4": {},
    "film.mp4": {"rate": [24000, 1001]},
    "fast.mp4": {"rate": [50, 1]},
    "variable.mp4": {"pts": JUMPS, "time_base": [1, 1000], "audio": "aac"},
    "variable.mkv": {"pts": JUMPS, "time_base": [1, 1000]},
    "late_variable.mp4": {"pts": [500 + t for t in JUMPS], "time_base": [1, 1000]},
    "held.mp4": {"pts": HOLDS, "time_base": [1, 1000]},
    "stream.ts": {},
    "turned.mp4": {"rotation": 90},
    "variable.ts": {"pts": [90 * t for t in JUMPS], "time_base": [1, 90000]},
}


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
def footage() -> ModuleType:
    from understudy.addon import footage

    return footage


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("clips")

    def make(name: str) -> Path:
        path = folder / name
        if not path.exists():
            if name == "shot":
                clips.make("images", path, numbers=GAPS)
            else:
                clips.make("video", path, count=COUNT, **VIDEOS[name])
        return path

    return make


def assert_exact(footage: ModuleType, scene: Any, strip: Any, numbers: list[int], folder: Path) -> None:
    """Every frame that Blender renders carries the number that the map and the core say, and none outside."""
    frames = footage.frame_map(scene, strip)
    first, last = footage.strip_range(strip)
    assert (frames.first, frames.last) == (first, last)
    rendered = [clips.shown_number(scene, f, folder) for f in range(first, last + 1)]
    assert rendered == [numbers[frames.source_frame(f)] for f in range(first, last + 1)]
    for outside in (first - 1, last + 1):
        assert frames.source_frame(outside) is None
        assert clips.shown_number(scene, outside, folder) is None


@pytest.mark.parametrize(("name", "rate"), [
    *((n, (25, 1.0)) for n in VIDEOS if n not in ("variable.ts", "held.mp4") and not (OLD and n == "turned.mp4")),
    ("plain.mp4", (30, 1.0)), ("plain.mp4", (24, 1.001)), ("variable.mp4", (24, 1.001)),
])
def test_a_film_added_as_it_is(name: str, rate: tuple[int, float], made: Callable[[str], Path], footage: ModuleType,
                               tmp_path: Path) -> None:
    """Also where the scene's rate is another: Blender then shows one media frame for each of the scene's."""
    scene = clips.scene(rate)
    assert_exact(footage, scene, movie(scene, made(name)), list(range(COUNT)), tmp_path)


@pytest.mark.parametrize("name", ["plain.mp4", "variable.mp4"])
@pytest.mark.parametrize("how", ["trimmed", "moved", "animation trim", "reversed", "strobe", "extended", "all"])
def test_a_film_after_editing(name: str, how: str, made: Callable[[str], Path], footage: ModuleType, tmp_path: Path
                              ) -> None:
    scene = clips.scene()
    strip = movie(scene, made(name), start=12)
    if how in ("animation trim", "all"):
        put(strip, "content_trim_start", "animation_offset_start", 4)
        put(strip, "content_trim_end", "animation_offset_end", 3)
    if how in ("trimmed", "all"):
        trim(strip, 7, 5)
    if how in ("moved", "all"):
        put(strip, "content_start", "frame_start", 33)
    if how in ("reversed", "all"):
        strip.use_reverse_frames = True
    if how == "strobe":
        strip.strobe = 3
    if how == "extended":
        trim(strip, -4, -6)
    assert_exact(footage, scene, strip, list(range(COUNT)), tmp_path)


@pytest.mark.parametrize("how", ["plain", "trimmed", "some"])
def test_images_with_gaps(how: str, made: Callable[[str], Path], footage: ModuleType, tmp_path: Path) -> None:
    folder = made("shot")
    names = [f"shot_{n:04d}.png" for n in (GAPS[5:18] if how == "some" else GAPS)]
    scene = clips.scene()
    strip = images(scene, folder, names, start=5)
    if how == "trimmed":
        trim(strip, 3, 8)
    assert_exact(footage, scene, strip, GAPS, tmp_path)
    assert clips.numbers(folder) == GAPS
    assert footage.frame_map(scene, strip).name(12) == f"shot_{GAPS[12]:04d}"


@pytest.mark.parametrize(("name", "scene_rate"), [
    ("plain.mp4", (30, 1.0)), ("plain.mp4", (24, 1.001)), ("fast.mp4", (30, 1.0)), ("film.mp4", (24, 1.0)),
    ("variable.mp4", (60, 1.0)), ("variable.mp4", (24, 1.001)),
])
def test_adjusted_playback_rate(name: str, scene_rate: tuple[int, float], made: Callable[[str], Path],
                                footage: ModuleType, tmp_path: Path) -> None:
    """Films dropped into the window follow the clock: 25 fps in a scene of 30 repeats frames."""
    scene = clips.scene(scene_rate)
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = "SEQUENCE_EDITOR"
    region = next(r for r in area.regions if r.type == "WINDOW")
    options = {"move_strips": False} if bpy.app.version >= (5, 0, 0) else {}
    with bpy.context.temp_override(window=window, screen=window.screen, area=area, region=region):
        if hasattr(bpy.context.workspace, "sequencer_scene"):
            bpy.context.workspace.sequencer_scene = scene
        bpy.ops.sequencer.movie_strip_add(filepath=str(made(name)), frame_start=1, channel=1, sound=False,
                                          adjust_playback_rate=True, use_framerate=False, fit_method="ORIGINAL",
                                          **options)
    (strip,) = [s for s in collection(scene) if s.type == "MOVIE"]
    slower = strip.fps < scene_rate[0] / scene_rate[1] - 1e-3
    if slower and bpy.app.version >= (5, 0, 0):
        _refused(footage, scene, strip, "unsteadily")
    for _ in range(2):
        frames = footage.frame_map(scene, strip, exact=False)
        for f in range(frames.first, frames.last + 1):
            if slower and bpy.app.version >= (5, 0, 0):
                clips.forget(scene)  # what Blender shows before its cache comes between
            assert clips.shown_number(scene, f, tmp_path) == frames.source_frame(f)
        trim(strip, 6, 4)
    clips.run_core("-m", "understudy.core", "constant-rate", str(made(name)), "--output", str(tmp_path / "copy.mp4"),
                   "--rate", str(scene_rate[0] / scene_rate[1]))
    clips.index(tmp_path / "copy.mp4")
    copy = clips.numbers(tmp_path / "copy.mp4")
    collection(scene).remove(strip)
    assert_exact(footage, scene, movie(scene, tmp_path / "copy.mp4"), copy, tmp_path)


def test_the_frames_option_names_what_the_strip_shows(made: Callable[[str], Path], footage: ModuleType) -> None:
    scene = clips.scene()
    strip = movie(scene, made("plain.mp4"))
    trim(strip, 10, 5)
    assert footage.frames_shown(scene, strip) == "10-34"


def test_long_held_frames_of_a_variable_rate(made: Callable[[str], Path], footage: ModuleType, tmp_path: Path) -> None:
    """Blender overshoots some of them on a jump: such strips are refused, their constant-rate copy is exact."""
    from understudy.core.errors import StripError

    scene = clips.scene()
    strip = movie(scene, made("held.mp4"))
    _refused(footage, scene, strip, "holds frame")
    frames = footage.frame_map(scene, strip, exact=False)
    backward = range(frames.last, frames.first - 1, -1)
    wrong = [f for f in backward if clips.shown_number(scene, f, tmp_path) != frames.source_frame(f)]
    assert wrong, "Blender finds these frames now: the refusal can go"
    refused = []
    for f in backward:
        try:
            footage.frame_map(scene, strip, (f, f))
        except StripError:
            refused.append(f)
    assert wrong == refused
    clips.run_core("-m", "understudy.core", "constant-rate", str(made("held.mp4")), "--output",
                   str(tmp_path / "copy.mp4"), "--rate", "30")
    clips.index(tmp_path / "copy.mp4")
    scene = clips.scene()
    strip = movie(scene, tmp_path / "copy.mp4")
    strip.use_reverse_frames = True
    assert_exact(footage, scene, strip, clips.numbers(tmp_path / "copy.mp4"), tmp_path)


def _refused(footage: ModuleType, scene: Any, strip: Any, told: str) -> None:
    from understudy.core.errors import StripError

    with pytest.raises(StripError, match=told) as refusal:
        footage.frame_map(scene, strip)
    assert refusal.value.hint
    assert "\n" not in str(refusal.value)


def test_what_cannot_be_mapped_exactly_is_refused(made: Callable[[str], Path], footage: ModuleType, tmp_path: Path
                                                  ) -> None:
    scene = clips.scene()
    strip = movie(scene, made("plain.mp4"))
    strips = collection(scene)
    end = {"length": 40} if bpy.app.version >= (5, 0, 0) else {"frame_end": 41}
    inputs = {"input1": strip} if bpy.app.version >= (5, 0, 0) else {
        "input1" if hasattr(scene.sequence_editor, "strips") else "seq1": strip}
    speed = strips.new_effect(name="fast", type="SPEED", channel=2, frame_start=1, **end, **inputs)
    _refused(footage, scene, strip, "speed effect 'fast'")
    strips.remove(speed)
    footage.frame_map(scene, strip)
    colour = strips.new_effect(name="colour", type="COLOR", channel=3, frame_start=1, **end)
    _refused(footage, scene, colour, "no film")
    gone = tmp_path / "gone.mp4"
    gone.write_bytes(made("plain.mp4").read_bytes())
    lost = strips.new_movie(name="lost", filepath=str(gone), channel=4, frame_start=1)
    _refused(footage, scene, lost, "not been counted yet")
    gone.unlink()
    _refused(footage, scene, lost, "is missing")
    meta = strips.new_meta(name="meta", channel=6, frame_start=1)
    inside = (meta.strips if hasattr(meta, "strips") else meta.sequences).new_movie(
        name="inside", filepath=str(made("plain.mp4")), channel=1, frame_start=1)
    _refused(footage, scene, inside, "inside a meta strip")
    folder = made("shot")
    picture = images(scene, folder, ["shot_0001.png", "shot_0002.png"])
    picture.elements.append("shot_9999.png")
    _refused(footage, scene, picture, r"shot_9999\.png")
    _refused(footage, scene, movie(scene, made("variable.ts")), "transport stream")
    if OLD:
        _refused(footage, scene, movie(scene, made("turned.mp4")), "filmed turned")
