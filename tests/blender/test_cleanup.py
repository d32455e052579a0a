"""Clean Up: what is listed, how large it is, what may not go, and that only what was chosen goes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import pytest


def make_model(place: Path, iterations: int, size: int) -> None:
    place.mkdir(parents=True)
    (place / "model.1.safetensors").write_bytes(b"m" * size)
    state = {"schema": 2, "settings": {"trainer": "sketch"}, "input_size": 64, "output_size": 64, "save": 1,
             "iterations": iterations, "sessions": []}
    (place / "state.json").write_text(json.dumps(state))


@pytest.fixture
def shot(extension: Any, scene: Any, tmp_path: Path, core_python: Path, monkeypatch: pytest.MonkeyPatch
         ) -> SimpleNamespace:
    """A work folder with something of every kind; strip A's result is on the timeline."""
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "home"))
    work = tmp_path / "shot_understudy"
    for name, size in (("faces/actor", 3000), ("converted/shown", 2000), ("converted/old", 5000), ("cache", 100)):
        (work / name).mkdir(parents=True)
        (work / name / "0001.png").write_bytes(b"x" * size)
    model = work / "models" / "pair"
    make_model(model, 500, 1000)
    make_model(work / "models" / "pair_snapshot_250_iters", 250, 4000)
    make_model(model / "backup", 400, 10)
    os.unlink(model / "backup" / "model.1.safetensors")
    os.link(model / "model.1.safetensors", model / "backup" / "model.1.safetensors")
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strips.new_image(name="result", filepath=str(work / "converted" / "shown" / "0001.png"), channel=1, frame_start=1)
    scene.understudy.active.strip_a_id = "a" * 32
    bpy.ops.wm.save_mainfile()
    return SimpleNamespace(work=work, scene=scene, cleanup=extension("addon.cleanup"), watch=extension("addon.watch"),
                           cleaning=extension("addon.cleaning"), client=extension("core.jobs.client"))


def items(shot: SimpleNamespace) -> dict[str, Any]:
    return {os.path.relpath(item.path, shot.work): item for item in shot.cleanup.look_now().space.items}


def test_everything_is_listed_with_what_it_frees(shot: SimpleNamespace) -> None:
    found = items(shot)
    assert {name: (item.kind, item.size > 0) for name, item in found.items()} == {
        "faces/actor": ("faces", True), "converted/shown": ("converted", True), "converted/old": ("converted", True),
        "models/pair/backup": ("backup", True), "models/pair_snapshot_250_iters": ("snapshot", True),
        "cache": ("cache", True)}
    assert found["converted/old"].size == 5000
    assert found["models/pair/backup"].size < 1000  # its weights share their blocks with the model's
    assert found["converted/shown"].used == "Strip result shows it"
    rows = bpy.context.window_manager.understudy_cleanup.rows
    assert len(rows) == len(found)


def test_only_what_was_chosen_goes(shot: SimpleNamespace, capfd: Any) -> None:
    found = items(shot)
    chosen = [found[name].path for name in ("converted/old", "models/pair_snapshot_250_iters")]
    assert bpy.ops.understudy.delete_marked(paths="\n".join(chosen)) == {"FINISHED"}
    assert "Deleted 2" in capfd.readouterr().out
    assert not any(Path(path).exists() for path in chosen)
    assert set(items(shot)) == {"faces/actor", "converted/shown", "models/pair/backup", "cache"}
    assert (shot.work / "models" / "pair" / "model.1.safetensors").exists()


def test_marks_choose_and_what_is_shown_cannot_be_marked(shot: SimpleNamespace) -> None:
    found = items(shot)
    data = bpy.context.window_manager.understudy_cleanup
    for row in data.rows:
        row.marked = row.kind == "converted"
    chosen = shot.cleanup.marked(data, shot.watch.board())
    assert [item.path for item in chosen] == [found["converted/old"].path]
    with pytest.raises(RuntimeError, match="in use"):
        bpy.ops.understudy.delete_marked(paths=found["converted/shown"].path)
    assert (shot.work / "converted" / "shown" / "0001.png").exists()


def test_what_a_job_uses_stays(shot: SimpleNamespace) -> None:
    """Also where the job began after the list was made."""
    path = str(shot.work / "converted" / "old")
    (item,) = [item for item in items(shot).values() if item.path == path]
    assert item.used == ""
    with pytest.raises(Exception, match="in use"):
        shot.cleaning.delete([item], [str(Path(path) / "inside.png")])
    assert Path(path).is_dir()
    job = shot.client.create(shot.work / "jobs", "rehearsal", {"steps": 1, "output": str(Path(path) / "steps.txt")})
    state = job.state()
    state.status, state.launched = "queued", __import__("time").time()
    job.write_state(state)
    shot.watch.look()
    assert any(Path(busy).parent == Path(path) for busy in shot.watch.keeper.busy_paths())


def test_what_set_up_built_can_go_but_not_under_a_job(shot: SimpleNamespace, extension: Any, tmp_path: Path,
                                                      capfd: Any) -> None:
    """Before Understudy is uninstalled: environment, copies of the core, weights, logs, cache; consent stays."""
    home = tmp_path / "home"
    for name in ("data/env/bin", "data/cores/0.1.0-abc/understudy", "data/weights", "data/logs", "cache/frames",
                 "config"):
        (home / name).mkdir(parents=True)
        (home / name / "file").write_bytes(b"x" * 4000)
    found = {item.path: item for item in items(shot).values() if Path(item.path).is_relative_to(home)}
    assert {(str(Path(path).relative_to(home)), item.kind, item.label) for path, item in found.items()} == {
        ("data/env", "environment", "The core's environment"), ("data/cores", "environment", "Copies of the core"),
        ("data/weights", "weights", "Weights"), ("data/logs", "logs", "Logs"), ("cache", "cache", "Understudy's cache")}
    assert [sentence.split()[0] for sentence in shot.cleaning.consequences(found.values())] == ["Set", "Weights"]
    busy = shot.cleaning.look(shot.cleanup.wanted(), [str(home / "data"), str(home / "cache")])
    assert {item.used for item in busy.items if item.path in found} == {"Used by a job"}
    assert bpy.ops.understudy.delete_marked(paths="\n".join(found)) == {"FINISHED"}
    assert "Deleted 5" in capfd.readouterr().out
    assert [path.relative_to(home).as_posix() for path in home.rglob("file")] == ["config/file"]


def test_measuring_is_asked_for_and_nothing_is_read_before(shot: SimpleNamespace, extension: Any) -> None:
    shot.watch.keeper.measure(None)
    assert shot.watch.look().space is None
    assert bpy.ops.understudy.measure() == {"FINISHED"}
    assert shot.watch.board().space is not None
    with pytest.raises(RuntimeError, match="Nothing is marked"):
        bpy.ops.understudy.delete_marked()
