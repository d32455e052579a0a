"""Several clips in one run: which they are, where each one's things go, and what a broken one costs the others."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from understudy.core.errors import UnderstudyError, UsageError
from understudy.core.extraction.clips import clips_of
from understudy.core.extraction.task import run, run_clips
from understudy.core.faces.store import AlignmentsStore
from understudy.core.jobs.messages import SilentReporter
from understudy.core.options.extract import ExtractClipsOptions, ExtractOptions

from .conftest import portrait, write


class Listener(SilentReporter):
    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.texts: list[str] = []

    def progress(self, done, total, unit, text=""):
        self.texts.append(text)
        return False

    def warning(self, message, detail=""):
        self.warnings.append(message)


@pytest.fixture
def reel(tmp_path) -> Path:
    """A folder with two shots of three images, a text that calls itself a film, and what is no footage."""
    folder = tmp_path / "reel"
    for shot in ("shot_2", "shot_10"):
        (folder / shot).mkdir(parents=True)
        for n in range(3):
            write(folder / shot / f"{n}.png", portrait(2 * n, n))
    (folder / "broken.mp4").write_text("not a film\n" * 50)
    (folder / "notes.txt").write_text("")
    (folder / "empty").mkdir()
    return folder


def test_a_folder_of_clips_stands_for_the_clips_in_natural_order(reel, tmp_path):
    clips, are_several = clips_of(ExtractOptions(source=str(reel), faces=str(tmp_path / "faces")))
    assert are_several
    assert [clip.path.name for clip in clips] == ["broken.mp4", "shot_2", "shot_10"]
    assert clips[0].store == reel / "broken_alignments.db"
    assert clips[1].store == reel / "shot_2" / "alignments.db"
    assert [clip.faces for clip in clips] == [tmp_path / "faces" / name for name in ("broken", "shot_2", "shot_10")]


def test_one_clip_is_no_batch_and_nothing_changes(reel):
    for source in (reel / "shot_2", reel / "broken.mp4", reel / "nothing_there", reel / "empty"):
        (clip,), are_several = clips_of(ExtractOptions(source=str(source), alignments="a.db", faces="f"))
        assert not are_several
        assert (clip.path, clip.store, clip.faces) == (source, Path("a.db").absolute(), Path("f").absolute())


def test_alignments_of_several_clips_go_into_a_folder(reel, tmp_path):
    clips, _ = clips_of(ExtractOptions(source=str(reel), alignments=str(tmp_path / "stores")))
    assert clips[2].store == tmp_path / "stores" / "shot_10_alignments.db"
    with pytest.raises(UsageError, match="one alignments file"):
        clips_of(ExtractOptions(source=str(reel), alignments=str(tmp_path / "all.db")))


def test_clips_of_one_name_stay_apart_or_are_refused(tmp_path):
    for name in ("x/A.mp4", "x/a.mov", "y/A.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("film")
    clips, _ = clips_of(ExtractOptions(source=str(tmp_path / "x"), faces="f"))
    assert {clip.faces.name for clip in clips} == {"A_mp4", "a_mov"}
    with pytest.raises(UsageError, match="same name"):
        clips_of(ExtractOptions(source=str(tmp_path / "x" / "A.mp4"), more_sources=(str(tmp_path / "y" / "A.mp4"),)))


def test_a_broken_clip_is_named_and_the_others_are_done(reel, tmp_path):
    listener = Listener()
    with pytest.raises(UnderstudyError, match=r"1 of 3 clips failed .*broken\.mp4") as failure:
        run(ExtractOptions(source=str(reel), faces=str(tmp_path / "faces")), listener)
    assert failure.value.exit_code == 1
    assert [warning for warning in listener.warnings if "broken.mp4" in warning] == listener.warnings[:1]
    assert "broken.mp4" in listener.warnings[0]
    assert any(text.startswith("shot_10 (3 of 3)") for text in listener.texts)
    for shot in ("shot_2", "shot_10"):
        with AlignmentsStore.readonly(reel / shot / "alignments.db") as store:
            assert store.stats()["faces"] == 3
        assert len(list((tmp_path / "faces" / shot).iterdir())) == 3
    shutil.copytree(tmp_path / "faces" / "shot_2", reel / "faces")  # pictures of faces are no clip
    assert [clip.path.name for clip in clips_of(ExtractOptions(source=str(reel)))[0]] == [
        "broken.mp4", "shot_2", "shot_10"]
    assert not (tmp_path / "faces" / "broken").exists()


def test_several_sources_on_the_command_line(reel, tmp_path, monkeypatch):
    command = [sys.executable, "-m", "understudy.core", "extract", str(reel / "shot_2"), str(reel / "shot_10"),
               "--frames", "0-1", "--json"]
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path))
    subprocess.run([sys.executable, "-m", "understudy.core", "consent", "--yes"], check=True, capture_output=True)
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])["result"]
    assert (result["clips"], result["frames"], result["faces"]) == (2, 4, 4)
    assert [Path(one["source"]).name for one in result["results"]] == ["shot_2", "shot_10"]


def test_a_folder_of_clips_as_a_tool_of_its_own(reel, tmp_path):
    (reel / "broken.mp4").unlink()
    result = run_clips(ExtractClipsOptions(clips=str(reel), clips_alignments=str(tmp_path / "stores"),
                                           clips_faces=str(tmp_path / "faces"), frames="0"), SilentReporter())
    assert (result["clips"], result["faces"], result["pictures_written"]) == (2, 2, 2)
    assert sorted(path.name for path in (tmp_path / "stores").iterdir()) == ["shot_10_alignments.db",
                                                                             "shot_2_alignments.db"]
