"""The live preview: asked when something has changed and stands still, answered as an image, quiet otherwise."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import bpy
import pytest

PATIENCE = 90.0
MODEL = """
import sys, torch
from understudy.core.models import base, folder
torch.manual_seed(0)
model = base.build("sketch")
state = folder.ModelState(folder.Settings("sketch"), 64, 64, iterations=3)
folder.write(sys.argv[1], state, model.state_dict(), None)
"""


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"blender_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


helpers = _load("moving_shot")


@pytest.fixture
def live(scene: Any, tmp_path: Path, core_python: Path, extension: Any) -> Iterator[SimpleNamespace]:
    """A shot with alignments and an untrained model, and the modules that look at it."""
    made = helpers.build(scene, tmp_path)
    helpers.media.run_core("-c", MODEL, str(tmp_path / "model"))
    editor = scene.sequence_editor
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strips.new_movie(name="b", filepath=str(made.path), channel=3, frame_start=1)
    shot = scene.understudy.active
    shot.strip_b, shot.model_dir = "b", str(tmp_path / "model")
    watch, module = extension("addon.watch"), extension("addon.live")
    watch.look()
    yield SimpleNamespace(scene=scene, shot=shot, module=module, service=extension("addon.service"), watch=watch,
                          settings=bpy.context.window_manager.understudy_live, model=tmp_path / "model")
    bpy.context.window_manager.understudy_live.on = False
    for image in list(bpy.data.images):
        bpy.data.images.remove(image)


def turns(live: SimpleNamespace, until: Any, seconds: float = PATIENCE) -> None:
    """Let the timers run until something holds."""
    end = time.monotonic() + seconds
    while True:
        live.module.turn(live.scene)
        live.service.collect()
        if until():
            return
        assert time.monotonic() < end, live.module.state
        time.sleep(0.01)


def settled(live: SimpleNamespace) -> bool:
    state = live.module.state
    return not state.busy and state.seen is not None and state.seen == state.key


def count_questions(live: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    asked: list[dict[str, Any]] = []
    true = live.service.ask

    def ask(name: str, on_done: Any, **values: Any) -> Any:
        asked.append(values)
        return true(name, on_done, **values)

    monkeypatch.setattr(live.service, "ask", ask)
    return asked


def image() -> Any:
    (found,) = [one for one in bpy.data.images if Path(one.filepath).name == "frame.png"]
    return found


def test_it_follows_frame_and_settings(live: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """One question for each state that stands still; the picture is the frame beside its swap."""
    asked = count_questions(live, monkeypatch)
    live.settings.on = True
    turns(live, lambda: settled(live))
    assert [one["frame"] for one in asked] == [helpers.TRIM]
    assert live.module.state.sentence == ""
    assert list(image().size) == [2 * 640 + 4, 360]
    turns(live, lambda: settled(live))
    assert len(asked) == 1
    live.scene.frame_set(helpers.START + 5)
    turns(live, lambda: settled(live))
    assert live.module.state.frame == helpers.TRIM + 5
    live.shot.convert.erosion = 12.5
    turns(live, lambda: settled(live))
    assert [(one["frame"], one["options"]["erosion"]) for one in asked] == [(4, 0.0), (9, 0.0), (9, 12.5)]
    live.settings.masks = True
    turns(live, lambda: settled(live))
    assert list(image().size) == [2 * 640 + 4, 2 * 360 + 4]


def test_landmarks_that_were_moved_by_hand_are_noticed(live: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as the keeper's thread has seen the store: no *Refresh*, and the picture is another one."""
    asked = count_questions(live, monkeypatch)
    live.settings.on = True
    turns(live, lambda: settled(live))
    before = picture()
    editor = live.scene.sequence_editor
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strips["b"].mute = True  # the landmarks of the topmost strip would be meant
    assert helpers.press("landmarks_move", offset=(40.0, 0.0)) == {"FINISHED"}
    live.watch.look()
    turns(live, lambda: settled(live))
    assert [one["frame"] for one in asked] == [helpers.TRIM, helpers.TRIM]
    assert picture() != before
    live.watch.look()
    turns(live, lambda: settled(live))
    assert len(asked) == 2


def picture() -> bytes:
    return Path(image().filepath).read_bytes()


def test_what_changes_quickly_is_asked_once_and_the_newest_wins(live: SimpleNamespace,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    asked = count_questions(live, monkeypatch)
    live.settings.on = True
    for number in range(8):
        live.scene.frame_set(helpers.START + number)
        live.module.turn(live.scene)
        live.module.turn(live.scene)
    assert asked == []  # nothing stands still
    turns(live, lambda: len(asked) == 1)
    live.scene.frame_set(helpers.START + 20)  # while the first is under way
    turns(live, lambda: settled(live))
    assert [one["frame"] for one in asked] == [helpers.TRIM + 7, helpers.TRIM + 20]
    assert live.module.state.frame == helpers.TRIM + 20


def test_off_it_asks_nothing_and_lets_go(live: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = count_questions(live, monkeypatch)
    assert live.module._tick() is None
    live.settings.on = True
    turns(live, lambda: len(asked) == 1)
    under_way = live.module.state.asked
    live.settings.on = False
    assert under_way.stopped or under_way.ended
    assert live.module._tick() is None
    end = time.monotonic() + PATIENCE
    while live.service._awaited and time.monotonic() < end:
        live.service.collect()
        time.sleep(0.01)
    assert not [one for one in bpy.data.images if Path(one.filepath).name == "frame.png"]


def test_during_playback_it_waits(live: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = count_questions(live, monkeypatch)
    live.settings.on = True
    monkeypatch.setattr(live.module, "is_playing", lambda: True)
    for _ in range(5):
        assert live.module.turn(live.scene) == live.module.IDLE
        time.sleep(0.05)
    assert asked == []
    monkeypatch.setattr(live.module, "is_playing", lambda: False)
    turns(live, lambda: settled(live))
    assert len(asked) == 1


def test_what_is_in_the_way_is_a_sentence_and_goes_away(live: SimpleNamespace) -> None:
    live.settings.on = True
    live.scene.frame_set(helpers.START - 5)
    live.module.turn(live.scene)
    assert "is not shown at this frame" in live.module.state.sentence
    assert not live.module.state.alert
    live.scene.frame_set(helpers.START)
    live.shot.convert.mask_type = "custom"  # no face has it
    turns(live, lambda: settled(live))
    assert "no mask custom" in live.module.state.sentence
    assert live.module.state.alert
    live.shot.convert.mask_type = "extended"
    turns(live, lambda: settled(live))
    assert live.module.state.sentence == ""


def test_another_file_begins_anew(live: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = count_questions(live, monkeypatch)
    live.settings.on = True
    turns(live, lambda: len(asked) == 1)
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert live.module.state.asked is None
    assert live.module.state.key is None


def test_operators_answer_at_once_in_the_background(live: SimpleNamespace, consent: None) -> None:
    live.scene.frame_set(helpers.START + 3)
    assert bpy.ops.understudy.live_refresh() == {"FINISHED"}
    assert list(image().size) == [1284, 360]
    assert bpy.ops.understudy.preview_faces() == {"FINISHED"}
    (sheet,) = [one for one in bpy.data.images if Path(one.filepath).name == "faces.png"]
    assert list(sheet.size) == [5 * 384 + 4 * 4, 2 * 384 + 4]
    live.shot.strip_a = ""
    with pytest.raises(RuntimeError, match="poll"):
        bpy.ops.understudy.preview_faces()
