"""The command line as a person meets it: help, exit codes, one-line errors, settings files, --json."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys

import pytest

from understudy.core import cli, consent
from understudy.core.jobs.messages import Done, Progress, parse
from understudy.core.jobs.tasks import TASKS


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("UNDERSTUDY_CONSENT", raising=False)


def test_help_lists_every_command(capsys):
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    for name in [t.name.split()[0] for t in TASKS.values() if t.command] + ["doctor", "alignments", "consent"]:
        assert f"\n  {name}" in text or f"\n    {name}" in text, name


@pytest.mark.parametrize("command", [t.name for t in TASKS.values() if t.command])
def test_each_command_explains_itself(command, capsys):
    assert cli.main([*command.split(), "--help"]) == 0
    text = capsys.readouterr().out
    assert "--config" in text
    assert "--json" in text


@pytest.mark.parametrize("words", [[], ["extrakt"], ["extract", "--every", "0"], ["train"], ["extract"],
                                   ["rehearsal", "--config", "nowhere.toml"], ["alignments"]])
def test_wrong_usage_ends_with_2(words):
    assert cli.main(words) == 2


def test_without_consent_nothing_starts(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert cli.main(["extract", "clip.mp4"]) == 2
    error = capsys.readouterr().err
    assert "consented" in error
    command = re.search("`understudy ([^`]+)`", error)
    assert command is not None
    assert cli.main(command[1].split()) == 0  # what it says to run does it, here too where nobody can be asked
    assert cli.main(["extract", "clip.mp4"]) == 1
    assert "clip.mp4" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("typed", ["no\n", "\n", ""], ids=["no", "enter", "ctrl-d"])
def test_who_does_not_agree_is_told_in_a_line(typed, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    assert cli.main(["extract", "clip.mp4"]) == 2
    assert "without consent" in capsys.readouterr().err
    assert not consent.given()


def test_json_prints_messages_and_nothing_else(capsys):
    assert cli.main(["rehearsal", "--steps", "3", "--seconds", "0", "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    messages = [parse(line) for line in lines]
    assert None not in messages
    assert any(isinstance(m, Progress) for m in messages)
    assert isinstance(messages[-1], Done)
    assert messages[-1].status == "finished"
    assert all(json.loads(line) for line in lines)


def test_a_failing_task_ends_with_1_and_one_line(capsys):
    assert cli.main(["rehearsal", "--steps", "3", "--seconds", "0", "--fail-at", "2"]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if "Traceback" in line or line.startswith("  File")]
    assert errors == []


def test_a_settings_file_stands_below_the_flags(tmp_path, capsys):
    settings = tmp_path / "settings.toml"
    settings.write_text("[rehearsal]\nsteps = 5\nseconds = 0.0\n")
    assert cli.main(["rehearsal", "--config", str(settings), "--steps", "2", "--json"]) == 0
    progress = [m for m in map(parse, capsys.readouterr().out.splitlines()) if isinstance(m, Progress)]
    assert progress[-1].total == 2


def test_ctrl_c_stops_with_130(tmp_path):
    process = subprocess.Popen([sys.executable, "-m", "understudy.core", "rehearsal", "--steps", "1000", "--json"],
                               stdout=subprocess.PIPE, text=True, env={**os.environ})
    for line in process.stdout:
        if '"progress"' in line:
            break
    process.send_signal(2)
    rest, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert parse(rest.splitlines()[-1]).status == "stopped"


def test_debug_goes_to_the_file_only(tmp_path, capsys):
    log = tmp_path / "log.txt"
    assert cli.main(["rehearsal", "--steps", "1", "--seconds", "0", "--loglevel", "debug", "--logfile", str(log)]) == 0
    assert "DEBUG" in log.read_text()
    assert "DEBUG" not in capsys.readouterr().err


def test_alignments_export_says_what_it_wrote(tmp_path, capsys):
    assert cli.main(["alignments", "export", str(tmp_path / "none.db"), str(tmp_path / "out.json")]) == 1
    assert "none.db" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()
