"""The whole task: what it writes, what it skips, and what survives stops, crashes and bad input."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from understudy.core.errors import AlignmentsError, FacesError, OutputError, SourceError, Stopped, UsageError
from understudy.core.extraction import stages
from understudy.core.extraction.detectors.dlib_hog import DlibHog
from understudy.core.extraction.extracting import settings_word
from understudy.core.extraction.task import run
from understudy.core.faces.geometry import Alignment
from understudy.core.faces.nouns import Detection
from understudy.core.faces.png import read_header
from understudy.core.faces.store import AlignmentsStore
from understudy.core.jobs.messages import SilentReporter
from understudy.core.options import Row
from understudy.core.options.extract import ExtractOptions

from .conftest import no_face, portrait, write


class Recorder(SilentReporter):
    """Remembers progress; asks to stop once `stop_at` frames are done."""

    def __init__(self, stop_at: int = 10**9) -> None:
        self.stop_at = stop_at
        self.calls: list[tuple[int, int | None]] = []

    def progress(self, done, total, unit, text=""):
        self.calls.append((done, total))
        return done >= self.stop_at


@pytest.fixture
def options(shot, tmp_path):
    def make(**more) -> ExtractOptions:
        return ExtractOptions(**{"source": str(shot), "faces": str(tmp_path / "faces"), **more})
    return make


def test_what_it_writes(options, shot, tmp_path):
    reporter = Recorder()
    result = run(options(), reporter)
    assert result == {
        "source": str(shot), "alignments": str(shot / "alignments.db"), "faces_folder": str(tmp_path / "faces"),
        "every": 1, "expected_faces": 12, "frames": 12, "frames_read": 12, "faces_found": 10, "pictures_written": 10,
        "frames_with_faces": 10, "faces": 10, "left_out": {}}
    assert reporter.calls == [(n, 12) for n in range(13)]
    with AlignmentsStore.readonly(shot / "alignments.db") as store:
        assert store.integrity() == []
        assert store.frames_seen(settings_word(options())) == set(range(12))
        assert set(range(12)) - set(store.counts()) == {3, 7}
        assert store.frame_names()[6] == "shot.0008.png"
        _, vectors = store.identities("dlib")
        assert vectors.shape == (10, 128)
        assert np.linalg.norm(vectors - vectors[0], axis=1).max() < 0.5
        (face,) = store.faces(8)
        small = cv2.imdecode(np.frombuffer(store.thumbnail(face.uuid), np.uint8), cv2.IMREAD_COLOR)
        assert small.shape == (96, 96, 3)
    assert sorted(p.name for p in (tmp_path / "faces").iterdir())[:2] == ["shot.0001_0.png", "shot.0002_0.png"]
    header = read_header(tmp_path / "faces" / "shot.0010_0.png")
    assert (header.uuid, header.frame, header.frame_name, header.size) == (face.uuid, 8, "shot.0010.png", 512)
    np.testing.assert_array_equal(header.landmarks, face.landmarks)
    picture = cv2.imread(str(tmp_path / "faces" / "shot.0010_0.png"))
    assert picture.shape == (512, 512, 3)
    # The eyes are where the header's matrix says: about the middle, and darker than the cheek below.
    points = Alignment(header.landmarks).points(512, "head")
    eye, cheek = points[36:42].mean(0), np.add(points[[31, 41]].mean(0), (-10, 25))
    x, y = np.rint(eye).astype(int)
    u, v = np.rint(cheek).astype(int)
    assert picture[y - 3:y + 4, x - 3:x + 4].mean() < picture[v - 3:v + 4, u - 3:u + 4].mean()


def test_a_second_run_reads_nothing_and_a_wider_one_only_the_rest(options):
    assert run(options(frames="0-4"), Recorder())["frames_read"] == 5
    again = run(options(frames="0-4"), Recorder())
    assert (again["frames_read"], again["pictures_written"], again["faces"]) == (0, 0, 4)
    wider = run(options(), Recorder())
    assert (wider["frames_read"], wider["faces"]) == (7, 10)
    assert run(options(detection_size=320), Recorder())["frames_read"] == 12


def test_every_and_min_size(options):
    assert run(options(every=5), Recorder())["frames_read"] == 3
    with pytest.raises(FacesError, match="No face"):
        run(options(min_size=90.0), Recorder())


def test_lost_and_outdated_pictures_are_written_anew(options, tmp_path, shot):
    run(options(), Recorder())
    (tmp_path / "faces" / "shot.0001_0.png").unlink()
    (tmp_path / "faces" / "shot.0002_0.png").write_bytes(b"torn")
    with AlignmentsStore.open(shot / "alignments.db") as store:
        face = store.faces(2)[0]
        store.edit_face(face.uuid, face.landmarks + 3)
    result = run(options(), Recorder())
    assert (result["frames_read"], result["pictures_written"]) == (0, 3)
    np.testing.assert_array_equal(read_header(tmp_path / "faces" / "shot.0003_0.png").landmarks, face.landmarks + 3)
    assert read_header(tmp_path / "faces" / "shot.0001_0.png").frame == 0


def test_what_a_person_edited_added_and_removed_stays_whatever_extracts_again(options, shot, tmp_path, monkeypatch):
    """Also with another detector, and in the faces folder."""
    run(options(), Recorder())
    with AlignmentsStore.open(shot / "alignments.db") as store:
        edited, removed = store.faces(0)[0], store.faces(1)[0]
        store.edit_face(edited.uuid, edited.landmarks + 2)
        store.remove_face(removed.uuid)
        added = store.add_face(3, edited.box, edited.landmarks + 1)  # where the detector finds nobody
    monkeypatch.setattr(stages, "DETECTORS", (*stages.DETECTORS, Elsewhere("elsewhere", "", "", "")))
    for more, faces in (({"detection_size": 320}, 10), ({"detector": "elsewhere"}, 10)):
        result = run(options(**more), Recorder())
        assert result["faces"] == faces
        with AlignmentsStore.readonly(shot / "alignments.db") as store:
            np.testing.assert_array_equal(store.face(edited.uuid).landmarks, edited.landmarks + 2)
            np.testing.assert_array_equal(store.face(added.uuid).landmarks, edited.landmarks + 1)
            assert [face.uuid for face in store.faces(0)] == [edited.uuid]
            assert [face.uuid for face in store.faces(3)] == [added.uuid]
            assert store.faces(1) == []
        names = {path.name for path in (tmp_path / "faces").iterdir()}
        assert len(names) == faces
        assert "shot.0002_0.png" not in names
        for face, name, shift in ((edited, "shot.0001_0.png", 2), (added, "shot.0004_0.png", 1)):
            header = read_header(tmp_path / "faces" / name)
            assert header.uuid == face.uuid
            np.testing.assert_array_equal(header.landmarks, edited.landmarks + shift)


class Elsewhere(Row):
    """A detector whose boxes lie a little beside and are larger, as another one's would."""

    def load(self):
        class Other(DlibHog):
            def detect(self, frames):
                return [[Detection((x - 6, y - 4, w * 1.1, h * 1.1), score / 3) for (x, y, w, h), score in
                         ((found.box, found.score) for found in faces)] for faces in super().detect(frames)]
        return Other


def test_stop_stores_what_was_done_and_the_next_run_goes_on(options, shot):
    with pytest.raises(Stopped):
        run(options(), Recorder(stop_at=4))
    with AlignmentsStore.readonly(shot / "alignments.db") as store:
        assert store.frames_seen() == {0, 1, 2, 3}
    reporter = Recorder()
    assert run(options(), reporter)["frames_read"] == 8
    assert reporter.calls[0] == (4, 12)


def test_a_frame_that_cannot_be_decoded_stops_after_what_came_before(options, shot):
    (shot / "shot.0010.png").write_bytes((shot / "shot.0010.png").read_bytes()[:200])
    with pytest.raises(SourceError, match=r"shot\.0010\.png"):
        run(options(), Recorder())
    with AlignmentsStore.readonly(shot / "alignments.db") as store:
        assert store.frames_seen() == set(range(8))


def test_no_face_at_all_is_told_and_the_frames_are_recorded(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    for n in range(3):
        write(folder / f"{n}.png", no_face())
    for reads in (3, 0):
        reporter = Recorder()
        with pytest.raises(FacesError, match="No face was found"):
            run(ExtractOptions(source=str(folder)), reporter)
        assert len(reporter.calls) == (reads + 1 if reads else 0)
    with AlignmentsStore.readonly(folder / "alignments.db") as store:
        assert store.frames_seen() == {0, 1, 2}


def test_bad_places_are_refused_before_anything_is_read(options, shot, tmp_path):
    (tmp_path / "file").write_text("")
    before = sorted(p.name for p in shot.iterdir())
    reporter = Recorder()
    for bad in ({"faces": str(tmp_path / "file" / "faces"), "alignments": str(tmp_path / "new" / "a.db")},
                {"faces": str(tmp_path / "new" / "faces"), "alignments": str(tmp_path / "file" / "a.db")},
                {"faces": str(shot)}):
        with pytest.raises(OutputError):
            run(options(**bad), reporter)
    with pytest.raises(UsageError):
        run(options(frames="0-99"), reporter)
    with pytest.raises(SourceError):
        run(options(source=str(tmp_path / "nothing.mp4")), reporter)
    (tmp_path / "text.mp4").write_text("not a film\n" * 100)
    with pytest.raises(SourceError):
        run(options(source=str(tmp_path / "text.mp4")), reporter)
    assert reporter.calls == []
    assert sorted(p.name for p in shot.iterdir()) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "shot", "text.mp4"]


def test_a_store_of_another_clip_is_refused_and_stays(options, shot, tmp_path):
    run(options(), Recorder())
    other = tmp_path / "other"
    other.mkdir()
    write(other / "1.png", portrait())
    content = (shot / "alignments.db").read_bytes()
    with pytest.raises(AlignmentsError, match="another clip"):
        run(options(source=str(other), alignments=str(shot / "alignments.db")), Recorder())
    assert (shot / "alignments.db").read_bytes() == content


class Ellipse:
    """A masker that looks at pixels, as network maskers do: what is brighter than black, in an ellipse."""

    is_drawn = False
    size, centering, batch_size = 256, "head", 2

    def __init__(self, options, device):
        assert (options.mask_size, device) == (128, "cpu")

    def mask(self, faces):
        y, x = np.mgrid[:self.size, :self.size] / self.size - 0.5
        return [((x ** 2 + y ** 2 < 0.1) & (face.pixels.max(2) > 0)).astype(np.uint8) * 255 for face in faces]


def test_a_new_row_is_all_that_a_masker_needs(options, shot, monkeypatch):
    class EllipseRow(Row):
        def load(self):
            return Ellipse

    monkeypatch.setattr(stages, "MASKERS", (*stages.MASKERS, EllipseRow("ellipse", "Ellipse", "", "")))
    run(options(frames="0", masker=("ellipse", "extended")), Recorder())
    with AlignmentsStore.readonly(shot / "alignments.db") as store:
        (face,) = store.faces(0)
        assert store.mask_kinds(face.uuid) == ["ellipse"]  # drawn ones are never stored
        mask = store.mask(face.uuid, "ellipse")
        np.testing.assert_allclose(mask.matrix, Alignment(face.landmarks).matrix(128, "head"))
        assert 0.25 < (mask.pixels > 128).mean() < 0.35
