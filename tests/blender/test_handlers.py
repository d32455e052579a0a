"""Every handler of ours, and every turn of our timers, with a film's worth of strips, shots, pictures and faces."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest

FRAMES, FACES, SHOTS, STRIPS, PICTURES = 10_000, 100_000, 20, 1000, 10_000


def strips(scene: Any) -> Any:
    editor = scene.sequence_editor_create()
    return editor.strips if hasattr(editor, "strips") else editor.sequences


@pytest.fixture(scope="module")
def store(extension: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100,000 faces in 10,000 frames."""
    core = extension("addon.watch").__name__.removesuffix("addon.watch") + "core"
    made, nouns = import_module(f"{core}.faces.store"), import_module(f"{core}.faces.nouns")
    path = tmp_path_factory.mktemp("big") / "film_alignments.db"
    rng = np.random.default_rng(0)
    points = rng.uniform(100, 500, (68, 2)).astype(np.float32)
    with made.AlignmentsStore.create(path, nouns.SourceInfo("0" * 32, "film.mp4", 1920, 1080, "25/1", FRAMES)) as store:
        people = [store.add_person(f"Person of {number}") for number in range(40)]
        for start in range(0, FACES, 20_000):
            with store.transaction():
                for number in range(start, start + 20_000):
                    frame = number * FRAMES // FACES
                    store.set_frame(frame, f"film_{frame:06d}", "test")
                    store.put(made.Found(nouns.Face(frame, (100.0, 100.0, 400.0, 400.0), points, "s3fd", "fan", 0.9,
                                                    people[number % 40])))
    return path


@pytest.fixture
def film(extension: Any, scene: Any, store: Path, tmp_path: Path) -> SimpleNamespace:
    """20 shots over 1000 strips, one of which has the faces, below a result of 10,000 pictures."""
    (tmp_path / store.name).symlink_to(store)
    Path(tmp_path / "film.mp4").touch()
    collection = strips(scene)
    first = collection.new_movie(name="film", filepath=str(tmp_path / "film.mp4"), channel=1, frame_start=1)
    others = [collection.new_movie(name=f"strip {n}", filepath=f"//other{n % 50}.mp4", channel=2 + n % 20,
                                   frame_start=1 + n) for n in range(STRIPS)]
    result = collection.new_image(name="result", filepath=str(tmp_path / "r_000000.png"), channel=30, frame_start=1)
    for number in range(1, PICTURES):
        result.elements.append(f"r_{number:06d}.png")
    result.understudy_overlay = str(tmp_path)
    for number in range(SHOTS):
        bpy.ops.understudy.shot_add(use_selected=False)
        one = scene.understudy.active
        one.strip_a, one.strip_b = (first.name, others[0].name) if number == 0 else (others[2 * number].name,
                                                                                     others[2 * number + 1].name)
        one.sources_b.add().strip = others[100 + number].name
    for strip in others[100:103]:  # deleted by a person, still named by three shots
        collection.remove(strip)
    scene.understudy.active_index = 0
    bpy.ops.wm.save_mainfile()
    extension("addon.watch").look()
    return SimpleNamespace(scene=scene, first=first, others=others)


def _again(lines: Callable[..., int], call: Callable[..., Any], *args: Any) -> int:
    """Lines that the second call runs, since the first one may import and fill caches."""
    call(*args)
    return lines(call, *args)


def ours(installed: str) -> list[tuple[str, Callable[..., Any]]]:
    """Our functions in all of Blender's lists of handlers."""
    found = []
    for name in dir(bpy.app.handlers):
        handlers = getattr(bpy.app.handlers, name)
        if isinstance(handlers, list):
            found += [(name, one) for one in handlers if getattr(one, "__module__", "").startswith(installed)]
    return found


def test_no_handler_holds_blender_up(film: SimpleNamespace, installed: str, tmp_path: Path,
                                     lines: Callable[..., int], at_once: int) -> None:
    """Saved at the same place and at another one, opened, undone: what Blender calls, called by itself."""
    handlers = ours(installed)
    assert len({name for name, _ in handlers}) >= 5
    assert [one for _, one in handlers if not hasattr(one, "__wrapped__")] == []  # `timed`: the window's test sees them
    elsewhere = tmp_path / "deeper" / "film.blend"
    elsewhere.parent.mkdir()
    spent = {}
    for name, handler in handlers:
        path = str(elsewhere) if name == "save_pre" else bpy.data.filepath
        title = f"{name}: {handler.__module__.removeprefix(installed)}.{handler.__name__}"
        spent[title] = _again(lines, handler, path, None)
    for name, count in sorted(spent.items(), key=lambda item: -item[1])[:8]:
        print(f"{count} lines: {name}")
    assert not {name: count for name, count in spent.items() if count > at_once}


def test_no_turn_of_a_timer_holds_blender_up(film: SimpleNamespace, extension: Any, lines: Callable[..., int],
                                             at_once: int) -> None:
    """What timers do in a window, where Blender only calls them."""
    scene, watch = film.scene, extension("addon.watch")
    board = watch.look()
    assert board.stores[str(Path(bpy.path.abspath(film.first.filepath)))].faces == FACES
    views = extension("addon.overlay.views")
    turns = {
        "aim": (watch.aim,), "settle": (watch.settle, board), "people": (extension("addon.people").sync, board),
        "cleanup": (extension("addon.cleanup").sync, board), "browser": (extension("addon.browser").sync, board),
        "pictures": (extension("addon.pictures").refresh, board), "overlay": (views.update,),
        "migration": (extension("addon.migration").migrate_all,), "live": (extension("addon.live").turn, scene),
        "looked over": (extension("addon.looked_over").sync, scene, board),
        "next step": (extension("addon.stages").next_step, scene, board),
    }
    spent = {name: _again(lines, *call) for name, call in turns.items()}
    for name, count in sorted(spent.items(), key=lambda item: -item[1]):
        print(f"{count} lines: {name}")
    assert not {name: count for name, count in spent.items() if count > at_once}
