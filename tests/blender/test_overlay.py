"""What editors show and where buttons jump to, in Blender's own data: strips, clips, trims, several films."""

from __future__ import annotations

import sys
import time
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import clips as made

SIZE = made.SIZE


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of 40 frames that the core has looked at."""
    return made.make("video", tmp_path_factory.mktemp("films") / "plain.mp4", count=40)


@pytest.fixture
def shot(extension: Any, scene: Any, film: Path) -> Any:
    """A scene whose strip shows frames 5 to 34 of the film at 101 to 130, and the film's alignments."""
    extension("addon.overlay.targets").forget()
    core = extension("addon.watch").__name__.removesuffix("addon.watch") + "core"
    store, nouns = import_module(f"{core}.faces.store"), import_module(f"{core}.faces.nouns")
    path = film.with_name("plain_alignments.db")
    path.unlink(missing_ok=True)
    points = import_module(f"{core}.faces.geometry").MEAN_FACE
    t = np.linspace(np.pi, 0, 17)
    face = np.vstack([np.column_stack([0.5 + 0.62 * np.cos(t), 0.25 + 0.95 * np.sin(t)]), points]) * 40 + 30
    with store.AlignmentsStore.create(path, nouns.SourceInfo("0" * 32, film.name, *SIZE, "25/1", 40)) as alignments:
        for frame in range(40):
            alignments.set_frame(frame, f"plain_{frame:06d}", "s")
            if frame in (2, 8, 20, 21, 38):
                new = nouns.Face(frame, (30.0, 30.0, 40.0, 40.0), face.astype(np.float32), "s3fd", "fan", 0.9)
                kept = alignments.put(store.Found(new))
                if frame == 21:
                    alignments.edit_face(kept.uuid, landmarks=new.landmarks + 1)
    strip = strips(scene).new_movie(name="film", filepath=str(film), channel=2, frame_start=96)
    if hasattr(strip, "left_handle"):
        strip.left_handle, strip.right_handle = 101, 131
    else:
        strip.frame_final_start, strip.frame_final_end = 101, 131
    return SimpleNamespace(scene=scene, strip=strip, film=film, path=path,
                           targets=extension("addon.overlay.targets"), views=extension("addon.overlay.views"),
                           settings=extension("addon.overlay.settings"), navigation=extension("addon.navigation"))


def strips(scene: Any) -> Any:
    editor = scene.sequence_editor_create()
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def jump(scene: Any, **options: Any) -> int:
    bpy.ops.understudy.jump_frame(**options)
    return scene.frame_current


# --- jumps ----------------------------------------------------------------------------------------------------------


def test_jumps_stay_within_what_the_strip_shows(shot: Any) -> None:
    """Faces are in frames 2, 8, 20, 21 and 38; the strip shows 5 to 34, from 101 on."""
    shot.scene.frame_set(101)
    assert [jump(shot.scene, kind="FACES") for _ in range(4)] == [104, 116, 117, 117]
    assert jump(shot.scene, kind="FACES", direction="FIRST") == 104
    assert jump(shot.scene, kind="ANY", direction="LAST") == 130
    assert jump(shot.scene, kind="ANY", direction="FIRST") == 101
    assert jump(shot.scene, kind="ANY", step=10) == 111
    assert jump(shot.scene, kind="ANY", step=100) == 130
    assert jump(shot.scene, kind="NONE", direction="PREVIOUS", step=2) == 128
    assert jump(shot.scene, kind="EDITED", direction="PREVIOUS") == 117
    shot.scene.frame_set(101)
    shot.settings.of(shot.scene).kind = "EDITED"
    assert jump(shot.scene) == 117


def test_the_threshold_decides_who_is_misaligned(shot: Any) -> None:
    data = shot.settings.of(shot.scene)
    shot.scene.frame_set(101)
    assert bpy.ops.understudy.jump_frame(kind="MISALIGNED") == {"CANCELLED"}
    data.threshold = 0.0
    assert jump(shot.scene, kind="MISALIGNED") == 104


def test_a_reversed_strip_s_frames_are_jumped_to_in_the_timeline_s_order(shot: Any) -> None:
    shot.strip.use_reverse_frames = True
    shot.scene.frame_set(101)
    shows = import_module(shot.targets.__name__.removesuffix("overlay.targets") + "frame_map").frame_map(
        shot.scene, shot.strip, exact=False)
    expected = [frame for frame in range(101, 131) if shows.source_frame(frame) in (2, 8, 20, 21, 38)]
    assert len(expected) >= 3
    assert [jump(shot.scene, kind="FACES") for _ in expected] == [f for f in expected if f > 101] + \
        [expected[-1]] * (101 in expected)


def test_why_there_is_nowhere_to_jump_to(shot: Any) -> None:
    shot.scene.frame_set(500)
    with pytest.raises(RuntimeError, match="There is no footage at frame 500"):
        bpy.ops.understudy.jump_frame()


# --- which footage --------------------------------------------------------------------------------------------------


def test_the_strip_of_a_shot_is_meant_before_the_topmost(shot: Any, extension: Any) -> None:
    strips(shot.scene).new_movie(name="over", filepath=str(shot.film), channel=5, frame_start=96)
    shot.scene.frame_set(110)
    assert shot.targets.of_sequencer(shot.scene).name == "over"
    extension("addon.shot").choose(shot.scene, "a", shot.strip)
    assert shot.targets.of_sequencer(shot.scene).name == "film"
    shot.strip.mute = True
    assert shot.targets.of_sequencer(shot.scene).name == "over"


def test_the_target_follows_the_strip(shot: Any) -> None:
    """Moved, trimmed or at another rate: the frame map is made anew, and only then."""
    shot.scene.frame_set(110)
    first = shot.targets.of_sequencer(shot.scene)
    assert first.shows.source_frame(110) == 14
    assert shot.targets.of_sequencer(shot.scene).shows is first.shows
    name = "content_start" if hasattr(shot.strip, "content_start") else "frame_start"
    setattr(shot.strip, name, getattr(shot.strip, name) + 4)
    assert shot.targets.of_sequencer(shot.scene).shows.source_frame(110) == 10


def test_a_film_that_nobody_has_counted_says_so(shot: Any, tmp_path: Path) -> None:
    other = tmp_path / "other.mp4"
    other.write_bytes(shot.film.read_bytes())
    strips(shot.scene).new_movie(name="other", filepath=str(other), channel=7, frame_start=96)
    shot.scene.frame_set(110)
    target = shot.targets.of_sequencer(shot.scene)
    assert (target.name, target.shows) == ("other", None)
    assert "have not been counted yet" in target.problem
    made.index(other)
    assert shot.targets.of_sequencer(shot.scene).shows is not None


def test_a_clip_shows_the_film_s_frames(shot: Any) -> None:
    clip = bpy.data.movieclips.load(str(shot.film))
    clip.frame_start, clip.frame_offset = 11, 3
    target = shot.targets.of_clip(shot.scene, clip)
    assert target.problem == ""
    assert [target.shows.source_frame(frame) for frame in (7, 8, 11, 47)] == [None, 0, 3, 39]
    assert target.source == shot.film
    bpy.data.movieclips.remove(clip)


def test_a_clip_of_pictures_counts_by_their_numbers(shot: Any, tmp_path: Path) -> None:
    folder = made.make("images", tmp_path / "pictures", numbers=[3, 4, 9])
    names = sorted(path.name for path in folder.iterdir())
    for new, old in zip(("shot_0003.png", "shot_0004.png", "shot_0006.png"), names, strict=True):
        (folder / old).rename(folder / new)
    clip = bpy.data.movieclips.load(str(folder / "shot_0003.png"))
    shows = shot.targets.of_clip(shot.scene, clip).shows
    assert [shows.source_frame(frame) for frame in (1, 2, 3, 4)][:4] == [0, 1, -1, 2][:len(shows)] + [None] * (
        4 - len(shows))
    bpy.data.movieclips.remove(clip)


# --- views ----------------------------------------------------------------------------------------------------------


def test_what_a_view_shows(shot: Any) -> None:
    shot.scene.frame_set(104)
    view, table = shot.views.read_now(bpy.context)
    assert (view.request.frame, view.shown.size, len(view.shown.faces)) == (8, SIZE, 1)
    assert table.frames.tolist() == [2, 8, 20, 21, 38]
    assert bpy.ops.understudy.select_face(number=0) == {"FINISHED"}
    state = bpy.context.window_manager.understudy_correction
    assert state.face == view.shown.faces[0].uuid
    with pytest.raises(RuntimeError, match=r"There is no face 3 at this frame\. Choose from 0"):
        bpy.ops.understudy.select_face(number=3)


def test_settings_reach_what_is_read_and_drawn(shot: Any, extension: Any) -> None:
    data = shot.settings.of(shot.scene)
    train = extension("addon.shot").active(shot.scene).train
    train.coverage, train.vertical_offset, train.centering = 75.0, 10.0, "head"
    crop = shot.settings.crop(shot.scene)
    assert (crop.centering, crop.coverage, crop.vertical_offset) == ("head", 0.75, 0.1)
    data.crops = False
    assert shot.settings.crop(shot.scene) is None
    assert shot.settings.mask_kind(shot.scene) == ""
    data.masks = True
    assert shot.settings.mask_kind(shot.scene) == extension("addon.shot").active(shot.scene).convert.mask_type
    data.mask_kind = "bisenet-fp"
    assert shot.settings.mask_kind(shot.scene) == "bisenet-fp"
    data.boxes, data.opacity = False, 0.5
    look = shot.settings.look(shot.scene, "x")
    assert (look.boxes, look.opacity, look.selected, look.threshold) == (False, 0.5, "x", 0.1)
    assert look.colours["machine"] == pytest.approx(shot.settings.COLOURS["machine"][1])


def test_reset_of_the_overlay_and_of_the_preview(shot: Any) -> None:
    data, live = shot.settings.of(shot.scene), bpy.context.window_manager.understudy_live
    assert not bpy.ops.understudy.overlay_reset.poll()
    assert not bpy.ops.understudy.live_reset.poll()
    data.masks, data.mask_kind, data.opacity, data.kind, data.show = True, "extended", 0.5, "SEVERAL", False
    assert bpy.ops.understudy.overlay_reset() == {"FINISHED"}
    assert (data.masks, data.mask_kind, data.opacity) == (False, "CONVERT", 1.0)
    assert (data.kind, data.show) == ("SEVERAL", False)  # where jumps go, and whether anything is drawn, are not of it
    assert not bpy.ops.understudy.overlay_reset.poll()
    live.masks = True
    assert bpy.ops.understudy.live_reset() == {"FINISHED"}
    assert not live.masks


def test_the_overlay_is_saved_with_the_scene(shot: Any, tmp_path: Path) -> None:
    shot.settings.of(shot.scene).mask_kind = "extended"
    shot.settings.of(shot.scene).kind = "SEVERAL"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "again.blend"))
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "again.blend"))
    data = shot.settings.of(bpy.context.scene)
    assert (data.mask_kind, data.kind) == ("extended", "SEVERAL")


@pytest.fixture
def followed(shot: Any, extension: Any) -> Any:
    """Views as a window keeps them: an editor is open, and the reader's thread runs."""
    views = shot.views
    bpy.context.window_manager.windows[0].screen.areas[0].type = "SEQUENCE_EDITOR"
    if hasattr(bpy.context.workspace, "sequencer_scene"):
        bpy.context.workspace.sequencer_scene = shot.scene
    views.reader.start()
    yield lambda: views.update(20.0) and views.current(views.key_of(shot.scene))
    views.reader.stop()
    views._views.clear()


def test_views_follow_frames_and_settings(shot: Any, followed: Any) -> None:
    data = shot.settings.of(shot.scene)
    shot.scene.frame_set(104)
    view = followed()
    assert (view.frame, len(view.shown.faces), len(view.shapes.dots.points)) == (104, 1, 68)
    assert followed() is False  # nothing has changed, so nothing is made or drawn anew
    shot.scene.frame_set(105)
    assert followed().shapes is None
    data.show = False
    shot.scene.frame_set(104)
    assert followed().shapes is None
    data.show = True
    assert len(followed().shapes.dots.points) == 68
    data.points = False
    assert not len(followed().shapes.dots.points)
    bpy.context.window_manager.understudy_correction.face = view.shown.faces[0].uuid
    assert followed().shapes.strong.colours[0, :3] == pytest.approx(shot.settings.COLOURS["selected"][1])
    shot.strip.mute = True
    assert shot.views.update(20.0)
    assert shot.views.current(shot.views.key_of(shot.scene)) is None


@pytest.mark.skipif(bpy.app.version < (5, 0), reason="sequencer and window show the same scene before 5.0")
def test_a_clip_editor_goes_by_the_sequencers_scene_and_its_windows_frame(shot: Any, followed: Any) -> None:
    """The shot, its crop and what is shown are of the scene that is cut; the frame is the window's scene's."""
    views, window = shot.views, bpy.context.window_manager.windows[0]
    clip = bpy.data.movieclips.load(str(shot.film))
    before, window.scene = window.scene, bpy.data.scenes.new("Window")
    area = window.screen.areas[0]
    area.type = "CLIP_EDITOR"
    area.spaces.active.clip = clip
    shot.settings.of(shot.scene).crops = True
    shot.scene.frame_set(1)
    window.scene.frame_set(5)
    with bpy.context.temp_override(window=window, area=area):
        assert views.update(20.0)
        view = views.of(bpy.context)
        assert views.place_of(bpy.context) == (shot.scene, clip)
        assert (view.frame, view.request.frame) == (5, 4)
        assert view.request.crop == shot.settings.crop(shot.scene) is not None
        assert view.request.elsewhere is not None  # the strip of the shot is known
        assert bpy.ops.understudy.jump_frame(direction="NEXT", kind="ANY") == {"FINISHED"}
    assert (window.scene.frame_current, shot.scene.frame_current) == (6, 1)
    window.scene = before


def test_views_follow_edits_of_the_alignments(shot: Any, followed: Any) -> None:
    shot.scene.frame_set(104)
    face = followed().shown.faces[0]
    core = shot.views.__name__.removesuffix("addon.overlay.views") + "core"
    with import_module(f"{core}.faces.store").AlignmentsStore.open(shot.path) as alignments:
        alignments.edit_face(face.uuid, landmarks=face.landmarks + 1)
    shot.views.reader.look_now()
    end = time.monotonic() + 20
    while not (view := followed()) and time.monotonic() < end:
        time.sleep(0.05)
    assert view.shown.faces[0].state == "edited"


# --- view or edit ---------------------------------------------------------------------------------------------------


class Moves:
    """Something that holds unsaved moves."""

    def __init__(self) -> None:
        self.moved, self.saved, self.log = 0, 0, []

    def count(self, context: Any) -> int:
        return self.moved

    def apply(self, context: Any) -> None:
        self.saved, self.moved = self.saved + self.moved, 0

    def discard(self, context: Any) -> None:
        self.moved = 0

    def entered(self, context: Any) -> None:
        self.log.append("entered")

    def left(self, context: Any) -> None:
        self.log.append("left")


@pytest.mark.parametrize(("way", "saved"), [("APPLY", 3), ("DISCARD", 0)])
def test_unsaved_moves_are_saved_or_dropped_when_editing_ends(shot: Any, extension: Any, monkeypatch: Any, way: str,
                                                              saved: int) -> None:
    correcting, moves = extension("addon.correcting"), Moves()
    monkeypatch.setattr(correcting, "PENDING", [moves])
    bpy.ops.understudy.edit_landmarks()
    assert correcting.is_editing(bpy.context)
    moves.moved = 3
    assert correcting.unsaved(bpy.context) == 3
    bpy.ops.understudy.edit_landmarks(unsaved=way)
    assert not correcting.is_editing(bpy.context)
    assert (moves.saved, moves.moved, moves.log) == (saved, 0, ["entered", "left"])


def test_editing_goes_on_where_moves_cannot_be_saved(shot: Any, extension: Any, monkeypatch: Any) -> None:
    correcting, moves = extension("addon.correcting"), Moves()
    errors = import_module(correcting.__name__.removesuffix("addon.correcting") + "core.errors")
    monkeypatch.setattr(correcting, "PENDING", [moves])

    def refuse(context: Any) -> None:
        raise errors.OutputError("The disk is full", "Make room")

    moves.apply = refuse
    bpy.ops.understudy.edit_landmarks()
    moves.moved = 1
    with pytest.raises(RuntimeError, match="The disk is full"):
        bpy.ops.understudy.edit_landmarks(unsaved="APPLY")
    assert correcting.is_editing(bpy.context)
    bpy.ops.understudy.edit_landmarks(unsaved="DISCARD")


# --- in the background ----------------------------------------------------------------------------------------------


def test_nothing_is_drawn_or_waited_for_in_the_background(extension: Any) -> None:
    views, drawing = extension("addon.overlay.views"), extension("addon.overlay.drawing")
    assert views.reader._thread is None
    assert drawing._handles == []
    assert views._frame_changed not in bpy.app.handlers.frame_change_post


def test_keys_are_on_no_key_of_blender_s_own(extension: Any) -> None:
    """In the keymap files that Blender brings: the same key with the same modifiers in these editors."""
    keymap = extension("addon.keymap")
    config = bpy.context.window_manager.keyconfigs
    path = next(Path(bpy.utils.resource_path("LOCAL")).rglob("blender_default.py"))
    module = _load(path)
    maps = {name: items for name, _, items in module.generate_keymaps(module.Params())}
    checked = 0
    for name in ("Preview", "SequencerPreview", "SequencerCommon", "Video Sequence Editor", "Clip", "Clip Editor",
                 "Frames", "Screen", "Window", "View2D", "Screen Editing"):
        for operator, event, _ in maps.get(name, {"items": []})["items"]:
            checked += 1
            for ours, _, key, modifiers, _ in keymap.KEYS:
                theirs = {which for which in ("shift", "ctrl", "alt", "oskey") if event.get(which, 0) == 1}
                assert (event["type"], theirs) != (key, set(modifiers)), (name, operator, ours)
    assert checked > 150
    assert config is not None


def _load(path: Path) -> Any:
    import importlib.util

    spec = importlib.util.spec_from_file_location("blender_default", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_keys_are_there_to_be_changed_and_go_with_the_extension(extension: Any) -> None:
    keymap, config = extension("addon.keymap"), bpy.context.window_manager.keyconfigs
    config.update()  # what a window does by itself
    spaces = [one.space_type for one, _ in keymap.items()]
    assert {space: spaces.count(space) for space in spaces} == {
        "SEQUENCE_EDITOR": len(keymap.KEYS), "CLIP_EDITOR": len(keymap.KEYS),
        "IMAGE_EDITOR": len(keymap.BROWSER) + len(keymap.MOUSE)}
    keymap.look_again()
    assert keymap.word("CLIP_EDITOR", "understudy.jump_frame", "NEXT", 1)
    assert "Shift" in keymap.word("SEQUENCE_EDITOR", "understudy.jump_frame", "NEXT", 100)
    assert keymap.word("VIEW_3D", "understudy.jump_kind") == ""
    ways = [keymap.word("SEQUENCE_EDITOR", "understudy.faces_copy", way) for way in ("PREVIOUS", "NEXT")]
    assert all(ways)
    assert ways[0] != ways[1]
    changed = next(item for one, item in keymap.items()
                   if one.space_type == "CLIP_EDITOR" and item.idname == "understudy.jump_kind")
    changed.type = "F7"
    keymap.forget()
    keymap.look_again()
    assert "F7" in keymap.word("CLIP_EDITOR", "understudy.jump_kind")
    keymap.unregister()
    config.update()
    assert list(keymap.items()) == []
    keymap.register()


def test_every_line_about_keys_has_one(extension: Any) -> None:
    keymap, keys = extension("addon.keymap"), extension("panels.keys")
    bpy.context.window_manager.keyconfigs.update()
    keymap.forget()
    keymap.look_again()
    for rows, spaces in ((keys.LANDMARKS + keys.EDITING, ("SEQUENCE_EDITOR", "CLIP_EDITOR")),
                         (keys.BROWSER, ("IMAGE_EDITOR",))):
        for label, operator, values in rows:
            for space in spaces:
                assert all(keymap.word(space, operator, *one) for one in values), (label, space)


def test_keys_change_faces_only_while_editing_is_on(extension: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an operator that a key calls: `invoke`. Scripts call `execute`, whatever is on."""
    base, correcting = extension("operators.landmarks_base"), extension("addon.correcting")

    class Edit(base.OnFrame):
        def execute(self, context: Any) -> set[str]:
            return {"FINISHED"}

    monkeypatch.setattr(base, "bpy", SimpleNamespace(app=SimpleNamespace(background=False)))
    assert Edit().invoke(bpy.context, None) == {"PASS_THROUGH"}
    correcting.state(bpy.context).editing = True
    assert Edit().invoke(bpy.context, None) == {"FINISHED"}
    correcting.state(bpy.context).editing = False


def test_a_muted_channel_shows_nothing(shot: Any) -> None:
    shot.scene.frame_set(110)
    shot.scene.sequence_editor.channels[2].mute = True
    assert shot.targets.of_sequencer(shot.scene) is None
    shot.scene.sequence_editor.channels[2].mute = False
    assert shot.targets.of_sequencer(shot.scene) is not None
