"""Jobs that make pictures or alignments: extract, merge, from-faces."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from understudy.core.errors import AlignmentsError, FacesError, OutputError, Stopped, UsageError
from understudy.core.extraction.origin import source_info
from understudy.core.extraction.task import run as extract_clip
from understudy.core.faces.chunks import text_chunk, without_texts
from understudy.core.faces.geometry import Alignment, transform
from understudy.core.faces.places import IN_FOLDER
from understudy.core.faces.png import FACESWAP_KEYWORD, KEYWORD, FaceHeader, read_header
from understudy.core.faces.store import AlignmentsStore
from understudy.core.media.images import encode_png, read_image
from understudy.core.media.source import open_source

from .conftest import Shot, fill, headers, landmarks, make_video, shot_of


def bare(path) -> bytes:
    """A picture without what it says of itself."""
    return without_texts(path.read_bytes(), (KEYWORD, FACESWAP_KEYWORD))


class TestExtract:
    def test_pictures_are_those_that_extraction_would_cut(self, video):
        for path in video.pictures():
            header = read_header(path)
            face = video.all()[header.uuid]
            np.testing.assert_array_equal(header.landmarks, face.landmarks)
            np.testing.assert_allclose(header.matrix, Alignment(face.landmarks).matrix(256, "head"))
            assert (header.frame, header.position, header.size) == (face.frame, face.position, 256)
            assert [mask.kind for mask in read_header(path, with_masks=True).masks] == ["custom"]
            assert read_image(path).shape == (256, 256, 3)

    def test_every_nth_frame_of_some_persons(self, run, video, tmp_path):
        with video.open() as store:
            anna = store.add_person("Anna")
            store.set_persons({store.faces(frame)[0].uuid: anna for frame in (0, 2, 4, 5, 8)})
        result = run("extract", source=video.path, faces=tmp_path / "out", every=4, persons=("Anna",))
        assert result["written"] == 3
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
            "clip_000000_0.png", "clip_000004_0.png", "clip_000008_0.png"]

    def test_small_faces_are_left_out(self, run, video, tmp_path):
        size = Alignment(next(iter(video.all().values())).landmarks).source_size  # about 96 px
        assert run("extract", source=video.path, faces=tmp_path / "a", face_size=256,
                   min_size=100 * (size - 5) / 256)["written"] == 11
        result = run("extract", source=video.path, faces=tmp_path / "b", face_size=256, min_size=100 * (size + 5) / 256)
        assert (result["written"], result["small"]) == (0, 11)

    def test_level_eyes_are_told_in_the_header(self, run, video, tmp_path):
        with video.open() as store:
            for uuid, face in video.all().items():
                tilted = face.landmarks.copy()
                tilted[42:48, 1] += 3
                store.edit_face(uuid, tilted)
        options = {"source": video.path, "faces": tmp_path / "out", "face_size": 256}
        run("extract", **options, align_eyes=True)
        for path in (tmp_path / "out").iterdir():
            header = read_header(path)
            points = transform(header.landmarks, header.matrix)
            right, left = points[36:42].mean(0), points[42:48].mean(0)
            assert abs(right[1] - left[1]) < 1e-3
            assert left[0] > right[0]
        assert run("extract", **options, align_eyes=True)["current"] == 11
        assert run("extract", **options, dry_run=True)["written"] == 11

    def test_a_second_run_writes_what_is_missing(self, run, video):
        video.pictures()[0].unlink()
        result = run("extract", source=video.path, faces=video.faces, face_size=256)
        assert (result["written"], result["current"]) == (1, 10)

    def test_update_rewrites_only_what_is_older_than_its_landmarks(self, run, video):
        deleted, moved, *others = video.pictures()
        deleted.unlink()
        uuid = read_header(moved).uuid
        renamed = moved.rename(moved.with_name("000001_sorted.png"))
        with video.open() as store:
            store.edit_face(uuid, store.face(uuid).landmarks + 4)
        before = {path: path.stat().st_mtime_ns for path in others}
        dry = run("extract", source=video.path, faces=video.faces, update=True, dry_run=True)
        assert dry["text"] == "write 000001_sorted.png"
        result = run("extract", source=video.path, faces=video.faces, update=True)
        assert (result["written"], result["current"]) == (1, 9)
        np.testing.assert_array_equal(read_header(renamed).landmarks, video.all()[uuid].landmarks)
        assert read_header(renamed).size == 256
        assert {path: path.stat().st_mtime_ns for path in others} == before
        assert not deleted.exists()

    def test_update_keeps_level_eyes_level(self, run, video, tmp_path):
        uuid = min(video.all())
        with video.open() as store:
            tilted = store.face(uuid).landmarks.copy()
            tilted[42:48, 1] += 3
            store.edit_face(uuid, tilted)
            run("extract", source=video.path, faces=tmp_path / "out", face_size=256, align_eyes=True)
            store.edit_face(uuid, tilted + 2)
        run("extract", source=video.path, faces=tmp_path / "out", update=True)
        header = next(h for path in (tmp_path / "out").iterdir() if (h := read_header(path)).uuid == uuid)
        np.testing.assert_array_equal(header.landmarks, tilted + 2)
        points = transform(header.landmarks, header.matrix)
        assert abs(points[36:42].mean(0)[1] - points[42:48].mean(0)[1]) < 1e-3

    def test_stopped_it_goes_on(self, run, video, tmp_path, listener):
        with pytest.raises(Stopped):
            run("extract", listener(stop_at=5), source=video.path, faces=tmp_path / "out")
        written = len(list((tmp_path / "out").iterdir()))
        assert 0 < written < 11
        assert run("extract", source=video.path, faces=tmp_path / "out")["written"] == 11 - written

    def test_into_the_images_themselves(self, run, images):
        with pytest.raises(OutputError, match="folder of the images themselves"):
            run("extract", source=images.path, faces=images.path)

    def test_extraction_takes_them_for_its_own(self, video):
        """The frames are drawn, so that extraction finds nothing new; what is stored has its pictures already."""
        from understudy.core.jobs.messages import SilentReporter
        from understudy.core.options import make
        from understudy.core.options.extract import ExtractOptions

        with video.open() as store:
            for uuid, face in video.all().items():
                store.edit_face(uuid, face.landmarks)
        before = {path: path.stat().st_mtime_ns for path in video.pictures()}
        options = make(ExtractOptions, {"source": str(video.path), "faces": str(video.faces), "face_size": 256})
        extract_clip(options, SilentReporter())
        assert {path: path.stat().st_mtime_ns for path in video.pictures()} == before


class TestFromFaces:
    def test_lost_alignments_come_back(self, run, video):
        lost = video.all()
        with video.open() as store:
            uuids, vectors = store.identities("dlib")
        video.store.unlink()
        result = run("from-faces", faces=video.faces, source=video.path)
        assert (result["faces"], result["frames"], result["others"]) == (11, 9, 0)
        back = video.all()
        assert back.keys() == lost.keys()
        for uuid, face in lost.items():
            np.testing.assert_array_equal(back[uuid].landmarks, face.landmarks)
            assert back[uuid].box == pytest.approx(face.box)
            assert (back[uuid].frame, back[uuid].position, back[uuid].detector) == (
                face.frame, face.position, face.detector)
        with open_source(video.path) as source, video.open() as store:
            store.require(source_info(source))
            assert store.identities("dlib")[0] == uuids
            np.testing.assert_allclose(store.identities("dlib")[1], vectors, rtol=1e-5)
        video.sound()

    def test_of_images_by_their_names(self, run, images):
        lost = {uuid: face.frame for uuid, face in images.all().items()}
        images.store.unlink()
        run("from-faces", faces=images.faces, source=images.path)
        assert {uuid: face.frame for uuid, face in images.all().items()} == lost

    def test_gaps_in_the_numbers_close_and_pictures_follow(self, run, video):
        first = next(path for path in video.pictures() if path.name == "clip_000002_0.png")
        first.unlink()
        result = run("from-faces", faces=video.faces, source=video.path)
        assert (result["pictures"], result["renamed"]) == (1, 1)
        path = video.faces / "clip_000002_0.png"
        assert read_header(path).position == 0
        assert video.all()[read_header(path).uuid].position == 0

    def test_what_was_there_is_backed_up(self, run, video):
        before = set(video.all())
        (backup,) = run("from-faces", faces=video.faces, source=video.path)["backups"]
        with AlignmentsStore.open(backup) as store:
            assert store.stats()["faces"] == len(before)

    def test_one_file_for_each_clip_of_a_mixed_folder(self, run, video, images, tmp_path):
        for path in images.pictures():
            shutil.copy(path, video.faces)
        result = run("from-faces", faces=video.faces, output=tmp_path / "rebuilt")
        assert [path.rsplit("/", 1)[1] for path in result["alignments"]] == ["clip_alignments.db", "shot_alignments.db"]
        with AlignmentsStore.open(tmp_path / "rebuilt" / "shot_alignments.db") as store:
            assert store.stats()["faces"] == 11
            assert store.source.kind == "images"
        assert run("from-faces", faces=video.faces, source=video.path)["others"] == 11

    def test_the_wrong_clip(self, run, video, tmp_path):
        other = make_video(tmp_path / "else" / "other.mp4", seed=2)
        with pytest.raises(AlignmentsError, match=r"None of the 11 pictures is of other\.mp4; they are of clip\.mp4"):
            run("from-faces", faces=video.faces, source=other)

    def test_dry(self, run, video):
        told = run("from-faces", faces=video.faces, source=video.path, dry_run=True)
        assert f"write {video.store} with 11 faces in 9 frames of clip.mp4" in told["text"]
        assert video.backups() == []

    def test_another_tools_pictures_get_the_same_names_each_time(self, run, video, tmp_path):
        (tmp_path / "foreign").mkdir()
        for frame in range(3):
            header = FaceHeader("", landmarks(80, 80 + frame), (50, 50, 60, 60), None, "clip.mp4", True, frame,
                                f"clip_{frame:06d}.mp4", (240, 180), size=64)
            png = encode_png(np.zeros((64, 64, 3), np.uint8))
            place = png.index(b"IDAT") - 4
            (tmp_path / "foreign" / f"{frame}.png").write_bytes(
                png[:place] + text_chunk(FACESWAP_KEYWORD, header.to_faceswap()) + png[place:])
        found = []
        for _ in range(2):
            assert run("from-faces", faces=tmp_path / "foreign", source=video.path)["faces"] == 3
            found.append({uuid: face.frame for uuid, face in video.all().items()})
        assert found[0] == found[1]
        assert sorted(found[0].values()) == [0, 1, 2]


class TestMerge:
    @pytest.fixture
    def second(self, tmp_path) -> Shot:
        """Another clip of the same name."""
        path = make_video(tmp_path / "second" / "clip.mp4", seed=1)
        return shot_of(path, tmp_path / "second" / "faces")

    def merge(self, run, tmp_path, *shots, **values):
        return run("merge", output=tmp_path / "merged", folders=tuple(str(shot.faces) for shot in shots),
                   stores=tuple(str(shot.store) for shot in shots), **values)

    def test_clips_of_one_name_are_told_apart(self, run, video, second, tmp_path):
        result = self.merge(run, tmp_path, video, second)
        assert (result["faces"], result["clips"], result["copied"], result["twice"]) == (22, 2, 22, 0)
        names = sorted(path.name for path in (tmp_path / "merged").glob("*.png"))
        assert len(names) == 22
        assert names[0] == "clip-2_clip_000000_0.png"
        sources = {read_header(path).source for path in (tmp_path / "merged").glob("*.png")}
        assert sources == {"clip.mp4", "clip-2.mp4"}

    def test_faces_keep_all_that_is_known_of_them(self, run, video, second, tmp_path):
        for shot in (video, second):
            with shot.open() as store:
                anna = store.add_person("Somebody")
                anna = store.add_person("Anna") if shot is second else anna
                edited = store.faces(4)[0]
                store.edit_face(edited.uuid, edited.landmarks + 1)
                store.set_persons({edited.uuid: anna})
        self.merge(run, tmp_path, video, second)
        with AlignmentsStore.open(tmp_path / "merged" / IN_FOLDER) as merged:
            assert merged.integrity() == []
            assert merged.stats() | {"frames_seen": 0} == {
                "frames_seen": 0, "frames_with_faces": 18, "frames_with_several": 4, "faces": 22, "machine": 20,
                "edited": 2, "added": 0, "removed": 0}
            names = merged.people()
            for shot, person in ((video, "Somebody"), (second, "Anna")):
                with shot.open() as store:
                    for uuid, face in shot.all().items():
                        there = merged.face(uuid)
                        np.testing.assert_array_equal(there.landmarks, face.landmarks)
                        assert (there.state, there.box) == (face.state, face.box)
                        assert merged.thumbnail(uuid) == store.thumbnail(uuid)
                        np.testing.assert_array_equal(merged.mask(uuid, "custom").pixels,
                                                      store.mask(uuid, "custom").pixels)
                        np.testing.assert_array_equal(merged.identity(uuid, "dlib"), store.identity(uuid, "dlib"))
                    edited = merged.face(store.faces(4)[0].uuid)
                    assert names[edited.person] == person

    def test_names_pictures_and_headers_are_in_step(self, run, video, second, tmp_path):
        self.merge(run, tmp_path, video, second)
        with AlignmentsStore.open(tmp_path / "merged" / IN_FOLDER) as merged:
            frames = merged.frame_names()
            for path in (tmp_path / "merged").glob("*.png"):
                header = read_header(path)
                face = merged.face(header.uuid)
                assert frames[face.frame] == header.frame_name
                assert path.stem == f"{header.frame_name.rsplit('.', 1)[0]}_{face.position}"
                assert [mask.kind for mask in read_header(path, with_masks=True).masks] == ["custom"]
        assert run("rename", faces=tmp_path / "merged")["renamed"] == 0
        merged_store = tmp_path / "merged" / IN_FOLDER
        assert run("leftover-faces", alignments=merged_store, faces=tmp_path / "merged")["found"] == 0

    def test_pixels_stay_bit_for_bit(self, run, video, second, tmp_path):
        self.merge(run, tmp_path, video, second)
        mine = headers(video)
        for path in (tmp_path / "merged").glob("*.png"):
            uuid = read_header(path).uuid
            if uuid in mine:
                assert bare(path) == bare(mine[uuid])

    def test_a_face_that_is_there_twice_is_taken_once(self, run, video, tmp_path):
        copy = tmp_path / "copy"
        shutil.copytree(video.faces, copy)
        twin = Shot(video.path, video.store, copy)
        result = self.merge(run, tmp_path, video, twin)
        assert (result["faces"], result["clips"], result["twice"]) == (11, 1, 11)

    def test_two_extractions_of_one_clip_are_one(self, run, video, tmp_path):
        again = tmp_path / "again"
        again.mkdir()
        shutil.copy(video.path, again / "clip.mp4")
        twin = Shot(again / "clip.mp4", fill(again / "clip.mp4"), again / "faces")
        run("extract", source=twin.path, faces=twin.faces, face_size=256)
        assert not set(twin.all()) & set(video.all())
        assert self.merge(run, tmp_path, video, twin)["faces"] == 11

    def test_only_faces_with_pictures(self, run, video, second, tmp_path):
        for path in second.pictures()[1:]:
            path.unlink()
        assert self.merge(run, tmp_path, video, second)["faces"] == 12

    def test_without_alignments_the_headers_tell(self, run, video, images, tmp_path):
        result = run("merge", output=tmp_path / "merged", folders=(str(video.faces), str(images.faces)))
        assert (result["faces"], result["clips"], result["without_alignments"]) == (22, 2, 22)

    def test_pictures_in_one_folder_already(self, run, video, images, tmp_path):
        """As people do it: everything copied into the training folder, which is merged into itself."""
        for path in images.pictures():
            shutil.copy(path, video.faces)
        result = run("merge", output=video.faces, folders=(str(video.faces),),
                     stores=(str(video.store), str(images.store)))
        assert (result["faces"], result["copied"]) == (22, 0)
        assert len(video.pictures()) == 22
        assert (video.faces / IN_FOLDER).exists()

    def test_run_again_it_copies_nothing_and_backs_up(self, run, video, second, tmp_path):
        self.merge(run, tmp_path, video, second)
        times = {path: path.stat().st_mtime_ns for path in (tmp_path / "merged").glob("*.png")}
        again = self.merge(run, tmp_path, video, second)
        assert again["copied"] == 0
        assert "_backup_" in again["backup"]
        assert {path: path.stat().st_mtime_ns for path in (tmp_path / "merged").glob("*.png")} == times

    def test_stopped_it_goes_on(self, run, video, second, tmp_path, listener, monkeypatch):
        with pytest.raises(Stopped):
            self.merge(run, tmp_path, video, second, reporter=listener(stop_at=5))
        assert not (tmp_path / "merged" / IN_FOLDER).exists()
        assert self.merge(run, tmp_path, video, second)["faces"] == 22

    def test_dry(self, run, video, second, tmp_path):
        told = self.merge(run, tmp_path, video, second, dry_run=True)
        assert told["text"].count("copy ") == 22
        assert not (tmp_path / "merged").exists()

    def test_a_folder_full_of_other_things(self, run, video, second, tmp_path):
        (tmp_path / "merged").mkdir()
        shutil.copy(second.pictures()[0], tmp_path / "merged" / "clip_000000_0.png")
        with pytest.raises(OutputError, match="is there already and is another picture"):
            self.merge(run, tmp_path, video)

    def test_nothing_named(self, run, video, tmp_path):
        with pytest.raises(UsageError, match="No faces folder"):
            run("merge", output=tmp_path / "merged")
        with pytest.raises(FacesError, match="no faces folder"):
            run("merge", output=tmp_path / "merged", folders=(str(tmp_path / "gone"),))
        with pytest.raises(AlignmentsError, match="no alignments"):
            run("merge", output=tmp_path / "merged", folders=(str(video.faces),), stores=(str(tmp_path / "gone.db"),))
