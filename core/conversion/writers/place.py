"""Making sure that a place can be written before hours of work go into it; leaving no empty folders behind."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from ...errors import writing


class Place:
    """A folder to write in; remembers which parts of its path did not exist before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made: list[Path] = []

    def make(self) -> None:
        """Make the folder where it is missing and try it out with a small file.

        Raises:
            OutputError: it cannot be made or written (below a regular file, read-only, disk full).
        """
        with writing(self.folder):
            for folder in reversed([self.folder, *self.folder.parents]):
                if not folder.exists():
                    folder.mkdir(exist_ok=True)
                    self._made.append(folder)
            if not self.folder.is_dir():
                raise NotADirectoryError(self.folder)
            try:
                handle, name = tempfile.mkstemp(prefix=".understudy", dir=self.folder)
                try:
                    os.write(handle, bytes(4096))  # an empty file fits on a full disk
                finally:
                    os.close(handle)
                    os.unlink(name)
            except OSError:
                self.tidy()
                raise

    def tidy(self) -> None:
        """Remove the folders that `make` made, as far as they are empty."""
        for folder in reversed(self._made):
            with suppress(OSError):
                folder.rmdir()
