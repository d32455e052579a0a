"""Conversion's options about what is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .field import option
from .rows import WRITERS

IMAGE_FORMATS = ("png", "jpg", "tiff", "exr", "webp")
CODECS = ("x264", "x265", "prores", "ffv1", "vp9")
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")


def _with(*writers: str) -> tuple[str, tuple[Any, ...]]:
    return "writer", writers


@dataclass(frozen=True)
class ConvertWritingOptions:
    """What is written, and how."""

    writer: str = option("overlay", label="Writer", help="What to write", choices=WRITERS, group="Output")
    output_scale: float = option(100.0, label="Output Scale", help="Size of the result against the source's", min=25.0,
                                 max=400.0, unit="%", group="Output", advanced=True,
                                 only_with=_with("images", "overlay", "video", "gif", "layers"))
    keep_unchanged: bool = option(False, label="Keep Unchanged", help="Where only some frames are converted, write the "
                                  "others as they are instead of leaving them out", group="Output")
    depth: str = option("auto", label="Bit Depth", help="Bits of each channel; auto is as fine as the source, 8 for "
                        "x264 and 16 for patches; EXR has 16 (half) or 32 (float), ProRes 10",
                        choices=("auto", "8", "10", "16", "32"), group="Output",
                        only_with=_with("images", "overlay", "patch", "layers", "video"))
    transparent: bool = option(False, label="Transparent", help="Write the swapped faces over nothing, with alpha, "
                               "instead of the whole frames; not for jpg, x264 and x265", group="Output",
                               only_with=_with("images", "video"))
    separate_mask: bool = option(False, label="Separate Mask", help="Write the mask as a picture of its own into the "
                                 "folder masks, and none as alpha", group="Output", advanced=True,
                                 only_with=_with("images", "overlay", "patch"))

    image_format: str = option("png", label="Image Format", help="Kind of picture files; jpg cannot be transparent, "
                               "and tiff and exr of 32 bits hold scene-linear light, as exr of 16 bits does",
                               choices=IMAGE_FORMATS, group="Pictures", only_with=_with("images", "overlay", "patch"))
    quality: int = option(92, label="Quality", help="Of jpg and webp; webp of 100 is lossless", min=1, max=100,
                          group="Pictures", advanced=True, only_with=_with("images", "overlay"))
    png_level: int = option(1, label="PNG Compression", help="Effort to make PNGs smaller: 0 none, 9 slow; all are "
                            "lossless", min=0, max=9, group="Pictures", advanced=True,
                            only_with=_with("images", "overlay", "patch"))
    tiff_compression: str = option("deflate", label="TIFF Compression", help="Both are lossless",
                                   choices=("deflate", "none"), group="Pictures", advanced=True,
                                   only_with=_with("images", "overlay", "patch"))
    exr_compression: str = option("zip", label="EXR Compression", help="All but dwaa are lossless; zips serves "
                                  "playback in compositors best", choices=("zip", "zips", "piz", "rle", "dwaa", "none"),
                                  group="Pictures", advanced=True,
                                  only_with=_with("images", "overlay", "patch", "layers"))

    video_codec: str = option("x264", label="Codec", help="x264 plays everywhere, x265 and vp9 are smaller, prores is "
                              "for editing, ffv1 is lossless in RGB", choices=CODECS, group="Video",
                              only_with=_with("video"))
    container: str = option("auto", label="Container", help="Kind of video file where the output is a folder; auto is "
                            "mp4, for prores mov, for ffv1 mkv, for vp9 webm", choices=("auto", "mp4", "mov", "mkv",
                                                                                        "webm"),
                            group="Video", advanced=True, only_with=_with("video"))
    crf: int = option(18, label="Quality (CRF)", help="Constant rate factor of x264, x265 and vp9: smaller is better "
                      "and larger, 0 is lossless or nearly so; from 52 on for vp9 only", min=0, max=63, group="Video",
                      only_with=_with("video"))
    preset: str = option("medium", label="Preset", help="Time to take for a smaller file, for x264, x265 and vp9",
                         choices=PRESETS, group="Video", advanced=True, only_with=_with("video"))
    tune: str = option("none", label="Tune", help="What x264 or x265 is to keep best; x265 has no film and "
                       "stillimage", choices=("none", "film", "animation", "grain", "stillimage", "fastdecode",
                                              "zerolatency"), group="Video", advanced=True, only_with=_with("video"))
    profile: str = option("auto", label="Profile", help="Of x264 (baseline to high10), x265 (main, main10) or prores "
                          "(proxy to 4444xq); auto: what the depth needs, and hq for prores",
                          choices=("auto", "baseline", "main", "high", "high10", "main10", "proxy", "lt", "standard",
                                   "hq", "4444", "4444xq"), group="Video", advanced=True, only_with=_with("video"))
    audio: bool = option(True, label="Audio", help="Carry the sound over", group="Video", only_with=_with("video"))
    reference_video: str = option("", label="Reference Video", help="Where a source of pictures takes rate, times and "
                                  "sound from: the video that the pictures are of", kind="file", group="Video",
                                  advanced=True, only_with=_with("video", "gif"))

    gif_fps: float = option(0.0, label="GIF Frames per Second", help="At most so many frames a second; 0: the "
                            "source's, at most 50", min=0.0, max=50.0, unit="1/s", group="GIF",
                            only_with=_with("gif"))
    gif_loop: int = option(0, label="GIF Loops", help="How often to play; 0: for ever", min=0, max=1000, group="GIF",
                           only_with=_with("gif"))
    gif_colors: int = option(256, label="GIF Colours", help="Colours of each frame's own palette", min=4, max=256,
                             group="GIF", advanced=True, only_with=_with("gif"))
    gif_dither: str = option("none", label="GIF Dithering", help="How colours that the palette lacks are mixed: bayer "
                             "is a steady pattern, floyd-steinberg finer and restless",
                             choices=("none", "bayer", "floyd-steinberg"), group="GIF", advanced=True,
                             only_with=_with("gif"))

    patch_origin: str = option("bottom-left", label="Origin", help="The corner at 0, 0 in the matrices of patches; "
                               "Nuke, Natron and Fusion count from the bottom left",
                               choices=("bottom-left", "top-left", "top-right", "bottom-right"), group="Patches",
                               only_with=_with("patch"))
    patch_start: int = option(0, label="Start Index", help="Number of the source's first frame in the names of "
                              "patches", min=0, max=1, group="Patches", advanced=True, only_with=_with("patch"))
    patch_offset: int = option(0, label="Index Offset", help="Added to the numbers in the names of patches", min=0,
                               max=10_000_000, group="Patches", advanced=True, only_with=_with("patch"))
    patch_padding: int = option(6, label="Padding", help="Digits of the numbers in the names of patches", min=1, max=10,
                                group="Patches", advanced=True, only_with=_with("patch"))
    patch_filename: bool = option(True, label="Include File Name", help="Begin the names of patches with the source's",
                                  group="Patches", advanced=True, only_with=_with("patch"))
    patch_face: str = option("before", label="Face Index", help="Where the number of the face stands in the names of "
                             "patches: before the frame's, so that each face is a sequence, or after it",
                             choices=("before", "after"), group="Patches", advanced=True, only_with=_with("patch"))
    patch_empty: str = option("blank", label="Empty Frames", help="Frames without faces: a transparent patch, or none",
                              choices=("blank", "skip"), group="Patches", only_with=_with("patch"))
    patch_json: bool = option(True, label="Matrices", help="Also write matrices.json, which says where each patch "
                              "belongs", group="Patches", only_with=_with("patch"))
