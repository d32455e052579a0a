"""The task `alignments import`: faces find their frames, what is there stays, and what cannot be matched is named."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from understudy.core import cli
from understudy.core.errors import AlignmentsError, Stopped, UnderstudyError, UsageError
from understudy.core.faces.nouns import Face, StoredMask
from understudy.core.faces.store import AlignmentsStore, Found
from understudy.core.interop.exporting import export_alignments
from understudy.core.interop.frames import Frames
from understudy.core.interop.importing import run
from understudy.core.interop.nouns import ForeignFrame
from understudy.core.options.interop import ImportOptions

from .conftest import CLIP, FOLDER, Listener, dfl_dict, fsa_bytes, jpeg_with, landmarks, mask_pixels


def go(store: Path, *files: Path, listener: Listener | None = None, **more) -> dict:
    options = ImportOptions(tuple(str(file) for file in files), alignments=str(store), **more)
    return run(options, listener or Listener())


@pytest.fixture
def fsa(tmp_path) -> Path:
    path = tmp_path / "other name.fsa"
    path.write_bytes(fsa_bytes("2.4", frames=9))
    return path


def state(path: Path) -> list:
    with AlignmentsStore.readonly(path) as store:
        return [(f.uuid, f.state, f.person, f.box, f.landmarks.tobytes(), f.position, store.mask_kinds(f.uuid))
                for n in range(100) for f in store.faces(n, with_removed=True)]


def test_an_fsa_is_brought_in_once_with_a_backup_and_survives_re_extraction(clip_store, fsa):
    result = go(clip_store, fsa)
    assert (result["frames"], result["added"], result["already_there"]) == (9, 9, 0)
    assert Path(result["backup"]).is_file()
    with AlignmentsStore.open(clip_store) as store:
        assert store.counts() == {0: 1, 1: 2, 3: 1, 4: 2, 6: 1, 7: 2}
        assert store.frames_seen() == set(range(9))
        face = store.faces(0)[0]
        assert face.state == "added"
        store.write_frame(0, "clip_000000.mp4", "another detector", [])
        assert store.faces(0)[0].uuid == face.uuid
        assert store.integrity() == []
    before = state(clip_store)
    again = go(clip_store, fsa)
    assert (again["added"], again["already_there"], again["backup"]) == (0, 9, "")
    assert state(clip_store) == before


def test_without_protection_extraction_may_find_other_faces(clip_store, fsa):
    go(clip_store, fsa, protect=False)
    with AlignmentsStore.open(clip_store) as store:
        assert store.faces(0)[0].state == "machine"
        assert store.write_frame(0, "clip_000000.mp4", "another detector", []) == []


def test_faces_that_are_there_stay_unless_they_are_to_be_replaced(clip_store, fsa):
    with AlignmentsStore.open(clip_store) as store:
        mine = store.add_face(0, (12, 22, 118, 148), landmarks(99))
        gone = store.put(Found(Face(1, (20, 20, 120, 150), landmarks(98))))
        store.remove_face(gone.uuid)
        store.set_mask(mine.uuid, StoredMask("custom", mask_pixels(), np.eye(2, 3)))
        store.set_persons({mine.uuid: store.add_person("Anna")})
    before = state(clip_store)
    result = go(clip_store, fsa)
    assert (result["added"], result["already_there"]) == (7, 2)
    assert all(row in state(clip_store) for row in before)
    result = go(clip_store, fsa, replace=True)
    assert result["replaced"] == 9
    with AlignmentsStore.open(clip_store) as store:
        face = store.face(mine.uuid)
        np.testing.assert_array_equal(face.landmarks, landmarks(0))
        assert store.people()[face.person] == "Anna"
        assert store.mask_kinds(face.uuid) == ["vgg-obstructed"]  # its own showed what it looked like before
        assert store.face(gone.uuid).state == "added"


def test_a_dry_run_changes_nothing(clip_store, fsa):
    before = clip_store.read_bytes()
    result = go(clip_store, fsa, dry_run=True)
    assert (result["added"], result["dry_run"], result["backup"]) == (9, True, "")
    assert clip_store.read_bytes() == before
    assert sorted(p.name for p in clip_store.parent.iterdir()) == sorted([clip_store.name, fsa.name])


def test_frames_that_the_clip_does_not_have_are_named(tmp_path, clip_store):
    content = {f"{name}.png": [{"detected": [0, 0, 9, 9], "landmarks_2d": landmarks(1).tolist()}]
               for name in ("clip_000001", "clip_000100", "clip_000101", "clip_000000", "still")}
    (tmp_path / "a.json").write_text(json.dumps(content))
    listener = Listener()
    result = go(clip_store, tmp_path / "a.json", listener=listener)
    assert (result["added"], result["unmatched"]) == (2, 3)
    (warning,) = listener.warnings
    assert all(name in warning for name in ("clip_000101.png", "clip_000000.png", "still.png"))


def test_a_file_of_another_clip_is_doubted_and_one_without_any_frame_of_it_refused(tmp_path, clip_store):
    face = {"detected": [0, 0, 9, 9], "landmarks_2d": landmarks(1).tolist()}
    (tmp_path / "a.json").write_text(json.dumps({"other_000001.png": [face]}))
    (tmp_path / "b.json").write_text(json.dumps({"still.png": [face]}))
    listener = Listener()
    go(clip_store, tmp_path / "a.json", listener=listener)
    assert "called after other" in listener.warnings[0]
    with pytest.raises(AlignmentsError, match=r"clip\.mp4.*b\.json"):
        go(clip_store, tmp_path / "b.json")


@pytest.mark.parametrize(("name", "index"), [
    ("a.png", 0), ("a.jpg", 0), ("b.jpg", 1), ("b.png", 2), ("b.tif", None), ("C.png", None), ("d_0001.png", 3),
    ("folder/a.png", 0), ("folder\\a.png", 0), ("000001.png", None)])
def test_images_are_told_by_their_names(name, index):
    frames = Frames(FOLDER, {0: "a.png", 1: "b.jpg", 2: "b.png", 3: "d_0001.png"})
    assert frames.find(ForeignFrame(name, ())) == index


@pytest.mark.parametrize(("name", "index"), [
    ("clip_000001.mp4", 0), ("clip_000100.png", 99), ("clip_000101.mp4", None), ("00007.png", 6), ("7.jpg", 6),
    ("clip2.mp4", 1), ("clip.mp4", None), ("", None), ("clip_000000.png", None), ("x" * 300, None), ("1" * 40, None)])
def test_frames_of_a_video_are_told_by_their_numbers(name, index):
    assert Frames(CLIP, {}).find(ForeignFrame(name, ())) == index


def test_a_folder_of_images_finds_its_faces_and_gets_a_store(tmp_path):
    shots = tmp_path / "shots"
    shots.mkdir()
    for n in (1, 2, 10):
        cv2.imwrite(str(shots / f"shot.{n}.png"), np.full((360, 640, 3), n, np.uint8))
    faces = tmp_path / "aligned"
    faces.mkdir()
    picture = cv2.imencode(".jpg", np.zeros((256, 256, 3), np.uint8))[1].tobytes()
    for n in (2, 10):
        data = {**dfl_dict(n)[0], "source_filename": f"shot.{n}.jpg"}
        (faces / f"{n}_0.jpg").write_bytes(jpeg_with(pickle.dumps(data), picture))
    (faces / "other.jpg").write_bytes(picture)
    listener = Listener()
    result = run(ImportOptions((str(faces),), source=str(shots)), listener)
    assert (result["added"], result["unreadable"], result["backup"]) == (2, 1, "")
    assert "other.jpg" in listener.warnings[0]
    with AlignmentsStore.open(shots / "alignments.db") as store:
        assert store.frame_names() == {1: "shot.2.png", 2: "shot.10.png"}
        np.testing.assert_array_equal(store.faces(2)[0].landmarks, landmarks(10))
    export_alignments(shots / "alignments.db", tmp_path / "out.json", "faceswap")
    assert list(json.loads((tmp_path / "out.json").read_text())) == ["shot.2.png", "shot.10.png"]


def test_a_real_film_finds_its_faces_and_gets_a_store(tmp_path, footage):
    content = {f"actor_a_{n:06d}.mp4": [{"detected": [0, 0, 9, 9], "landmarks_2d": landmarks(n).tolist()}]
               for n in (1, 24, 100_000)}
    (tmp_path / "a.json").write_text(json.dumps(content))
    listener = Listener()
    result = run(ImportOptions((str(tmp_path / "a.json"),), source=str(footage / "actor_a.mp4"),
                               alignments=str(tmp_path / "a.db")), listener)
    assert (result["added"], result["unmatched"]) == (2, 1)
    (warning,) = listener.warnings
    assert "actor_a_100000.mp4" in warning
    with AlignmentsStore.open(tmp_path / "a.db") as store:
        assert store.frame_names() == {0: "actor_a_000000.mp4", 23: "actor_a_000023.mp4"}
        assert store.source.name == "actor_a.mp4"
    export_alignments(tmp_path / "a.db", tmp_path / "b.json", "faceswap")
    assert list(json.loads((tmp_path / "b.json").read_text())) == ["actor_a_000001.mp4", "actor_a_000024.mp4"]


def test_our_json_brings_uuids_persons_and_states(tmp_path, clip_store, fsa):
    go(clip_store, fsa)
    with AlignmentsStore.open(clip_store) as store:
        first, second = store.faces(1)
        found = store.put(Found(Face(1, (400, 20, 120, 150), landmarks(49))))
        store.edit_face(found.uuid, landmarks(50))
        store.set_persons({second.uuid: store.add_person("Bea")})
    export_alignments(clip_store, tmp_path / "a.json")
    AlignmentsStore.create(tmp_path / "b.db", CLIP).close()
    go(tmp_path / "b.db", tmp_path / "a.json")
    with AlignmentsStore.open(tmp_path / "b.db") as store:
        one, two, three = store.faces(1)
        assert [face.uuid for face in (one, two, three)] == [first.uuid, second.uuid, found.uuid]
        assert (one.state, three.state, store.people()[two.person]) == ("added", "edited", "Bea")
        np.testing.assert_allclose(three.landmarks, landmarks(50), atol=1e-3)
    assert go(tmp_path / "b.db", tmp_path / "a.json")["already_there"] == 10


def test_a_stopped_import_continues(clip_store, tmp_path):
    (tmp_path / "a.fsa").write_bytes(fsa_bytes("2.4", frames=90))
    with pytest.raises(Stopped):
        go(clip_store, tmp_path / "a.fsa", listener=Listener(stop_after=0))
    assert go(clip_store, tmp_path / "a.fsa")["added"] == 90


def test_wrong_use_is_told(tmp_path, clip_store, fsa):
    with pytest.raises(UsageError, match="No file"):
        go(clip_store)
    with pytest.raises(UsageError, match="--source"):
        run(ImportOptions((str(fsa),)), Listener())
    for name, content in (("none", None), ("empty", b""), ("text", b"hello"), ("movie", b"\x00\x00\x00\x18ftypmp42")):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(UnderstudyError, match=name):
            go(clip_store, tmp_path / name)
    with pytest.raises(AlignmentsError, match=r"none\.db"):
        go(tmp_path / "none.db", fsa)


def test_the_command_line(clip_store, fsa, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "home"))
    assert cli.main(["consent", "--yes"]) == 0
    assert cli.main(["alignments", "import", str(fsa), "--alignments", str(clip_store)]) == 0
    assert cli.main(["alignments", "export", str(clip_store), str(tmp_path / "o.fsa"), "--format", "fsa"]) == 0
    assert f"Wrote 9 faces in 6 frames to {tmp_path / 'o.fsa'}." in capsys.readouterr().out
    (tmp_path / "hostile.fsa").write_bytes(b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.")
    assert cli.main(["alignments", "import", str(tmp_path / "hostile.fsa"), "--alignments", str(clip_store)]) == 1
    error = capsys.readouterr().err
    assert "hostile.fsa" in error
    assert "os.system" in error
    assert "Traceback" not in error
