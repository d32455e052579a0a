"""The report to attach: what helps is in it; pictures, films and names are not."""

from __future__ import annotations

import getpass
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from understudy.core import bundle
from understudy.core.doctor import Finding, Report
from understudy.core.errors import OutputError
from understudy.core.jobs import client
from understudy.core.media.images import encode_png, write_png

HEALTHY = Report((Finding("Disk here", "ok", f"20 GB free at {Path.home() / 'secret_project'}"),
                  Finding("Graphics card", "warn", "none", "Train on the processor")))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's folders: settings, logs, jobs, and pictures wherever they could slip in."""
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "config").mkdir(parents=True)
    (tmp_path / "home" / "config" / "preset.toml").write_text("[train]\nbatch-size = 8\n")
    logs = tmp_path / "home" / "data" / "logs"
    logs.mkdir(parents=True)
    (logs / "service.log").write_text("started\n" * 100_000 + "the last line\n")
    for place in (tmp_path / "home" / "config", logs):
        write_png(place / "face.png", np.zeros((8, 8, 3), np.uint8))
        (place / "clip.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    return tmp_path


def job(place: Path, task: str, log: str = "", **options: Any) -> Path:
    made = client.create(place, task, options, label=task)
    made.log_file.write_text(log, encoding="utf-8")
    write_png(made.path / "preview.png", np.zeros((8, 8, 3), np.uint8))
    (made.path / "metrics.jsonl").write_text("{}\n")
    return made.path


def contents(place: Path) -> dict[str, str]:
    with zipfile.ZipFile(place) as found:
        assert found.testzip() is None
        return {name: found.read(name).decode("utf-8") for name in found.namelist()}


def test_it_holds_what_helps_and_no_picture(home: Path) -> None:
    job(home / "home" / "data" / "jobs", "rehearsal", "it rehearsed\n", steps=3)
    job(home / "shot_jobs", "rehearsal", "beside the blend\n", steps=4)
    written = bundle.write(home / "help.zip", HEALTHY, [home / "shot_jobs", home / "nowhere"])
    found = contents(home / "help.zip")
    assert set(written) == set(found)
    assert {Path(name).suffix for name in found} <= {".txt", ".json", ".jsonl", ".toml", ".log"}
    assert not any(text.startswith("\x89PNG") or "ftyp" in text for text in found.values())
    assert found["settings/preset.toml"] == "[train]\nbatch-size = 8\n"
    assert found["logs/service.log"].endswith("the last line\n")
    assert len(found["logs/service.log"]) <= 200_000
    assert {found[f"jobs/0{n}/log.txt"] for n in (1, 2)} == {"it rehearsed\n", "beside the blend\n"}
    assert "jobs/01/job.json" in found
    assert "torch" in json.loads(found["versions.json"])["packages"]
    assert "Graphics card" in found["doctor.txt"]
    assert json.loads(found["doctor.json"])["healthy"] is True


def test_a_picture_in_a_log_s_place_does_not_get_in(home: Path) -> None:
    """Whatever a file is called, and wherever a link leads."""
    place = job(home / "jobs", "rehearsal")
    (place / "log.txt").write_bytes(encode_png(np.zeros((64, 64, 3), np.uint8)))
    other = job(home / "jobs", "rehearsal")
    (other / "log.txt").unlink()
    write_png(home / "portrait.png", np.zeros((8, 8, 3), np.uint8))
    (other / "log.txt").symlink_to(home / "portrait.png")
    bundle.write(home / "help.zip", HEALTHY, [home / "jobs"])
    logs = {name: text for name, text in contents(home / "help.zip").items() if name.endswith("log.txt")}
    assert list(logs.values()) == ["(no text)"]


def test_names_of_people_files_and_folders_are_taken_out(home: Path) -> None:
    footage = f"{Path.home()}/Projects/Operation Walrus/anna_lindqvist_take3.mp4"
    log = (f"opened {footage}\nanna_lindqvist_take3_000012 has no face; Anna Lindqvist was not found\n"
           f"wrote {Path.home()}/Projects/Operation Walrus/out/x.png as {getpass.getuser()}\n"
           "the plan of the annals is kept\n")
    place = job(home / "jobs", "convert", log, source=footage, persons=["Anna Lindqvist", "Bo"],
                models=["Cleo Park=/srv/walrus/cleo_model"], model_dir="C:\\Users\\Anna\\Walrus models\\m1",
                output="//server/share/Walrus/out")
    (place / "state.json").write_text(json.dumps({"error": "Cannot read C:\\Users\\Anna\\Walrus models\\m1\\x"}))
    bundle.write(home / "help.zip", HEALTHY, [home / "jobs"])
    found = contents(home / "help.zip")
    everything = "\n".join(found.values())
    for name in ("Lindqvist", "Walrus", "Cleo", "walrus", "anna_lindqvist", str(Path.home()) + "/", "server/share",
                 "Users\\\\Anna"):
        assert name not in everything, name
    told = found["jobs/01/log.txt"]
    assert "opened <source 1>.mp4" in told
    assert "<source 1>_000012 has no face; <person 1> was not found" in told
    assert "the plan of the annals is kept" in told
    spec = json.loads(found["jobs/01/job.json"])["options"]
    assert spec["source"] == "<source 1>.mp4"
    assert spec["persons"] == ["<person 1>", "<person 2>"]
    assert spec["models"][0].startswith("<person 3>=<folder ")
    assert json.loads(found["jobs/01/state.json"])["error"].startswith("Cannot read <folder ")
    assert "~/secret_project" in found["doctor.txt"]


def test_only_the_newest_jobs(home: Path) -> None:
    for number in range(15):
        job(home / "jobs", "rehearsal", f"number {number}")
    assert len([n for n in bundle.write(home / "help.zip", HEALTHY, [home / "jobs"]) if n.endswith("job.json")]) == 12


def test_where_it_goes(home: Path) -> None:
    bundle.write(home / "help", HEALTHY)
    bundle.write(home / "help.zip", HEALTHY)  # one's own is replaced
    (home / "thesis.zip").write_text("not a zip")
    with pytest.raises(OutputError, match=r"thesis\.zip"):
        bundle.write(home / "thesis.zip", HEALTHY)
    assert (home / "thesis.zip").read_text() == "not a zip"
    (home / "file").write_text("")
    with pytest.raises(OutputError):
        bundle.write(home / "file" / "help.zip", HEALTHY)


@pytest.mark.long
def test_the_command(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_OFFLINE", "1")
    done = subprocess.run([sys.executable, "-m", "understudy.core", "doctor", "--bundle", str(home / "help.zip")],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Look through it" in done.stderr
    assert "doctor.txt" in contents(home / "help.zip")
