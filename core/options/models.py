"""Options of `understudy restore` and of the tasks `models …` that look at what is saved (stdlib; both sides)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .field import option


def model_dir_option(help: str) -> Any:
    """Which model a task is about; in Blender the shot's own, unless another is named."""
    return option("", label="Model Folder", help=help, kind="folder", positional=True, required=True, per_shot=False)


@dataclass(frozen=True)
class RestoreOptions:
    """Bring back the backup or a snapshot of a model; what it is now is archived beside it first.

    Without --backup or --snapshot, it lists what there is.
    """

    model_dir: str = model_dir_option("Folder of the model")
    list: bool = option(False, label="List", help="Only list what can be brought back")
    backup: bool = option(False, label="Backup", help="Bring back the save with the lowest loss before the present one")
    snapshot: int = option(0, label="Snapshot", help="Bring back the snapshot of this number of iterations; 0: none",
                           min=0)


@dataclass(frozen=True)
class ModelInfoOptions:
    """Say what a model is: its trainer and fixed settings, sessions, size, backup and snapshots."""

    model_dir: str = model_dir_option("Folder of the model")
    check: bool = option(False, label="Check", help="Read all weights, also those of its copies, and compare them with "
                         "their checksums")


@dataclass(frozen=True)
class ModelImportOptions:
    """Make a model folder of a model that was trained with faceswap (its .keras file)."""

    file: str = option("", label="File", help="The model's .keras file; its settings are read from the state file "
                       "beside it", kind="file", positional=True, required=True)
    model_dir: str = option("", label="Model Folder", help="Where the model is to be; an empty or new folder",
                            kind="folder", required=True, per_shot=False)


@dataclass(frozen=True)
class ModelExportOptions:
    """Export what swaps a face as an ONNX file, also by the names that live tools such as DeepFaceLive expect (DFM).

    What comes out is compared with PyTorch before it is written.
    """

    model_dir: str = model_dir_option("Folder of the model")
    format: str = option("dfm", label="Format", help="dfm: for live tools, pictures in BGR with the colours last; "
                         "onnx: for programs of your own, in RGB with the colours first", choices=("dfm", "onnx"))
    side: str = option("b", label="Face of", help="Whose face the file makes; b is the usual swap", choices=("b", "a"))
    output: str = option("", label="Output", help="File to write; empty: beside the model folder, called like it",
                         kind="path")
    opset: int = option(13, label="Opset", help="Version of the ONNX operators; older programs want a low one", min=13,
                        max=20, advanced=True)
    dynamic_batch: bool = option(True, label="Any Number of Faces", help="Let a program give several faces at a time; "
                                 "off: one", advanced=True)
