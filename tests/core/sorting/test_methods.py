"""Each way of sorting puts faces that are known to differ into the order that it promises."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from understudy.core.errors import UsageError
from understudy.core.options import find
from understudy.core.options.rows import SORT_METHODS
from understudy.core.options.sort import SortOptions
from understudy.core.sorting.methods.likeness import _sums_of_differences
from understudy.core.sorting.pictures import Picture
from understudy.core.sorting.protocols import Tools
from understudy.core.sorting.task import run

from .conftest import Recorder, landmarks, picture


def by(faces, method: str, **options) -> list[int]:
    """Sort in place; the frames in their new order."""
    run(SortOptions(faces=str(faces.folder), by=method, **options), Recorder())
    return faces.frames()


def test_every_method_orders_and_groups_and_again_changes_nothing(varied):
    for row in SORT_METHODS:
        for process in ("rename", "folders"):
            result = run(SortOptions(faces=str(varied.folder), by=row.name, final_process=process), Recorder())
            assert (result["pictures"], len(set(varied.uuids()))) == (12, 12), row.name
            again = run(SortOptions(faces=str(varied.folder), by=row.name, final_process=process), Recorder())
            assert again["moved"] == 0, (row.name, process)


def test_blur(faces):
    sharp = picture(texture=60.0)
    for number, sigma in enumerate((4.0, 0.0, 2.0, 1.0)):
        faces.add(number, cv2.GaussianBlur(sharp, (0, 0), sigma) if sigma else sharp)
    assert by(faces, "blur") == by(faces, "blur-fft") == [1, 3, 2, 0]


def test_blur_looks_at_the_face_only(faces):
    """A sharp background behind a soft face, and the reverse."""
    mask = Picture(faces.add(9)).mask
    side = cv2.resize(mask.astype(np.uint8), (256, 256)) > 0
    assert 0.1 < side.mean() < 0.9
    soft, sharp = picture(texture=2.0), picture(texture=70.0)
    # In the head-centred picture the face is smaller than in the crop that is measured.
    centre = np.zeros((256, 256), bool)
    centre[70:190, 70:190] = True
    faces.add(0, np.where(centre[..., None], soft, sharp))
    faces.add(1, np.where(centre[..., None], sharp, soft))
    (faces.folder / "clip_000009_0.png").unlink()
    assert by(faces, "blur") == [1, 0]


def test_angles_size_and_distance(faces):
    for number, (size, degrees, shift) in enumerate(((50, 10, 0.05), (80, -30, 0.0), (30, 40, 0.2))):
        faces.add(number, points=landmarks(size, degrees, shift=shift))
    assert by(faces, "roll") == [2, 0, 1]
    assert by(faces, "size") == [1, 0, 2]
    assert by(faces, "distance") == [1, 0, 2]
    poses = [Picture(faces.folder / name).alignment.pose() for name in faces.names()]
    for name in ("yaw", "pitch"):
        expected = sorted((getattr(pose, name) for pose in poses), reverse=True)
        by(faces, name)
        got = [getattr(Picture(faces.folder / n).alignment.pose(), name) for n in faces.names()]
        np.testing.assert_allclose(got, expected)


def test_colours(faces):
    for number, rgb in enumerate(((200, 200, 200), (200, 120, 40), (40, 120, 200), (60, 160, 60))):
        faces.add(number, picture(rgb, texture=3.0))
    assert by(faces, "color-gray")[0] == by(faces, "color-luma")[0] == 0
    assert by(faces, "color-orange")[::3] == [1, 2]
    assert by(faces, "color-green")[0] == 3
    black = picture()
    black[:100] = 0
    faces.add(4, black)
    assert by(faces, "color-black")[-1] == 4


def test_colour_measures_in_figures(faces):
    tools = Tools("cpu", lambda step, done, total: None)
    shown = Picture(faces.add(0, np.full((256, 256, 3), (200, 100, 50), np.uint8)))
    for name, value in (("gray", .2126 * 200 + .7152 * 100 + .0722 * 50), ("luma", 50 + 50 + 12.5),
                        ("orange", 100 - 25 + 127.5), ("green", -50 + 50 - 12.5 + 127.5)):
        method = find(SORT_METHODS, f"color-{name}").load()(tools)
        assert method.look(shown) == pytest.approx(100 * value / 255), name
    assert find(SORT_METHODS, "color-black").load()(tools).look(shown) == 0


def test_likeness_brings_the_like_together_and_dissim_the_odd_one_first(faces):
    for number in range(10):
        odd = number == 4
        rgb = (150, 140, 40) if odd else ((150, 140, 110) if number % 2 else (150, 140, 180))
        points = landmarks(shift=0.3 if odd else 0.08 * (number % 2))
        faces.add(number, picture(rgb, texture=4.0, seed=number), points)
    for name in ("hist", "face-cnn"):
        order = by(faces, name)
        kinds = [-1 if n == 4 else n % 2 for n in order]
        changes = sum(a != b for a, b in itertools.pairwise(kinds))
        assert changes == 2, (name, order)
        assert by(faces, f"{name}-dissim")[0] == 4


def test_sums_of_differences_are_those_of_all_pairs():
    values = np.random.default_rng(0).uniform(0, 64, (40, 7))
    direct = np.abs(values[:, None] - values[None]).sum((1, 2))
    np.testing.assert_allclose(_sums_of_differences(values), direct)


def people(faces, count: int = 30, **options) -> list[str]:
    chance = np.random.default_rng(1)
    own = chance.standard_normal((3, 128))
    for number in range(count):
        vector = own[number % 3] + 0.2 * chance.standard_normal(128)
        faces.add(number, identity=vector.astype(np.float32))
    run(SortOptions(faces=str(faces.folder), by="face", **options), Recorder())
    return [str(frame % 3) for frame in faces.frames()]


def test_faces_of_one_person_lie_together(faces):
    assert len("".join(people(faces)).replace("000", "").replace("111", "").replace("222", "")) <= 6
    order = [frame % 3 for frame in faces.frames()]
    assert sum(a != b for a, b in itertools.pairwise(order)) == 2


def test_faces_of_one_person_make_one_folder(faces):
    people(faces, final_process="folders", threshold=0.6)
    groups = {name.split("/")[0] for name in faces.names()}
    assert groups == {"_face_000", "_face_001", "_face_002"}
    for group in groups:
        kinds = {frame % 3 for name, frame in zip(faces.names(), faces.frames(), strict=True) if name.startswith(group)}
        assert len(kinds) == 1


def test_folders_by_number_say_their_range(faces):
    for number, degrees in enumerate((-80, -40, 0, 40, 80)):
        faces.add(number, points=landmarks(degrees=degrees))
    by(faces, "roll", final_process="folders", bins=3)
    assert faces.names() == ["_roll_000_30_to_90/clip_000003_0.png", "_roll_000_30_to_90/clip_000004_0.png",
                             "_roll_001_-30_to_30/clip_000002_0.png", "_roll_002_-90_to_-30/clip_000000_0.png",
                             "_roll_002_-90_to_-30/clip_000001_0.png"]


def test_folders_by_one_thing_numbered_by_another(faces):
    for number, (degrees, size) in enumerate(((-40, 30), (40, 40), (-40, 60), (40, 50))):
        faces.add(number, points=landmarks(size, degrees))
    by(faces, "size", final_process="folders", group_by="roll", bins=2)
    assert faces.names() == ["_roll_000_0_to_90/000000_clip_000003_0.png", "_roll_000_0_to_90/000001_clip_000001_0.png",
                             "_roll_001_-90_to_0/000000_clip_000002_0.png",
                             "_roll_001_-90_to_0/000001_clip_000000_0.png"]


def test_a_threshold_beyond_the_methods_range_is_refused(varied):
    with pytest.raises(UsageError, match="Allowed: 0 to 1"):
        by(varied, "hist", final_process="folders", threshold=7.0)


@pytest.mark.footage
def test_without_vectors_they_are_made_from_the_pictures(footage, tmp_path):
    """The same order of persons as with the store's: two people, one after the other."""
    import shutil

    from understudy.core.extraction.task import run as extract
    from understudy.core.faces import persons
    from understudy.core.faces.store import AlignmentsStore
    from understudy.core.options.extract import ExtractOptions

    from .conftest import Faces

    shutil.copy(footage / "two_people.mp4", tmp_path / "two.mp4")
    made = extract(ExtractOptions(source=str(tmp_path / "two.mp4"), faces=str(tmp_path / "out"), every=8,
                                  face_size=256), Recorder())
    with AlignmentsStore.open(made["alignments"]) as store:
        owner = {face.uuid: face.person for _, faces in store.iterate() for face in faces}
        persons.rename(store, "Person 2", "Bea")
    faces = Faces(tmp_path / "faces")
    for number, path in enumerate(sorted((tmp_path / "out").glob("*.png"))):
        shown = Picture(path)
        faces.add(number, shown.pixels, shown.header.landmarks)
        owner[Picture(faces.folder / f"clip_{number:06d}_0.png").header.uuid] = owner[shown.header.uuid]
    for folder in (tmp_path / "out", faces.folder):
        run(SortOptions(faces=str(folder)), Recorder())
        order = [owner[Picture(path).header.uuid] for path in sorted(folder.glob("*.png"))]
        assert sum(a != b for a, b in itertools.pairwise(order)) == 1, folder
    chosen = run(SortOptions(faces=str(tmp_path / "out"), by="size", persons=("bea",), alignments=made["alignments"],
                             output=str(tmp_path / "bea"), keep=True), Recorder())
    assert chosen["pictures"] == chosen["moved"] == len(list((tmp_path / "bea").glob("*.png"))) > 5
    assert {owner[Picture(path).header.uuid] for path in (tmp_path / "bea").glob("*.png")} == {2}
