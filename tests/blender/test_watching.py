"""Looking at a training from Blender: previews, graphs and the table of sessions as images, and what it is asked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest

ITERATIONS = 400


def write_png(path: Path, color: tuple[float, float, float]) -> None:
    """A picture of 4 by 4 pixels, written by Blender itself."""
    image = bpy.data.images.new("made", 4, 4)
    image.pixels = [*color, 1.0] * 16
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)


@pytest.fixture
def model(extension: Any, tmp_path: Path, core_python: Path, monkeypatch: pytest.MonkeyPatch
          ) -> Iterator[SimpleNamespace]:
    """A shot whose model has a history of two sessions and a preview."""
    folder = tmp_path / "model"
    folder.mkdir()
    core = extension("addon.watch").__name__.removesuffix("addon.watch") + "core"
    history, state = import_module(f"{core}.training.watching.history"), import_module(f"{core}.models.state")
    for session, first in ((1, 0), (2, 250)):
        writer = history.HistoryWriter(folder, session, first, 8)
        for iteration in range(first, first + 250 if session == 1 else ITERATIONS):
            writer.add({"loss_a": 0.3 / (iteration + 1) ** 0.3, "loss_b": 0.2 / (iteration + 1) ** 0.3}, 0.05)
        writer.flush()
        writer.close()
    sessions = [{"started": "2026-11-20T09:00:00+00:00", "ended": "2026-11-20T10:00:00+00:00", "seconds": 12.5,
                 "batch_size": 8, "iterations": count} for count in (250, ITERATIONS - 250)]
    (folder / "state.json").write_bytes(state.ModelState(state.Settings("sketch"), 64, 64, ITERATIONS, 1,
                                                         sessions).to_json())
    write_png(folder / "preview.png", (1.0, 0.0, 0.0))
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    scene = bpy.context.scene
    scene.sequence_editor_create()
    bpy.ops.understudy.shot_add()
    scene.understudy.folder, scene.understudy.active.model_dir = str(tmp_path / "work"), str(folder)
    scene.understudy.active.strip_a_id = "gone"  # jobs are looked for where a shot is
    yield SimpleNamespace(folder=folder, scene=scene, data=scene.understudy.active, watch=extension("addon.watch"),
                          pictures=extension("addon.pictures"), requests=extension("core.training.watching.requests"))
    for image in list(bpy.data.images):
        bpy.data.images.remove(image)


def shown(name: str) -> Any:
    (image,) = [image for image in bpy.data.images if Path(image.filepath).name == name]
    return image


def test_the_preview_is_an_image(model: SimpleNamespace, capfd: Any) -> None:
    assert bpy.ops.understudy.training_preview() == {"FINISHED"}
    assert str(model.folder / "preview.png") in capfd.readouterr().out
    image = shown("preview.png")
    assert image.pixels[:3] == (1.0, 0.0, 0.0)
    assert bpy.ops.understudy.training_preview() == {"FINISHED"}
    assert len(model.pictures.ours()) == 1


def test_a_preview_that_has_changed_is_read_anew(model: SimpleNamespace) -> None:
    """The keeper's thread sees the change; the timer reads the file, drawing never does."""
    bpy.ops.understudy.training_preview()
    image = shown("preview.png")
    assert image.pixels[0] == 1.0
    write_png(model.folder / "preview.png", (0.0, 1.0, 0.0))
    os.utime(model.folder / "preview.png", ns=(0, 10**18))
    model.pictures.refresh(model.watch.look())
    assert image.pixels[:3] == (0.0, 1.0, 0.0)
    (model.folder / "preview.png").unlink()
    model.pictures.refresh(model.watch.look())  # what is gone stays as it was


def test_no_preview_yet(model: SimpleNamespace) -> None:
    (model.folder / "preview.png").unlink()
    with pytest.raises(RuntimeError, match=r"preview\.png is not there yet\. .*first save"):
        bpy.ops.understudy.training_preview()


@pytest.mark.parametrize(("what", "made", "told"), [("LOSS", "graph.png", "Loss A"), ("RATE", "graph.png", "EG/s"),
                                                    ("SESSIONS", "sessions.png", "Total")])
def test_graphs_and_the_table_are_drawn_by_the_core(model: SimpleNamespace, what: str, made: str, told: str,
                                                    capfd: Any) -> None:
    model.data.tools.models_graph.recent = 100
    assert bpy.ops.understudy.training_draw(what=what) == {"FINISHED"}
    image = bpy.data.images.load(str(model.folder / made))
    assert min(image.size) > 100
    assert np.ptp(np.array(image.pixels[:])) > 0.5
    assert told in capfd.readouterr().out
    job = model.watch.look().latest("models sessions" if what == "SESSIONS" else "models graph")
    assert (job.status, job.tag["show"], job.preview) == ("finished", True, str(model.folder / made))
    assert Path(job.options["model_dir"]) == model.folder
    if what != "SESSIONS":
        assert job.options["recent"] == 100
        assert job.result["iterations"] == 100


def test_a_finished_graph_is_shown_once(model: SimpleNamespace) -> None:
    bpy.ops.understudy.training_draw(what="LOSS")
    model.watch.settle(model.watch.look())
    assert shown("graph.png").size[0] == 1600
    bpy.data.images.remove(shown("graph.png"))
    model.watch.settle(model.watch.look())
    assert not model.pictures.ours()


def test_why_nothing_can_be_drawn(model: SimpleNamespace, capfd: Any) -> None:
    model.data.tools.models_graph.first = 10**6
    with pytest.raises(RuntimeError, match=r"Choose from iterations 1 to 400"):
        bpy.ops.understudy.training_draw(what="LOSS")


def test_a_training_is_asked_only_while_it_runs(model: SimpleNamespace) -> None:
    with pytest.raises(RuntimeError, match="No training is running"):
        bpy.ops.understudy.training_ask(what="SAVE")
    assert model.requests.take(model.folder) == set()


@pytest.mark.parametrize("name", ["training_ask", "training_draw"])
def test_every_button_says_what_it_does(extension: Any, name: str) -> None:
    operator = getattr(extension("operators.watching"), f"UNDERSTUDY_OT_{name}")
    items = getattr(bpy.ops.understudy, name).get_rna_type().properties["what"].enum_items
    told = [operator.description(bpy.context, SimpleNamespace(what=item.identifier)) for item in items]
    assert len(set(told)) == len(items) == 3


# --- options by trainer -----------------------------------------------------------------------------------------


def test_a_trainers_options_count_with_that_trainer_only(model: SimpleNamespace, extension: Any) -> None:
    properties = extension("addon.properties")
    options = {o.name: o for o in properties.options_of(properties.TASKS["train"].options)}
    group = model.data.train
    group.trainer, group.lowmem = "original", True
    assert properties.is_meant(options["lowmem"], group)
    assert properties.values_of(group, "train")["lowmem"] is True
    group.trainer = "sketch"
    assert not properties.is_meant(options["lowmem"], group)
    assert "lowmem" not in properties.values_of(group, "train")
    assert properties.options_from(group, "train", input_a="a", input_b="b", model_dir="m").lowmem is False
    for name, option in options.items():
        for trainer in option.declaration.trainers:
            group.trainer = trainer
            assert properties.is_meant(option, group), name
