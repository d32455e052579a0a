"""Jobs over a faces folder and its alignments: remove-faces, rename, leftover-faces, multi-faces, sort."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.alignments.naming import rename_all, renamings
from understudy.core.alignments.pictures import WAITING, Picture
from understudy.core.errors import AlignmentsError, FacesError, OutputError, Stopped, UsageError
from understudy.core.faces.png import read_header
from understudy.core.faces.store import AlignmentsStore
from understudy.core.jobs.messages import SilentReporter

from .conftest import DOUBLE, headers, landmarks


def sort_like_a_person(shot) -> list:
    """Rename all pictures as sorting does, and delete the last three; returns the deleted ones' uuids."""
    gone = []
    for number, path in enumerate(reversed(shot.pictures())):
        if number >= 8:
            gone.append(read_header(path).uuid)
            path.unlink()
        else:
            path.rename(path.with_name(f"{number:06d}_{path.name}"))
    return gone


class TestRemoveFaces:
    def test_deleted_pictures_take_their_faces_out_and_the_others_get_their_names_back(self, run, video):
        names = {read_header(path).uuid: path.name for path in video.pictures()}
        gone = sort_like_a_person(video)
        result = run("remove-faces", source=video.path, faces=video.faces)
        assert (result["removed"], result["kept"], result["renamed"]) == (3, 8, 8)
        assert set(video.all()) == set(names) - set(gone)
        assert {uuid: path.name for uuid, path in headers(video).items()} == {
            uuid: name for uuid, name in names.items() if uuid not in gone}
        with video.open() as store:
            assert {store.face(uuid).state for uuid in gone} == {"removed"}  # and stay out of re-extraction
        video.sound()

    def test_there_is_a_backup_that_has_them_all(self, run, video):
        before = set(video.all())
        sort_like_a_person(video)
        backup = run("remove-faces", source=video.path, faces=video.faces)["backup"]
        assert "_backup_" in backup
        with AlignmentsStore.open(backup) as store:
            assert {face.uuid for _, faces in store.iterate() for face in faces} == before

    def test_it_can_be_undone(self, run, video):
        before = set(video.all())
        sort_like_a_person(video)
        run("remove-faces", source=video.path, faces=video.faces)
        assert run("undo", source=video.path)["faces"] == 3
        assert set(video.all()) == before

    def test_run_again_it_finds_nothing_to_do(self, run, video):
        sort_like_a_person(video)
        run("remove-faces", source=video.path, faces=video.faces)
        again = run("remove-faces", source=video.path, faces=video.faces)
        assert (again["removed"], again["renamed"], again["backup"]) == (0, 0, "")
        assert len(video.backups()) == 1

    def test_a_dry_run_says_it_all_and_does_nothing(self, run, video):
        sort_like_a_person(video)
        listing, faces = video.pictures(), set(video.all())
        told = run("remove-faces", source=video.path, faces=video.faces, dry_run=True)
        assert told["removed"] == 3
        assert told["text"].count("remove face") == 3
        assert told["text"].count("rename ") == 8
        assert (video.pictures(), set(video.all()), video.backups()) == (listing, faces, [])

    def test_a_face_added_by_hand_stays_unless_all_are_meant(self, run, video):
        with video.open() as store:
            added = store.add_face(11, (10, 10, 60, 60), landmarks(40, 40)).uuid
        result = run("remove-faces", source=video.path, faces=video.faces)
        assert (result["removed"], result["added_kept"]) == (0, 1)
        assert added in video.all()
        assert run("remove-faces", source=video.path, faces=video.faces, all_faces=True)["removed"] == 1
        assert added not in video.all()

    def test_grouped_pictures_are_found_in_their_folders(self, run, video):
        for number, path in enumerate(video.pictures()):
            group = video.faces / f"face_{number % 2}"
            group.mkdir(exist_ok=True)
            path.rename(group / path.name)
        shutil.rmtree(video.faces / "face_1")
        assert run("remove-faces", source=video.path, faces=video.faces)["removed"] == 5
        assert all(path.parent.name == "face_0" for path in video.pictures())

    def test_only_chosen_frames_and_persons(self, run, video):
        uuids = list(video.all())
        with video.open() as store:
            anna = store.add_person("Anna")
            store.set_persons({uuids[0]: anna, uuids[-1]: anna})
        for path in video.pictures()[1:]:
            path.unlink()
        assert run("remove-faces", source=video.path, faces=video.faces, frames="0-2", dry_run=True)["removed"] == 3
        assert run("remove-faces", source=video.path, faces=video.faces, persons=("anna",))["removed"] == 1
        assert uuids[-1] not in video.all()

    def test_faces_of_frames_that_were_never_cut_stay(self, run, video, tmp_path):
        run("extract", source=video.path, faces=tmp_path / "some", every=2, face_size=256)
        pictures = sorted((tmp_path / "some").glob("*.png"))
        gone = [read_header(path) for path in pictures[:2]]
        assert {header.every for header in gone} == {2}
        for path in pictures[:2]:
            path.unlink()
        others = {uuid for uuid, face in video.all().items() if face.frame % 2}
        result = run("remove-faces", source=video.path, faces=tmp_path / "some")
        assert (result["removed"], result["never_pictured"]) == (2, len(others))
        assert set(video.all()) >= others
        assert not set(video.all()) & {header.uuid for header in gone}
        run("extract", source=video.path, faces=tmp_path / "some", face_size=256)  # now from all of them
        next(path for path in (tmp_path / "some").glob("*.png") if read_header(path).frame == 1).unlink()
        assert run("remove-faces", source=video.path, faces=tmp_path / "some")["removed"] == 1

    def test_faces_that_were_too_small_for_a_picture_stay(self, run, video, tmp_path):
        with video.open() as store:
            face = store.faces(1)[0]
            small = store.move_landmarks(face.uuid, face.landmarks / 4).uuid
        run("extract", source=video.path, faces=tmp_path / "large", min_size=20, face_size=256)
        sorted((tmp_path / "large").glob("*.png"))[0].unlink()
        result = run("remove-faces", source=video.path, faces=tmp_path / "large")
        assert (result["removed"], result["never_pictured"]) == (1, 1)
        assert small in video.all()

    def test_the_folder_of_another_clip_is_refused(self, run, video, images, tmp_path):
        with pytest.raises(FacesError, match="None of the 11 pictures"):
            run("remove-faces", source=video.path, faces=images.faces)
        (tmp_path / "empty").mkdir()
        with pytest.raises(FacesError, match="no pictures of faces"):
            run("remove-faces", source=video.path, faces=tmp_path / "empty")
        assert len(video.all()) == 11


class TestRename:
    def test_what_only_the_pictures_have_is_brought_to_the_alignments(self, run, images):
        sort_like_a_person(images)
        moved, kept, *_ = [read_header(path) for path in images.pictures()]
        with images.open() as store:
            masks = {uuid: store.mask(uuid, "custom").pixels for uuid in images.all()}
            with store.transaction():
                store._connection.execute("DELETE FROM mask")
                store._connection.execute("DELETE FROM identity")
            store.edit_face(moved.uuid, moved.landmarks + 5)  # its picture is out of date
            store.set_identity(kept.uuid, "dlib", np.full(4, 7, np.float32))
        told = run("rename", faces=images.faces, alignments=images.store, dry_run=True)
        assert (told["masks"], told["vectors"], told["text"].count("bring custom")) == (7, 6, 7)
        assert images.backups() == []
        result = run("rename", faces=images.faces, alignments=images.store)
        assert (result["masks"], result["vectors"], len(images.backups())) == (7, 6, 1)
        with images.open() as store:
            for path in images.pictures():
                uuid = read_header(path).uuid
                assert store.mask_kinds(uuid) == ([] if uuid == moved.uuid else ["custom"])
                if uuid != moved.uuid:
                    np.testing.assert_array_equal(store.mask(uuid, "custom").pixels, masks[uuid])
            assert store.identity(kept.uuid, "dlib")[0] == 7  # its own stays
        again = run("rename", faces=images.faces, alignments=images.store)
        assert (again["masks"], again["vectors"], again["backup"]) == (0, 0, "")
        images.sound()

    def test_sorted_pictures_get_their_first_names_again(self, run, images):
        names = {path.name for path in images.pictures()}
        for number, path in enumerate(images.pictures()):
            path.rename(path.with_name(f"{10 - number:06d}.png"))
        assert run("rename", faces=images.faces)["renamed"] == 11
        assert {path.name for path in images.pictures()} == names

    def test_names_may_change_hands(self, run, images):
        by_name = {path.name: read_header(path).uuid for path in images.pictures()}
        first, second, third = images.pictures()[:3]
        for path, name in ((first, "x"), (second, first.name), (third, second.name), (images.faces / "x", third.name)):
            os.replace(path, images.faces / name)
        run("rename", faces=images.faces)
        assert {path.name: read_header(path).uuid for path in images.pictures()} == by_name

    def test_two_pictures_of_one_name_stay_apart(self, run, images, listener):
        first, *_ = images.pictures()
        shutil.copy(first, images.faces / "copy.png")
        reporter = listener()
        run("rename", reporter, faces=images.faces)
        assert len(images.pictures()) == 12
        assert "1 pictures" in reporter.warnings[0]
        assert "copy.png" in reporter.warnings[0]

    def test_out_of_subfolders_only_when_asked(self, run, images):
        path = images.pictures()[0]
        (images.faces / "group").mkdir()
        path.rename(images.faces / "group" / "000000.png")
        run("rename", faces=images.faces)
        assert (images.faces / "group" / path.name).exists()
        run("rename", faces=images.faces, flatten=True)
        assert path.exists()

    def test_what_waits_for_a_name_is_found_after_a_kill(self, run, images):
        path = images.pictures()[0]
        path.rename(path.with_name(path.name + WAITING))
        assert run("rename", faces=images.faces)["renamed"] == 1
        assert path.exists()

    @pytest.mark.parametrize("cycle", [2, 3, 7])
    def test_a_circle_of_names(self, tmp_path, cycle):
        paths = [tmp_path / f"{number}.png" for number in range(cycle)]
        for number, path in enumerate(paths):
            path.write_text(str(number))
        targets = paths[1:] + paths[:1]
        moves, stuck = renamings([Picture(path, None) for path in paths], targets)
        assert (len(moves), stuck) == (cycle, [])
        rename_all(moves, SilentReporter())
        assert [path.read_text() for path in targets] == [str(number) for number in range(cycle)]
        assert len(list(tmp_path.iterdir())) == cycle

    @settings(max_examples=60, deadline=None)
    @given(st.integers(1, 8).flatmap(lambda n: st.tuples(
        st.lists(st.integers(0, 9), min_size=n, max_size=n, unique=True),
        st.lists(st.integers(0, 9), min_size=n, max_size=n))), st.sets(st.integers(0, 9)))
    def test_any_renaming_keeps_every_file_and_overwrites_none(self, names, others):
        """Pictures with any names that want any names, other files in the way: who can go arrives, who cannot stays."""
        sources, targets = names
        with tempfile.TemporaryDirectory() as place:
            paths = {number: Path(place, f"{number}.png") for number in range(10)}
            for number in {*sources, *others}:
                paths[number].write_text(str(number))
            moves, stuck = renamings([Picture(paths[s], None) for s in sources], [paths[t] for t in targets])
            rename_all(moves, SilentReporter())
            assert {path.read_text() for path in Path(place).iterdir()} == {str(n) for n in {*sources, *others}}
            assert not list(Path(place).glob(f"*{WAITING}"))
            for source, target in zip(sources, targets, strict=True):
                path = paths[source] if source == target or paths[source] in stuck else paths[target]
                assert path.read_text() == str(source)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
    def test_a_read_only_folder_is_named(self, run, images):
        images.pictures()[0].rename(images.faces / "a.png")
        images.faces.chmod(0o500)
        try:
            with pytest.raises(OutputError, match="May not write"):
                run("rename", faces=images.faces)
        finally:
            images.faces.chmod(0o700)

    def test_no_folder(self, run, tmp_path):
        with pytest.raises(FacesError, match="no faces folder"):
            run("rename", faces=tmp_path / "nowhere")

    def test_pictures_without_a_header_are_left_alone(self, run, images, listener):
        (images.faces / "holiday.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
        reporter = listener()
        run("rename", reporter, faces=images.faces)
        assert "holiday.png" in reporter.warnings[0]
        assert (images.faces / "holiday.png").exists()


class TestLeftoverFaces:
    def test_pictures_of_removed_and_unknown_faces(self, run, video, images):
        path = video.pictures()[0]
        with video.open() as store:
            store.remove_face(read_header(path).uuid)
        stray = shutil.copy(images.pictures()[0], video.faces / "stray.png")
        result = run("leftover-faces", source=video.path, faces=video.faces)
        assert result["found"] == 2
        assert set(result["text"].splitlines()) == {path.name, stray.name}

    def test_written_to_a_file_or_moved(self, run, video, tmp_path):
        path = video.pictures()[0]
        with video.open() as store:
            store.remove_face(read_header(path).uuid)
        told = run("leftover-faces", source=video.path, faces=video.faces, action="file", output=tmp_path / "list.txt")
        assert (tmp_path / "list.txt").read_text() == f"{path.name}\n"
        assert told["file"] == str(tmp_path / "list.txt")
        dry = run("leftover-faces", source=video.path, faces=video.faces, action="move", dry_run=True)
        assert f"move {path} to " in dry["text"]
        assert path.exists()
        moved = run("leftover-faces", source=video.path, faces=video.faces, action="move", output=tmp_path / "left")
        assert (moved["moved"], path.exists(), (tmp_path / "left" / path.name).exists()) == (1, False, True)


class TestMultiFaces:
    def test_the_frames(self, run, video):
        result = run("multi-faces", source=video.path)
        assert (result["found"], result["frames"]) == (2, "2,5")
        assert result["text"].splitlines() == ["2\tclip_000002", "5\tclip_000005"]
        assert run("multi-faces", alignments=video.store, frames="0-3")["frames"] == "2"

    def test_the_pictures_go_into_a_folder_for_each_number(self, run, video, tmp_path):
        target = tmp_path / "several"
        result = run("multi-faces", source=video.path, faces=video.faces, action="move", output=target)
        assert result["moved"] == 4
        assert sorted(str(path.relative_to(target)) for path in target.rglob("*.png")) == [
            "0/clip_000002_0.png", "0/clip_000005_0.png", "1/clip_000002_1.png", "1/clip_000005_1.png"]
        assert len(video.pictures()) == 7

    def test_frames_of_a_video_cannot_be_moved(self, run, video):
        with pytest.raises(UsageError, match="frames of a video cannot be moved"):
            run("multi-faces", source=video.path, action="move")
        assert video.backups() == []


class TestSort:
    def test_faces_are_numbered_from_left_to_right(self, run, video):
        result = run("sort", source=video.path, faces=video.faces)
        assert (result["frames"], result["faces"], result["pictures"]) == (2, 4, 4)
        with video.open() as store:
            for frame in DOUBLE:
                assert [face.box[0] for face in store.faces(frame)] == sorted(
                    face.box[0] for face in store.faces(frame))
                assert [face.position for face in store.faces(frame)] == [0, 1]
        video.sound()

    def test_pictures_and_headers_follow(self, run, video):
        run("sort", source=video.path, faces=video.faces)
        faces = video.all()
        for uuid, path in headers(video).items():
            header = read_header(path, with_masks=True)
            assert (header.position, [mask.kind for mask in header.masks]) == (faces[uuid].position, ["custom"])
            assert path.name == f"clip_{faces[uuid].frame:06d}_{faces[uuid].position}.png"
        assert run("extract", source=video.path, faces=video.faces, face_size=256)["written"] == 0

    def test_edits_can_still_be_undone(self, run, video):
        with video.open() as store:
            face = store.faces(2)[0]
            store.edit_face(face.uuid, face.landmarks + 5)
        run("sort", source=video.path)
        run("undo", source=video.path)
        with video.open() as store:
            back = store.face(face.uuid)
            np.testing.assert_array_equal(back.landmarks, face.landmarks)
            assert (back.position, back.state) == (1, "machine")

    def test_removed_faces_come_last(self, run, video):
        with video.open() as store:
            left = min(store.faces(2), key=lambda face: face.box[0])
            store.add_face(2, (100, 60, 50, 50), landmarks(120, 85))
            store.remove_face(left.uuid)
        run("sort", source=video.path)
        with video.open() as store:
            assert [face.state for face in store.faces(2, with_removed=True)] == ["added", "machine", "removed"]

    def test_dry_then_done_then_nothing_left(self, run, video):
        told = run("sort", source=video.path, faces=video.faces, dry_run=True)
        assert told["text"].count("number the faces of frame") == 2
        assert told["text"].count("rename clip_") == 4
        assert (told["pictures"], told["renamed"], video.backups()) == (4, 4, [])
        run("sort", source=video.path, faces=video.faces)
        again = run("sort", source=video.path, faces=video.faces)
        assert (again["frames"], again["pictures"], again["renamed"], again["backup"]) == (0, 0, 0, "")

    def test_pictures_catch_up_after_a_stop(self, run, video, listener):
        with pytest.raises(Stopped):
            run("sort", listener(stop_at=5), source=video.path, faces=video.faces)
        run("sort", source=video.path, faces=video.faces)
        faces = video.all()
        assert {uuid: path.name[-5] for uuid, path in headers(video).items()} == {
            uuid: str(face.position) for uuid, face in faces.items()}


class TestBadInput:
    @pytest.mark.parametrize("job", ["remove-faces", "leftover-faces"])
    def test_no_alignments(self, run, job, video):
        video.store.unlink()
        with pytest.raises(AlignmentsError, match=r"There are no alignments at .*clip_alignments\.db"):
            run(job, source=video.path, faces=video.faces)

    def test_neither_clip_nor_alignments(self, run, video):
        with pytest.raises(UsageError, match="Neither a clip nor its alignments"):
            run("sort")

    def test_alignments_of_another_clip(self, run, video, images):
        with pytest.raises(AlignmentsError, match="another clip"):
            run("sort", source=images.path, alignments=video.store)

    def test_alignments_that_are_none(self, run, video):
        video.store.write_bytes(b"SQLite format 3\0" + b"x" * 200)
        with pytest.raises(AlignmentsError):
            run("sort", alignments=video.store)

    def test_frames_that_are_not_there(self, run, video):
        with pytest.raises(UsageError, match="no frame 99"):
            run("multi-faces", alignments=video.store, frames="99")

    def test_a_person_nobody_knows(self, run, video):
        with pytest.raises(AlignmentsError, match="Bob"):
            run("multi-faces", alignments=video.store, persons=("Bob",))
