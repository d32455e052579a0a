"""What a person sees at the command line, and what Ctrl-C does; in real processes, one of them on a terminal."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from understudy.core.jobs.console import ConsoleReporter, JsonReporter, ending
from understudy.core.jobs.messages import Done, Error, parse

COMMAND = [sys.executable, "-m", "understudy.core", "rehearsal"]


def test_a_terminal_gets_a_bar_with_rate_and_time_left():
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    process = subprocess.Popen([*COMMAND, "--steps", "12", "--seconds", "0.1"], stdout=slave, stderr=slave,
                               stdin=slave, env={**os.environ, "COLUMNS": "120"})
    os.close(slave)
    shown = b""
    try:
        while chunk := os.read(master, 65536):
            shown += chunk
    except OSError:  # Linux's way to say that the other end is closed
        pass
    assert process.wait(20) == 0
    text = shown.decode()
    assert re.search(r"Counting +\d+%\|.*\| +\d+/12 steps, \S+ per s, 0:0\d left", text), text
    assert "100%" in text
    assert "12/12 steps" in text
    assert "Done in 0:0" in text


def test_a_pipe_gets_plain_lines():
    result = subprocess.run([*COMMAND, "--steps", "3", "--seconds", "0"], capture_output=True, text=True, check=True)
    assert result.stdout == ""
    assert "\r" not in result.stderr
    assert "3 of 3 steps" in result.stderr


@pytest.mark.parametrize("json", [[], ["--json"]])
def test_the_first_interrupt_asks_the_second_ends(json, tmp_path):
    out = tmp_path / "out"
    slow = [*COMMAND, "--steps", "1000", "--seconds", "0.2", "--output", str(out), *json]

    def begun() -> subprocess.Popen:
        out.unlink(missing_ok=True)
        process = subprocess.Popen(slow, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 20
        while not out.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return process

    process = begun()
    process.send_signal(signal.SIGINT)
    answer, error = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Stopping after this step" in error
    assert "Traceback" not in error
    if json:
        messages = [parse(line) for line in answer.splitlines()]
        assert None not in messages
        assert messages[-1] == Done("stopped")
    else:
        assert "the same command again continues" in error


def test_a_second_interrupt_does_not_wait_for_the_step():
    slow = [*COMMAND, "--steps", "2", "--seconds", "60"]
    process = subprocess.Popen(slow, stderr=subprocess.PIPE)
    assert b"0 of 2" in process.stderr.readline()
    time.sleep(0.5)  # into the step: a stop that is heard before it begins would end the task by itself
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline() == b"\n"
    assert b"Stopping" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    # -SIGINT: on a busy computer the second signal may meet an interpreter that is already leaving.
    assert process.wait(20) in (130, -signal.SIGINT)


def test_a_listener_that_leaves_stops_the_task():
    process = subprocess.Popen([*COMMAND, "--steps", "100000", "--seconds", "0.01", "--json"], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(20) == 130


def test_a_failure_is_told_once():
    stream = io.StringIO()
    with ConsoleReporter("train", stream) as reporter:
        reporter.warning("Only 40 faces.")
        reporter.metric(3, {"loss_a": float("nan"), "loss_b": 0.123456})
        reporter.progress(3, 10, "iterations", "Loss 0.2809 (A), 0.1235 (B), 310 EG/s")
        reporter.fail(Error("There is no folder x. Check the path."))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "Warning: Only 40 faces."
    assert lines[1] == "train: 3 of 10 iterations · Loss 0.2809 (A), 0.1235 (B), 310 EG/s"
    assert lines[2:] == ["understudy: There is no folder x. Check the path."]


def test_json_keeps_stdout_clean(capsys):
    stream = io.StringIO()
    with JsonReporter("train", stream) as reporter:
        print("a library's chatter")
        reporter.finish(Done("finished", {"model": "m"}))
    assert [type(parse(line)).__name__ for line in stream.getvalue().splitlines()] == ["Started", "Done"]
    assert capsys.readouterr().out == ""


def test_the_last_line():
    result = {"output_file": "a.mp4", "frames": 9, "sizes": [1], "left_out": {"features": 3, "roll": 2}, "more": {},
              "loss_a": 0.23001160919666291, "room": 13456.7}
    assert ending(Done("finished", result), 75) == \
        "Done in 1:15: output file a.mp4, frames 9, left out 3 features, 2 roll, loss a 0.23, room 13457."
    assert ending(Done("failed"), 3) == ""
