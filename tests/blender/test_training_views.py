"""What panels show of a training, and what can be brought back: sessions, copies, a flat loss, live pictures."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import pytest


def write_png(path: Path, color: tuple[float, float, float]) -> None:
    image = bpy.data.images.new("made", 4, 4)
    image.pixels = [*color, 1.0] * 16
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)


def make_copy(place: Path, iterations: int, loss: float | None, sessions: list[dict[str, Any]]) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for name in ("model", "optimizer"):
        (place / f"{name}.1.safetensors").write_bytes(f"{name} of {iterations}".encode())
    state = {"schema": 2, "settings": {"trainer": "sketch"}, "input_size": 64, "output_size": 64, "save": 1,
             "iterations": iterations, "sessions": sessions, "lowest_loss": loss}
    (place / "state.json").write_text(json.dumps(state))


@pytest.fixture
def model(extension: Any, tmp_path: Path, core_python: Path) -> Iterator[SimpleNamespace]:
    """A shot whose model has trained 5,000 iterations in two sessions, with a backup and two snapshots."""
    folder = tmp_path / "work" / "models" / "pair"
    sessions = [{"started": "2026-11-20T09:00:00+00:00", "seconds": 100.0, "batch_size": 8, "iterations": count}
                for count in (3000, 2000)]
    make_copy(folder, 5000, 0.05, sessions)
    make_copy(folder / "backup", 4800, 0.05, sessions)
    make_copy(folder.with_name("pair_snapshot_2500_iters"), 2500, 0.08, sessions[:1])
    make_copy(folder.with_name("pair_snapshot_1000_iters"), 1000, None, sessions[:1])
    core = extension("addon.watch").__name__.removesuffix("addon.watch") + "core"
    history = import_module(f"{core}.training.watching.history")
    for session, first, count in ((1, 0, 3000), (2, 3000, 2000)):
        writer = history.HistoryWriter(folder, session, first, 8)
        for _ in range(count):
            writer.add({"loss_a": 0.03, "loss_b": 0.02}, 0.05)
        writer.flush()
        writer.close()
    for name in ("preview.png", "loss.png"):
        write_png(folder / name, (1.0, 0.0, 0.0))
    write_png(folder.with_name("pair_snapshot_2500_iters") / "preview.png", (0.0, 1.0, 0.0))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene = bpy.context.scene
    scene.sequence_editor_create()
    bpy.ops.understudy.shot_add()
    data = scene.understudy.active
    scene.understudy.folder, data.model_dir = str(tmp_path / "work"), str(folder)
    data.strip_a_id = "gone"  # jobs are looked for where a shot is
    yield SimpleNamespace(folder=folder, scene=scene, watch=extension("addon.watch"),
                          pictures=extension("addon.pictures"), training=extension("operators.training"))
    for image in list(bpy.data.images):
        bpy.data.images.remove(image)


def view(model: SimpleNamespace) -> Any:
    return model.watch.look().models[str(model.folder)]


def test_the_board_has_sessions_and_copies(model: SimpleNamespace) -> None:
    found = view(model)
    assert (found.trainer, found.iterations, found.loss) == ("sketch", 5000, 0.05)
    assert [row[0] for row in found.sessions] == ["1", "2"]
    assert found.total[5] == "5,000"
    assert [(copy.kind, copy.iterations, copy.loss, bool(copy.preview)) for copy in found.copies] == [
        ("backup", 4800, 0.05, False), ("snapshot", 2500, 0.08, True), ("snapshot", 1000, None, False)]
    assert model.training.restorable(found) == list(found.copies)


def test_a_flat_loss_is_hinted_at_with_the_honest_sentence(model: SimpleNamespace) -> None:
    assert "the loss did not fall. The preview decides" in view(model).flat


def test_a_snapshot_is_brought_back_and_the_model_archived(model: SimpleNamespace, capfd: Any) -> None:
    assert bpy.ops.understudy.restore_copy(kind="snapshot", iterations=2500) == {"FINISHED"}
    assert "is the snapshot of 2,500 iterations again" in capfd.readouterr().out
    assert json.loads((model.folder / "state.json").read_text())["iterations"] == 2500
    (archive,) = model.folder.parent.glob("pair_archived_*")
    assert json.loads((archive / "state.json").read_text())["iterations"] == 5000
    model.watch.keeper._models._known.clear()
    assert [copy.kind for copy in view(model).copies].count("archive") == 1


def test_the_backup_is_brought_back_and_a_missing_copy_is_refused(model: SimpleNamespace) -> None:
    assert bpy.ops.understudy.restore_copy(kind="backup") == {"FINISHED"}
    assert json.loads((model.folder / "state.json").read_text())["iterations"] == 4800
    with pytest.raises(RuntimeError, match="There is no snapshot of 7 iterations"):
        bpy.ops.understudy.restore_copy(kind="snapshot", iterations=7)


def test_restoring_says_what_cannot_be_undone(extension: Any) -> None:
    told = bpy.ops.understudy.restore_copy.get_rna_type().description
    assert "archived" in told
    assert "Ctrl-Z does not" in told


def test_pictures_stay_while_they_are_not_to_update(model: SimpleNamespace) -> None:
    assert bpy.ops.understudy.training_graph() == {"FINISHED"}
    (image,) = model.pictures.ours()
    assert image.pixels[0] == 1.0
    views = bpy.context.window_manager.understudy_views
    views.live = False
    write_png(model.folder / "loss.png", (0.0, 1.0, 0.0))
    os.utime(model.folder / "loss.png", ns=(0, 10**18))
    model.pictures.refresh(model.watch.look())
    assert image.pixels[0] == 1.0
    assert bpy.ops.understudy.pictures_refresh() == {"FINISHED"}
    assert image.pixels[:2] == (0.0, 1.0)
    views.live = True


def test_copies_and_tables_are_saved(model: SimpleNamespace, tmp_path: Path) -> None:
    picture, table = tmp_path / "kept", tmp_path / "sessions.csv"
    assert bpy.ops.understudy.picture_save(filepath=str(picture)) == {"FINISHED"}
    assert picture.with_name("kept.png").read_bytes() == (model.folder / "preview.png").read_bytes()
    assert bpy.ops.understudy.sessions_csv(filepath=str(table)) == {"FINISHED"}
    lines = table.read_text().splitlines()
    assert lines[0] == "session,start,end,elapsed_seconds,batch_size,iterations,eg_per_second"
    assert [line.split(",")[5] for line in lines[1:]] == ["3000", "2000"]
    (model.folder / "preview.png").unlink()
    with pytest.raises(RuntimeError, match="not there yet"):
        bpy.ops.understudy.picture_save(filepath=str(picture))


def test_small_pictures_are_loaded_once(model: SimpleNamespace, extension: Any) -> None:
    """Blender 4.2 gives icons no numbers where it draws none, so that they are counted."""
    views = extension("addon.views")
    path = str(model.folder / "preview.png")
    assert views.thumbnail(path, "1") == views.thumbnail(path, "1")
    assert list(views._thumbnails) == [f"{path}#1"]
    views.thumbnail(path, "2")
    assert list(views._thumbnails) == [f"{path}#2"]
