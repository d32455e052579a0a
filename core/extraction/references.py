"""Whom extraction keeps and whom it leaves out, told by pictures of them: filter and nfilter."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import FacesError, SourceError, UsageError
from ..faces.geometry import SAVED_CENTERING, Alignment
from ..faces.png import FaceHeader, read_header
from ..media.images import read_image
from ..media.listing import list_images
from .protocols import Aligner, Detector, Identity

# What a face can be left out for: nobody wanted is like it, or somebody unwanted is.
RULES = ("filter", "nfilter")


class References:
    """What the reference pictures come to. Safe for several threads.

    Args:
        wanted: float [N, D], vectors of those of whom one must be like a face for it to be kept; none: anybody may be.
        unwanted: float [M, D], vectors of those of whom none may be.
        threshold: cosine similarity from which two are alike.
    """

    def __init__(self, wanted: np.ndarray, unwanted: np.ndarray, threshold: float) -> None:
        self._wanted, self._unwanted = _directions(wanted), _directions(unwanted)
        self.threshold = threshold

    @property
    def fingerprint(self) -> str:
        """A word that is another one as soon as another choice could follow."""
        digest = hashlib.sha256(self._wanted.tobytes() + b"/" + self._unwanted.tobytes())
        return f"{digest.hexdigest()[:16]} {self.threshold:g}"

    def broken_rules(self, vectors: np.ndarray) -> list[str | None]:
        """For each face the first of `RULES` that it breaks; None for one that is kept.

        Args:
            vectors: float [K, D], of the same identity model.
        """
        directions = _directions(np.asarray(vectors))
        is_wanted = (self._alike(directions, self._wanted) if len(self._wanted)
                     else np.ones(len(directions), bool))
        is_unwanted = self._alike(directions, self._unwanted)
        return ["filter" if not good else "nfilter" if bad else None
                for good, bad in zip(is_wanted, is_unwanted, strict=True)]

    def _alike(self, directions: np.ndarray, references: np.ndarray) -> np.ndarray:
        if not len(references):
            return np.zeros(len(directions), bool)
        return (directions @ references.T >= self.threshold).any(1)


def _directions(vectors: np.ndarray) -> np.ndarray:
    """Float64 [N, D] of length 1; a vector of zeros stays, and is like nobody."""
    vectors = np.asarray(vectors, np.float64)
    if not vectors.size:
        return np.zeros((0, 0))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)


class ReferenceReader:
    """Makes vectors of reference pictures, with the tools of the run that they are for.

    Args:
        kind: what the store calls the identity model's vectors.
    """

    def __init__(self, detector: Detector, aligner: Aligner, identity: Identity, kind: str) -> None:
        self._detector, self._aligner, self._identity, self._kind = detector, aligner, identity, kind

    def read(self, wanted: Sequence[str], unwanted: Sequence[str], threshold: float) -> References | None:
        """The references of two lists of pictures and folders of pictures; None where both are empty.

        Raises:
            SourceError: a picture or folder that is missing or cannot be read, or a folder without pictures.
            FacesError: a picture that shows no face, or several.
            UsageError: a picture that is in both lists.
        """
        good, bad = pictures_of(wanted), pictures_of(unwanted)
        both = sorted({path.resolve() for path in good} & {path.resolve() for path in bad})
        if both:
            raise UsageError(f"{both[0]} is both in filter and in nfilter", "Take it out of one of them")
        if not good and not bad:
            return None
        return References(self._vectors(good), self._vectors(bad), threshold)

    def _vectors(self, pictures: Sequence[Path]) -> np.ndarray:
        return np.array([self._vector(path) for path in pictures])

    def _vector(self, path: Path) -> np.ndarray:
        header = _header(path)
        if header is not None and self._kind in header.identities:
            return np.asarray(header.identities[self._kind], np.float32)
        pixels = read_image(path)
        landmarks = self._found(path, pixels) if header is None else _in_picture(header, pixels)
        return self._identity.vectors([self._identity.chip(pixels, landmarks)])[0]

    def _found(self, path: Path, pixels: np.ndarray) -> np.ndarray:
        (found,) = self._detector.detect([pixels])
        if len(found) != 1:
            raise FacesError(f"The reference picture {path} shows {len(found) or 'no'} face{'s' * (len(found) > 1)}",
                             "Use pictures that show one face each; those of a faces folder do")
        return self._aligner.align([pixels], [found[0].box])[0]


def pictures_of(paths: Sequence[str]) -> list[Path]:
    """The pictures that are meant: those named, and all in the folders named, each once.

    Raises:
        SourceError: something that is not there, or a folder without pictures.
    """
    pictures: list[Path] = []
    for name in paths:
        path = Path(name).expanduser()
        if not path.is_dir():
            if not path.is_file():
                raise SourceError(f"The reference picture {path} does not exist", "Name another one")
            pictures.append(path)
            continue
        try:
            inside = [path / image for image in list_images(path)]
        except OSError as error:
            raise SourceError(f"Cannot read the folder {path} ({error.strerror})", "Name another one") from error
        if not inside:
            raise SourceError(f"There are no pictures in {path}", "Name a folder of pictures that show one face each")
        pictures += inside
    return list(dict.fromkeys(pictures))


def _header(path: Path) -> FaceHeader | None:
    """What a picture of a faces folder says of itself; None for any other picture."""
    try:
        return read_header(path)
    except FacesError:
        return None


def _in_picture(header: FaceHeader, pixels: np.ndarray) -> np.ndarray:
    """The landmarks of a face's picture in the picture's own pixels, float32 [68, 2]."""
    return Alignment(header.landmarks).points(pixels.shape[0], header.centering or SAVED_CENTERING).astype(np.float32)
