"""The codecs that videos are written with: their containers and depths, and what their settings are called."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UsageError

CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
_X264_TUNES = ("film", "animation", "grain", "stillimage", "fastdecode", "zerolatency")
_PRORES = ("proxy", "lt", "standard", "hq", "4444", "4444xq")
# libvpx's own scale of speed, 0 slowest, by the names that x264 gave to presets.
_VP9_SPEED = {"ultrafast": 8, "superfast": 7, "veryfast": 6, "faster": 5, "fast": 4, "medium": 3, "slow": 2,
              "slower": 1, "veryslow": 0}


@dataclass(frozen=True)
class Codec:
    """A row of `CODECS`.

    Attributes:
        encoder: FFmpeg's name.
        bits: of a component, ascending.
        suffixes: of files that may hold it, the usual one first.
        alpha: suffixes of files that hold its pictures with alpha; empty: it has none.
        profiles, tunes: names a person may choose.
        crf: the greatest constant rate factor; 0: it has none.
    """

    encoder: str
    bits: tuple[int, ...]
    suffixes: tuple[str, ...]
    alpha: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    tunes: tuple[str, ...] = ()
    crf: int = 0


CODECS = {
    "x264": Codec("libx264", (8, 10), (".mp4", ".m4v", ".mov", ".mkv"), (), ("baseline", "main", "high", "high10"),
                  _X264_TUNES, 51),
    "x265": Codec("libx265", (8, 10), (".mp4", ".m4v", ".mov", ".mkv"), (), ("main", "main10"),
                  ("animation", "grain", "fastdecode", "zerolatency"), 51),
    "prores": Codec("prores_ks", (10,), (".mov", ".mkv"), (".mov", ".mkv"), _PRORES),
    "ffv1": Codec("ffv1", (8, 16), (".mkv",), (".mkv",)),
    "vp9": Codec("libvpx-vp9", (8,), (".webm", ".mkv", ".mp4"), (".webm", ".mkv"), crf=63),
}


@dataclass(frozen=True)
class Encoding:
    """How a video is coded, checked by `require`.

    Attributes:
        codec: a key of `CODECS`.
        bits: of a component.
        alpha: pictures are RGBA.
        crf, preset, tune, profile: as `ConvertWritingOptions` says; without effect where the codec has no such thing.
    """

    codec: str = "x264"
    bits: int = 8
    alpha: bool = False
    crf: float = 18.0
    preset: str = "medium"
    tune: str = "none"
    profile: str = "auto"

    @property
    def row(self) -> Codec:
        return CODECS[self.codec]

    @property
    def is_rgb(self) -> bool:
        """FFV1 keeps RGB, bit for bit; the others code luma and chroma."""
        return self.codec == "ffv1"

    @property
    def pixel_format(self) -> str:
        """FFmpeg's name for the layout of the pictures."""
        if self.is_rgb:
            return {(8, False): "bgr0", (8, True): "bgra", (16, False): "gbrp16le",
                    (16, True): "gbrap16le"}[self.bits, self.alpha]
        chroma = "420"
        if self.codec == "prores":
            chroma = "444" if self._prores_profile().startswith("4444") else "422"
        return f"yuv{'a' if self.alpha else ''}{chroma}p{'' if self.bits == 8 else f'{self.bits}le'}"

    def _prores_profile(self) -> str:
        return self.profile if self.profile != "auto" else "4444" if self.alpha else "hq"

    def require(self, suffix: str) -> None:
        """Make sure that these go together, in a file with this suffix.

        Raises:
            UsageError: naming what does not.
        """
        row, name = self.row, self.codec
        if suffix.lower() not in row.suffixes:
            raise UsageError(f"{name} does not go into {suffix} files", f"Choose {', '.join(row.suffixes)}, or another "
                             "codec")
        if self.alpha and suffix.lower() not in row.alpha:
            able = [f"{key} in {', '.join(codec.alpha)}" for key, codec in CODECS.items() if codec.alpha]
            raise UsageError(f"{name} in {suffix} files cannot be transparent", f"Choose {'; '.join(able)}")
        if self.bits not in row.bits:
            raise UsageError(f"{name} cannot have {self.bits} bits", f"Choose {' or '.join(map(str, row.bits))}")
        if self.tune != "none" and self.tune not in row.tunes:
            raise UsageError(f"{name} has no tune {self.tune}", f"Choose {', '.join(('none', *row.tunes))}")
        if self.profile != "auto" and self.profile not in row.profiles:
            raise UsageError(f"{name} has no profile {self.profile}",
                             f"Choose {', '.join(('auto', *row.profiles))}")
        if self.bits > 8 and self.profile in ("baseline", "main", "high"):
            raise UsageError(f"The profile {self.profile} of {name} has 8 bits and not {self.bits}",
                             "Choose auto, or a depth of 8")
        if self.alpha and name == "prores" and not self._prores_profile().startswith("4444"):
            raise UsageError(f"ProRes {self.profile} has no alpha", "Choose the profile 4444, 4444xq or auto")
        if row.crf and self.crf > row.crf:
            raise UsageError(f"The quality (crf) of {name} goes to {row.crf}", "Choose a smaller number")

    def options(self) -> dict[str, str]:
        """The encoder's options, by FFmpeg's names."""
        if self.codec == "prores":
            return {"profile": str(_PRORES.index(self._prores_profile())), "vendor": "apl0"}
        if self.codec == "ffv1":
            return {"level": "3", "slicecrc": "1", "slices": "4", "g": "1"}
        if self.codec == "vp9":
            return {"crf": f"{self.crf:g}", "b": "0", "deadline": "good", "row-mt": "1",
                    "cpu-used": str(min(5, _VP9_SPEED[self.preset])), "auto-alt-ref": "0" if self.alpha else "1"}
        options = {"crf": f"{self.crf:g}", "preset": self.preset}
        if self.tune != "none":
            options["tune"] = self.tune
        if self.profile != "auto":
            options["profile"] = self.profile
        if self.codec == "x265":
            options["x265-params"] = "log-level=error"
        return options
