"""Options of `understudy convert`; the files beside hold them by what they are about."""

from __future__ import annotations

from dataclasses import dataclass

from .convert_faces import ConvertFacesOptions
from .convert_finding import ConvertFindingOptions
from .convert_look import ConvertLookOptions
from .convert_work import ConvertWorkOptions
from .convert_writing import ConvertWritingOptions
from .field import option


@dataclass(frozen=True)
class ConvertOptions(ConvertFacesOptions, ConvertFindingOptions, ConvertWritingOptions, ConvertLookOptions,
                     ConvertWorkOptions):
    """Replace the faces of a clip with those that a trained model makes."""

    source: str = option("", label="Source", help="Video file or folder of images to convert", kind="path",
                         positional=True, required=True, per_shot=False)
    model_dir: str = option("", label="Model Folder", help="Folder of the trained model; where persons have models of "
                            "their own, that of everybody else", kind="folder", group="Input", per_shot=False)
    output: str = option("", label="Output", help="Folder for images, or file for a video", kind="path",
                         required=True, group="Output", per_shot=False)
