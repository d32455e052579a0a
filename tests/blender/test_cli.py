"""`blender -b FILE --command understudy …`. The bpy module has no command line: the function is called."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import bpy
import pytest


@pytest.fixture
def main(extension: Any, core_python: Path) -> Any:
    return extension("addon.cli").main


@pytest.mark.parametrize(("arguments", "means_the_shot"), [
    (["extract"], True), (["extract", "--every", "2"], True), (["train", "--iterations", "5"], True),
    (["convert", "--json", "--save"], True), (["extract", "clip.mp4"], False), (["doctor"], False), ([], False),
    (["train", "--input-a", "x", "--input-b", "y"], False), (["extract", "--help"], False),
    (["alignments", "export", "a.db", "b.json"], False),
])
def test_which_arguments_mean_the_shot_of_the_file(extension: Any, arguments: list[str], means_the_shot: bool) -> None:
    assert (extension("addon.cli").shot_command(arguments) is not None) == means_the_shot


def test_without_strips_it_says_what_to_do(main: Any, scene: Any, consent: None, capfd: Any) -> None:
    assert main(["extract"]) == 1
    assert capfd.readouterr().err.startswith("understudy: No strips are chosen in ")


def test_an_option_out_of_range_is_wrong_usage(main: Any, scene: Any, consent: None, capfd: Any) -> None:
    assert main(["train", "--iterations", "0"]) == 2
    assert "1 to 10000000" in capfd.readouterr().err.replace("1e+07", "10000000").replace(",", "")


def test_other_commands_are_the_cores_own(main: Any, scene: Any, capfd: Any, tmp_path: Path) -> None:
    assert main(["extract", "--help"]) == 0
    assert "--detector" in capfd.readouterr().out


def test_the_cores_exit_code_comes_back(main: Any, scene: Any, consent: None, capfd: Any, tmp_path: Path) -> None:
    assert main(["extract", str(tmp_path / "none.mp4")]) == 1
    assert "none.mp4" in capfd.readouterr().err


def test_paths_are_meant_from_the_terminal_or_from_the_blend(extension: Any, scene: Any, tmp_path: Path,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    absolute = extension("addon.cli")._absolute
    assert absolute("faces") == str(elsewhere / "faces")
    assert absolute("//faces/a") == str(tmp_path / "faces" / "a")
    assert absolute("/faces") == "/faces"


def test_no_core_set_up(main: Any, scene: Any, consent: None, capfd: Any) -> None:
    ours = bpy.context.preferences.addons["bl_ext.user_default.understudy"].preferences
    chosen, ours.python = ours.python, ""
    try:
        assert main(["doctor"]) == 1
    finally:
        ours.python = chosen
    assert capfd.readouterr().err.startswith("understudy: The core is not set up yet. ")


@pytest.fixture
def shots(scene: Any) -> Any:
    """Two shots of three strips in one scene, and a scene without any."""
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    films = [strips.new_movie(name=name, filepath=f"//{name}.mp4", channel=n + 1, frame_start=1)
             for n, name in enumerate(("hero", "villain", "double"))]
    bpy.ops.understudy.shot_add(name="Finale", use_selected=False)
    for one, a, b in zip(scene.understudy.shots, films, films[1:], strict=False):
        one.strip_a, one.strip_b = a.name, b.name
    scene.understudy.shots[0].name = "Opening"
    scene.understudy.shots[0].sources_b.add().strip = "double"
    bpy.data.scenes.new("Other")
    return scene.understudy.shots


@pytest.mark.parametrize(("words", "name", "strip"), [
    ({}, "Finale", None), ({"shot_name": "Opening"}, "Opening", None), ({"strip_name": "hero"}, "Opening", "hero"),
    ({"strip_name": "villain"}, "Finale", "villain"),  # of the active one first
    ({"shot_name": "Opening", "strip_name": "villain"}, "Opening", "villain"),
    ({"shot_name": "Opening", "strip_name": "double"}, "Opening", "double"),
    ({"strip_name": "b"}, "Finale", None), ({"scene_name": "Scene"}, "Finale", None)])
def test_shots_and_strips_are_named(extension: Any, shots: Any, words: dict[str, str], name: str,
                                    strip: str | None) -> None:
    one, found = extension("addon.cli").chosen(**words)
    assert (one.name, found.name if found is not None else None) == (name, strip)


@pytest.mark.parametrize(("words", "told"), [
    (["--shot", "Credits"], "There is no shot 'Credits' in .*Shots: Finale, Opening"),
    (["--strip", "nobody"], "is about a strip 'nobody'. Strips of shots: villain, double, hero"),
    (["--scene", "None such"], "There is no scene 'None such'"), (["--scene", "Other"], "No strips are chosen"),
    (["--shot", "Opening", "--scene", "Other"], "There is no shot 'Opening'")])
def test_a_name_that_nobody_has(main: Any, shots: Any, consent: None, capfd: Any, words: list[str], told: str) -> None:

    assert main(["extract", *words]) == 1
    assert re.search(told, capfd.readouterr().err)


def test_the_other_shot_is_the_one_that_runs(main: Any, extension: Any, shots: Any, consent: None, capfd: Any,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    stages = extension("addon.stages")
    ran: list[tuple[str, Any]] = []

    def run(scene: Any, planned: list[Any], tell: Any) -> str:
        ran.extend((scene.name, job) for job in planned)
        return "finished"

    for name in ("hero", "villain", "double"):
        Path(bpy.path.abspath(f"//{name}.mp4")).touch()
    for one in shots:
        one.strip_only = False
    monkeypatch.setattr(stages, "run_and_wait", run)
    assert main(["extract", "--shot", "Opening", "--every", "3"]) == 0
    assert [(job.label, job.options.every) for _, job in ran] == [("Extract A", 3), ("Extract B", 3),
                                                                  ("Extract B, double", 3)]
    ran.clear()
    assert main(["extract", "--shot", "Opening", "--strip", "double"]) == 0
    assert [job.label for _, job in ran] == ["Extract B, double"]
    ran.clear()
    assert main(["extract", "--strip", "b"]) == 0
    assert [Path(job.options.source).name for _, job in ran] == ["double.mp4"]
    shots[0].train.iterations = 42
    for role in ("a", "b"):
        with extension("addon.shot").focused(shots[0]):
            folder = extension("addon.shot").faces_folder(shots[0].id_data, role)
        folder.mkdir(parents=True)
        for number in range(25):
            (folder / f"{number}.png").touch()
    ran.clear()
    assert main(["train", "--strip", "hero"]) == 0
    ((_, job),) = ran
    assert (job.options.iterations, job.tag["shot"]) == (42, shots[0].uid)


def test_help_tells_of_shots(main: Any, scene: Any, capfd: Any) -> None:
    assert main(["train", "--help"]) == 0
    assert "--shot NAME" in capfd.readouterr().out
    assert main(["doctor", "--help"]) == 0
    assert "--shot NAME" not in capfd.readouterr().out
