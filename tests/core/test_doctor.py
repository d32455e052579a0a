"""The doctor: healthy here, and right about what is made to be wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from understudy.core import doctor, environment


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "home"))


def one(findings, name: str) -> doctor.Finding:
    (found,) = [f for f in findings if f.name == name]
    return found


def test_this_computer_is_ready():
    """Everything but the import of each package, which takes long and has a test of its own."""
    for look in (doctor.python, doctor.processor, doctor.graphics, doctor.memory, doctor.disk, doctor.codecs,
                 doctor.embedded_models, doctor.own_folders):
        for finding in look():
            assert finding.status in ("ok", "warn"), finding
            assert finding.text
            assert bool(finding.hint) == (finding.status != "ok"), finding


@pytest.mark.long
def test_the_whole_report():
    report = doctor.examine(online=False)
    assert report.healthy, report.to_text()
    assert json.loads(json.dumps(report.to_dict()))["healthy"] is True
    assert report.to_text().splitlines()[-1].startswith("Ready")


def test_a_package_that_is_missing_or_broken_is_named(tmp_path, monkeypatch):
    """A Python whose site-packages hold a torch that crashes, and nothing else."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    (site,) = bare.glob("lib/python*/site-packages")
    (site / "torch.py").write_text("import os; os.abort()\n")
    (site / "numpy.py").write_text("raise ImportError('libblas is missing')\n")
    for name in ("torch", "numpy"):
        (site / f"{name}-1.0.dist-info").mkdir()
        (site / f"{name}-1.0.dist-info" / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    monkeypatch.setattr(sys, "executable", str(environment.python_of(bare)))
    findings = list(doctor.packages())
    assert one(findings, "av").text == "missing"
    assert "libblas is missing" in one(findings, "numpy").text
    assert "crashed" in one(findings, "torch").text
    report = doctor.Report(tuple(findings))
    assert not report.healthy
    assert "Not ready" in report.to_text()
    assert "torch 1.0 (wanted " in report.to_text()


def test_folders_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "file" / "home"))
    findings = list(doctor.own_folders())
    assert {f.status for f in findings} == {"fail"}
    assert "UNDERSTUDY_HOME" in findings[0].hint
    assert one(doctor.disk(), "Disk of the data folder").text, "the nearest folder that is there answers"


def test_models_that_were_cut_short(tmp_path, monkeypatch):
    package = tmp_path / "face_recognition_models"
    (package / "models").mkdir(parents=True)
    (tmp_path / "face_recognition_models-0.3.0.dist-info").mkdir()
    (tmp_path / "face_recognition_models-0.3.0.dist-info" / "METADATA").write_text("Name: face_recognition_models\n")
    (package / "models" / "shape_predictor_68_face_landmarks.dat").write_bytes(b"short")
    monkeypatch.syspath_prepend(str(tmp_path))
    (finding,) = doctor.embedded_models()
    assert finding.status == "fail"
    assert "shape_predictor_68" in finding.text


def test_weights_that_are_here_and_damaged_ones(tmp_path, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path))
    (finding,) = doctor.weights()
    assert (finding.status, finding.text.split(" of ")[0]) == ("ok", "0")
    place = tmp_path / "data" / "weights"
    place.mkdir(parents=True)
    (place / "vggface2_resnet50_v3.pth").write_bytes(b"of unknown size")
    (place / "face_detection_yunet_2023mar.onnx").write_bytes(b"short")
    (finding,) = doctor.weights()
    assert finding.status == "warn"
    assert "here: vggface2, in" in finding.text
    assert finding.hint.endswith("understudy weights fetch yunet")


def test_no_internet_is_only_a_remark(monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # a port on which nobody listens
    monkeypatch.setenv("no_proxy", "")
    (finding,) = doctor.internet()
    assert finding.status == "warn"
    assert "wheels" in finding.hint


def test_a_check_that_breaks_is_itself_a_finding(monkeypatch):
    def python():
        raise RuntimeError("boom")
        yield

    for name in ("packages", "processor", "graphics", "memory", "disk", "codecs", "embedded_models", "weights",
                 "own_folders"):
        monkeypatch.setattr(doctor, name, lambda: iter(()))
    monkeypatch.setattr(doctor, "python", python)
    report = doctor.examine(online=False)
    assert [f.status for f in report.findings] == ["fail"]
    assert "boom" in report.findings[0].text


def test_memory_is_what_the_system_says():
    if not Path("/proc/meminfo").exists():
        pytest.skip("compared with /proc")
    kilobytes = int(Path("/proc/meminfo").read_text().split()[1])
    assert doctor.total_memory() == pytest.approx(kilobytes * 1024, rel=0.01)
    assert os.cpu_count()
