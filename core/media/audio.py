"""Carrying the sound of a source over into a new file."""

from __future__ import annotations

from collections.abc import Generator
from fractions import Fraction

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from .video import VideoSource

# What every player of these files understands. Anything else is coded anew: as Opus in webm, else as AAC.
_COPIED = {
    ".mp4": ("aac", "mp3", "ac3", "eac3", "alac"), ".m4v": ("aac", "mp3", "ac3", "eac3", "alac"),
    ".mov": ("aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_s16be",
             "pcm_s24be"),
    ".mkv": ("aac", "mp3", "ac3", "eac3", "alac", "flac", "opus", "vorbis", "dts", "pcm_s16le", "pcm_s24le",
             "pcm_s32le", "pcm_f32le"),
    ".webm": ("opus", "vorbis"),
}
_BITS_PER_CHANNEL = 96_000


class AudioTrack:
    """The first sound track of a video from a given time on, muxed along with the picture.

    Args:
        source: the video.
        container: the output; its picture stream is there already, nothing is muxed yet.
        start: seconds of the source's clock at which the output begins.
        suffix: of the output file.
    """

    def __init__(self, source: VideoSource, container: OutputContainer, start: Fraction, suffix: str) -> None:
        self._suffix = suffix.lower()
        self._container = container
        self._input = av.open(str(source.path), metadata_errors="replace")
        self._from = self._input.streams.audio[0]
        self._start = start
        codec = self._from.codec_context
        known = _COPIED[self._suffix]
        copies = codec.name in known or codec.codec.canonical_name in known
        if copies:
            self._to: AudioStream = container.add_stream_from_template(self._from)
        else:
            opus = self._suffix == ".webm"
            stream = container.add_stream("libopus" if opus else "aac", rate=48_000 if opus else codec.sample_rate)
            assert isinstance(stream, AudioStream)
            stream.codec_context.layout = codec.layout
            stream.codec_context.bit_rate = _BITS_PER_CHANNEL * codec.layout.nb_channels
            self._to = stream
        if start > source.index.container_start + 1:
            # A little early: sound packets overlap, and containers seek coarsely.
            self._input.seek(max(0, int((self._start - 1) / self._time_base)), stream=self._from)
        self._packets = self._copied() if copies else self._encoded()
        self._waiting: tuple[float, Packet] | None = None

    @property
    def _time_base(self) -> Fraction:
        assert self._from.time_base is not None
        return self._from.time_base

    def copy_until(self, seconds: float | Fraction | None) -> None:
        """Mux the sound that begins before a time of the output; None: all that is left."""
        while True:
            if self._waiting is None:
                self._waiting = next(self._packets, None)
            if self._waiting is None or (seconds is not None and self._waiting[0] >= seconds):
                return
            self._container.mux(self._waiting[1])
            self._waiting = None

    def close(self) -> None:
        self._packets.close()
        self._input.close()

    def _copied(self) -> Generator[tuple[float, Packet], None, None]:
        """Packets with their times moved to the output's beginning."""
        shift = round(self._start / self._time_base)
        for packet in self._input.demux(self._from):
            if packet.pts is None or packet.size == 0:
                continue
            if packet.pts + (packet.duration or 0) <= shift and shift > 0:
                continue
            packet.pts -= shift
            packet.dts = packet.pts if packet.dts is None else packet.dts - shift
            seconds = float(packet.pts * self._time_base)
            packet.stream = self._to
            yield seconds, packet

    def _encoded(self) -> Generator[tuple[float, Packet], None, None]:
        """The sound, coded anew."""
        codec = self._to.codec_context
        resampler = av.AudioResampler(format=codec.format.name if codec.format else "fltp", layout=codec.layout,
                                      rate=codec.sample_rate, frame_size=codec.frame_size or 1024)
        base = Fraction(1, codec.sample_rate)
        written: int | None = None
        for frame in self._shifted():
            if written is None:
                # Of the first frame that goes in: what first comes out holds samples of several.
                written = 0 if frame is None else max(0, round(_seconds(frame) / base))
            for piece in resampler.resample(frame):
                piece.pts, piece.time_base = written, base
                written += piece.samples
                yield from ((float(_seconds(p)), p) for p in self._to.encode(piece))
        yield from ((float(_seconds(p)), p) for p in self._to.encode(None))

    def _shifted(self) -> Generator[AudioFrame | None, None, None]:
        shift = round(self._start / self._time_base)
        for frame in self._input.decode(self._from):
            if frame.pts is None or frame.time_base is None:
                continue
            if _seconds(frame) + Fraction(frame.samples, frame.sample_rate) <= self._start:
                continue
            frame.pts -= round(shift * self._time_base / frame.time_base)
            yield frame
        yield None


def _seconds(timed: AudioFrame | Packet) -> Fraction:
    """When a frame or packet begins; 0 where it does not say."""
    return (timed.pts or 0) * (timed.time_base or Fraction(0))
