"""Jobs over a clip's frames: missing-alignments, missing-frames, no-faces, remove-frames, draw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from understudy.core.alignments.drawing import Layers, draw_face
from understudy.core.errors import AlignmentsError, OutputError, SourceError, Stopped
from understudy.core.extraction.origin import source_info
from understudy.core.faces.nouns import Face
from understudy.core.faces.png import read_header
from understudy.core.media.images import read_image
from understudy.core.media.source import open_source

from .conftest import EMPTY, HEIGHT, WIDTH, face, headers, landmarks, make_video


class TestLists:
    def test_frames_never_searched(self, run, video):
        result = run("missing-alignments", source=video.path)
        assert (result["frames"], result["text"]) == ("11", "11\tclip_000011")

    def test_frames_without_a_face(self, run, images):
        result = run("no-faces", source=images.path)
        assert (result["found"], result["frames"]) == (2, "3,7")
        assert result["text"].splitlines() == ["3\timg_0011.png", "7\timg_0019.png"]
        assert run("no-faces", source=images.path, frames="4-11")["frames"] == "7"

    def test_a_frame_emptied_by_hand_has_no_face(self, run, video):
        with video.open() as store:
            store.remove_face(store.faces(1)[0].uuid)
        assert run("no-faces", source=video.path)["frames"] == "1,3,7"

    def test_nothing_found(self, run, video):
        assert run("missing-frames", source=video.path) == {"found": 0, "dry_run": False, "text": "None.", "frames": ""}

    def test_frames_that_the_folder_no_longer_has(self, run, images):
        (images.path / "img_0009.png").unlink()
        assert run("missing-frames", source=images.path)["text"] == "2\timg_0009.png"

    def test_frames_beyond_the_end_of_a_video(self, run, video):
        with video.open() as store:
            store.add_face(15, (10, 10, 50, 50), landmarks(40, 40))
        assert run("missing-frames", source=video.path)["frames"] == "15"

    def test_a_list_is_a_whole_file(self, run, video, tmp_path):
        result = run("no-faces", source=video.path, action="file")
        assert result["file"].startswith(str(tmp_path / "no-faces_"))
        assert Path(result["file"]).read_text() == "3\tclip_000003\n7\tclip_000007\n"


class TestMovingFrames:
    def test_the_alignments_follow_the_pictures_that_stay(self, run, images, tmp_path):
        with images.open() as store:
            names = store.frame_names()
            before = {names[frame]: [f.uuid for f in faces] for frame, faces in store.iterate()}
        result = run("no-faces", source=images.path, action="move", output=tmp_path / "empty")
        assert sorted(path.name for path in (tmp_path / "empty").iterdir()) == ["img_0011.png", "img_0019.png"]
        assert result["moved"] == len(EMPTY)
        with open_source(images.path) as source, images.open() as store:
            store.require(source_info(source))
            names = store.frame_names()
            assert {names[frame]: [f.uuid for f in faces] for frame, faces in store.iterate()} == before
            assert all(source.files[frame].name == name for frame, name in names.items())
        assert len(images.backups()) == 1
        images.sound()

    def test_killed_between_the_pictures_and_the_alignments_it_goes_on(self, run, images, tmp_path):
        (images.path / "img_0011.png").rename(tmp_path / "img_0011.png")  # as far as the killed run came
        with pytest.raises(AlignmentsError, match=r"1 frames in .* are no longer in"):
            run("no-faces", source=images.path)
        run("no-faces", source=images.path, action="move", output=tmp_path / "empty")
        with open_source(images.path) as source, images.open() as store:
            store.require(source_info(source))
            assert store.stats()["faces"] == 11
        assert run("no-faces", source=images.path)["found"] == 0

    def test_stopped_it_is_still_in_step(self, run, images, tmp_path, listener):
        with pytest.raises(Stopped):
            run("no-faces", listener(stop_at=1), source=images.path, action="move", output=tmp_path / "empty")
        run("missing-frames", source=images.path)
        with open_source(images.path) as source, images.open() as store:
            store.require(source_info(source))

    def test_a_dry_run_moves_nothing(self, run, images):
        result = run("no-faces", source=images.path, action="move", dry_run=True)
        assert result["text"].count("move ") == 2
        assert (len(list(images.path.glob("*.png"))), images.backups()) == (12, [])

    def test_another_clip_is_refused(self, run, images, video):
        with pytest.raises(AlignmentsError, match="another clip"):
            run("no-faces", source=video.path, alignments=images.store, action="move")


class TestRemoveFrames:
    def test_what_the_folder_no_longer_has_is_dropped_and_the_rest_renumbered(self, run, images):
        (images.path / "img_0005.png").unlink()  # frame 0, a face
        (images.path / "img_0011.png").unlink()  # frame 3, none
        with images.open() as store:
            kept = {f.uuid for frame, faces in store.iterate() for f in faces if frame != 0}
        result = run("remove-frames", source=images.path, faces=images.faces)
        assert (result["frames"], result["faces"], result["renumbered"]) == ("0,3", 1, 9)
        assert set(images.all()) == kept
        with open_source(images.path) as source, images.open() as store:
            store.require(source_info(source))
            names = store.frame_names()
            assert all(source.files[frame].name == name for frame, name in names.items())
        stored = images.all()
        told = {uuid: read_header(path).frame for uuid, path in headers(images).items() if uuid in stored}
        assert told == {uuid: f.frame for uuid, f in stored.items()}
        images.sound()

    def test_edits_can_still_be_undone(self, run, images):
        with images.open() as store:
            first, last = store.faces(0)[0], store.faces(9)[0]
            store.edit_face(last.uuid, last.landmarks + 3)
            store.edit_face(first.uuid, first.landmarks + 3)
        (images.path / "img_0005.png").unlink()
        run("remove-frames", source=images.path)
        with images.open() as store:
            store.go_to(0)
            np.testing.assert_array_equal(store.face(last.uuid).landmarks, last.landmarks)
            assert store.face(last.uuid).frame == 8
            assert store.face(first.uuid) is None

    def test_named_frames_are_forgotten_but_not_a_persons_work(self, run, video, listener):
        with video.open() as store:
            store.edit_face(store.faces(4)[0].uuid, landmarks(80, 80))
        reporter = listener()
        result = run("remove-frames", reporter, source=video.path, frames="3-5")
        assert (result["frames"], result["faces"], result["kept"]) == ("3,5", 2, 1)
        assert "4" in reporter.warnings[0]
        with video.open() as store:
            assert store.frames_seen() == {0, 1, 2, 4, 6, 7, 8, 9, 10}  # extract looks at 3 and 5 anew
        assert run("remove-frames", source=video.path, frames="3-5", all_faces=True)["frames"] == "4"

    def test_nothing_to_do(self, run, video):
        result = run("remove-frames", source=video.path)
        assert (result["frames"], result["backup"], video.backups()) == ("", "", [])

    def test_dry(self, run, images):
        (images.path / "img_0005.png").unlink()
        told = run("remove-frames", source=images.path, faces=images.faces, dry_run=True)["text"]
        assert "drop frame 0 (img_0005.png) with 1 faces" in told
        assert "call frame 1 (img_0007.png) frame 0" in told
        assert "tell img_0007_0.png that it is of frame 0" in told
        assert len(images.all()) == 11
        assert images.backups() == []

    def test_a_longer_cut_of_the_video_is_another_clip(self, run, video, tmp_path):
        other = make_video(tmp_path / "else" / "other.mp4", seed=3)
        with pytest.raises(AlignmentsError, match="another clip"):
            run("remove-frames", source=other, alignments=video.store)

    def test_faces_in_frames_without_a_name_cannot_be_placed(self, run, images):
        with images.open() as store:
            store.add_face(11, (10, 10, 50, 50), landmarks(40, 40))
        (images.path / "img_0005.png").unlink()
        with pytest.raises(AlignmentsError, match=r"never searched \(11\)"):
            run("remove-frames", source=images.path)


class TestDraw:
    def test_every_frame_with_a_face_is_drawn(self, run, video, tmp_path):
        result = run("draw", source=video.path, output=tmp_path / "drawn")
        assert (result["frames"], result["faces"]) == (9, 11)
        assert sorted(path.stem for path in (tmp_path / "drawn").iterdir()) == [
            f"clip_{frame:06d}" for frame in range(11) if frame not in EMPTY]

    def test_landmarks_lie_where_they_are(self, run, video, tmp_path):
        run("draw", source=video.path, output=tmp_path / "drawn", boxes=False, pose=False, names=False, frames="4")
        drawn = read_image(tmp_path / "drawn" / "clip_000004.png")
        with open_source(video.path) as source, video.open() as store:
            plain, (only,) = source.read(4).pixels, store.faces(4)
        changed = np.abs(drawn.astype(int) - plain).max(2) > 8
        ys, xs = np.nonzero(changed)
        low, high = only.landmarks.min(0), only.landmarks.max(0)
        assert abs(np.array([xs.min(), ys.min()]) - low).max() < 4
        assert abs(np.array([xs.max(), ys.max()]) - high).max() < 4
        for x, y in np.rint(only.landmarks).astype(int):
            assert changed[y - 1:y + 2, x - 1:x + 2].any()

    def test_each_layer_by_itself_draws_something(self):
        blank = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
        drawn = []
        for name in ("landmarks", "boxes", "pose", "names"):
            pixels = blank.copy()
            draw_face(pixels, face(0, 100.0, position=0), Layers(**{n: n == name for n in (
                "landmarks", "boxes", "pose", "names")}), "Anna")
            assert (pixels != blank).any(), name
            drawn.append(pixels.tobytes())
        assert len(set(drawn)) == 4

    def test_a_face_far_outside_is_drawn_without_harm(self):
        pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        draw_face(pixels, Face(0, (-1e6, -1e6, 50, 50), landmarks(1e6, -1e6), position=0), Layers())

    def test_beside_the_images_not_among_them(self, run, images):
        folder = run("draw", source=images.path)["folder"]
        assert "drawn_landmarks_" in folder
        assert images.path.name not in folder.split("/")
        with pytest.raises(OutputError, match="folder of the frames themselves"):
            run("draw", source=images.path, output=images.path)

    def test_where_nothing_can_be_written(self, run, video, tmp_path):
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(OutputError, match="a file stands where a folder is needed"):
            run("draw", source=video.path, output=tmp_path / "file" / "drawn")
        with pytest.raises(OutputError, match="a file stands where a folder is needed"):
            run("no-faces", source=video.path, action="file", output=tmp_path / "file" / "list.txt")

    def test_nothing_to_draw(self, run, video):
        with pytest.raises(AlignmentsError, match="no faces to draw"):
            run("draw", source=video.path, frames="3")

    def test_no_footage(self, run, tmp_path):
        with pytest.raises(SourceError):
            run("draw", source=tmp_path / "gone.mp4")
