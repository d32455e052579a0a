"""The service: requests over pipes, in a real process."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest

from understudy.core.errors import EnvironmentError_, JobError
from understudy.core.jobs import client
from understudy.core.jobs.service_client import Service
from understudy.core.media.images import write_png

PATIENCE = 30.0


@pytest.fixture
def service(tmp_path):
    service = Service(sys.executable, tmp_path / "service.txt")
    yield service
    service.close()


def test_requests_are_answered_in_order_by_one_process(service):
    requests = [service.ask("ping", number=n, text="é\n🎭") for n in range(20)]
    answers = [r.wait(PATIENCE) for r in requests]
    assert [a["number"] for a in answers] == list(range(20))
    assert {a["text"] for a in answers} == {"é\n🎭"}
    assert len({a["pid"] for a in answers}) == 1


def test_what_is_wrong_comes_back_as_a_sentence(service, tmp_path):
    with pytest.raises(JobError, match="no request 'dance'"):
        service.ask("dance").wait(PATIENCE)
    with pytest.raises(JobError, match=r"nowhere\.mp4"):
        service.ask("probe", path=str(tmp_path / "nowhere.mp4")).wait(PATIENCE)
    with pytest.raises(JobError, match="lacks 'path'"):
        service.ask("probe").wait(PATIENCE)
    assert service.ask("ping", still="there").wait(PATIENCE)["still"] == "there"


def test_a_crash_breaks_off_and_the_next_request_starts_it_again(service):
    first = service.ask("ping").wait(PATIENCE)["pid"]
    lost = service.ask("ping", crash=True)
    queued = service.ask("ping")
    for request in (lost, queued):
        with pytest.raises(JobError, match="ended unexpectedly"):
            request.wait(PATIENCE)
    assert service.ask("ping").wait(PATIENCE)["pid"] != first
    for _ in range(2):
        service.ask("ping", crash=True)._ended.wait(PATIENCE)
    while service.running:
        time.sleep(0.01)
    with pytest.raises(EnvironmentError_, match="keeps crashing"):
        service.ask("ping")


def test_it_ends_when_its_starter_does():
    code = ("import subprocess, sys\nfrom understudy.core.jobs import client\n"
            "p = subprocess.Popen(client.command(sys.executable, client.ROOT, '--service'), stdin=subprocess.PIPE)\n"
            "print(p.pid, flush=True)\nimport os; os.kill(os.getpid(), 9)")
    result = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, timeout=PATIENCE)
    # `run` returns once every holder of its stdout has gone, the service included.
    assert result.stdout.strip().isdigit()


def test_prints_never_break_the_pipe(tmp_path):
    process = subprocess.Popen(client.command(sys.executable, client.ROOT, "--service"), stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(b'not json\n{"id": 1}\n', timeout=PATIENCE)
    assert out == b""
    assert err.count(b"not a request") == 2
    assert b"Traceback" not in err
    assert process.returncode == 0


def test_a_python_that_is_not_there(tmp_path):
    with pytest.raises(EnvironmentError_, match="Cannot start"):
        Service(tmp_path / "python", tmp_path / "log").ask("ping")


def test_landmarks_inside_a_box(service, footage):
    """The aligner, given the true box, puts the eyes where they are (truth at pixel corners: half a pixel off)."""
    truth = np.load(footage / "actor_a_truth.npz")
    landmarks = truth["landmarks_contour"][0, 0] - 0.5
    (x, y), (right, bottom) = landmarks.min(0), landmarks.max(0)
    answer = service.ask("align", path=str(footage / "actor_a.mp4"), frame=0,
                         box=[float(v) for v in (x, y, right - x, bottom - y)]).wait(PATIENCE)
    found = np.asarray(answer["landmarks"])
    eyes = np.linalg.norm(landmarks[45] - landmarks[36])
    assert np.linalg.norm(found[36:48] - landmarks[36:48], axis=1).mean() < 0.1 * eyes
    for wrong in ({"frame": 10**6}, {"box": [0, 0, 0, 5]}, {"aligner": "astrology"}):
        with pytest.raises(JobError, match=r"no frame|A box is|no aligner"):
            service.ask("align", **{"path": str(footage / "actor_a.mp4"), "frame": 0, "box": [1, 1, 9, 9], **wrong}
                        ).wait(PATIENCE)


def test_a_source_is_probed(service, tmp_path):
    """A folder of images with a gap, made here: how many, how large."""
    (tmp_path / "frames").mkdir()
    for number in (1, 2, 7):
        write_png(tmp_path / "frames" / f"shot_{number}.png", np.zeros((48, 64, 3), np.uint8), {})
    answer = service.ask("probe", path=str(tmp_path / "frames")).wait(PATIENCE)
    assert (answer["kind"], answer["size"]) == ("images", [64, 48])
    assert answer["frames"] == 3
    assert answer["constant_rate"]
    assert answer["times"] == []
