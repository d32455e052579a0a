"""Jobs on the real road: a worker process per test, doing the rehearsal task."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from understudy.core.errors import EnvironmentError_, JobError, OutputError, UsageError
from understudy.core.jobs import client
from understudy.core.jobs.folder import ENDED, JobFolder, JobSpec
from understudy.core.jobs.follow import Follower
from understudy.core.jobs.lock import FileLock, held
from understudy.core.jobs.messages import Done, Error, Progress, Started
from understudy.core.options.rehearsal import RehearsalOptions

PATIENCE = 20.0


@pytest.fixture
def jobs_dir(tmp_path):
    yield tmp_path / "jobs"
    for job in client.list_jobs(tmp_path / "jobs"):
        client.end(job)


def start(jobs_dir: Path, **options) -> JobFolder:
    return client.start(jobs_dir, "rehearsal", {"seconds": 0.01, **options}, python=sys.executable)


def until(follower: Follower, condition, patience: float = PATIENCE) -> list:
    """Poll until the condition holds; returns the messages heard meanwhile."""
    deadline = time.monotonic() + patience
    heard = []
    while True:
        heard += follower.poll()
        if condition():
            return heard
        assert time.monotonic() < deadline, f"{follower.status} {follower.state}\n{follower.job.last_lines()}"
        time.sleep(0.02)


def until_ended(job: JobFolder) -> tuple[str, list]:
    heard = []
    return client.wait(job, heard.append, 0.02), heard


def lines(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()]


def processor_time(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_job_runs_and_says_so(jobs_dir, tmp_path):
    job = client.start(jobs_dir, "rehearsal", RehearsalOptions(steps=30, seconds=0.01, output=str(tmp_path / "out")),
                       python=sys.executable, label="Shot 7", tag={"strip": "abc"})
    status, heard = until_ended(job)
    assert status == "finished"
    assert isinstance(heard[0], Started)
    assert heard[0].text == "Shot 7"
    done = next(m for m in heard if isinstance(m, Done))
    assert done.result["steps"] == 30
    assert lines(tmp_path / "out") == list(range(1, 31))
    state = job.state()
    assert state.progress["done"] == state.progress["total"] == 30
    assert state.run == 1
    assert state.metric["iteration"] == 30
    assert job.spec().tag == {"strip": "abc"}
    assert job.spec().core == client.__version__
    assert not job.alive()
    assert not (job.path / "reserve").exists()


def test_another_process_sees_the_same_jobs(jobs_dir):
    """What Blender does after it was closed and opened again: nothing but reading the folder."""
    job = start(jobs_dir, steps=1000)
    until(Follower(job), lambda: job.status() == "running")
    code = ("import sys; from understudy.core.jobs import client; from understudy.core.jobs.follow import Follower\n"
            "(job,) = client.list_jobs(sys.argv[1]); f = Follower(job); f.poll()\n"
            "print(f.status, f.spec.task); client.stop(job); print(client.wait(job))")
    result = subprocess.run([sys.executable, "-c", code, str(jobs_dir)], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["running", "rehearsal", "stopped"]


def test_a_worker_outlives_its_starter(jobs_dir):
    code = ("import sys; from understudy.core.jobs import client\n"
            "client.start(sys.argv[1], 'rehearsal', {'steps': 10000, 'seconds': 0.01}, python=sys.executable)")
    subprocess.run([sys.executable, "-c", code, str(jobs_dir)], check=True, timeout=PATIENCE)
    (job,) = client.list_jobs(jobs_dir)
    follower = Follower(job)
    until(follower, lambda: follower.status == "running" and follower.state.pid)
    assert os.getsid(follower.state.pid) == follower.state.pid, "in a session of its own"
    assert os.getpriority(os.PRIO_PROCESS, follower.state.pid) > os.getpriority(os.PRIO_PROCESS, 0)
    client.stop(job)
    assert until_ended(job)[0] == "stopped"


def test_stop_keeps_what_was_done_and_the_next_run_continues(jobs_dir, tmp_path):
    out = tmp_path / "out"
    job = start(jobs_dir, steps=200, output=str(out))
    follower = Follower(job)
    until(follower, lambda: out.exists() and len(lines(out)) > 10)
    client.stop(job)
    until(follower, lambda: follower.status == "stopped")
    reached = len(lines(out))
    assert reached < 200
    client.launch(job, sys.executable)
    assert not job.stop_file.exists()
    status, heard = until_ended(job)
    assert status == "finished"
    assert lines(out) == list(range(1, 201))
    assert job.state().run == 2
    first = next(m for m in heard[heard.index(next(m for m in heard if isinstance(m, Done))):]
                 if isinstance(m, Progress))
    assert first.done >= reached, "the second run counts from where the first stood"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processor time is read from /proc")
def test_pause_frees_the_processor_and_resume_goes_on(jobs_dir):
    job = start(jobs_dir, steps=10000, seconds=0.0005)
    follower = Follower(job)
    until(follower, lambda: follower.progress and follower.progress.done > 100)
    client.pause(job)
    until(follower, lambda: follower.status == "paused")
    before, used = follower.progress.done, processor_time(follower.state.pid)
    time.sleep(1.0)
    assert processor_time(follower.state.pid) - used <= 0.05
    follower.poll()
    assert follower.status == "paused"
    assert follower.progress.done == before
    assert job.alive()
    client.resume(job)
    until(follower, lambda: follower.progress.done > before)
    assert follower.status == "running"
    client.pause(job)
    until(follower, lambda: follower.status == "paused")
    client.stop(job)
    until(follower, lambda: follower.status == "stopped")


def test_a_failure_is_one_line_with_what_to_do(jobs_dir):
    job = start(jobs_dir, steps=5, fail_at=3)
    status, heard = until_ended(job)
    assert status == "failed"
    (error,) = [m for m in heard if isinstance(m, Error)]
    assert error.message == job.state().error == "The rehearsal failed at step 3, as it was told to. Set Fail At to 0."
    assert "Traceback" in error.detail
    assert "Traceback" not in job.log_file.read_text()


def test_a_crash_reads_as_lost_and_the_next_run_continues(jobs_dir, tmp_path):
    out = tmp_path / "out"
    job = start(jobs_dir, steps=8, crash_at=5, output=str(out))
    status, heard = until_ended(job)
    assert status == "lost"
    assert not any(isinstance(m, Done) for m in heard)
    assert lines(out) == [1, 2, 3, 4]
    client.launch(job, sys.executable)
    assert until_ended(job)[0] == "finished"
    assert lines(out) == list(range(1, 9))


def test_kill_9_reads_as_lost_and_the_next_run_continues(jobs_dir, tmp_path):
    out = tmp_path / "out"
    job = start(jobs_dir, steps=100, output=str(out))
    follower = Follower(job)
    until(follower, lambda: out.exists() and len(lines(out)) > 5)
    with pytest.raises(JobError, match="running already"):
        client.launch(job, sys.executable)
    with pytest.raises(JobError, match="is running"):
        client.remove(job)
    os.kill(follower.state.pid, signal.SIGKILL)
    until(follower, lambda: follower.status == "lost")
    kept = lines(out)
    client.launch(job, sys.executable)
    assert until_ended(job)[0] == "finished"
    assert lines(out) == list(range(1, 101))
    assert lines(out)[:len(kept)] == kept
    client.remove(job)
    assert client.list_jobs(jobs_dir) == []
    assert list(jobs_dir.iterdir()) == []


def test_a_stop_that_comes_before_the_worker_counts(jobs_dir, tmp_path):
    job = start(jobs_dir, steps=10000, output=str(tmp_path / "out"))
    client.stop(job)
    assert until_ended(job)[0] == "stopped"


def test_sigterm_is_a_stop(jobs_dir):
    job = start(jobs_dir, steps=10000)
    follower = Follower(job)
    until(follower, lambda: follower.progress is not None)
    os.kill(follower.state.pid, signal.SIGTERM)
    until(follower, lambda: follower.status == "stopped")


def test_two_workers_never_share_a_job(jobs_dir):
    job = start(jobs_dir, steps=10000)
    follower = Follower(job)
    until(follower, lambda: follower.progress is not None)
    second = subprocess.run(client.command(sys.executable, client.ROOT, str(job.path)), capture_output=True, text=True)
    assert second.returncode == 1
    assert "Another worker" in second.stderr
    assert "Traceback" not in second.stderr
    follower.poll()
    assert follower.status == "running"
    assert job.state().run == 1


def test_events_are_throttled(jobs_dir):
    job = start(jobs_dir, steps=3000, seconds=0.0005)
    _, heard = until_ended(job)
    state = job.state()
    seconds = state.ended - state.started
    assert seconds > 1.0
    assert sum(isinstance(m, Progress) for m in heard) <= 4.5 * seconds + 3
    assert len(job.metrics_file.read_text().splitlines()) <= 4.5 * seconds + 3
    assert state.progress["done"] == 3000, "the last count is never held back"


def test_options_are_refused_before_anything_is_made(jobs_dir):
    with pytest.raises(UsageError, match="steps cannot be 0"):
        client.create(jobs_dir, "rehearsal", {"steps": 0})
    with pytest.raises(UsageError, match="no task"):
        client.create(jobs_dir, "rehearsel", {})
    assert not jobs_dir.exists()


def test_paths_become_absolute(jobs_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job = client.create(jobs_dir, "rehearsal", {"output": "here.txt"})
    assert job.spec().options["output"] == str(tmp_path / "here.txt")


def test_paths_behind_names_become_absolute(jobs_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"source": "a.mp4", "output": "out", "models": ("Anna=anna", "Ben = /models/ben", "no pair")}
    job = client.create(jobs_dir, "convert", given)
    assert job.spec().options["models"] == [f"Anna={tmp_path / 'anna'}", "Ben=/models/ben", "no pair"]


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file stands where a folder is needed"):
        client.create(tmp_path / "file" / "jobs", "rehearsal", {})


def test_an_interpreter_that_is_not_there(jobs_dir, tmp_path):
    job = client.create(jobs_dir, "rehearsal", {})
    with pytest.raises(EnvironmentError_, match="Set Up"):
        client.launch(job, tmp_path / "nowhere" / "python")
    assert job.status() == "failed"


def test_an_interpreter_that_cannot_start(jobs_dir, tmp_path):
    """The child ends before it takes the lock: told at once, with what it printed."""
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho libpython is missing >&2\nexit 127\n")
    broken.chmod(0o755)
    job = client.create(jobs_dir, "rehearsal", {})
    client.launch(job, broken)
    assert client.wait(job) == "failed"
    assert "libpython is missing" in job.state().error


def test_a_damaged_job_is_refused(jobs_dir):
    job = client.create(jobs_dir, "rehearsal", {})
    job.job_file.write_text('{"format": 1, "task"')
    with pytest.raises(JobError, match="damaged"):
        client.launch(job, sys.executable)
    job.job_file.write_text(json.dumps({"format": 99}))
    with pytest.raises(JobError, match="newer"):
        job.spec()


def test_options_of_another_version_fail_with_a_sentence(jobs_dir):
    job = client.create(jobs_dir, "rehearsal", {})
    job.write_spec(JobSpec("rehearsal", {"stepz": 3}))
    client.launch(job, sys.executable)
    assert client.wait(job) == "failed"
    assert "Did you mean steps?" in job.state().error
    job.write_spec(JobSpec("dance", {}))
    client.launch(job, sys.executable)
    assert client.wait(job) == "failed"
    assert "no task 'dance'" in job.state().error


def test_a_missing_package_says_set_up(jobs_dir, tmp_path):
    """A worker in a Python without the core's packages: an error about the environment, not about us."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    (tmp_path / "clip.mp4").write_bytes(b"")
    job = client.start(jobs_dir, "extract", {"source": str(tmp_path / "clip.mp4")}, python=bare / "bin" / "python")
    assert client.wait(job) == "failed"
    assert "lacks the package" in job.state().error
    assert "Set Up" in job.state().error


def test_the_lock_goes_with_its_holder(tmp_path):
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert not held(tmp_path / "lock")
    assert first.acquire()
    assert held(tmp_path / "lock")
    assert not second.acquire()
    first.release()
    assert second.acquire(1.0)
    second.release()
    assert not held(tmp_path / "lock")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_children_do_not_keep_the_lock(tmp_path):
    code = ("import os, sys, time; from understudy.core.jobs.lock import FileLock\n"
            "lock = FileLock(sys.argv[1]); lock.acquire()\n"
            "pid = os.fork()\n"
            "if pid == 0: os.close(1); time.sleep(30)\n"
            "else: print(pid, flush=True); os.kill(os.getpid(), 9)")
    result = subprocess.run([sys.executable, "-c", code, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True)
    child = int(result.stdout)
    try:
        os.kill(child, 0)
        deadline = time.monotonic() + 5
        while held(tmp_path / "lock") and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not held(tmp_path / "lock")
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_silent_job_on_another_machine_is_lost(jobs_dir):
    job = client.create(jobs_dir, "rehearsal", {})
    state = job.state()
    state.status, state.host = "running", "render-07"
    job.write_state(state)
    job.lock_file.touch()
    assert job.status() == "running"
    os.utime(job.lock_file, (time.time() - 300, time.time() - 300))
    assert job.status() == "lost"


def test_a_full_disk_does_not_silence_the_last_word(tmp_path):
    """On a file system of 1 MB, filled while the job runs: the error still arrives."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("mounting a small tmpfs needs root")
    try:
        job = client.start(disk / "jobs", "rehearsal", {"steps": 1000000, "seconds": 0.0005,
                                                        "output": str(disk / "out")}, python=sys.executable)
        follower = Follower(job)
        until(follower, lambda: follower.progress is not None)
        with open(disk / "filler", "wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4096))
            except OSError:
                pass
        until(follower, lambda: follower.status in (*ENDED, "lost"))
        assert follower.status == "failed"
        assert "disk is full" in follower.state.error
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_finished_job_starts_the_one_that_waits_for_it(jobs_dir, tmp_path):
    """Nobody has to be there: the worker does it before it leaves. One that fails gives up what needed it, and what is
    behind that begins all the same.
    """
    def waiting(after: JobFolder, name: str) -> JobFolder:
        return client.create(jobs_dir, "rehearsal", {"steps": 2, "seconds": 0.0, "output": str(tmp_path / name)},
                             tag={"after": after.path.name})

    first = client.create(jobs_dir, "rehearsal", {"steps": 2, "seconds": 0.0})
    second = waiting(first, "second.txt")
    third = waiting(second, "third.txt")
    wrong = client.create(jobs_dir, "rehearsal", {"steps": 3, "seconds": 0.0, "fail_at": 2})
    never = waiting(wrong, "never.txt")
    other = client.create(jobs_dir, "rehearsal", {"steps": 1, "seconds": 0.0}, tag={"behind": never.path.name})
    for job in (first, wrong):
        client.launch(job, sys.executable)
    end = time.monotonic() + PATIENCE
    while third.state().status != "finished" and time.monotonic() < end:
        time.sleep(0.1)
    assert [job.state().status for job in (first, second, third)] == ["finished"] * 3
    assert lines(tmp_path / "third.txt") == [1, 2]
    assert until_ended(wrong)[0] == "failed"
    end = time.monotonic() + PATIENCE
    while other.state().status != "finished" and time.monotonic() < end:
        time.sleep(0.1)
    assert not never.state().launched
    assert (never.state().status, other.state().status) == ("stopped", "finished")
    assert never.state().error.startswith("Not started, since")
