"""faceswap's .fsa: every version is read, and what it can hold survives the way through the store and back."""

from __future__ import annotations

import pickle
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from understudy.core.errors import AlignmentsError, OutputError
from understudy.core.faces.nouns import Face, PackedMask
from understudy.core.faces.packing import pack_mask, unpack_mask
from understudy.core.faces.store import AlignmentsStore, Found
from understudy.core.interop.exporting import export_alignments
from understudy.core.interop.faceswap import NETWORK_SIZES, read_face, to_dict
from understudy.core.interop.fsa import read_fsa, write_fsa
from understudy.core.interop.importing import run
from understudy.core.jobs.messages import SilentReporter
from understudy.core.options.interop import ImportOptions

from .conftest import CLIP, VERSIONS, faceswap_face, fsa_bytes, landmarks, mask_pixels


def imported(file: Path, store: Path) -> None:
    run(ImportOptions((str(file),), alignments=str(store)), SilentReporter())


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_is_read(tmp_path, version, protocol):
    foreign = read_fsa(tmp_path / "a.fsa", fsa_bytes(version, protocol=protocol))
    frames = list(foreign.frames)
    assert foreign.problems == []
    assert version in foreign.format
    assert [len(frame.faces) for frame in frames] == [1, 2, 0]
    face = frames[1].faces[1]
    np.testing.assert_array_equal(face.landmarks, landmarks(11))
    assert face.box == (21, 20, 120, 150)
    (mask,) = face.masks  # components are drawn from the landmarks and left out
    np.testing.assert_array_equal(unpack_mask(mask.packed, mask.size), mask_pixels(seed=11))
    expected = {"2020": "legacy", "2.0": "face", "2.1": "face"}.get(version, "head")
    assert (mask.kind, mask.centering, mask.interpolator) == ("vgg-obstructed", expected, 3)
    assert face.thumbnail == (b"" if version == "2020" else b"\xff\xd8\xff\xe0\x0b")
    assert list(face.identities) == (["vggface2"] if version in ("2.3", "2.4") else [])
    assert (frames[0].pts, frames[0].keyframe) == ((0, True) if version in ("2.3", "2.4") else (None, None))


def test_a_bare_pickle_of_old_is_read(tmp_path):
    assert len(list(read_fsa(tmp_path / "a.p", zlib.decompress(fsa_bytes("2020"))).frames)) == 3


@pytest.mark.parametrize("version", [1.0, 3.0, "2.4", None])
def test_other_versions_are_refused_by_name(tmp_path, version):
    data = zlib.compress(pickle.dumps({"__meta__": {"version": version}, "__data__": {}}))
    with pytest.raises(AlignmentsError, match=r"a\.fsa.*version"):
        read_fsa(tmp_path / "a.fsa", data)


def test_what_cannot_be_a_face_is_named_and_the_rest_is_read(tmp_path):
    four_points = {**faceswap_face(1, "2.4"), "landmarks_xy": [[0, 0], [1, 0], [1, 1], [0, 1]]}
    broken_mask = faceswap_face(2, "2.4")
    broken_mask["mask"]["vgg-obstructed"]["stored_size"] = 64
    data = {"__meta__": {"version": 2.4}, "__data__": {
        "clip_000001.mp4": {"faces": [four_points, faceswap_face(3, "2.4"), broken_mask, "face"], "video_meta": {}},
        "clip_000002.mp4": {"faces": 3}}}
    foreign = read_fsa(tmp_path / "a.fsa", zlib.compress(pickle.dumps(data)))
    (frame,) = foreign.frames
    assert len(frame.faces) == 1
    assert [problem.split(":")[0] for problem in foreign.problems] == [
        "clip_000001.mp4, face 0", "clip_000001.mp4, face 2", "clip_000001.mp4, face 3", "clip_000002.mp4"]
    assert "4 landmarks" in foreign.problems[0]


def test_the_way_through_the_store_changes_nothing_in_the_file(tmp_path, clip_store):
    """fsa -> store -> fsa: everything but the last bits of a matrix that is moved by a fraction of a pixel and back."""
    (tmp_path / "in.fsa").write_bytes(fsa_bytes("2.4", frames=30))
    imported(tmp_path / "in.fsa", clip_store)
    export_alignments(clip_store, tmp_path / "out.fsa", "fsa")
    before, after = (pickle.loads(zlib.decompress((tmp_path / name).read_bytes())) for name in ("in.fsa", "out.fsa"))
    assert after["__meta__"] == {"version": 2.4}
    assert list(after["__data__"]) == list(before["__data__"])
    for name, frame in before["__data__"].items():
        for face, other in zip(frame["faces"], after["__data__"][name]["faces"], strict=True):
            del face["mask"]["components"]  # never kept, drawn when needed
            np.testing.assert_allclose(other["mask"]["vgg-obstructed"].pop("affine_matrix"),
                                       face["mask"]["vgg-obstructed"].pop("affine_matrix"), rtol=0, atol=1e-12)
    assert after == before


vectors = st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=20).map(lambda v: np.array(v, np.float32))
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@st.composite
def masks(draw, kind):
    size = draw(st.sampled_from([64, 100, 128]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pixels = random.integers(0, 256, (size, size), np.uint8) * draw(st.integers(0, 1))
    return PackedMask(kind, size, pack_mask(pixels), random.normal(0, 100, (2, 3)),
                      draw(st.sampled_from(["face", "head", "legacy"])), draw(st.integers(0, 3)))


@st.composite
def found(draw):
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    box = tuple(float(draw(st.integers(-500, 5000))) for _ in range(2)) + (float(draw(st.integers(1, 3000))),) * 2
    kinds = draw(st.sets(st.sampled_from(["vgg-clear", "bisenet-fp", "custom", "ä b", "unet-dfl"])))
    thumbnail = draw(st.one_of(st.just(b""), st.binary(min_size=1, max_size=50).map(lambda b: b"\xff\xd8" + b)))
    return Found(Face(0, box, random.normal(200, 300, (68, 2)).astype(np.float32)), thumbnail,
                 draw(st.dictionaries(names, vectors, max_size=3)), [draw(masks(kind)) for kind in sorted(kinds)])


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.integers(0, 99), st.lists(found(), max_size=3), min_size=1, max_size=5), st.data())
def test_store_to_fsa_and_back_loses_nothing_that_it_can_hold(tmp_path_factory, frames, data):
    folder = tmp_path_factory.mktemp("round")
    with AlignmentsStore.create(folder / "a.db", CLIP) as store:
        for index, faces in frames.items():
            store.set_frame(index, f"clip_{index:06d}.mp4", "s")
            meta = data.draw(st.tuples(st.integers(0, 2**40), st.booleans()))
            store.set_video_meta(index, *meta)
            for face in faces:
                store.put(Found(Face(index, face.face.box, face.face.landmarks), face.thumbnail, face.identities,
                                face.masks))
    export_alignments(folder / "a.db", folder / "a.fsa", "fsa")
    AlignmentsStore.create(folder / "b.db", CLIP).close()
    imported(folder / "a.fsa", folder / "b.db")
    with AlignmentsStore.open(folder / "a.db") as a, AlignmentsStore.open(folder / "b.db") as b:
        assert a.frames_seen() == b.frames_seen()
        assert a.frame_names() == b.frame_names()
        assert a.video_meta() == b.video_meta()
        assert a.counts() == b.counts()
        for index in a.frames_seen():
            for one, other in zip(a.faces(index), b.faces(index), strict=True):
                same_face(a, one, b, other)


def same_face(a: AlignmentsStore, one: Face, b: AlignmentsStore, other: Face) -> None:
    assert (one.box, one.position) == (other.box, other.position)
    np.testing.assert_array_equal(one.landmarks, other.landmarks)
    assert (a.thumbnail(one.uuid) or b"") == (b.thumbnail(other.uuid) or b"")
    before, after = a.identities_of(one.uuid), b.identities_of(other.uuid)
    assert list(before) == list(after)
    for kind in before:
        np.testing.assert_array_equal(before[kind], after[kind])
    for mask, back in zip(a.packed_masks(one.uuid), b.packed_masks(other.uuid), strict=True):
        assert (mask.kind, mask.size, mask.packed, mask.centering, mask.interpolator) == \
            (back.kind, back.size, back.packed, back.centering, back.interpolator)
        np.testing.assert_allclose(back.matrix, mask.matrix, rtol=0, atol=1e-12)


def test_masks_with_a_centring_in_their_name_keep_both(clip_store, tmp_path):
    face = faceswap_face(1, "2.4")
    one = face["mask"]["vgg-obstructed"]
    face["mask"] = {"bisenet-fp_head": one, "custom_face": {**one, "stored_centering": "face"}}
    read = read_face(face)
    assert {mask.kind for mask in read.masks} == {"bisenet-fp", "custom"}
    assert set(to_dict(read.box, read.landmarks, read.masks)["mask"]) == {"bisenet-fp_head", "custom_face"}
    face["mask"] = {"bisenet-fp_head": one, "bisenet-fp_face": {**one, "stored_centering": "face"}}
    read = read_face(face)
    assert {mask.kind for mask in read.masks} == {"bisenet-fp_head", "bisenet-fp_face"}
    assert set(to_dict(read.box, read.landmarks, read.masks)["mask"]) == {"bisenet-fp_head", "bisenet-fp_face"}


@pytest.mark.parametrize("kind", sorted(NETWORK_SIZES))
def test_a_shrunk_masks_pixels_land_where_the_network_saw_them(kind):
    """The conversion of matrices, held against a mask made as that tool makes one.

    A disc in a frame is cut with the tool's matrix at the network's size, shrunk with cv2.resize, and its matrix
    multiplied by the zoom. Our matrix must take the disc's centre to the centre of the stored pixels.
    """
    size, stored, centre = NETWORK_SIZES[kind], 128, (303.0, 207.0)
    frame = np.zeros((480, 640), np.float32)
    y, x = np.mgrid[:480, :640]
    frame[:] = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * 30**2)) * 255
    scale = size / 300
    cut = np.array([[scale, 0, -150 * scale], [0, scale, -60 * scale]])
    shrunk = cv2.resize(cv2.warpAffine(frame, cut, (size, size), flags=cv2.INTER_CUBIC), (stored, stored),
                        interpolation=cv2.INTER_AREA)
    theirs = cut * (stored / size)
    mask = {"mask": zlib.compress(shrunk.round().astype(np.uint8).tobytes()), "affine_matrix": theirs.tolist(),
            "interpolator": 3, "stored_size": stored, "stored_centering": "face"}
    ours = read_face({**faceswap_face(0, "2.4"), "mask": {kind: mask}}).masks[0].matrix
    rows, columns = np.mgrid[:stored, :stored]
    seen = np.array([(columns * shrunk).sum(), (rows * shrunk).sum()]) / shrunk.sum()
    expected = ours[:, :2] @ centre + ours[:, 2]
    np.testing.assert_allclose(seen, expected, atol=0.05)
    assert np.abs(theirs[:, :2] @ centre + theirs[:, 2] - seen).max() > 0.2  # uncorrected it would be off


def test_a_place_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_fsa(tmp_path / "file" / "a.fsa", [("clip_000001.mp4", {"faces": [], "video_meta": {}})])
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
