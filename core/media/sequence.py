"""A folder of images, or a single one, as a source."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal

from ..errors import SourceError
from .colour import Colour
from .frame import Frame
from .images import IMAGE_SUFFIXES, read_image
from .ranges import natural_key
from .source import check_ascending


class ImageSource:
    """Images in natural order of their names (img_2 before img_10); gaps in their numbers take up no frames.

    See `source.Source` for the attributes. Hidden files and anything that is not an image are passed over.
    """

    kind: Literal["images"] = "images"
    has_audio = False
    constant_rate = True

    def __init__(self, path: Path, rate: Fraction = Fraction(25)) -> None:
        self.path = path
        self.rate = rate
        self.colour = Colour()
        self.files = [path] if path.is_file() else _images_in(path)
        if not self.files:
            raise SourceError(f"There are no images in {path}",
                              f"Choose a folder with {', '.join(s[1:] for s in IMAGE_SUFFIXES)} files")
        self._names = _unique_names(self.files)
        first = read_image(self.files[0])
        self.size = (first.shape[1], first.shape[0])
        digest = hashlib.sha256()
        for file in self.files:
            digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        self.fingerprint = digest.hexdigest()[:32]

    def __len__(self) -> int:
        return len(self.files)

    def name(self, index: int) -> str:
        return self._names[index]

    def time(self, index: int) -> float:
        return float(index / self.rate)

    def read(self, index: int) -> Frame:
        if not 0 <= index < len(self):
            raise IndexError(f"frame {index} of {len(self)}")
        return Frame(str(self.path), index, self.time(index), read_image(self.files[index]))

    def frames(self, indices: Iterable[int] | None = None) -> Iterator[Frame]:
        for index in check_ascending(indices, len(self)):
            yield self.read(index)

    def close(self) -> None:
        """Nothing is held open."""

    def __enter__(self) -> ImageSource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _images_in(folder: Path) -> list[Path]:
    found = [f for f in folder.iterdir()
             if f.suffix.lower() in IMAGE_SUFFIXES and not f.name.startswith(".") and f.is_file()]
    return sorted(found, key=lambda f: natural_key(f.name))


def _unique_names(files: list[Path]) -> list[str]:
    """Stems; where two files share one (a.png beside a.jpg), all of these get their suffix as well."""
    count: dict[str, int] = {}
    for file in files:
        count[file.stem] = count.get(file.stem, 0) + 1
    return [f.stem if count[f.stem] == 1 else f"{f.stem}_{f.suffix[1:]}" for f in files]
