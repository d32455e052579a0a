"""Jobs as the panels see them, by way of the rehearsal: started, followed, found again, steered, queued."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import pytest


@pytest.fixture
def watch(extension: Any, scene: Any, tmp_path: Path, core_python: Path) -> Any:
    """The timer's module, aimed at the scene's jobs as it is once a strip is chosen."""
    scene.understudy.active.strip_a_id = "a" * 32
    bpy.ops.wm.save_mainfile()
    return extension("addon.watch")


def start(extension: Any, scene: Any, label: str = "Rehearse", tag: dict[str, Any] | None = None,
          **options: Any) -> str:
    """A rehearsal in the scene's jobs folder, waiting for the keeper; its name."""
    folder = extension("addon.shot").work_folder(scene) / "jobs"
    job = extension("core.jobs.client").create(folder, "rehearsal", options, label=label, tag=tag or {})
    return job.path.name


def until(watch: Any, condition: Callable[[Any], bool], seconds: float = 40.0) -> Any:
    """Look again and again, as the timer does, until the board is as wished."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        board = watch.look()
        if condition(board):
            return board
        time.sleep(0.1)
    raise AssertionError([(j.label, j.status, j.doing, j.error) for j in board.jobs])


def test_a_job_is_started_and_followed_to_its_end(extension: Any, scene: Any, watch: Any) -> None:
    name = start(extension, scene, steps=15, seconds=0.1)
    view = until(watch, lambda b: b.job(name) and b.job(name).status == "running" and b.job(name).factor > 0).job(name)
    assert view.count.endswith("of 15 steps")
    assert view.going
    view = until(watch, lambda b: b.job(name).status == "finished").job(name)
    assert (view.factor, view.going, view.doing) == (1.0, False, "15 steps")


def test_it_is_found_again_when_the_file_is_opened(extension: Any, scene: Any, watch: Any) -> None:
    name = start(extension, scene, steps=400, seconds=0.1)
    until(watch, lambda b: b.job(name) and b.job(name).factor > 0)
    blend = bpy.data.filepath
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    assert watch.look().job(name) is None
    bpy.ops.wm.open_mainfile(filepath=blend)
    view = until(watch, lambda b: b.job(name) is not None).job(name)
    assert view.status == "running"
    assert view.count.endswith("of 400 steps")
    bpy.ops.understudy.job_stop(job=name)
    assert until(watch, lambda b: not b.job(name).going).job(name).status == "stopped"


def test_pause_and_resume(extension: Any, scene: Any, watch: Any) -> None:
    name = start(extension, scene, steps=400, seconds=0.05)
    until(watch, lambda b: b.job(name) and b.job(name).status == "running")
    bpy.ops.understudy.job_pause(job=name)
    until(watch, lambda b: b.job(name).status == "paused")
    bpy.ops.understudy.job_resume(job=name)
    until(watch, lambda b: b.job(name).status == "running")
    bpy.ops.understudy.job_pause(job=name)
    until(watch, lambda b: b.job(name).status == "paused")
    bpy.ops.understudy.job_stop(job=name)  # also while it is paused
    until(watch, lambda b: b.job(name).status == "stopped")


def test_set_up_waits_for_jobs_that_use_what_it_replaces(extension: Any, scene: Any, watch: Any) -> None:
    assert bpy.ops.understudy.setup.poll()
    name = start(extension, scene, steps=300, seconds=0.1)
    until(watch, lambda b: b.job(name) and b.job(name).status == "running")
    with pytest.raises(RuntimeError, match="running jobs"):
        bpy.ops.understudy.setup()
    assert bpy.ops.understudy.job_stop(job=name) == {"FINISHED"}
    until(watch, lambda b: not b.job(name).going)
    assert bpy.ops.understudy.setup.poll()


def test_the_next_job_starts_when_the_one_before_has_finished(extension: Any, scene: Any, watch: Any) -> None:
    first = start(extension, scene, "First", steps=5, seconds=0.1)
    second = start(extension, scene, "Second", {"after": first}, steps=2, seconds=0.0)
    board = until(watch, lambda b: b.job(first) and b.job(first).status == "running")
    assert board.job(second).status == "waiting"
    board = until(watch, lambda b: b.job(second).status == "finished")
    assert board.job(second).job.state().launched >= board.job(first).job.state().ended


def test_a_failure_ends_the_queue_and_says_why(extension: Any, scene: Any, watch: Any) -> None:
    first = start(extension, scene, "First", steps=3, seconds=0.0, fail_at=2)
    second = start(extension, scene, "Second", {"after": first}, steps=2, seconds=0.0)
    third = start(extension, scene, "Third", {"after": second}, steps=2, seconds=0.0)
    board = until(watch, lambda b: b.job(third) and b.job(third).status == "stopped")
    assert "failed at step 2" in board.job(first).error
    assert board.job(second).doing == "Not started, since First failed"
    assert board.job(third).doing == "Not started, since Second was stopped"
    assert not board.busy
    level, told = watch._ending(board.job(first), board)
    assert level == "ERROR"
    assert told.endswith("Not started: Second, Third")
    bpy.ops.understudy.job_remove(job=first)
    assert watch.look().job(first) is None
    bpy.ops.understudy.jobs_clear()
    assert watch.look().jobs == ()


def test_another_queue_begins_when_the_one_before_it_has_ended(extension: Any, scene: Any, watch: Any) -> None:
    first = start(extension, scene, "First", steps=10, seconds=0.1, fail_at=9)
    second = start(extension, scene, "Second", {"after": first}, steps=2, seconds=0.0)
    other = start(extension, scene, "Other", {"behind": second}, steps=2, seconds=0.0)
    board = until(watch, lambda b: b.job(first) and b.job(first).status == "running")
    assert [board.job(name).status for name in (second, other)] == ["waiting", "waiting"]
    board = until(watch, lambda b: b.job(other).status == "finished")
    assert (board.job(first).status, board.job(second).status) == ("failed", "stopped")
    assert board.job(other).job.state().launched >= board.job(first).job.state().ended
    assert watch._ending(board.job(first), board)[1].endswith("Not started: Second")
    # It waits for the last of what is under way, of whichever shot, and not where nothing is.
    tail = extension("addon.overnight").tail
    assert tail(board) is None
    going = replace(board.job(first), task="train", status="running")
    assert tail(replace(board, jobs=(going, replace(going, status="waiting", label="Last"),
                                     replace(going, task="sort")))).label == "Last"


def test_a_queue_whose_beginning_is_removed_does_not_go_on(extension: Any, scene: Any, watch: Any) -> None:
    first = start(extension, scene, "First", steps=400, seconds=0.05)
    second = start(extension, scene, "Second", {"after": first}, steps=2, seconds=0.0)
    third = start(extension, scene, "Third", {"after": second}, steps=2, seconds=0.0)
    until(watch, lambda b: b.job(first) and b.job(first).status == "running")
    bpy.ops.understudy.job_stop(job=second)  # what waits is simply taken off the list
    board = until(watch, lambda b: b.job(second) is None and b.job(third).status == "stopped")
    assert board.job(third).doing == "Not started, since the job before it was removed"
    bpy.ops.understudy.job_stop(job=first)
    until(watch, lambda b: not b.busy)


def test_a_crash_can_be_resumed(extension: Any, scene: Any, watch: Any, tmp_path: Path) -> None:
    output = tmp_path / "steps.txt"
    name = start(extension, scene, steps=6, seconds=0.0, crash_at=4, output=str(output))
    until(watch, lambda b: b.job(name) and b.job(name).status == "lost")
    bpy.ops.understudy.job_restart(job=name)
    until(watch, lambda b: b.job(name).status == "finished")
    assert output.read_text().split() == ["1", "2", "3", "4", "5", "6"]


def test_an_end_is_told_once(extension: Any, scene: Any, watch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    name = start(extension, scene, steps=2, seconds=0.0)
    board = until(watch, lambda b: b.job(name) and b.job(name).status == "finished")
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(watch, "say", lambda level, message: told.append((level, message)))
    for _ in range(3):
        watch.settle(board)
        board = watch.look()
    assert told == [("INFO", "Rehearse: 2 steps")]
    watch._told.clear()  # another session of Blender
    watch.settle(watch.look())
    assert len(told) == 1


def test_an_unknown_job_is_one_line(extension: Any, watch: Any) -> None:
    with pytest.raises(RuntimeError, match="There is no job nonsense"):
        bpy.ops.understudy.job_stop(job="nonsense")


def test_a_log_is_there(extension: Any, scene: Any, watch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    name = start(extension, scene, steps=1, seconds=0.0)
    until(watch, lambda b: b.job(name) and b.job(name).status == "finished")
    bpy.ops.understudy.job_log(job=name)
    assert capsys.readouterr().out.strip().endswith("log.txt")


ANOTHER_BLENDER = """
import sys, time, bpy
name, python, blend = sys.argv[1:]
bpy.ops.preferences.addon_enable(module=name)
bpy.context.preferences.addons[name].preferences.python = python
bpy.ops.wm.open_mainfile(filepath=blend)
watch, shot, client = (sys.modules[f"{name}.{m}"] for m in ("addon.watch", "addon.shot", "core.jobs.client"))
folder = shot.work_folder(bpy.context.scene) / "jobs"
job = client.create(folder, "rehearsal", {"steps": 600, "seconds": 0.1}, label="Rehearse")
end = time.monotonic() + 40
while not ((view := watch.look().job(job.path.name)) and view.factor > 0) and time.monotonic() < end:
    time.sleep(0.1)
print("JOB", job.path.name, view.status, flush=True)
import os; os._exit(0)  # as when Blender is closed or crashes: nothing is tidied up
"""


def test_it_outlives_the_blender_that_started_it(extension: Any, scene: Any, watch: Any, installed: str,
                                                 core_python: Path) -> None:
    """The promise to a person who closes Blender for the night."""
    result = subprocess.run([sys.executable, "-c", ANOTHER_BLENDER, installed, str(core_python), bpy.data.filepath],
                            capture_output=True, text=True, timeout=120, check=False)
    said = [line.split() for line in result.stdout.splitlines() if line.startswith("JOB")]
    assert said, result.stdout + result.stderr
    assert said[0][2] == "running"
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    name = said[0][1]
    first = until(watch, lambda b: b.job(name) and b.job(name).status == "running").job(name)
    until(watch, lambda b: b.job(name).factor > first.factor)
    bpy.ops.understudy.job_stop(job=name)
    assert until(watch, lambda b: not b.job(name).going).job(name).status == "stopped"
