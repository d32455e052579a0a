"""What the overlay reads: frames as the store has them, changes noticed, nothing waited for, odd files survived."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from understudy.addon.frame_table import FrameTable, read_table
from understudy.addon.overlay import reader as r
from understudy.addon.overlay.shapes import STATES, Look, make_shapes, state_of
from understudy.core.errors import UnderstudyError
from understudy.core.faces.geometry import MEAN_FACE, Alignment, average_distances
from understudy.core.faces.nouns import Face, SourceInfo, StoredMask
from understudy.core.faces.store import AlignmentsStore, Found

CLIP = SourceInfo("abc", "clip.mp4", 640, 360, "25/1", 100)
COLOURS = {state: (n / 10, 0.5, 0.25) for n, state in enumerate(STATES)}


def landmarks(seed: int = 0, spread: float = 0.01) -> np.ndarray:
    rng, t = np.random.default_rng(seed), np.linspace(np.pi, 0, 17)
    jaw = np.column_stack([0.5 + 0.62 * np.cos(t), 0.25 + 0.95 * np.sin(t)])
    return ((np.vstack([jaw, MEAN_FACE]) + rng.normal(0, spread, (68, 2))) * 90 + (200, 120)).astype(np.float32)


def put(store: AlignmentsStore, frame: int, seed: int = 0, spread: float = 0.01, **values: object) -> Face:
    points = landmarks(seed, spread)
    with store.transaction():
        store.set_frame(frame, f"clip_{frame:06d}", "s")
        mask = StoredMask("vgg", np.full((8, 8), 255, np.uint8), np.array([[0.1, 0, -20.0], [0, 0.1, -12.0]]))
        return store.put(Found(replace(Face(frame, (200.0, 120.0, 90.0, 90.0), points, "s3fd", "fan", 0.9), **values),
                               masks=[mask]))


@pytest.fixture
def film(tmp_path: Path) -> Path:
    (tmp_path / "clip.mp4").touch()
    return tmp_path / "clip.mp4"


@pytest.fixture
def store(film: Path):
    with AlignmentsStore.create(film.with_name("clip_alignments.db"), CLIP) as opened:
        yield opened


@pytest.fixture
def reader():
    found = r.Reader()
    found.start()
    yield found
    found.stop()


def answered(reader: r.Reader, request: r.Request, condition=lambda shown: True, seconds: float = 10.0) -> r.ShownFrame:
    end = time.monotonic() + seconds
    while (shown := reader.answer(request)) is None or not condition(shown):
        assert time.monotonic() < end, shown
        time.sleep(0.01)
    return shown


def test_a_frame_is_shown_as_the_store_has_it(store: AlignmentsStore, film: Path) -> None:
    anna = store.add_person("Anna")
    face, other = put(store, 3, 1, person=anna), put(store, 3, 2)
    request = r.Request(film, None, 3, "vgg", r.Crop("face", 0.875, 0.05))
    shown = r.read_frame(request, store.path, ())
    assert (shown.exists, shown.seen, shown.size, shown.kinds) == (True, True, (640, 360), ("vgg",))
    first, second = shown.faces
    assert (first.uuid, first.person, first.state, first.number, first.score) == (face.uuid, "Anna", "machine", 0, 0.9)
    assert (second.uuid, second.person, second.number) == (other.uuid, "", 1)
    np.testing.assert_array_equal(first.landmarks, face.landmarks)
    alignment = Alignment(face.landmarks)
    assert first.distance == alignment.average_distance
    assert np.abs(first.crop - alignment.roi(256, "face", 0.875, 0.05)[[0, 3, 2, 1]]).max() < 2.0
    assert first.mask.pixels.min() == 255
    plain = r.read_frame(replace(request, mask="", crop=None), store.path, ()).faces[0]
    assert (plain.mask, plain.crop) == (None, None)


def test_a_frame_without_faces_was_seen_or_not(store: AlignmentsStore, film: Path) -> None:
    store.set_frame(7, "clip_000007", "s")
    seen, unseen = (r.read_frame(r.Request(film, None, frame), store.path, ()) for frame in (7, 8))
    assert (seen.seen, seen.faces, unseen.seen) == (True, (), False)


def test_a_drawn_mask_needs_no_store_of_masks(store: AlignmentsStore, film: Path) -> None:
    put(store, 3)
    mask = r.read_frame(r.Request(film, None, 3, "extended"), store.path, ()).faces[0].mask
    points = landmarks()[17:].mean(0)
    x, y = np.rint(mask.matrix @ (*points, 1)).astype(int)
    assert mask.pixels[y, x] == 255
    assert max(mask.pixels[0].max(), mask.pixels[-1].max(), mask.pixels[:, 0].max(), mask.pixels[:, -1].max()) == 0


def test_landmarks_in_one_place_are_shown_without_a_crop(store: AlignmentsStore, film: Path) -> None:
    put(store, 3, landmarks=np.full((68, 2), 5, np.float32))
    face = r.read_frame(r.Request(film, None, 3, "extended", r.Crop("face", 1, 0)), store.path, ()).faces[0]
    assert face.distance == float("inf")
    assert face.crop is None


def test_the_reader_notices_edits_and_new_files(store: AlignmentsStore, film: Path, reader: r.Reader,
                                                tmp_path: Path) -> None:
    face = put(store, 3)
    request = r.Request(film, None, 3)
    reader.want([request], wait=5.0)
    shown = reader.answer(request)
    assert shown is not None
    assert shown.faces[0].state == "machine"
    store.edit_face(face.uuid, landmarks=face.landmarks + 1)
    reader.look_now()
    assert answered(reader, request, lambda s: s.faces[0].state == "edited").faces[0].landmarks[0, 0] == \
        face.landmarks[0, 0] + 1
    with AlignmentsStore.create(tmp_path / "new.db", CLIP) as other:
        put(other, 3, 5)
        put(other, 3, 6)
    store.close()
    os.replace(tmp_path / "new.db", store.path)
    assert len(answered(reader, request, lambda s: len(s.faces) == 2, 5.0).faces) == 2
    store.path.unlink()
    assert answered(reader, request, lambda s: not s.exists).faces == ()


def test_an_unchanged_store_is_not_read_again(store: AlignmentsStore, film: Path, reader: r.Reader) -> None:
    put(store, 3)
    request = r.Request(film, None, 3)
    reader.want([request], wait=5.0)
    version = reader.version
    for _ in range(5):
        reader.look_now()
        time.sleep(0.05)
    assert reader.version == version
    reader.want([r.Request(film, None, 4)], wait=5.0)
    reader.want([request], wait=5.0)
    assert reader.version == version + 1  # going back reads nothing


def test_while_somebody_writes_what_was_known_stays(store: AlignmentsStore, film: Path) -> None:
    put(store, 3)
    reader, request = r.Reader(), r.Request(film, None, 3)
    reader.want([request])
    reader.look()
    with store.transaction():  # in the rollback journal's mode nobody else reads at the end of a commit
        store._connection.execute("PRAGMA cache_spill = 1")
        store._connection.execute("UPDATE face SET score = 0.1")
        os.utime(store.path)
        reader.look()
        assert reader.answer(request).faces[0].score in (0.9, 0.1)
    store.path.write_bytes(b"not a store at all" * 100)
    reader.look()
    assert reader.answer(request).exists


def test_no_store_and_a_damaged_one(film: Path) -> None:
    reader, request = r.Reader(), r.Request(film, None, 3)
    reader.want([request])
    reader.look()
    assert not reader.answer(request).exists
    reader.answer(request).store.write_bytes(b"rubbish" * 1000)
    reader.look()
    reader.look()
    assert not reader.answer(request).exists
    assert not len(read_table(reader.answer(request).store).frames)


# --- tables ---------------------------------------------------------------------------------------------------------


def test_the_table_says_which_frames_are_of_a_kind(store: AlignmentsStore) -> None:
    for frame in range(10):
        store.set_frame(frame, f"clip_{frame:06d}", "s")
    faces = {frame: put(store, frame, frame) for frame in (1, 3, 4, 7)}
    put(store, 4, 9)
    put(store, 7, 3, spread=0.4)
    store.edit_face(faces[3].uuid, landmarks=faces[3].landmarks + 1)
    store.remove_face(faces[1].uuid)
    table = read_table(store.path)
    worst = max(Alignment(face.landmarks).average_distance for face in store.faces(7))
    assert worst > 0.15
    assert {kind: found.tolist() for kind in ("FACES", "NONE", "SEVERAL", "MISALIGNED", "EDITED")
            if (found := table.of_kind(kind, 0.1)) is not None} == {
        "FACES": [3, 4, 7], "NONE": [0, 1, 2, 5, 6, 8, 9], "SEVERAL": [4, 7], "MISALIGNED": [7], "EDITED": [1, 3]}
    assert table.of_kind("ANY", 0.1) is None
    assert table.of_kind("MISALIGNED", worst).tolist() == []
    assert table.distances[-1] == pytest.approx(worst, abs=1e-9)
    with pytest.raises(ValueError, match="FUNNY"):
        table.of_kind("FUNNY", 0.1)


def test_a_table_of_nothing(tmp_path: Path) -> None:
    table = read_table(tmp_path / "none.db")
    assert [len(table.of_kind(kind, 0.1)) for kind in ("FACES", "NONE", "SEVERAL", "MISALIGNED", "EDITED")] == [0] * 5
    assert isinstance(table, FrameTable)


def test_all_landmarks_come_in_parts(store: AlignmentsStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("understudy.core.faces.reading._BLOCK", 1)  # eight at a time
    faces = [put(store, frame, frame) for frame in range(21)]
    parts = list(store.all_landmarks())
    assert len(parts) == 3
    np.testing.assert_array_equal(np.concatenate([points for _, points in parts]), [face.landmarks for face in faces])
    assert np.concatenate([frames for frames, _ in parts]).tolist() == list(range(21))
    store._execute("UPDATE face SET landmarks = x'00' WHERE frame = 9")
    with pytest.raises(UnderstudyError, match=r"clip_alignments\.db"):
        list(store.all_landmarks())


@pytest.mark.parametrize("seed", range(20))
def test_many_distances_are_those_of_each(seed: int) -> None:
    rng = np.random.default_rng(seed)
    faces = np.stack([landmarks(n, rng.uniform(0, 0.5)) for n in range(5)])
    faces[1] = faces[1] * (-1, 1) + 900  # mirrored: no similarity turns it back
    np.testing.assert_allclose(average_distances(faces), [Alignment(f).average_distance for f in faces], atol=1e-9)
    assert np.isnan(average_distances(np.zeros((1, 68, 2)))).all()


# --- shapes ---------------------------------------------------------------------------------------------------------


def shown_frame(store: AlignmentsStore, film: Path, **values: object) -> r.ShownFrame:
    put(store, 3, 1)
    return r.read_frame(r.Request(film, None, 3, "vgg", r.Crop("face", 0.875, 0.0)), store.path, ())


def test_each_switch_draws_its_own(store: AlignmentsStore, film: Path) -> None:
    shown = shown_frame(store, film)
    nothing = Look(COLOURS, 0.1, boxes=False, features=False, points=False, masks=False, crops=False, numbers=False,
                   scores=False, people=False)
    shapes = make_shapes(shown, nothing)
    assert not len(shapes.thin.points) + len(shapes.strong.points) + len(shapes.dots.points)
    assert not shapes.areas + shapes.labels
    counts = {}
    for switch in ("boxes", "features", "points", "masks", "crops", "numbers", "scores", "people"):
        one = make_shapes(shown, replace(nothing, **{switch: True}))
        counts[switch] = (len(one.thin.points), len(one.strong.points), len(one.dots.points), len(one.areas),
                          [label.text for label in one.labels])
    assert counts["boxes"] == (0, 8, 0, 0, [])
    assert counts["features"] == (2 * 63, 0, 0, 0, [])
    assert counts["points"] == (0, 0, 68, 0, [])
    assert counts["masks"][0] > 20
    assert counts["masks"][3] == 1
    assert counts["crops"][1] > 8
    assert (counts["numbers"][4], counts["scores"][4], counts["people"][4]) == (["0"], ["0.90"], [])


def test_a_mask_s_outline_lies_where_the_mask_does(store: AlignmentsStore, film: Path) -> None:
    """Eight white pixels a side, ten frame pixels each, the first one's centre at (200, 120)."""
    look = Look(COLOURS, 0.1, boxes=False, features=False, points=False, numbers=False, people=False, opacity=0.5)
    shapes = make_shapes(shown_frame(store, film), look)
    low, high = shapes.thin.points.min(0), shapes.thin.points.max(0)
    np.testing.assert_allclose([low[:2], high[:2]], [(195, 115), (275, 195)], atol=0.01)
    np.testing.assert_allclose(shapes.areas[0].corners[[0, 2], :2], [(195, 115), (275, 195)], atol=1e-3)
    assert shapes.areas[0].colour == (*COLOURS["machine"], 0.125)
    assert shapes.thin.colours[0, 3] == 0.5


def test_what_needs_a_look_is_coloured_before_what_was_done(store: AlignmentsStore, film: Path) -> None:
    face = shown_frame(store, film).faces[0]
    look = Look(COLOURS, 0.1)
    assert state_of(face, look) == "machine"
    assert state_of(replace(face, state="edited"), look) == "edited"
    assert state_of(replace(face, state="edited", distance=0.2), look) == "misaligned"
    assert state_of(replace(face, distance=0.2), replace(look, selected=face.uuid)) == "selected"
