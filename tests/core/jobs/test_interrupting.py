"""Ctrl-C in a program that listens for it by itself, below Python, as `blender -b` does."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from understudy.core.jobs import client

# What Blender does: a handler of its own, of which Python knows nothing.
PROGRAM = """
import ctypes, os, signal, sys
theirs = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda number: os.write(1, b"theirs\\n") and None)
ctypes.pythonapi.PyOS_setsig.argtypes = [ctypes.c_int, ctypes.c_void_p]
ctypes.pythonapi.PyOS_setsig(signal.SIGINT, ctypes.cast(theirs, ctypes.c_void_p))
from understudy.core.jobs import client
job = client.start(sys.argv[1], "rehearsal", {"steps": 10000, "seconds": float(sys.argv[2])}, python=sys.executable)
def heard(message):
    os.write(1, (type(message).__name__ + "\\n").encode())
try:
    os.write(1, (client.wait(job, heard) + "\\n").encode())
except KeyboardInterrupt:
    os.write(1, b"left\\n")
os.kill(os.getpid(), signal.SIGINT)
"""


@pytest.fixture
def program(tmp_path):
    yield lambda seconds: subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path / "jobs"), str(seconds)],
                                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for job in client.list_jobs(tmp_path / "jobs"):
        client.end(job)


def until_progress(process) -> None:
    for line in process.stdout:
        if line == "Progress\n":
            return


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for single processes")
def test_the_job_stops_and_the_program_has_its_own_again(program):
    process = program(0.01)
    until_progress(process)
    process.send_signal(signal.SIGINT)
    told, errors = process.communicate(timeout=30)
    assert told.splitlines()[-2:] == ["stopped", "theirs"]
    assert "Stopping after this step" in errors
    assert process.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for single processes")
def test_a_second_one_does_not_wait_for_the_step(program):
    process = program(20.0)
    until_progress(process)
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline() == "\n"
    process.send_signal(signal.SIGINT)
    told, _ = process.communicate(timeout=15)
    assert told.splitlines()[-2:] == ["left", "theirs"]
