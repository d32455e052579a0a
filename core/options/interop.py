"""Options of `understudy alignments import` and `alignments export`."""

from __future__ import annotations

from dataclasses import dataclass

from .field import option

FORMATS = ("understudy", "faceswap", "fsa")


@dataclass(frozen=True)
class ImportOptions:
    """Bring faces of other tools into a clip's alignments: faceswap's .fsa and .json, our JSON, extracted faces.

    Files are recognised by their content: faceswap's alignments of versions 2.0 to 2.4 and of 2020, its exported and
    its older JSON, the JSON of alignments export, and pictures of faces (or folders of them) that faceswap, DeepFaceLab
    or extract wrote. Nothing in a file is run. The alignments are backed up before they are changed.
    """

    files: tuple[str, ...] = option((), label="Files", help="Files, or folders of extracted faces, to bring in",
                                    kind="path", positional=True, required=True)
    source: str = option("", label="Source", help="Video file or folder of images that the faces are of; may be left "
                         "out where the alignments are named", kind="path", group="Clip", per_shot=False)
    alignments: str = option("", label="Alignments", help="The alignments file to bring them into, made where there is "
                             "none; empty: beside the source", kind="file", group="Clip", per_shot=False)
    replace: bool = option(False, label="Replace", help="Faces that are in the alignments already take the imported "
                           "landmarks, masks and identities, also where a person edited or removed them; otherwise "
                           "they stay as they are", group="Import")
    protect: bool = option(True, label="Protect", help="Treat imported faces as added by a person, so that extracting "
                           "the clip again leaves them as they are", group="Import")
    dry_run: bool = option(False, label="Dry Run", help="Only say what would be done, and change nothing",
                           group="Safety")


@dataclass(frozen=True)
class ExportOptions:
    """Write a clip's alignments for other programs."""

    alignments: str = option("", label="Alignments", help="The .db file that extract wrote", kind="file",
                             positional=True, required=True, per_shot=False)
    out: str = option("", label="Output", help="The file to write", kind="file", positional=True, required=True)
    format: str = option("understudy", label="Format", help="Shape of the file: Understudy's documented JSON, "
                         "faceswap's JSON, or faceswap's .fsa, which holds masks and identities as well",
                         choices=FORMATS, group="Output")
    source: str = option("", label="Source", help="The folder of images that the alignments are of, for the names of "
                         "frames that extract did not look at", kind="path", group="Output", per_shot=False)
