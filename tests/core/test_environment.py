"""The core's Python: found, built offline from wheels that the test makes, checked, mended; versioned copies."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from understudy.addon import environment as addon_environment
from understudy.addon.followers import Followers
from understudy.core import environment as env
from understudy.core.errors import EnvironmentError_, OutputError, Stopped
from understudy.core.jobs import client, setup
from understudy.core.jobs.messages import SilentReporter
from understudy.core.options.setup import SetupOptions


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "home"))


def wheel(folder: Path, name: str, version: str, source: str, requires: str = "") -> Path:
    """A pure-Python wheel by hand: PEP 427's archive with one module."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += f"Requires-Dist: {requires}\n" if requires else ""
    files = {f"{name}.py": source, f"{info}/METADATA": metadata,
             f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text.encode())}\n"
    folder.mkdir(exist_ok=True)
    target = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
    return target


@pytest.fixture
def place(tmp_path):
    """A folder of two wheels and a list that wants them."""
    wheel(tmp_path / "wheels", "curtain", "1.0", "import rope\n", "rope")
    wheel(tmp_path / "wheels", "rope", "2.0", "length = 3\n")
    (tmp_path / "core.txt").write_text("# two packages\ncurtain==1.0\nrope==2.0  # holds it\n")
    return tmp_path


def options(place: Path, **more) -> SetupOptions:
    return SetupOptions(**{"python": sys.executable, "requirements": str(place / "core.txt"),
                           "wheels": str(place / "wheels"), "online": False, **more})


class Listener(SilentReporter):
    def __init__(self, stop_at: str = "") -> None:
        self.texts: list[str] = []
        self.last = (0, None)
        self.stop_at = stop_at

    def progress(self, done, total, unit, text=""):
        self.texts.append(text)
        self.last = (done, total)
        return bool(self.stop_at) and text.startswith(self.stop_at)

    def warning(self, message, detail=""):
        self.texts.append(message)


def test_set_up_builds_notices_damage_and_mends(place):
    """The whole life of an environment, as a job and then as calls: one venv, since making one takes seconds."""
    values = {"python": sys.executable, "requirements": str(place / "core.txt"), "wheels": str(place / "wheels"),
              "online": False}
    job = client.start(place / "jobs", "setup", values, python=sys.executable)
    heard = []
    assert client.wait(job, heard.append) == "finished", job.last_lines()
    folder = env.default_environment()
    python = env.python_of(folder)
    assert job.state().result == {"python": str(python), "packages": 2}
    assert "Installing collected packages" in job.log_file.read_text()
    assert job.state().progress["done"] == job.state().progress["total"] == 2
    state = env.check(python, place / "core.txt")
    assert (state.status, state.packages) == ("ok", {"curtain": "1.0", "rope": "2.0"})

    # Nothing changed: known without starting anything.
    assert env.cached(python, place / "core.txt") == state

    # A package vanishes: noticed, named, mended in place.
    site = Path(subprocess.run([python, "-c", "import rope; print(rope.__file__)"], capture_output=True, text=True,
                               check=True).stdout.strip()).parent
    shutil.rmtree(site / "rope-2.0.dist-info")
    (site / "rope.py").unlink()
    assert env.cached(python, place / "core.txt") is None
    state = env.check(python, place / "core.txt")
    assert state.status == "missing"
    assert state.missing == ("rope",)
    assert "rope" in state.message
    listener = Listener()
    setup.run(options(place), listener)
    assert env.check(python, place / "core.txt").usable
    assert not any("anew" in text for text in listener.texts)

    # The list asks for another version: outdated, and brought up to date in place.
    wheel(place / "wheels", "rope", "3.0", "length = 4\n")
    (place / "core.txt").write_text("curtain==1.0\nrope==3.0\n")
    assert env.cached(python, place / "core.txt") is None
    state = env.check(python, place / "core.txt")
    assert state.status == "outdated"
    assert state.differing == ("rope 2.0 (wanted 3.0)",)
    setup.run(options(place), SilentReporter())
    assert env.check(python, place / "core.txt").packages["rope"] == "3.0"

    # A stop in the middle leaves an environment that says it is unfinished.
    with pytest.raises(Stopped):
        setup.run(options(place), Listener(stop_at="Trying rope"))
    state = env.check(python, place / "core.txt")
    assert state.status == "broken"
    assert "did not finish" in state.message


def test_a_broken_environment_is_rebuilt_and_failing_packages_are_named(place):
    """Its interpreter is gone, as after an update of the system; then wheels that do not load or are absent."""
    folder = env.default_environment()
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text("home = /nowhere\n")
    (folder / env.MARKER).write_text("{}")
    env.python_of(folder).symlink_to("/nowhere/python3.11")
    assert env.check(env.python_of(folder)).status == "absent"
    env.python_of(folder).unlink()
    env.python_of(folder).write_text("#!/bin/sh\nexit 1\n")
    env.python_of(folder).chmod(0o755)
    assert env.check(env.python_of(folder)).status == "broken"
    (folder / "leftover").touch()
    setup.run(options(place), SilentReporter())
    assert env.check(env.python_of(folder), place / "core.txt").usable
    assert not (folder / "leftover").exists()

    source = ["--no-index", "--find-links", str(place / "wheels")]
    wheel(place / "wheels", "knot", "2.0", "raise ImportError('tangled')\n")
    (place / "core.txt").write_text("knot==2.0\n")
    with pytest.raises(EnvironmentError_, match=r"knot was installed but does not load \(ImportError: tangled\)"):
        setup._fill(folder, place / "core.txt", source, SilentReporter())
    assert env.check(env.python_of(folder), place / "core.txt").status == "broken"
    (place / "core.txt").write_text("knot==7.0\n")
    with pytest.raises(EnvironmentError_, match=r"lacks knot==7\.0"):
        setup._fill(folder, place / "core.txt", source, SilentReporter())


@pytest.mark.parametrize(("change", "words"), [
    ({"wheels": ""}, "online access is off"),
    ({"wheels": "nowhere"}, "no wheels in nowhere"),
    ({"python": "/nowhere/python3"}, "does not start"),
])
def test_what_cannot_be_set_up_is_refused_at_once(place, change, words):
    with pytest.raises(EnvironmentError_, match=words):
        setup.run(options(place, **change), SilentReporter())
    assert not env.default_environment().exists()


def test_a_folder_of_something_else_is_left_alone(place):
    (place / "films").mkdir()
    (place / "films" / "a.mp4").write_text("precious")
    with pytest.raises(OutputError, match="something else"):
        setup.run(options(place, environment=str(place / "films")), SilentReporter())
    assert (place / "films" / "a.mp4").read_text() == "precious"


def test_a_place_below_a_file(place):
    (place / "file").touch()
    with pytest.raises(OutputError):
        setup.run(options(place, environment=str(place / "file" / "env")), SilentReporter())


def test_blenders_side_refuses_offline_set_up_before_a_job_is_made():
    with pytest.raises(EnvironmentError_, match="Allow Online Access"):
        addon_environment.start_setup(online=False)
    assert not addon_environment.setup_jobs().exists()


def test_pips_lines_become_progress():
    listener = Listener()
    told = setup._PipProgress(Path("/nowhere/bin/python"), listener)
    for line in ("Collecting torch==2.13.0 (from -r core.txt (line 3))",
                 "  Downloading torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl (888.1 MB)",
                 "Progress 444000000 of 888100000",
                 "Processing /some/wheels/numpy-2.4.6-cp311-cp311-manylinux_2_28_x86_64.whl",
                 "Installing collected packages: numpy, torch"):
        told.line(line)
        told.tick()
    assert listener.texts == ["Looking up torch", "Downloading torch (888.1 MB)",
                              "Downloading torch (444 of 888 MB)", "Looking up numpy", "Installing"]
    assert listener.last == (0, 2)


@pytest.mark.parametrize(("line", "words"), [
    ("OSError: [Errno 28] No space left on device", "disk is full"),
    ("WARNING: Retrying ... ProxyError('Cannot connect to proxy')", "cannot be reached"),
    ("ERROR: No matching distribution found for dlib-bin==20.0.1.post1", "no package dlib-bin"),
    ("ERROR: something new", "something new"),
])
def test_pips_failures_become_sentences(line, words):
    assert words in str(setup._pip_error([line], []))


def test_pins_are_read():
    assert env.pins()["torch"].startswith("2.")
    assert {"numpy", "av", "opencv-python", "dlib-bin"} <= set(env.pins())


def test_this_python_is_ready_for_the_core():
    state = env.check(sys.executable)
    assert state.usable, state
    assert not state.missing
    assert env.check("/nowhere/python").status == "absent"


def test_of_a_python_that_somebody_chose_it_says_what_helps(tmp_path):
    """Set Up builds another one and leaves the choice, so that Set Up alone would change nothing."""
    names = [f"rope{number}" for number in range(9)]
    (tmp_path / "core.txt").write_text("".join(f"{name}==1.0\n" for name in names))
    (tmp_path / "film.mp4").write_text("no program")
    states = (env.check(tmp_path / "gone"), env.check(tmp_path / "film.mp4"),
              env.check(sys.executable, tmp_path / "core.txt"))
    told = {state.status: state.message for state in states}
    assert set(told) == {"absent", "broken", "missing"}
    assert all("leave Interpreter empty" in sentence for sentence in told.values()), told
    assert "rope0, rope1, rope2 and 6 more" in told["missing"]


def test_interpreters_are_found_and_judged(tmp_path):
    old = tmp_path / "python3.9"
    answer = json.dumps({"python": str(old), "version": [3, 9, 1], "bits": 64, "builds": True})
    old.write_text(f"#!/bin/sh\necho '{answer}'\n")
    old.chmod(0o755)
    found = env.find_interpreters(chosen=str(old), blender=sys.executable)
    assert found[0].python == str(old), "the person's choice comes first, with what is wrong about it"
    assert "not 3.9.1" in found[0].problem
    good = [i for i in found if not i.problem]
    assert good
    assert all(i.version[:2] in env.VERSIONS for i in good)
    assert len({os.path.realpath(i.python) for i in found}) == len(found)


def test_the_watch_answers_at_once_and_learns_in_a_thread(tmp_path):
    watch = addon_environment.Watch()
    watch.refresh(chosen=sys.executable)
    deadline = time.monotonic() + 20
    while watch.busy and time.monotonic() < deadline:
        time.sleep(0.02)
    assert watch.state is not None
    assert watch.state.usable
    again = addon_environment.Watch()
    again.refresh(chosen=sys.executable)
    assert not again.busy
    assert again.state == watch.state
    again.refresh(chosen="")
    while again.busy and time.monotonic() < deadline:
        time.sleep(0.02)
    assert again.state.status == "absent"


@pytest.mark.parametrize(("torch", "words"), [
    ("cuda=True, cards=['NVIDIA RTX A', 'NVIDIA RTX A', 'NVIDIA RTX B']",
     "Computes with CUDA on 2 x NVIDIA RTX A, NVIDIA RTX B"),
    ("cuda=True, cards=['AMD Radeon'], hip='6.2'", "Computes with ROCm on AMD Radeon"),
    ("mps=True", "Computes on the Apple graphics card (MPS)"),
    ("built='12.8'", "Computes on the processor (CPU): PyTorch sees no graphics card for CUDA"),
    ("hip='6.2'", "Computes on the processor (CPU): PyTorch sees no graphics card for ROCm"),
    ("", "Computes on the processor (CPU): this PyTorch is made for nothing else"),
])
def test_where_it_computes_is_said(torch, words, tmp_path):
    """By a torch that says what those of other computers say."""
    (tmp_path / "torch.py").write_text(f"""
from types import SimpleNamespace as N
def made(cuda=False, cards=(), hip=None, mps=False, built=None):
    global cuda_, version, backends
    cuda_ = N(is_available=lambda: cuda, device_count=lambda: len(cards), get_device_name=lambda n: cards[n])
    version, backends = N(hip=hip, cuda=built), N(mps=N(is_available=lambda: mps))
made({torch})
cuda = cuda_
""")
    python = tmp_path / "python"  # -I shuts PYTHONPATH out
    python.write_text(f"""#!{sys.executable}
import sys
sys.path.insert(0, {str(tmp_path)!r})
exec(sys.argv[sys.argv.index("-c") + 1])
""")
    python.chmod(0o755)
    assert addon_environment.explain_devices(env.devices(python)) == words


def test_a_torch_that_does_not_load_is_said(tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    assert addon_environment.explain_devices(env.devices(python)) == "Its PyTorch does not load: run understudy doctor"


def test_the_watch_asks_once_where_it_computes(monkeypatch):
    asked = []
    monkeypatch.setattr(env, "devices", lambda python: asked.append(python) or env.Devices("MPS"))
    watch = addon_environment.Watch()
    watch.find_device()
    assert not asked, "nothing is known of the Python yet"
    watch.state = env.EnvironmentState("ok", "/here/python")
    watch.find_device()
    deadline = time.monotonic() + 20
    while not watch.device and time.monotonic() < deadline:
        time.sleep(0.01)
    watch.find_device()
    assert (watch.device, asked) == ("Computes on the Apple graphics card (MPS)", ["/here/python"])


def test_a_copy_of_the_core_works_on_its_own(tmp_path):
    copy = addon_environment.install_core_copy()
    stamp = (copy / "core" / "errors.py").stat().st_mtime_ns
    assert addon_environment.install_core_copy() == copy
    assert (copy / "core" / "errors.py").stat().st_mtime_ns == stamp
    assert copy.parent.name.startswith(client.__version__ + "-")
    job = client.start(tmp_path / "jobs", "rehearsal", {"steps": 3, "seconds": 0.0}, python=sys.executable, root=copy)
    assert client.wait(job) == "finished", job.last_lines()
    assert job.spec().root == str(copy)
    assert json.loads(job.job_file.read_text())["core"] == client.__version__

    # An extension with other files: another copy beside it, the first untouched.
    other = tmp_path / "extension"
    for name in addon_environment.core_files():
        (other / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(addon_environment.ROOT / name, other / name)
    (other / "core" / "errors.py").write_text((other / "core" / "errors.py").read_text() + "\n# newer\n")
    newer = addon_environment.install_core_copy(other)
    assert newer != copy
    assert copy.is_dir()

    # The next version takes away those that have started nothing for months.
    os.utime(copy.parent / ".used", (0, 0))
    (other / "core" / "errors.py").write_text((other / "core" / "errors.py").read_text() + "\n# newest\n")
    newest = addon_environment.install_core_copy(other)
    assert not copy.exists()
    assert newer.is_dir()
    assert newest.is_dir()


def test_the_jobs_of_a_project(tmp_path):
    """What Blender's thread does: follow, meet again in another session, forget what was removed."""
    folder = tmp_path / "shot_understudy" / "jobs"
    job = client.start(folder, "rehearsal", {"steps": 1000, "seconds": 0.01}, python=sys.executable,
                       tag={"strip": "a"})
    followed, later = Followers(), Followers()
    deadline = time.monotonic() + 20

    def until(condition):
        while not condition():
            followed.poll()
            assert time.monotonic() < deadline, job.state()
            time.sleep(0.02)

    followed.watch(folder)
    until(lambda: job.path in followed.by_folder and followed.by_folder[job.path].progress is not None)
    later.watch(folder)
    later.poll()
    assert [(f.status, f.spec.tag) for f in later.sorted()] == [("running", {"strip": "a"})]
    client.stop(job)
    until(lambda: followed.by_folder[job.path].status == "stopped")
    (folder / "damaged").mkdir()
    while job.alive():
        time.sleep(0.02)
    client.remove(job)
    for one in (followed, later):
        one.poll()
        assert one.sorted() == []
    later.watch(tmp_path / "another")
    later.poll()
    assert later.sorted() == []
