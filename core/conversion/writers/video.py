"""Writer `video`: the whole frames, or the swapped faces with alpha, as one video with the source's times and sound."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np
from av.error import FFmpegError

from ...media import writers as media
from ...media.encoding import CODECS, Encoding
from ...media.provenance import SOFTWARE, STATEMENT
from ...media.source import Source
from ...options.convert_writing import ConvertWritingOptions
from ..composite import full_frame, overlay
from ..nouns import ConvertedFrame
from .choices import bits_of_video, reference, scaled
from .stream import StreamFile, stream_path


class VideoWriter(StreamFile):
    """Codecs and their settings by `media.encoding`; FFV1 keeps what is not replaced bit for bit.

    Sound is left out, with a warning, where frames between others are: nothing could keep it in step.
    """

    def __init__(self, output: Path, source: Source, keys: dict[int, str], options: ConvertWritingOptions) -> None:
        path = video_path(output, source, options)
        self._encoding = Encoding(options.video_codec, bits_of_video(options, source.bits), options.transparent,
                                  options.crf, options.preset, options.tune, options.profile)
        self._encoding.require(path.suffix)
        self._reference = reference(options, source)
        super().__init__(path, source, keys, options, _is_ours)
        sound = options.audio and self._reference.has_audio
        if sound and not media.audio_fits(self.frames):
            self.warnings.append("The video gets no sound: frames are left out between others, and the sound would not "
                                 "fit what is left. Convert the frames in one piece, or keep the others unchanged")
            sound = False
        self._video = media.VideoWriter(path, self._reference, audio=sound, encoding=self._encoding,
                                        last=self.frames[-1] if self.frames else None)

    def write(self, converted: ConvertedFrame) -> None:
        picture: np.ndarray = overlay(converted) if self.options.transparent else full_frame(converted)
        picture = scaled(picture, self.options.output_scale)
        self.same_size(converted, picture.shape)
        self._video.write(converted.index, picture)

    def made(self) -> dict[str, Any]:
        if not self.options.transparent:
            return {**super().made(), "depth": self._encoding.bits}
        return {**super().made(), "depth": self._encoding.bits, "shows": "overlay", "alpha": "straight"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        try:
            self._video.__exit__(kind, error, traceback)
        except BaseException:
            self.place.tidy()
            raise
        finally:
            if self._reference is not self.source:
                self._reference.close()
        if kind is not None:
            self.place.tidy()


def video_path(output: Path, source: Source, options: ConvertWritingOptions) -> Path:
    """The file that `output` means: itself, or <source>_converted.mp4 and the like inside where it names a folder.

    Raises:
        OutputError: it is named as something that is no video.
    """
    usual = CODECS[options.video_codec].suffixes[0]
    suffix = usual if options.container == "auto" else f".{options.container}"
    return stream_path(output, source, suffix, media.VIDEO_SUFFIXES, "a video")


def _is_ours(path: Path) -> bool:
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            return STATEMENT in container.metadata.values() or SOFTWARE in container.metadata.values()
    except (FFmpegError, OSError):
        return False
