"""Writer `patch`: each swapped face in its own square picture, and the matrix that puts it back into the frame.

For compositors: the patch can be graded, grained or retimed before it is laid over. What the matrices mean stands in
docs/conversion.md and in `matrices.json` itself: see `placement`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import OutputError
from ...media.depth import DTYPES, decode, steps
from ...media.images import write_file
from ...media.pictures import write_picture
from ...media.provenance import SOFTWARE, STATEMENT
from ...media.source import Source
from ...options.convert_writing import ConvertWritingOptions
from ..nouns import ConvertedFrame, Patch
from .frames import KEY, MASKS, PictureFolder

JSON = "matrices.json"
_PLACE = "Patch"  # entry in a patch's header: which face of which frame it is, and where it belongs
_CONVENTION = ("A matrix is 3x3, in rows, and takes a point of the patch to the canvas: (x', y', 1) = matrix times "
               "(x, y, 1) as columns. Both are measured in pixels from the corner named as the origin, at "
               "the pixels' edges: the first pixel covers 0 to 1, its centre is at 0.5. roi lists the patch's corners "
               "on the canvas: top left, top right, bottom right, bottom left as the picture is seen.")


def placement(matrix: np.ndarray, size: int, canvas: tuple[int, int], origin: str) -> np.ndarray:
    """The matrix from patch to canvas that a compositor needs, float64 [3, 3].

    Args:
        matrix: float64 [2, 3], frame -> patch, pixel centres at integers, from the top left.
        size: side of the patch.
        canvas: (width, height) of the frame.
        origin: corner at (0, 0) in both pictures: "bottom-left", "top-left", "top-right" or "bottom-right".
    """
    half = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
    to_frame = half @ np.linalg.inv(np.vstack([matrix, [0.0, 0.0, 1.0]])) @ np.linalg.inv(half)
    return _from_corner(origin, *canvas) @ to_frame @ _from_corner(origin, size, size)


def _from_corner(origin: str, width: float, height: float) -> np.ndarray:
    """Coordinates from the top left to those from another corner, and back: it is its own inverse."""
    vertical, horizontal = origin.split("-")
    flip = np.eye(3)
    if horizontal == "right":
        flip[0] = (-1.0, 0.0, width)
    if vertical == "bottom":
        flip[1] = (0.0, -1.0, height)
    return flip


class PatchWriter(PictureFolder):
    """RGBA patches, named after source, face and frame; frames without faces have a transparent one, or none.

    A patch's header says where it belongs, too; `matrices.json` is made of these when all are written, so that it is
    complete however often the conversion was stopped, and by however many machines it was done.
    """

    def __init__(self, output: Path, source: Source, keys: dict[int, str], options: ConvertWritingOptions) -> None:
        stem = source.path.name if source.path.is_dir() else source.path.stem
        self._head = f"{stem}_" if options.patch_filename else ""
        number, face = r"(?P<number>\d+)", r"(?P<face>\d+)"
        parts = f"{face}_{number}" if options.patch_face == "before" else f"{number}_{face}"
        self._pattern = re.compile(rf"{re.escape(self._head)}{parts}\.\w+")
        self._shift = options.patch_start + options.patch_offset
        self._frames = set(keys)
        self._found = self._listed(output)
        super().__init__(output, source, keys, options)
        self._refuse_json()

    @property
    def shows(self) -> str:
        return "patches"

    @property
    def has_alpha(self) -> bool:
        return True

    def _listed(self, folder: Path) -> dict[int, dict[int, Path]]:
        """Patches that are there, by frame and face."""
        found: dict[int, dict[int, Path]] = {}
        try:
            names = [path.name for path in folder.iterdir()]
        except OSError:
            return found
        for name in names:
            match = self._pattern.fullmatch(name)
            if match:
                found.setdefault(int(match["number"]) - self._shift, {})[int(match["face"])] = folder / name
        return found

    def name(self, index: int, face: int) -> str:
        """File name of a patch."""
        number = f"{index + self._shift:0{self.options.patch_padding}d}"
        parts = f"{face}_{number}" if self.options.patch_face == "before" else f"{number}_{face}"
        return f"{self._head}{parts}{self.coding.suffix}"

    def is_mine(self, name: str) -> bool:
        match = self._pattern.fullmatch(name)
        return name == JSON or (match is not None and int(match["number"]) - self._shift in self._frames)

    def is_there(self, index: int) -> bool:
        here = {face: path for face, path in self._found.get(index, {}).items()
                if path.suffix == self.coding.suffix}
        told = {face: self.kept_entries(path) or {} for face, path in here.items()}
        if not told or any(entries.get(KEY) != self.keys[index] for entries in told.values()):
            return False
        faces = json.loads(next(iter(told.values())).get(_PLACE, "{}")).get("faces")
        masks = [self.kept_entries(self.folder / MASKS / self.name(index, face)) or {} for face in told] \
            if self.options.separate_mask else []
        return set(faces or [0]) == set(told) and all(entries.get(KEY) == self.keys[index] for entries in masks)

    def write(self, converted: ConvertedFrame) -> None:
        index = converted.index
        patches = {patch.position: patch for patch in converted.patches}
        self._remove_others(index, set(patches))
        for face, patch in patches.items():
            self._write(converted, face, patch, sorted(patches))

    def _remove_others(self, index: int, faces: set[int]) -> None:
        """Remove patches of ours of faces that the frame no longer has."""
        for face, path in self._found.get(index, {}).items():
            if face not in faces and path.suffix == self.coding.suffix:
                path.unlink(missing_ok=True)
                (self.folder / MASKS / path.name).unlink(missing_ok=True)

    def _write(self, converted: ConvertedFrame, face: int, patch: Patch, faces: list[int]) -> None:
        height, width = converted.frame.pixels.shape[:2]
        size = patch.mask.shape[0]
        matrix = placement(patch.matrix, size, (width, height), self.options.patch_origin)
        corners = _from_corner(self.options.patch_origin, size, size) @ np.array(
            [[0.0, size, size, 0.0], [0.0, 0.0, size, size], [1.0] * 4])
        place = {"face": face, "faces": faces, "uuid": patch.face, "size": size, "canvas": [width, height],
                 "matrix": matrix.tolist(), "roi": (matrix @ corners)[:2].T.tolist()}
        self._put(converted.index, face, patch.rgb, patch.mask, place)

    def _put(self, index: int, face: int, rgb: np.ndarray, mask: np.ndarray, place: dict[str, Any]) -> None:
        depth = self.coding.frame_depth
        colours = decode(rgb) if depth == 32 else np.rint(
            np.clip(rgb, 0.0, 1.0) * np.iinfo(DTYPES[depth]).max).astype(DTYPES[depth])
        alpha = steps(np.clip(mask, 0.0, 1.0), depth)
        entries = {KEY: self.keys[index], _PLACE: json.dumps({"frame": index, "origin": self.options.patch_origin,
                                                              **place})}
        name = self.name(index, face)
        if self.options.separate_mask:
            write_picture(self.folder / MASKS / name, alpha, self.coding, entries)
        else:
            colours = np.dstack([colours, alpha])
        write_picture(self.folder / name, colours, self.coding, entries)

    def finish(self) -> None:
        """Blank patches for frames without faces, and the matrices of all patches that are there."""
        told = dict(self._told())
        if self.options.patch_empty == "blank" and told:
            size, canvas = Counter((place["size"], tuple(place["canvas"])) for _, place in told.values()
                                   ).most_common(1)[0][0]
            with_patches = {place["frame"] for _, place in told.values()}
            clear = np.zeros((size, size, 3), np.float32)
            for index in sorted(set(self.keys) - with_patches):
                self._remove_others(index, {0})
                self._put(index, 0, clear, clear[..., 0], {"face": 0, "faces": [], "uuid": "", "size": size,
                                                           "canvas": list(canvas), "matrix": None, "roi": None})
        if self.options.patch_json:
            self._write_json(told)

    def _told(self) -> list[tuple[str, tuple[Path, dict[str, Any]]]]:
        """All patches of this clip in the folder, by name, and what they say of themselves; outdated ones left out."""
        told = []
        for index, faces in self._listed(self.folder).items():
            for path in faces.values():
                entries = (self.kept_entries(path) if path.suffix == self.coding.suffix else None) or {}
                if _PLACE in entries and entries.get(KEY) == self.keys.get(index, entries.get(KEY)):
                    told.append((path.name, (path, json.loads(entries[_PLACE]))))
        return told

    def _write_json(self, told: dict[str, tuple[Path, dict[str, Any]]]) -> None:
        frames: dict[int, list[dict[str, Any]]] = {}
        for name, (_, place) in sorted(told.items()):
            if place["faces"]:
                own = {key: place[key] for key in ("face", "uuid", "size", "canvas", "matrix", "roi")}
                frames.setdefault(place["frame"], []).append({"file": name, **own})
        text = {"software": SOFTWARE, "statement": STATEMENT, "version": 1, "source": self.source.path.name,
                "origin": self.options.patch_origin, "convention": _CONVENTION, "first_number": self._shift,
                "frames": {str(index): frames[index] for index in sorted(frames)}}
        write_file(self.folder / JSON, json.dumps(text, indent=1).encode())

    def _refuse_json(self) -> None:
        path = self.folder / JSON
        if not self.options.patch_json or not path.exists():
            return
        try:
            ours = json.loads(path.read_text("utf-8")).get("software") == SOFTWARE
        except (OSError, ValueError, AttributeError):
            ours = False
        if not ours:
            raise OutputError(f"{path} is there already and was not written by Understudy",
                              "Name another output folder, or move that file away")

    def made(self) -> dict[str, Any]:
        return {**super().made(), "size": [], "first_file": "",
                "matrices": str(self.folder / JSON) if self.options.patch_json else ""}
