"""What extraction writes when asked for more: debug pictures, refined masks, chosen persons' pictures, larger faces."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from understudy.core.errors import AlignmentsError, FacesError, UsageError
from understudy.core.extraction.debug import drawn
from understudy.core.extraction.task import run
from understudy.core.faces.geometry import MEAN_FACE, Alignment
from understudy.core.faces.persons import rename
from understudy.core.faces.png import read_header
from understudy.core.faces.store import AlignmentsStore
from understudy.core.jobs.messages import SilentReporter
from understudy.core.options.extract import ExtractOptions

from .conftest import portrait, write


@pytest.fixture
def extract(tmp_path):
    """Extracts a folder of three images, the last of which holds the face twice, once half as large."""
    shot = tmp_path / "shot"
    shot.mkdir()
    small = cv2.resize(portrait(), None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    for n in range(3):
        picture = np.zeros((300, 640, 3), np.uint8)
        picture[:, :320] = portrait(n, n)
        if n == 2:
            picture[:small.shape[0], 330:330 + small.shape[1]] = small[:, ::-1]
        write(shot / f"{n}.png", picture)

    def call(**more) -> dict:
        return run(ExtractOptions(**{"source": str(shot), "faces": str(tmp_path / "faces"), **more}), SilentReporter())
    return call


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_debug_pictures_lie_beside_and_the_faces_stay_clean(extract, tmp_path):
    extract()
    clean = {name: (tmp_path / "faces" / name).read_bytes() for name in names(tmp_path / "faces")}
    result = extract(debug_landmarks=True)
    assert (result["frames_read"], result["pictures_written"]) == (0, 4)
    assert names(tmp_path / "faces_debug") == names(tmp_path / "faces") == sorted(clean)
    for name, data in clean.items():
        assert (tmp_path / "faces" / name).read_bytes() == data
        with pytest.raises(FacesError):  # so no training takes them for faces
            read_header(tmp_path / "faces_debug" / name)
    assert extract(debug_landmarks=True)["pictures_written"] == 0
    with AlignmentsStore.open(tmp_path / "shot" / "alignments.db") as store:
        moved, gone = store.faces(0)[0], store.faces(1)[0]
        store.edit_face(moved.uuid, moved.landmarks + 4)
        store.remove_face(gone.uuid)
    assert extract(debug_landmarks=True)["pictures_written"] == 2
    assert names(tmp_path / "faces_debug") == names(tmp_path / "faces") == ["0_0.png", "2_0.png", "2_1.png"]
    with pytest.raises(UsageError, match="faces folder"):
        extract(faces="", debug_landmarks=True)


def test_what_is_drawn_for_debugging():
    t = np.linspace(np.pi, 0, 17)
    jaw = np.column_stack([0.5 + 0.6 * np.cos(t), 0.25 + 0.9 * np.sin(t)])
    face = Alignment(np.concatenate([jaw, MEAN_FACE]) * 200 + 200)
    grey = np.full((600, 600, 3), 90, np.uint8)
    picture = drawn(grey, face, 512)
    assert picture.shape == (512, 512, 3)
    for x, y in np.rint(face.points(512, "head")[17:22]).astype(int):
        assert picture[y, x, 2] < 30 < 200 < picture[y, x, 0]  # yellow
    boxes = {name: (picture == colour).all(2) for name, colour in (("face", (0, 255, 0)), ("legacy", (255, 0, 0)))}
    spans = {name: np.ptp(np.argwhere(drawn_there)[:, 0]) for name, drawn_there in boxes.items()}
    # Shares of the head crop that the others take, by their paddings: (1 - 0.625) / (1 - padding).
    assert spans["face"] == pytest.approx(512 * 0.375 / 0.5, abs=4)
    assert spans["legacy"] == pytest.approx(512 * 0.375 / 0.625, abs=4)


def test_small_faces_get_no_picture_but_stay_in_the_alignments(extract, tmp_path):
    with_all = extract()
    with AlignmentsStore.readonly(tmp_path / "shot" / "alignments.db") as store:
        sizes = [Alignment(face.landmarks).source_size for face in store.faces(2)]
    between = round(100 * float(np.mean(sizes)) / 256)
    for path in (tmp_path / "faces").iterdir():
        path.unlink()
    assert extract(face_size=256, min_scale=between)["pictures_written"] == 3
    assert len(names(tmp_path / "faces")) == 3
    assert with_all["faces"] == 4


def test_face_size_changes_the_pictures_of_faces_found_before(extract, tmp_path):
    extract()
    assert extract(face_size=320)["pictures_written"] == 4
    assert cv2.imread(str(tmp_path / "faces" / "0_0.png")).shape == (320, 320, 3)
    assert read_header(tmp_path / "faces" / "0_0.png").size == 320


def test_pictures_of_chosen_persons_only(extract, tmp_path):
    extract(faces="")
    with AlignmentsStore.open(tmp_path / "shot" / "alignments.db") as store:
        first = store.faces(0)[0]
        rename(store, store.people()[first.person], "Eileen")
    with pytest.raises(AlignmentsError, match="Eileen"):
        extract(persons=("Somebody",))
    assert extract(persons=("eileen",))["pictures_written"] == 3
    assert "0_0.png" in names(tmp_path / "faces")
    assert len(names(tmp_path / "faces")) == 3
    # Also where faces are found anew: the same person is recognised.
    for path in (tmp_path / "faces").iterdir():
        path.unlink()
    result = extract(persons=("Eileen",), detection_size=600)
    assert (result["frames_read"], result["faces"], result["pictures_written"]) == (3, 4, 3)


def test_masks_are_stored_refined_and_in_the_pictures_headers(extract, tmp_path):
    extract(masker=("custom",), refine=True, mask_size=64)
    extract(masker=("custom", "extended"), refine=True, mask_size=64)
    with AlignmentsStore.readonly(tmp_path / "shot" / "alignments.db") as store:
        for _, faces in store.iterate():
            for face in faces:
                assert set(store.mask_kinds(face.uuid)) == {"custom", "extended-refined"}
                assert store.mask(face.uuid, "custom").pixels.shape == (64, 64)
    header = read_header(tmp_path / "faces" / "0_0.png", with_masks=True)
    assert {mask.kind for mask in header.masks} == {"custom", "extended-refined"}


def test_skipping_what_is_there_already(extract):
    assert extract(frames="0-1")["frames_read"] == 2
    assert extract(detection_size=600, skip_existing=True)["frames_read"] == 1
    assert extract(detection_size=700, skip_existing_faces=True, frames="0-2")["frames_read"] == 0
    assert extract(detection_size=700)["frames_read"] == 3


def test_training_reads_two_frames_a_second_and_says_how_few_faces_that_gives(tmp_path):
    class Listener(SilentReporter):
        warnings: list[str] = []
        texts: list[str] = []

        def progress(self, done, total, unit, text=""):
            self.texts.append(text)
            return False

        def warning(self, message, detail=""):
            self.warnings.append(message)

    shot = tmp_path / "shot"
    shot.mkdir()
    for n in range(26):  # images count as 25 a second
        write(shot / f"{n:02d}.png", portrait(n % 5, n % 3))
    result = run(ExtractOptions(source=str(shot), purpose="training"), Listener())
    assert (result["every"], result["frames"], result["expected_faces"], result["faces"]) == (12, 3, 3, 3)
    assert Listener.texts[0] == "every 12th frame, about 3 faces of each person to expect"
    assert "a training wants 250" in Listener.warnings[0]
