"""The service as Blender's side has it: asked without waiting, answered on the main thread, gone with the extension."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import pytest

PATIENCE = 40.0


@pytest.fixture
def service(extension: Any, scene: Any, core_python: Path) -> Any:
    module = extension("addon.service")
    yield module
    module._forget()
    module._worker.close()


def until(service: Any, *asked: Any) -> None:
    """Look for answers as the timer does, until these are there."""
    end = time.monotonic() + PATIENCE
    while service._awaited and time.monotonic() < end:
        service.collect()
        time.sleep(0.01)
    assert all(one.ended for one in asked)


def test_it_is_answered_on_the_main_thread(service: Any, lines: Callable[..., int], at_once: int) -> None:
    answers: list[tuple[Any, str]] = []
    asked: list[Any] = []

    def ask() -> None:
        asked.extend(service.ask("ping", lambda a: answers.append((a.result["number"],
                                                                   threading.current_thread().name)), number=n)
                     for n in range(5))

    assert lines(ask) < at_once / 100  # starting the process and all that is a thread's work
    assert not answers
    until(service, *asked)
    assert answers == [(n, threading.main_thread().name) for n in range(5)]
    assert len({one.result["pid"] for one in asked}) == 1


def test_a_refusal_is_a_sentence_and_a_crash_is_no_end(service: Any) -> None:
    answers: list[Any] = []
    until(service, service.ask("probe", answers.append, path="/nowhere/film.mp4"))
    assert "/nowhere/film.mp4" in answers[0].error
    first = service.ask_and_wait("ping")["pid"]
    until(service, service.ask("ping", answers.append, crash=True))
    assert "ended unexpectedly" in answers[1].error
    assert service.ask_and_wait("ping")["pid"] != first


def test_what_is_cancelled_before_its_turn_is_told_as_stopped(service: Any) -> None:
    answers: list[Any] = []
    asked = [service.ask("ping", answers.append, number=n) for n in range(3)]
    asked[2].cancel()
    until(service, *asked)
    assert sorted(answers, key=asked.index) == asked  # each once, the one let go perhaps first
    assert [one.result.get("number") for one in asked[:2]] == [0, 1]
    assert asked[2].stopped or asked[2].result["number"] == 2  # it may have been quicker
    assert not asked[2].error


def test_another_file_forgets_what_was_asked(service: Any, tmp_path: Path) -> None:
    answers: list[Any] = []
    asked = service.ask("ping", answers.append)
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    end = time.monotonic() + PATIENCE
    while not asked.ended and time.monotonic() < end:
        time.sleep(0.01)
    service.collect()
    assert asked.ended
    assert not answers


def test_a_python_that_is_not_there_is_told(service: Any, extension: Any, tmp_path: Path) -> None:
    ours = extension("addon.preferences").preferences()
    chosen, ours.python = ours.python, str(tmp_path / "no" / "python")
    try:
        answers: list[Any] = []
        until(service, service.ask("ping", answers.append))
        assert str(tmp_path / "no" / "python") in answers[0].error
    finally:
        ours.python = chosen
    assert service.ask_and_wait("ping")["pid"]


def test_it_ends_with_the_extension(service: Any) -> None:
    pid = service.ask_and_wait("ping")["pid"]
    os.kill(pid, 0)
    service.unregister()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    service.register()
