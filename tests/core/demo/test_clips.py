"""The sample clips: heads that turn, talk and blink before a background that keeps still."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from understudy.core.demo import clips, head
from understudy.core.demo.head import Pose
from understudy.core.demo.performance import KEY_LIGHT, PITCH, YAW, Moment, perform
from understudy.core.demo.portraits import ASTRONAUT, HOPPER
from understudy.core.errors import Stopped
from understudy.core.jobs.messages import SilentReporter
from understudy.core.media.source import open_source
from understudy.core.options import find
from understudy.core.options.rows import ALIGNERS, DETECTORS

SIZE = (320, 180)
STILL = Moment(Pose(), 0.0, 0.0, 0.0, 0.0, tuple(np.array(KEY_LIGHT) / np.linalg.norm(KEY_LIGHT)), 0.0, 1.0, (0.0, 0.0))


@pytest.fixture(scope="module", params=(ASTRONAUT, HOPPER), ids=lambda portrait: portrait.name)
def studio(request: pytest.FixtureRequest) -> clips.Studio:
    return clips.Studio(request.param, SIZE)


def marks_in_shot(studio: clips.Studio, pose: Pose) -> np.ndarray:
    """Where the geometry puts the portrait's landmarks."""
    rounded = np.clip((studio.stage.landmarks / studio.head.step).round().astype(int), 0, None)
    depth = studio.head.depth[rounded[:, 1], rounded[:, 0]]
    weight = studio.head.weight[rounded[:, 1], rounded[:, 0]]
    return studio.head.project(studio.stage.landmarks, depth, weight, pose) - studio.stage.margin


def difference(studio: clips.Studio, moment: Moment, part: tuple[slice, slice]) -> float:
    still = studio.render(STILL, 0)[part].astype(int)
    return float(np.abs(studio.render(moment, 0)[part] - still).mean())


def around(studio: clips.Studio, marks: slice, reach: float = 0.12) -> tuple[slice, slice]:
    points = marks_in_shot(studio, Pose())[marks]
    reach *= studio.stage.unit
    (x0, y0), (x1, y1) = points.min(0) - reach, points.max(0) + reach
    return np.s_[int(y0):int(y1) + 1, int(x0):int(x1) + 1]


def test_a_neutral_moment_is_the_portrait(studio: clips.Studio) -> None:
    m, (width, height) = studio.stage.margin, SIZE
    face = around(studio, np.s_[17:68], 0.0)
    portrait = studio.stage.pixels[m : m + height, m : m + width][face]
    assert np.abs(studio.render(STILL, 0)[face] - portrait).mean() < 3.0  # grain


def test_the_nose_moves_most_when_the_head_turns(studio: clips.Studio) -> None:
    """That is what tells a turning head from a sliding photograph."""
    shift = marks_in_shot(studio, Pose(yaw=15)) - marks_in_shot(studio, Pose())
    unit = studio.stage.unit
    assert shift[30, 0] > 0.25 * unit
    assert shift[30, 0] > shift[27, 0] > shift[36, 0] > shift[0, 0] + 0.03 * unit
    assert shift[30, 0] > 2.5 * max(shift[0, 0], shift[16, 0])
    left, right = marks_in_shot(studio, Pose(yaw=15)), marks_in_shot(studio, Pose(yaw=-15))

    def lopsided(marks: np.ndarray) -> float:
        return (marks[16, 0] - marks[30, 0]) / (marks[16, 0] - marks[0, 0])

    assert lopsided(left) < 0.4 < 0.6 < lopsided(right)


def test_looking_up_lifts_the_nose_and_rolling_turns_the_eyes(studio: clips.Studio) -> None:
    up = marks_in_shot(studio, Pose(pitch=8)) - marks_in_shot(studio, Pose())
    assert up[30, 1] < up[27, 1] < 0
    rolled = marks_in_shot(studio, Pose(roll=10))
    eyes = rolled[45] - rolled[36]
    straight = studio.stage.landmarks[45] - studio.stage.landmarks[36]
    turned = np.degrees(np.arctan2(eyes[1], eyes[0]) - np.arctan2(straight[1], straight[0]))
    assert turned == pytest.approx(10, abs=1.5)


@pytest.mark.parametrize("pose", [Pose(yaw=15, pitch=8, roll=4), Pose(yaw=-15, pitch=-8, roll=-4, lean=0.02)], ids=str)
def test_the_warp_back_inverts_the_projection(studio: clips.Studio, pose: Pose) -> None:
    """And nothing folds over at the angles that the clips use."""
    turned, step, m = studio.head, studio.head.step, studio.stage.margin
    ahead = turned.project(turned.grid, turned.depth, turned.weight, pose)
    assert np.diff(ahead[..., 0], axis=1).min() > 0.1 * step
    assert np.diff(ahead[..., 1], axis=0).min() > 0.1 * step
    seen = turned.backward(pose)
    x, y = seen[..., 0] / step, seen[..., 1] / step
    landed = cv2.remap(ahead, x, y, cv2.INTER_LINEAR) - m
    grid = np.stack(np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1])), axis=-1)
    head_part = around(studio, np.s_[0:68], 0.3)
    assert np.linalg.norm(landed - grid, axis=-1)[head_part].max() < 0.6


def test_the_shoulders_keep_still_when_the_head_turns(studio: clips.Studio) -> None:
    seen = studio.head.backward(Pose(yaw=15, pitch=-8))
    m, (width, height) = studio.stage.margin, SIZE
    low = seen[-2, :, :] - np.stack([np.arange(width) + m, np.full(width, height - 2 + m)], axis=-1)
    assert np.abs(low).max() < 0.06 * studio.stage.unit


def test_speaking_moves_the_mouth_alone(studio: clips.Studio) -> None:
    speaking = replace(STILL, mouth=1.0)
    assert difference(studio, speaking, around(studio, np.s_[48:68])) > 8
    assert difference(studio, speaking, around(studio, np.s_[36:48], 0.05)) < 0.5


def test_a_blink_hides_the_eyes_alone(studio: clips.Studio) -> None:
    shut = replace(STILL, blink=1.0)
    assert difference(studio, shut, around(studio, np.s_[36:48], 0.0)) > 4
    assert difference(studio, shut, around(studio, np.s_[48:68])) < 0.5


def test_the_background_nearly_keeps_still(studio: clips.Studio) -> None:
    corner = np.s_[: SIZE[1] // 3, -SIZE[0] // 5 :]
    moved = replace(STILL, pose=Pose(yaw=15, pitch=8, roll=4), sway=(0.02, 0.008))
    assert difference(studio, moved, corner) < 2


def test_the_light_falls_on_the_turned_side(studio: clips.Studio) -> None:
    cheeks = (np.s_[2:4], np.s_[13:15])
    lit = [replace(STILL, light=(x, 0.0, 0.75)) for x in (-0.66, 0.66)]
    marks = marks_in_shot(studio, Pose()).round().astype(int)
    frames = [studio.render(moment, 0).astype(float).mean(-1) for moment in lit]

    def brightness(frame: np.ndarray, cheek: slice) -> float:
        toward_nose = (marks[cheek] * 0.75 + marks[30] * 0.25).astype(int)
        return float(np.mean([frame[y - 2 : y + 3, x - 2 : x + 3].mean() for x, y in toward_nose]))

    left, right = ([brightness(frame, cheek) for frame in frames] for cheek in cheeks)
    assert left[0] > left[1] * 1.04
    assert right[1] > right[0] * 1.04


@pytest.mark.parametrize("seed", range(20))
def test_a_performance_uses_its_range(seed: int) -> None:
    moments = perform(150, 25, seed)
    yaw, pitch = (np.array([getattr(m.pose, name) for m in moments]) for name in ("yaw", "pitch"))
    assert np.abs(yaw).max() == pytest.approx(YAW)
    assert np.abs(pitch).max() == pytest.approx(PITCH)
    assert np.abs(np.diff(yaw)).max() < 2.5  # degrees a frame: nobody jerks
    assert sum(m.mouth > 0.3 for m in moments) > 30
    assert any(m.mouth < 0.02 for m in moments)
    shut = np.array([m.blink for m in moments]) > 0.9
    assert 2 <= np.count_nonzero(np.diff(shut.astype(int)) == 1) <= 4
    assert moments == perform(150, 25, seed)
    assert moments != perform(150, 25, seed + 1)


def test_rotation_is_one() -> None:
    turn = head.rotation(Pose(12, -7, 4))
    assert np.allclose(turn @ turn.T, np.eye(3))
    assert np.linalg.det(turn) == pytest.approx(1)
    assert (turn @ [0, 0, 1])[0] > 0  # yaw > 0: the nose points to the right
    assert (turn @ [0, 0, 1])[1] > 0  # pitch < 0: and down


def test_a_clip_is_written_once(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "SIZE", (160, 90))
    monkeypatch.setattr(clips, "FRAMES", 4)
    a, b = clips.make_clips(tmp_path, SilentReporter())
    stamps = [path.stat().st_mtime_ns for path in (a, b)]
    for path in (a, b):
        with open_source(path) as source:
            assert (len(source), source.size, source.rate) == (4, (160, 90), 25)
    assert clips.make_clips(tmp_path, SilentReporter()) == (a, b)
    assert [path.stat().st_mtime_ns for path in (a, b)] == stamps


def test_a_stopped_clip_leaves_nothing(tmp_path) -> None:
    class StopAtTwo(SilentReporter):
        def progress(self, done: int, total: int | None, unit: str, text: str = "") -> bool:
            return done >= 2

    with pytest.raises(Stopped):
        clips.write_clip(ASTRONAUT, tmp_path / "x.mp4", StopAtTwo(), (160, 90), 5)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("portrait", [ASTRONAUT, HOPPER], ids=lambda portrait: portrait.name)
@pytest.mark.parametrize("every", [15, pytest.param(1, marks=pytest.mark.long)])
def test_the_embedded_detector_finds_the_face(portrait, every: int) -> None:
    """At full size, and the mouth and the eyes open and close as dlib sees it."""
    full = clips.Studio(portrait)
    detector, aligner = find(DETECTORS, "dlib").load()(640, 0.0), find(ALIGNERS, "dlib").load()()
    moments = perform(clips.FRAMES, 25, clips.SEEDS[portrait.name])
    # Frames of the widest mouth and of a shut eye are always among them.
    chosen = {*range(0, clips.FRAMES, every), int(np.argmax([m.mouth for m in moments])),
              int(np.argmax([m.blink for m in moments]))}
    mouth, heights, found = [], [], 0
    for number in sorted(chosen):
        frame = full.render(moments[number], number)
        (detections,) = detector.detect([frame])
        if not detections:
            continue
        found += 1
        (marks,) = aligner.align([frame], [detections[0].box])
        heights.append(marks[8, 1] - marks[17:27, 1].min())
        mouth.append((marks[66, 1] - marks[62, 1]) / np.linalg.norm(marks[54] - marks[48]))
    assert found >= 0.98 * len(chosen)
    assert np.mean(heights) > 145
    assert max(mouth) - min(mouth) > 0.12
