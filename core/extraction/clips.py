"""Which clips a run is about, and where the alignments and face pictures of each go."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ..errors import FacesError, SourceError, UsageError
from ..faces.places import default_store
from ..faces.png import read_header
from ..media.listing import list_images
from ..media.ranges import natural_key
from ..options.extract import ExtractOptions

VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mts", ".m2ts", ".mpg", ".mpeg", ".wmv", ".mxf",
                  ".flv", ".ts", ".ogv", ".vob")


@dataclass(frozen=True)
class Clip:
    """One source of a run: `store` is its alignments file, `faces` its faces folder (None: no pictures)."""

    path: Path
    store: Path
    faces: Path | None


def clips_of(options: ExtractOptions) -> tuple[list[Clip], bool]:
    """The clips to read, and whether they are several, which changes where things go.

    A folder that holds images is one clip; one without images stands for the clips in it: its video files, and its
    folders of images, but for folders of face pictures.

    Raises:
        UsageError: alignments in one file for several clips, or two clips of one name.
    """
    named = [options.source, *options.more_sources]
    paths = [path for name in named for path in _inside(_absolute(name))] if all(n.strip() for n in named) else []
    are_several = len(named) > 1 or (bool(paths) and paths != [_absolute(options.source)])
    if not are_several:
        # Also where nothing is named or nothing is there: opening the source says so.
        source = _absolute(options.source) if options.source.strip() else Path()
        store = _absolute(options.alignments) if options.alignments.strip() else default_store(source).absolute()
        return [Clip(source, store, _absolute(options.faces) if options.faces.strip() else None)], False
    paths = list(dict.fromkeys(paths))
    names = _names(paths)
    return [Clip(path, _store(options, path, name), _absolute(options.faces) / name if options.faces.strip() else None)
            for path, name in zip(paths, names, strict=True)], True


def _absolute(name: str) -> Path:
    return Path(name).expanduser().absolute()


def _store(options: ExtractOptions, path: Path, name: str) -> Path:
    if not options.alignments.strip():
        return default_store(path).absolute()
    folder = _absolute(options.alignments)
    if folder.is_file() or folder.suffix == ".db":
        raise UsageError(f"{folder} is one alignments file, and there are several clips",
                         "Name a folder for their alignments, or leave alignments out")
    return folder / f"{name}_alignments.db"


def _inside(path: Path) -> list[Path]:
    """The clips in a folder without images of its own; `path` itself where it is a clip, or nothing of the kind."""
    try:
        if not path.is_dir() or list_images(path):
            return [path]
        with os.scandir(path) as entries:
            clips = [Path(entry.path) for entry in entries if not entry.name.startswith(".") and (
                entry.name.lower().endswith(VIDEO_SUFFIXES) if entry.is_file() else
                entry.is_dir() and _holds_footage(Path(entry.path)))]
    except OSError as error:
        raise SourceError(f"Cannot read {path} ({error.strerror or error})", "Check its permissions") from error
    return sorted(clips, key=lambda clip: natural_key(clip.name)) or [path]


def _holds_footage(folder: Path) -> bool:
    """Whether a folder holds images that are not pictures of faces, extracted earlier."""
    images = list_images(folder)
    if not images:
        return False
    try:
        read_header(folder / images[0])
    except FacesError:
        return True
    return False


def _names(paths: list[Path]) -> list[str]:
    """What the clips' folders and alignments are called: after their stems, with the ending where stems are equal."""
    def stem(path: Path) -> str:
        return path.name if path.is_dir() else path.stem

    # Upper and lower case are one file on some systems.
    count = Counter(stem(path).casefold() for path in paths)
    names = [stem(path) if count[stem(path).casefold()] == 1 else path.name.replace(".", "_") for path in paths]
    again = Counter(name.casefold() for name in names)
    alike = [str(path) for path, name in zip(paths, names, strict=True) if again[name.casefold()] > 1]
    if alike:
        raise UsageError(f"Several clips have the same name: {', '.join(alike)}",
                         "Rename one, or extract them in two runs")
    return names
