"""A shot through all three stages under `blender -b`, with the real core: from two strips to the one above A."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import pytest

FRAMES = 30  # a few more than the 25 faces that training asks for
START, TRIM = 11, 20


def strips(scene: Any) -> Any:
    editor = scene.sequence_editor_create()
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def add_film(scene: Any, path: Path, channel: int, start: int) -> Any:
    """A film, trimmed at both ends: shows frames TRIM .. TRIM + FRAMES - 1 of the file."""
    strip = strips(scene).new_movie(name=path.stem, filepath=str(path), channel=channel, frame_start=start - TRIM)
    strip.frame_final_start = start
    strip.frame_final_end = start + FRAMES
    return strip


@pytest.fixture
def shot(scene: Any, footage: Path, tmp_path: Path, core_python: Path) -> SimpleNamespace:
    """Strips A and B, chosen by name, with settings that take seconds."""
    a, b = (add_film(scene, Path(shutil.copy(footage / f"actor_{side}.mp4", tmp_path)), 1, start)
            for side, start in (("a", START), ("b", START + 100)))
    data = scene.understudy.active
    data.strip_a, data.strip_b = a.name, b.name
    data.extract.detection_size = 320
    data.train.iterations, data.train.batch_size, data.train.precision = 3, 2, "float32"
    bpy.ops.wm.save_mainfile()
    return SimpleNamespace(a=a, b=b, folder=tmp_path / "shot_understudy")


def test_from_two_strips_to_the_one_above_a(extension: Any, scene: Any, shot: SimpleNamespace, consent: None,
                                            capsys: pytest.CaptureFixture[str]) -> None:
    assert bpy.ops.understudy.extract() == {"FINISHED"}
    printed = capsys.readouterr().out
    assert f"Extract A: {FRAMES} of {FRAMES} frames" in printed
    assert "Extract B:" in printed
    faces = sorted((shot.folder / "faces").iterdir())
    assert len(faces) == 2
    assert all(len(list(folder.glob("*.png"))) >= 25 for folder in faces)
    # Only what the strips show was read.
    names = {path.name.rsplit("_", 2)[1] for path in faces[0].glob("*.png")}
    assert {int(name) for name in names} <= set(range(TRIM, TRIM + FRAMES))

    capsys.readouterr()
    assert bpy.ops.understudy.show_augmentation() == {"FINISHED"}
    (sheet,) = (shot.folder / "models").iterdir()  # and nothing that looks like a model
    assert sheet.name.endswith("_augmentation.png")
    assert str(sheet) in capsys.readouterr().out
    job = extension("addon.watch").look().latest("train", show=True)
    assert (job.label, job.status, job.preview) == ("Augmentation", "finished", str(sheet))
    assert extension("addon.stages").jobs_of(scene, "train", extension("addon.watch").look()) == []

    assert bpy.ops.understudy.train() == {"FINISHED"}
    assert len(list((shot.folder / "models").glob("*/state.json"))) == 1

    assert bpy.ops.understudy.convert() == {"FINISHED"}
    overlay = next(s for s in strips(scene) if s.type == "IMAGE")
    assert overlay.channel > shot.a.channel
    assert (overlay.frame_final_start, overlay.frame_final_end) == (START, START + FRAMES)
    assert overlay.blend_type == "ALPHA_OVER"
    assert Path(bpy.path.abspath(overlay.directory)).is_relative_to(shot.folder / "converted")

    # Again: kept pictures, and still one strip above A.
    assert bpy.ops.understudy.convert() == {"FINISHED"}
    assert len([s for s in strips(scene) if s.type == "IMAGE"]) == 1

    # Not saved: whoever opens the file next still gets the strip.
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    scene = bpy.context.scene
    assert not [s for s in strips(scene) if s.type == "IMAGE"]
    watch = extension("addon.watch")
    for _ in range(2):
        watch.settle(watch.look())
        assert len([s for s in strips(scene) if s.type == "IMAGE"]) == 1


def test_training_without_faces_says_to_extract(scene: Any, shot: SimpleNamespace, consent: None) -> None:
    with pytest.raises(RuntimeError, match="Extract first: fewer than 25 faces of A"):
        bpy.ops.understudy.train()


def test_converting_without_a_model_says_to_train(scene: Any, shot: SimpleNamespace, consent: None) -> None:
    with pytest.raises(RuntimeError, match="Train a model first"):
        bpy.ops.understudy.convert()


def test_without_consent_nothing_starts(scene: Any, shot: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNDERSTUDY_CONSENT", raising=False)
    with pytest.raises(RuntimeError, match="UNDERSTUDY_CONSENT=1"):
        bpy.ops.understudy.extract()
    assert not (shot.folder / "jobs").exists()


def test_no_core_set_up(extension: Any, scene: Any, shot: SimpleNamespace, consent: None) -> None:
    ours = bpy.context.preferences.addons["bl_ext.user_default.understudy"].preferences
    chosen, ours.python = ours.python, ""
    try:
        with pytest.raises(RuntimeError, match="The core is not set up yet"):
            bpy.ops.understudy.extract()
    finally:
        ours.python = chosen
    assert not (shot.folder / "jobs").exists()


def test_a_strip_without_its_file(scene: Any, shot: SimpleNamespace, consent: None, tmp_path: Path) -> None:
    (tmp_path / "actor_b.mp4").unlink()
    with pytest.raises(RuntimeError, match=r"file .*missing.*actor_b\.mp4"):
        bpy.ops.understudy.extract()
    assert not (shot.folder / "jobs").exists()


def test_an_unsaved_file_asks_to_be_saved(extension: Any) -> None:
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    with pytest.raises(RuntimeError, match=r"Save the \.blend first"):
        bpy.ops.understudy.extract()


def test_a_text_file_named_mp4(scene: Any, shot: SimpleNamespace, consent: None, tmp_path: Path) -> None:
    (tmp_path / "actor_a.mp4").write_text("no film")
    with pytest.raises(RuntimeError, match=r"actor_a\.mp4") as caught:
        bpy.ops.understudy.extract()
    assert "Traceback" not in str(caught.value)


def test_strips_keep_their_roles_when_renamed(scene: Any, shot: SimpleNamespace) -> None:
    shot.a.name = "another name"
    assert scene.understudy.active.strip_a == "another name"
    scene.understudy.active.strip_b = ""
    assert scene.understudy.active.strip_b == ""
    scene.understudy.active.strip_b = "no such strip"
    assert scene.understudy.active.strip_b == ""


def test_the_active_strip_becomes_a(scene: Any, shot: SimpleNamespace) -> None:
    scene.sequence_editor.active_strip = shot.b
    assert bpy.ops.understudy.pick_strip(role="A") == {"FINISHED"}
    assert scene.understudy.active.strip_a == shot.b.name


def test_set_up_without_online_access(extension: Any, scene: Any) -> None:
    if bpy.app.online_access:
        pytest.skip("this Blender allows online access")
    with pytest.raises(RuntimeError, match="online access is off"):
        bpy.ops.understudy.setup()
