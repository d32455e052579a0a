"""`blender -b FILE --command understudy …`. The bpy module has no command line: the function is called."""

from __future__ import annotations

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


def test_no_core_set_up(main: Any, scene: Any, consent: None, capfd: Any) -> None:
    ours = bpy.context.preferences.addons["bl_ext.user_default.understudy"].preferences
    chosen, ours.python = ours.python, ""
    try:
        assert main(["doctor"]) == 1
    finally:
        ours.python = chosen
    assert capfd.readouterr().err.startswith("understudy: The core is not set up yet. ")
