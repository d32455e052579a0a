"""The patch writer: matrices.json alone puts patches back, for every corner; names, resuming, frames without faces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenEXR
import pytest
import tifffile
from PIL import Image
from skimage.transform import ProjectiveTransform, warp

from understudy.core.conversion.composite import full_frame
from understudy.core.conversion.nouns import Patch
from understudy.core.errors import OutputError

from . import writing
from .writing import Written

WIDTH, HEIGHT, FRAMES = 160, 96, 4


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    folder = tmp_path / "shot"
    folder.mkdir()
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for number in range(FRAMES):
        picture = np.stack([128 + 100 * np.sin((x + 3 * number) / 17 + n + y / 29) for n in range(3)], -1)
        cv2.imwrite(str(folder / f"f{number + 1}.png"), picture.round().astype(np.uint8))
    return folder


def rgba(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Straight display colours 0..1 and alpha 0..1, read by other programs' libraries."""
    if path.suffix == ".exr":
        read = OpenEXR.File(str(path)).channels()["RGBA"].pixels.astype(float)
        alpha = read[..., 3]
        linear = read[..., :3] / np.maximum(alpha, 1e-9)[..., None]
    elif path.suffix == ".tif":
        read = tifffile.imread(path)
        top = 1.0 if read.dtype.kind == "f" else np.iinfo(read.dtype).max
        read = read / top
        if top != 1.0:
            return read[..., :3], read[..., 3]
        linear, alpha = read[..., :3], read[..., 3]
    else:
        read = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        read = read[..., [2, 1, 0, 3]] / np.iinfo(read.dtype).max
        return read[..., :3], read[..., 3]
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055), alpha


def put_back(frame: np.ndarray, patch: Path, matrix: list[list[float]], origin: str) -> np.ndarray:
    """Lay a patch over a frame by the documented convention alone: points measured from a corner, at pixels' edges.

    scikit-image samples: it is asked for each canvas pixel's place in the patch.
    """
    colours, alpha = rgba(patch)
    size, (height, width) = alpha.shape[0], frame.shape[:2]
    bottom, right = origin.startswith("bottom"), origin.endswith("right")

    def to_corner(points: np.ndarray, w: float, h: float) -> np.ndarray:
        """Indices of pixels (centres, from the top left) to the convention's coordinates."""
        x, y = points[:, 0] + 0.5, points[:, 1] + 0.5
        return np.column_stack([w - x if right else x, h - y if bottom else y])

    def from_corner(points: np.ndarray, w: float, h: float) -> np.ndarray:
        x = w - points[:, 0] if right else points[:, 0]
        y = h - points[:, 1] if bottom else points[:, 1]
        return np.column_stack([x - 0.5, y - 0.5])

    inverse = ProjectiveTransform(np.linalg.inv(np.array(matrix)))

    def place(points: np.ndarray) -> np.ndarray:
        return from_corner(inverse(to_corner(points, width, height)), size, size)

    if alpha.max() > 0 and patch.suffix == ".exr":  # where nothing covers, multiplied colours say nothing
        colours = np.where(alpha[..., None] > 0, colours, colours[alpha > 0].mean(0))
    mask = warp(alpha, place, output_shape=(height, width), order=1, mode="constant", cval=0.0)
    laid = warp(colours, place, output_shape=(height, width), order=1, mode="edge")
    return frame * (1 - mask[..., None]) + laid * mask[..., None]


ORIGINS = ("bottom-left", "top-left", "top-right", "bottom-right")


def gentle(index: int) -> tuple[Patch, ...]:
    """Patches so smooth that it hardly matters how a program interpolates, on faces that are turned and off-centre."""
    patches = []
    for position, (scale, degrees, x, y, size) in enumerate([(0.9, 11.0, 50.3 + index, 44.6, 96),
                                                             (1.4, -152.0, 110.2, 50.1, 64)][:2 if index == 2 else 1]):
        ys, xs = np.mgrid[:size, :size] / size
        colours = np.stack([0.5 + 0.3 * np.sin(2 * xs + n + ys + index) for n in range(3)], -1).astype(np.float32)
        radius = np.hypot(xs - 0.5, ys - 0.5)
        mask = (0.5 + 0.5 * np.cos(np.pi * np.clip((radius - 0.1) / 0.35, 0, 1))).astype(np.float32)
        patches.append(Patch(colours, mask, writing.similarity(scale, degrees, x, y, size), f"u{position}",
                             position=position))
    return tuple(patches)


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize(("kind", "depth"), [("png", "16"), ("png", "8"), ("tiff", "16"), ("tiff", "32"),
                                             ("exr", "32")])
def test_matrices_alone_put_patches_back(origin: str, kind: str, depth: str, shot: Path, tmp_path: Path) -> None:
    """Within 1/255 of our own composite, whatever the corner, kind and depth."""
    written = Written(shot, tmp_path / "out", patches=gentle, writer="patch", image_format=kind, depth=depth,
                      patch_origin=origin, exr_compression="zips")
    ours = Written(shot, tmp_path / "whole", patches=gentle, writer="images", depth="16")
    data = json.loads((tmp_path / "out" / "matrices.json").read_text())
    assert data["origin"] == origin
    assert "0.5" in data["convention"]
    assert sorted(data["frames"]) == [str(n) for n in range(FRAMES)]
    assert "lgorithmically altered" in data["statement"]
    for index in range(FRAMES):
        frame = cv2.imread(str(shot / f"f{index + 1}.png"))[..., ::-1] / 255
        told = data["frames"][str(index)]
        assert [face["face"] for face in told] == ([0, 1] if index == 2 else [0])
        for face in told:
            assert face["canvas"] == [WIDTH, HEIGHT]
            frame = put_back(frame, tmp_path / "out" / face["file"], face["matrix"], origin)
        expected = full_frame(ours.frames[index]) / 65535
        assert np.abs(frame - expected).max() <= 1 / 255, index
        assert np.abs(expected - cv2.imread(str(shot / f"f{index + 1}.png"))[..., ::-1] / 255).max() > 0.2
    assert written.made["matrices"] == str(tmp_path / "out" / "matrices.json")


def test_roi_is_where_the_corners_lie(shot: Path, tmp_path: Path) -> None:
    """By hand: a patch of 40 pixels, unturned, its middle on the frame's (80, 48), two patch pixels to a frame's."""
    def upright(_: int) -> tuple[Patch, ...]:
        matrix = np.array([[2.0, 0.0, 19.5 - 2 * 79.5], [0.0, 2.0, 19.5 - 2 * 47.5]])  # edges' middle: index + 0.5
        return (Patch(np.full((40, 40, 3), 0.5, np.float32), np.ones((40, 40), np.float32), matrix),)

    expected = {"top-left": [[70, 38], [90, 38], [90, 58], [70, 58]],
                "bottom-left": [[70, 58], [90, 58], [90, 38], [70, 38]],
                "top-right": [[90, 38], [70, 38], [70, 58], [90, 58]],
                "bottom-right": [[90, 58], [70, 58], [70, 38], [90, 38]]}
    for origin, corners in expected.items():
        Written(shot, tmp_path / origin, frames=[0], patches=upright, writer="patch", patch_origin=origin)
        (face,) = json.loads((tmp_path / origin / "matrices.json").read_text())["frames"]["0"]
        np.testing.assert_allclose(face["roi"], corners, atol=1e-9)


@pytest.mark.parametrize(("values", "names"), [
    ({}, ["shot_0_000000", "shot_0_000001", "shot_0_000002", "shot_3_000002"]),
    ({"patch_face": "after"}, ["shot_000000_0", "shot_000001_0", "shot_000002_0", "shot_000002_3"]),
    ({"patch_start": 1, "patch_offset": 1000, "patch_padding": 4}, ["shot_0_1001", "shot_0_1002", "shot_0_1003",
                                                                    "shot_3_1003"]),
    ({"patch_filename": False, "patch_empty": "skip", "patch_json": False}, ["0_000000", "0_000002", "3_000002"]),
])
def test_names_and_frames_without_faces(values: dict[str, Any], names: list[str], shot: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    Written(shot, out, frames=[0, 1, 2], writer="patch", **values)
    assert sorted(p.stem for p in out.iterdir() if p.suffix == ".png") == sorted(names)
    assert (out / "matrices.json").exists() == values.get("patch_json", True)
    if values.get("patch_empty") != "skip":
        (blank,) = (out / f"{name}.png" for name in names if name in ("shot_0_000001", "shot_000001_0", "shot_0_1002"))
        read = cv2.imread(str(blank), cv2.IMREAD_UNCHANGED)
        assert (read.shape, read.dtype, read.any()) == ((48, 48, 4), np.uint16, False)
        assert "1" not in json.loads((out / "matrices.json").read_text())["frames"]
        assert Written(shot, out, frames=[0, 1, 2], writer="patch", **values).missing == []


def test_a_second_run_goes_on_and_clears_away_what_is_no_longer_there(shot: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    Written(shot, out, writer="patch", only=[0])  # stopped: no JSON, no blanks
    assert [p.name for p in out.iterdir()] == ["shot_0_000000.png"]
    again = Written(shot, out, writer="patch")
    assert again.missing == [1, 2, 3]
    data = json.loads((out / "matrices.json").read_text())
    assert {n: [f["face"] for f in faces] for n, faces in data["frames"].items()} == {"0": [0], "2": [0, 3], "3": [0]}
    mine = json.loads(Image.open(out / "shot_3_000002.png").text["Understudy-Patch"])
    assert (mine["frame"], mine["face"], mine["uuid"]) == (2, 3, "two")
    assert mine["matrix"] == data["frames"]["2"][1]["matrix"]  # a patch by itself says where it belongs
    Written(shot, out, writer="patch", key="other", patches=lambda n: writing.patches_of(0))  # only face 0 is left
    assert not (out / "shot_3_000002.png").exists()
    data = json.loads((out / "matrices.json").read_text())
    assert {n: [f["face"] for f in faces] for n, faces in data["frames"].items()} == {str(n): [0] for n in range(4)}


def test_separate_masks_of_patches(shot: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    values = {"writer": "patch", "separate_mask": True, "depth": "8"}
    Written(shot, out, frames=[0], **values)
    name = "shot_0_000000.png"
    colours, mask = (cv2.imread(str(place / name), cv2.IMREAD_UNCHANGED) for place in (out, out / "masks"))
    (patch,) = writing.patches_of(0)
    assert np.array_equal(colours[..., ::-1], np.rint(patch.rgb * 255).astype(np.uint8))
    assert np.array_equal(mask, np.rint(patch.mask * 255).astype(np.uint8))
    (out / "masks" / "shot_0_000000.png").unlink()
    assert Written(shot, out, frames=[0], **values).missing == [0]


def test_what_others_made_is_not_replaced(shot: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in ("shot_0_000002.png", "matrices.json"):
        (out / name).write_text("{}")
        with pytest.raises(OutputError, match=name.replace(".", r"\.")):
            Written(shot, out, writer="patch")
        assert [(p.name, p.read_text()) for p in out.iterdir()] == [(name, "{}")]
        (out / name).unlink()
