"""Options of `understudy weights …`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .field import option


def _names(sentence: str) -> Any:
    return option((), label="Weights", help=sentence + "; the name of a detector, aligner, mask or identity model "
                  "stands for all that it needs", positional=True)


@dataclass(frozen=True)
class WeightsListOptions:
    """List the weights that Understudy can use: what for, on what terms, and whether they are here."""

    missing: bool = option(False, label="Missing Only", help="List only weights that are not here")


@dataclass(frozen=True)
class WeightsFetchOptions:
    """Download weights, verify them and put them in place; what was interrupted goes on where it stopped."""

    names: tuple[str, ...] = _names("Which weights to download, by name")
    online: bool = option(True, label="Online", help="Files may be downloaded", per_shot=False)


@dataclass(frozen=True)
class WeightsImportOptions:
    """Put a downloaded file, archive or folder of weights in place; its hash or its name tells what it is."""

    file: str = option("", label="File", help="File of weights, archive as published, or folder of such files",
                       kind="path", positional=True, required=True)
    name: str = option("", label="Name", help="Weights that the file is meant to be, where its name and hash cannot "
                       "tell (mobilefacenet, for a file of your own)")
    replace: bool = option(False, label="Replace", help="Take a file other than the one that was here first, where "
                           "nobody publishes its hash")


@dataclass(frozen=True)
class WeightsVerifyOptions:
    """Read all weights that are here and compare their hashes with the published or recorded ones."""

    names: tuple[str, ...] = _names("Which weights to read; empty: all")
