"""Every file that the core reads and writes, in folders whose names have spaces and letters of several scripts."""

from __future__ import annotations

import pytest

from understudy.core import cli


@pytest.fixture(scope="module")
def folder(tmp_path_factory, footage):
    """A clip with its alignments and faces, and a model that has been trained on them for two iterations."""
    folder = tmp_path_factory.mktemp("odd") / "Prüf ordner 演员 é"
    folder.mkdir()
    clip = folder / "Täter 甲 (1).mp4"
    clip.write_bytes((footage / "actor_a.mp4").read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_HOME", str(folder / "heim é"))
        patch.setenv("UNDERSTUDY_CONSENT", "1")
        faces, model = folder / "面部 é", folder / "modèle 模型"
        assert cli.main(["extract", str(clip), "--frames", "0-27", "--faces", str(faces), "--detection-size", "320",
                         "--logfile", str(folder / "protokoll é.txt")]) == 0
        assert cli.main(["train", "--input-a", str(faces), "--input-b", str(faces), "--model-dir", str(model),
                         "--trainer", "sketch", "--iterations", "2", "--batch-size", "2", "--precision",
                         "float32", "--timelapse"]) == 0
        yield folder


def run(*words):
    assert cli.main([str(word) for word in words]) == 0


@pytest.mark.parametrize(("writer", "words", "made"), [
    ("overlay", ["--image-format", "exr"], "*.exr"), ("video", [], "*.mp4"), ("gif", [], "*.gif"),
    ("patch", ["--patch-json"], "*.json")])
def test_converting(folder, writer, words, made):
    output = folder / f"fertig é {writer}"
    run("convert", folder / "Täter 甲 (1).mp4", "--model-dir", folder / "modèle 模型", "--writer", writer, "--output",
        output, "--frames", "0-3", *words)
    assert list(output.glob(made))


def test_looking_over_the_result(folder):
    run("convert", folder / "Täter 甲 (1).mp4", "--model-dir", folder / "modèle 模型", "--writer", "images", "--output",
        folder / "bilder é", "--frames", "0-3")
    run("report", folder / "Täter 甲 (1).mp4", "--converted", folder / "bilder é", "--faces-b", folder / "面部 é",
        "--output", folder / "bericht é")
    assert {path.name for path in (folder / "bericht é").iterdir()} >= {"report.json", "report.csv", "report.png"}


def test_other_tools_files(folder):
    run("alignments", "export", folder / "Täter 甲 (1)_alignments.db", folder / "für 他.fsa", "--format", "fsa")
    run("alignments", "export", folder / "Täter 甲 (1)_alignments.db", folder / "für 他.json", "--format",
        "faceswap")
    run("alignments", "import", folder / "für 他.fsa", "--source", folder / "Täter 甲 (1).mp4", "--dry-run")
    run("models", "export", folder / "modèle 模型", "--output", folder / "für 他.dfm")
    assert all((folder / f"für 他.{kind}").stat().st_size > 1000 for kind in ("fsa", "json", "dfm"))


def test_looking_after_faces_and_models(folder):
    run("sort", folder / "面部 é", "--by", "yaw")
    run("alignments", "draw", folder / "Täter 甲 (1).mp4", "--output", folder / "gezeichnet é", "--frames", "0-1")
    run("mask", "output", folder / "Täter 甲 (1).mp4", "--output", folder / "masken é", "--frames", "0-1")
    run("models", "graph", folder / "modèle 模型", "--output", folder / "verlust é.png")
    run("models", "info", folder / "modèle 模型")
    assert list((folder / "gezeichnet é").iterdir())
    assert list((folder / "masken é").iterdir())
    assert (folder / "verlust é.png").stat().st_size > 1000
    assert (folder / "protokoll é.txt").exists()
