"""Smoothing: nothing lags, jitter goes, a person's work and what is undone stay as they were."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.alignments.following import steadied, tracks
from understudy.core.alignments.spatial import average, reconstruct
from understudy.core.errors import Stopped
from understudy.core.faces.nouns import Face, SourceInfo
from understudy.core.faces.smoothing import WINDOWS, from_place_and_shape, pieces, smooth, to_place_and_shape
from understudy.core.faces.store import AlignmentsStore, Found

from .conftest import landmarks

NOISE = 0.8  # px, of each coordinate
MOVED = 92  # of the 100 faces below: a track's two first and two last frames have too few neighbours on one side


def path(length: int, speed: float = 1.0) -> np.ndarray:
    """A face that wanders, turns and talks, float64 [T, 68, 2]; `speed` 3: every third frame of it."""
    t = np.arange(length) * speed
    faces = np.stack([landmarks(300 + 60 * np.sin(a / 15), 200 + 20 * np.sin(a / 11), 100 + 8 * np.sin(a / 19),
                                8 * np.sin(a / 13)) for a in t]).astype(np.float64)
    mouth = 3 * np.sin(t / 4)
    faces[:, 54:60, 1] += mouth[:, None]  # the lower lip talks
    return faces


def jitter(faces: np.ndarray) -> float:
    return float(np.sqrt((np.diff(faces, 2, axis=0) ** 2).mean()))


def error(faces: np.ndarray, truth: np.ndarray) -> float:
    return float(np.linalg.norm(faces - truth, axis=2).mean())


@pytest.fixture
def noise():
    return np.random.default_rng(1).normal(0, NOISE, (200, 68, 2))


class TestSmooth:
    @pytest.mark.parametrize("speed", [0.5, 1, 2, 3])
    def test_it_comes_closer_to_the_truth_and_trembles_less(self, noise, speed):
        truth = path(200, speed)
        seen = truth + noise
        result = smooth(np.arange(200), seen)
        assert error(result, truth) < 0.8 * error(seen, truth)
        assert jitter(result - truth) < 0.5 * jitter(noise)

    def test_it_does_not_lag(self, noise):
        """The best fit of the result to a shifted truth is at no shift, also in the fastest motion."""
        truth = path(200, 3)
        result = smooth(np.arange(200), truth + noise)
        errors = {shift: error(result[5:-5], truth[5 + shift:len(truth) - 5 + shift]) for shift in (-2, -1, 0, 1, 2)}
        assert min(errors, key=errors.get) == 0
        assert errors[1] == pytest.approx(errors[-1], rel=0.2)

    def test_what_is_smooth_already_hardly_changes(self):
        truth = path(100)
        assert np.abs(smooth(np.arange(100), truth) - truth).max() < 0.05

    def test_a_sudden_start_is_not_smeared(self):
        """A face that rests and then darts off: the fast frames are as good as they were."""
        t = np.maximum(np.arange(60) - 30, 0)
        truth = path(1)[[0]] + np.stack([12.0 * t, np.zeros(60)], -1)[:, None]
        seen = truth + np.random.default_rng(2).normal(0, NOISE, truth.shape)
        result = smooth(np.arange(60), seen)
        assert error(result[26:36], truth[26:36]) < 1.05 * error(seen[26:36], truth[26:36])
        assert error(result, truth) < 0.75 * error(seen, truth)

    def test_gaps_are_bridged_by_time_not_by_number(self, noise):
        truth = path(200)
        kept = np.array([frame for frame in range(200) if frame % 7 not in (3, 4)])
        result = smooth(kept, truth[kept] + noise[kept])
        assert error(result, truth[kept]) < 0.8 * error(truth[kept] + noise[kept], truth[kept])

    @pytest.mark.parametrize("length", [1, 2, 3, 4, 5])
    def test_few_faces(self, noise, length):
        seen = (path(length) + noise[:length]).astype(np.float32)
        result = smooth(np.arange(length), seen)
        assert result.shape == seen.shape
        assert np.isfinite(result).all()
        if length < 4:
            np.testing.assert_array_equal(result, seen)

    def test_frames_far_apart_stay_as_they_are(self, noise):
        seen = (path(20) + noise[:20]).astype(np.float32)
        np.testing.assert_allclose(smooth(np.arange(20) * 25, seen), seen, atol=1e-3)

    @settings(max_examples=20, deadline=None)
    @given(st.sets(st.integers(0, 60), min_size=1, max_size=40), st.integers(0, 2**32 - 1))
    def test_any_frames_give_finite_landmarks_near_their_own(self, frames, seed):
        kept = np.array(sorted(frames))
        seen = path(61)[kept] + np.random.default_rng(seed).normal(0, NOISE, (len(kept), 68, 2))
        result = smooth(kept, seen)
        assert np.isfinite(result).all()
        assert np.abs(result - seen).max() < 30 * NOISE

    @settings(max_examples=10, deadline=None)
    @given(st.floats(-3, 3), st.floats(0.3, 3), st.floats(-500, 500), st.floats(-500, 500))
    def test_it_turns_scales_and_moves_with_the_picture(self, angle, scale, x, y):
        seen = path(30) + np.random.default_rng(3).normal(0, NOISE, (30, 68, 2))
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        there = smooth(np.arange(30), seen) @ turn.T + (x, y)
        np.testing.assert_allclose(smooth(np.arange(30), seen @ turn.T + (x, y)), there, atol=0.02 * scale + 0.02)

    def test_place_and_shape_are_the_face(self):
        faces = path(40)
        np.testing.assert_allclose(from_place_and_shape(*to_place_and_shape(faces)), faces, atol=1e-9)

    def test_the_windows_go_from_the_narrowest_to_the_widest(self):
        freedom = [degree / (2 * reach + 1) for reach, degree in WINDOWS]
        assert freedom == sorted(freedom, reverse=True)


class TestPieces:
    def test_a_cut_parts(self):
        faces = path(60)
        faces[30:] += (60, 0)
        assert [list(piece[[0, -1]]) for piece in pieces(np.arange(60), faces)] == [[0, 29], [30, 59]]

    @pytest.mark.parametrize("speed", [1, 2, 3])
    def test_motion_does_not(self, noise, speed):
        assert len(pieces(np.arange(200), path(200, speed) + noise)) == 1

    def test_a_long_gap_parts_and_a_short_one_does_not(self):
        frames = np.r_[0:20, 26:40, 90:100]
        assert [len(piece) for piece in pieces(frames, path(100)[frames])] == [34, 10]


class TestReconstruct:
    def test_what_the_components_hold_comes_back(self):
        chance = np.random.default_rng(4)
        modes = chance.normal(size=(5, 136))
        shapes = (chance.normal(size=(90, 5)) @ modes + chance.normal(size=136)).reshape(90, 68, 2)
        np.testing.assert_allclose(reconstruct(shapes, 5), shapes, atol=1e-9)
        assert np.abs(reconstruct(shapes, 2) - shapes).max() > 0.1

    def test_too_few_shapes_stay(self):
        shapes = np.random.default_rng(5).normal(size=(50, 68, 2))
        assert reconstruct(shapes, 20) is shapes

    def test_the_mean_is_over_time_and_even(self):
        shapes = np.broadcast_to(np.arange(7.0)[:, None, None], (7, 68, 2)).copy()
        frames = np.array([0, 1, 2, 3, 10, 11, 12])
        np.testing.assert_allclose(average(frames, shapes, 5)[:, 0, 0], [0, 1, 1.5, 2, 5, 5, 6])


@pytest.fixture
def trembling(tmp_path):
    """60 frames, a second person from frame 20 on; the store, and by uuid where landmarks truly are."""
    info = SourceInfo("abc", "clip.mp4", 900, 500, "25", 60)
    truth, chance = {}, np.random.default_rng(6)
    faces = path(60)
    with AlignmentsStore.create(tmp_path / "clip_alignments.db", info) as store:
        with store.transaction():
            for frame in range(60):
                found = []
                for x in (0, 350) if frame >= 20 else (0,):
                    points = faces[frame] + (x, 0)
                    seen = (points + chance.normal(0, NOISE, points.shape)).astype(np.float32)
                    low, high = points.min(0), points.max(0)
                    face = Face(frame, (*low, *(high - low)), seen, "dlib", "dlib", 1.0)
                    truth[face.uuid] = points
                    found.append(Found(face))
                store.write_frame(frame, f"clip_{frame:06d}.mp4", "test", found)
        yield store, truth


def errors(store, truth) -> float:
    return float(np.mean([np.linalg.norm(face.landmarks - truth[face.uuid], axis=1).mean()
                          for _, faces in store.iterate() for face in faces]))


def now(store) -> dict:
    return {face.uuid: face for _, faces in store.iterate() for face in faces}


class TestJobs:
    def test_temporal_brings_faces_closer_to_the_truth_and_leaves_states_alone(self, run, trembling):
        store, truth = trembling
        before = errors(store, truth)
        result = run("temporal", alignments=store.path)
        assert (result["faces"], result["tracks"], result["by_hand"]) == (MOVED, 2, 0)
        assert errors(store, truth) < 0.8 * before
        assert {face.state for face in now(store).values()} == {"machine"}
        assert store.integrity() == []

    def test_spatial_smooths_the_shape(self, run, trembling):
        store, _ = trembling
        before = now(store)
        result = run("spatial", alignments=store.path, components=10)
        assert result["faces"] > 90
        shapes = {key: np.stack([to_place_and_shape(face.landmarks[None])[1][0] for face in faces.values()
                                 if face.box[0] < 400]) for key, faces in (("before", before), ("after", now(store)))}
        assert jitter(shapes["after"]) < 0.4 * jitter(shapes["before"])

    @pytest.mark.parametrize("job", ["temporal", "spatial"])
    def test_a_second_run_changes_nothing(self, run, trembling, job):
        store, _ = trembling
        moved = run(job, alignments=store.path)["faces"]
        after = now(store)
        result = run(job, alignments=store.path)
        assert (result["faces"], result["smoothed_before"], result["backup"]) == (0, moved, "")
        assert all(np.array_equal(face.landmarks, after[uuid].landmarks) for uuid, face in now(store).items())
        assert run(job, alignments=store.path, again=True)["faces"] > 0

    def test_it_can_be_undone_and_the_backup_has_it_too(self, run, trembling):
        store, _ = trembling
        before = now(store)
        backup = run("temporal", alignments=store.path)["backup"]
        run("undo", alignments=store.path)
        for faces in (now(store), now(AlignmentsStore.open(backup))):
            assert all(np.array_equal(face.landmarks, before[uuid].landmarks) for uuid, face in faces.items())
        assert run("temporal", alignments=store.path)["faces"] == MOVED  # undone, it can be done again

    def test_faces_extracted_anew_are_smoothed_again(self, run, trembling):
        store, _ = trembling
        run("temporal", alignments=store.path)
        face = store.faces(5)[0]
        store.write_frame(5, "clip_000005.mp4", "other settings", [Found(Face(5, face.box, face.landmarks + 2))])
        result = run("temporal", alignments=store.path)
        assert (result["faces"], result["smoothed_before"]) == (1, MOVED - 1)

    def test_a_persons_work_stays_and_all_means_all(self, run, trembling):
        store, _ = trembling
        edited = store.faces(10)[0]
        store.edit_face(edited.uuid, edited.landmarks)
        added = store.add_face(10, (600, 100, 50, 50), landmarks(650, 150))
        assert run("temporal", alignments=store.path)["by_hand"] == 2
        np.testing.assert_array_equal(store.face(edited.uuid).landmarks, edited.landmarks)
        run("temporal", alignments=store.path, all_faces=True)
        assert not np.array_equal(store.face(edited.uuid).landmarks, edited.landmarks)
        assert (store.face(edited.uuid).state, store.face(added.uuid).state) == ("edited", "added")

    def test_only_the_chosen_frames_are_written(self, run, trembling):
        store, _ = trembling
        before = now(store)
        run("temporal", alignments=store.path, frames="30-34")
        changed = {face.frame for uuid, face in now(store).items()
                   if not np.array_equal(face.landmarks, before[uuid].landmarks)}
        assert changed == {30, 31, 32, 33, 34}

    def test_only_the_chosen_person(self, run, trembling):
        store, _ = trembling
        right = {face.uuid: store.add_person("Right") for face in store.faces(30) if face.box[0] > 400}
        store.set_persons(dict.fromkeys((uuid for uuid, face in now(store).items() if face.box[0] > 400),
                                        next(iter(right.values()))))
        assert run("temporal", alignments=store.path, persons=("Right",))["faces"] == 36

    def test_dry_then_stopped_nothing_is_changed(self, run, trembling, listener):
        store, _ = trembling
        before = now(store)
        told = run("temporal", alignments=store.path, dry_run=True)
        assert told["text"].count("move the landmarks of face") == told["faces"] == MOVED
        with pytest.raises(Stopped):
            run("temporal", listener(stop_at=4), alignments=store.path)
        assert all(np.array_equal(face.landmarks, before[uuid].landmarks) for uuid, face in now(store).items())

    def test_two_people_are_never_in_one_track(self, trembling):
        store, _ = trembling
        assert sorted(len(track) for track in tracks(store)) == [40, 60]

    def test_steadied_is_what_temporal_would_write_and_writes_nothing(self, run, trembling):
        store, _ = trembling
        before = now(store)
        shown = steadied(store, range(60))
        assert all(np.array_equal(face.landmarks, before[uuid].landmarks) for uuid, face in now(store).items())
        run("temporal", alignments=store.path)
        for frame, faces in store.iterate():
            for mine, written in zip(shown[frame], faces, strict=True):
                np.testing.assert_array_equal(mine.landmarks, written.landmarks)
        again = steadied(store, [30])  # smoothed already: not twice
        np.testing.assert_array_equal(again[30][0].landmarks, store.faces(30)[0].landmarks)
