"""What `alignments export` writes, in each shape."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from understudy.core.errors import AlignmentsError, OutputError
from understudy.core.faces.nouns import Face, SourceInfo
from understudy.core.faces.store import AlignmentsStore, Found
from understudy.core.interop.exporting import export_alignments

CLIP = SourceInfo("abc", "clip.mp4", 640, 360, "25/1", 100)


def landmarks(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 300, (68, 2)).astype(np.float32)


def found(x: float, seed: int = 0) -> Found:
    return Found(Face(0, (x, 50, 100, 100), landmarks(seed), "dlib", "dlib", 1.5))


@pytest.mark.parametrize("kind", ["video", "images"])
def test_export(tmp_path, kind):
    with AlignmentsStore.create(tmp_path / "a.db", replace(CLIP, kind=kind)) as store:
        store.write_frame(0, "shot.0001.png", "s", [found(10, 1)])
        store.write_frame(1, "shot.0003.png", "s")
        gone, kept = store.write_frame(2, "shot.0004.png", "s", [found(10, 2), found(300, 3)])
        store.remove_face(gone.uuid)
        store.set_person(kept.uuid, store.add_person("Bea"))
    counts = export_alignments(tmp_path / "a.db", tmp_path / "out" / "a.json")
    assert (counts["frames"], counts["faces"]) == (2, 2)
    data = json.loads((tmp_path / "out" / "a.json").read_text())
    assert data["source"]["name"] == "clip.mp4"
    assert list(data["frames"]) == ["0", "1", "2"]
    assert data["frames"]["1"] == []
    (face,) = data["frames"]["2"]
    assert (face["id"], face["person"], face["state"]) == (kept.uuid, "Bea", "machine")
    assert face["box"] == [300, 50, 100, 100]
    np.testing.assert_allclose(face["landmarks"], landmarks(3), atol=1e-3)
    export_alignments(tmp_path / "a.db", tmp_path / "f.json", "faceswap")
    data = json.loads((tmp_path / "f.json").read_text())
    assert list(data) == (["clip_000001.mp4", "clip_000003.mp4"] if kind == "video" else
                          ["shot.0001.png", "shot.0004.png"])
    assert next(iter(data.values()))[0]["detected"] == [10, 50, 110, 150]
    with pytest.raises(OutputError):
        export_alignments(tmp_path / "a.db", tmp_path / "f.json" / "x.json")


def test_frames_without_a_known_name_ask_for_the_folder(tmp_path):
    """Only a name tells another tool which image a frame is."""
    with AlignmentsStore.create(tmp_path / "a.db", replace(CLIP, kind="images")) as store:
        store.add_face(1, (0, 0, 10, 10), landmarks())
    with pytest.raises(AlignmentsError, match=r"frame 1.*--source"):
        export_alignments(tmp_path / "a.db", tmp_path / "f.fsa", "fsa")
    assert not (tmp_path / "f.fsa").exists()
    (tmp_path / "shots").mkdir()
    for name in ("s2.jpg", "s10.jpg"):
        (tmp_path / "shots" / name).write_bytes(b"")
    export_alignments(tmp_path / "a.db", tmp_path / "f.json", "faceswap", images=tmp_path / "shots")
    assert list(json.loads((tmp_path / "f.json").read_text())) == ["s10.jpg"]
