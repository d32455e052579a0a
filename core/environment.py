"""The core's Python: which interpreters there are, and whether one has what a worker needs (stdlib only).

Everything here asks other interpreters by starting them, some 50 to 300 ms each: not for Blender's main thread, but for
a thread beside it. `cached` answers at once from what was found before.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from .folders import user_cache, user_data
from .jobs.client import child_environment

VERSIONS = ((3, 11), (3, 12), (3, 13))  # in order of preference: the pinned packages were tried together on 3.11
REQUIREMENTS = Path(__file__).resolve().parents[1] / "requirements" / "core.txt"
MARKER = "understudy-complete.json"  # in an environment that was built to the end
NO_WINDOW: dict[str, Any] = {"creationflags": getattr(subprocess, "CREATE_NO_WINDOW", 0)}  # Windows' consoles
# The module that proves a distribution is there, where the name is another.
_MODULES = {"opencv-python": "cv2", "dlib-bin": "dlib", "pillow": "PIL", "scikit-image": "skimage"}
_DATA_ONLY = {"face_recognition_models"}  # holds files; importing it needs a package that newer Pythons lack


@dataclass(frozen=True)
class Interpreter:
    """A Python that was found and asked.

    Attributes:
        python: its path.
        version: (3, 11, 7).
        builds: it can make an environment (has venv and pip).
        problem: why it will not do, one sentence; "" if it will.
    """

    python: str
    version: tuple[int, ...]
    builds: bool
    problem: str = ""


@dataclass(frozen=True)
class EnvironmentState:
    """What a Python has of the core's requirements.

    Attributes:
        status: "ok", "absent" (no such interpreter), "missing" (packages are), "outdated" (an environment of ours has
            other versions than this Understudy wants), "broken" (does not start, or set-up did not finish).
        python: the interpreter that was asked.
        version: its version, "3.11.7".
        packages: versions of the required packages that are there.
        missing: names of those that are not.
        differing: "torch 2.12.0 (wanted 2.13.0)" for each other version; a hint only, in a Python that a person chose.
        message: one sentence for a person.
    """

    status: str
    python: str
    version: str = ""
    packages: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()
    message: str = ""

    @property
    def usable(self) -> bool:
        return self.status == "ok"


def default_environment() -> Path:
    """Where set-up builds: a short path, since torch's own are long and Windows allows 260 characters."""
    return user_data() / "env"


def python_of(environment: Path | str) -> Path:
    """The interpreter of a virtual environment."""
    base = Path(environment)
    return base / "Scripts" / "python.exe" if os.name == "nt" else base / "bin" / "python"


def pins(requirements: Path | str = REQUIREMENTS) -> dict[str, str]:
    """name -> version of the `name==version` lines of a requirements file; "" where no version is given."""
    found = {}
    for line in Path(requirements).read_text(encoding="utf-8").splitlines():
        match = re.match(r"([A-Za-z0-9._-]+)\s*(?:==\s*([^\s;#]+))?", line.split("#")[0].strip())
        if match:
            found[match[1]] = match[2] or ""
    return found


def module_of(distribution: str) -> str:
    return _MODULES.get(distribution, distribution.replace("-", "_"))


def ask(python: Path | str, code: str, *arguments: str, timeout: float = 60.0) -> dict[str, Any] | None:
    """What `code`, run by another Python, prints as its last line of JSON; None if it cannot."""
    try:
        result = subprocess.run([str(python), "-I", "-X", "utf8", "-c", code, *arguments], capture_output=True,
                                stdin=subprocess.DEVNULL, timeout=timeout, env=child_environment(), **NO_WINDOW)
        answer = json.loads(result.stdout.decode("utf-8", "replace").strip().splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None
    return answer if isinstance(answer, dict) else None


# ---- interpreters ----------------------------------------------------------------------------------------------------

_ASK_VERSION = """
import importlib.util, json, struct, sys
has = lambda name: importlib.util.find_spec(name) is not None
print(json.dumps({"python": sys.executable, "version": sys.version_info[:3], "bits": struct.calcsize("P") * 8,
                  "builds": has("venv") and has("ensurepip")}))
"""


def interrogate(python: Path | str) -> Interpreter | None:
    """What a Python says of itself; None if it does not start."""
    answer = ask(python, _ASK_VERSION, timeout=15)
    if answer is None:
        return None
    version = tuple(answer["version"])
    problem = ""
    if version[:2] not in VERSIONS:
        problem = f"The core needs Python 3.11, 3.12 or 3.13, not {_dotted(version)}"
    elif answer["bits"] != 64:
        problem = "The core needs a 64-bit Python"
    elif not answer["builds"]:
        problem = f"This Python lacks venv or ensurepip; on Debian and Ubuntu install python{_dotted(version[:2])}-venv"
    return Interpreter(answer["python"] or str(python), version, answer["builds"], problem)


def find_interpreters(chosen: str = "", blender: str = "") -> list[Interpreter]:
    """Pythons that could build the environment, best first.

    Args:
        chosen: one that the person names; always the first, even with a problem.
        blender: Blender's own, the last resort.
    """
    found: list[Interpreter] = []
    seen: set[str] = set()
    for path in (*([chosen] if chosen else []), *_places(), *([blender] if blender else [])):
        answer = interrogate(path) if os.path.realpath(path) not in seen else None
        seen.add(os.path.realpath(path))
        if answer is None or os.path.realpath(answer.python) in {os.path.realpath(i.python) for i in found}:
            continue
        found.append(answer)

    def order(interpreter: Interpreter) -> tuple[bool, bool, bool, int]:
        own = bool(blender) and os.path.realpath(interpreter.python) == os.path.realpath(blender)
        named = bool(chosen) and interpreter is found[0]
        rank = VERSIONS.index(interpreter.version[:2]) if interpreter.version[:2] in VERSIONS else len(VERSIONS)
        return not named, bool(interpreter.problem), own, rank

    return sorted(found, key=order)


def _places() -> Iterator[str]:
    """Where Pythons are usually found."""
    names = [f"python{_dotted(v)}" for v in VERSIONS] + ["python3", "python"]
    for name in names:
        if path := shutil.which(name):
            yield path
    home = Path.home()
    if os.name == "nt":
        yield from _windows_places()
        return
    for version in map(_dotted, VERSIONS):
        for folder in ("/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"):
            yield from _existing([Path(folder) / f"python{version}"])
        yield from _existing([Path(f"/Library/Frameworks/Python.framework/Versions/{version}/bin/python3")])
        yield from _existing(sorted(home.glob(f".pyenv/versions/{version}.*/bin/python")))
        yield from _existing(sorted(home.glob(f".local/share/uv/python/cpython-{version}.*/bin/python3")))


def _windows_places() -> Iterator[str]:
    launcher = shutil.which("py")
    if launcher:
        try:
            listed = subprocess.run([launcher, "-0p"], capture_output=True, text=True, timeout=15, **NO_WINDOW).stdout
        except (OSError, subprocess.SubprocessError):
            listed = ""
        yield from re.findall(r"([A-Za-z]:\\\S.*?python\.exe)", listed)
    local = Path(os.environ.get("LOCALAPPDATA", "")) / "Programs" / "Python"
    for major, minor in VERSIONS:
        for folder in (local, Path("C:/")):
            yield from _existing([folder / f"Python{major}{minor}" / "python.exe"])


def _existing(paths: Iterable[Path]) -> Iterator[str]:
    return (str(path) for path in paths if path.exists())


def _dotted(version: Iterable[int]) -> str:
    return ".".join(map(str, version))


# ---- what one has ----------------------------------------------------------------------------------------------------

_ASK_PACKAGES = """
import importlib.metadata, importlib.util, json, sys, sysconfig
found = {}
for name, module in json.loads(sys.argv[1]).items():
    try:
        if importlib.util.find_spec(module) is not None:
            found[name] = importlib.metadata.version(name)
    except Exception:
        pass
print(json.dumps({"version": sys.version.split()[0], "packages": found, "prefix": sys.prefix,
                  "places": sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})}))
"""

_IMPORT = """
import importlib, json, sys
print(json.dumps({"trying": sys.argv[1]}), flush=True)
try:
    importlib.import_module(sys.argv[1])
    print(json.dumps({"error": ""}))
except BaseException as error:
    print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
"""


_MOST_NAMES = 4  # of missing packages that a sentence names


def check(python: Path | str, requirements: Path | str = REQUIREMENTS) -> EnvironmentState:
    """Ask a Python for the required packages, without importing them; remembered for `cached`."""
    wanted = pins(requirements)
    path = str(python)
    built = path == str(python_of(default_environment()))
    if not os.path.exists(path):
        return EnvironmentState("absent", path, message=f"There is no Python at {path}; press Set Up" if built else
                                f"There is no Python at {path}; choose another one, or leave Interpreter "
                                "empty and press Set Up")
    answer = ask(python, _ASK_PACKAGES, json.dumps({name: module_of(name) for name in wanted}))
    if answer is None:
        return EnvironmentState("broken", path, message=f"The Python {path} does not start; run Set Up again" if built
                                else f"{path} does not start as a Python; choose another one, or leave Interpreter "
                                "empty and press Set Up")
    state = _judge(path, answer, wanted)
    _remember(path, wanted, answer["places"], state)
    return state


def _judge(python: str, answer: dict[str, Any], wanted: dict[str, str]) -> EnvironmentState:
    packages = answer["packages"]
    missing = tuple(name for name in wanted if name not in packages)
    differing = tuple(f"{name} {packages[name]} (wanted {version})" for name, version in wanted.items()
                      if version and name in packages and packages[name].split("+")[0] != version)
    state = EnvironmentState("ok", python, answer["version"], packages, missing, differing,
                             f"Ready: Python {answer['version']}, {len(packages)} packages")
    ours = os.path.realpath(answer["prefix"]) == os.path.realpath(default_environment())
    if ours and not (default_environment() / MARKER).is_file():
        return replace(state, status="broken", message="The last set-up did not finish; run Set Up again")
    if missing:
        return replace(state, status="missing", message=f"The core's Python lacks {_names(missing)}; run Set Up again"
                       if ours else f"The chosen Python lacks {_names(missing)}; install that there, or leave "
                       "Interpreter empty and press Set Up")
    if differing and ours:
        return replace(state, status="outdated", message=f"Other versions than this Understudy was made for: "
                       f"{', '.join(differing)}; run Set Up again")
    return state


def _names(missing: tuple[str, ...]) -> str:
    """The missing packages, or the first of many and how many more."""
    if len(missing) <= _MOST_NAMES:
        return ", ".join(missing)
    return f"{', '.join(missing[:_MOST_NAMES - 1])} and {len(missing) - _MOST_NAMES + 1} more"


_ASK_DEVICES = """
import json, torch
made_for = "ROCm" if torch.version.hip else "CUDA" if torch.version.cuda else ""
kind, names = "CPU", []
if torch.cuda.is_available():
    kind, names = made_for or "CUDA", [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
elif torch.backends.mps.is_available():
    kind = "MPS"
print(json.dumps({"kind": kind, "names": names, "made_for": made_for}))
"""


@dataclass(frozen=True)
class Devices:
    """Where a Python's torch computes.

    Attributes:
        kind: "CUDA", "ROCm", "MPS" or "CPU".
        names: of the graphics cards, as their drivers have them.
        made_for: "CUDA" or "ROCm": what this torch could use; "" for neither.
    """

    kind: str
    names: tuple[str, ...] = ()
    made_for: str = ""


def devices(python: Path | str) -> Devices | None:
    """Ask a Python where it computes, which takes seconds, since torch is loaded for it; None where that fails."""
    answer = ask(python, _ASK_DEVICES, timeout=120)
    return Devices(answer["kind"], tuple(answer["names"]), answer["made_for"]) if answer is not None else None


def import_errors(python: Path | str, names: Iterable[str]) -> dict[str, str]:
    """Import each package in a process of its own, some seconds in all; package -> why it cannot be imported."""
    errors = {}
    for name in names:
        if name in _DATA_ONLY:
            continue
        answer = ask(python, _IMPORT, module_of(name), timeout=180)
        error = "it does not start" if answer is None else answer.get("error", "the interpreter crashed")
        if error:
            errors[name] = error.splitlines()[0]
    return errors


def cached(python: Path | str, requirements: Path | str = REQUIREMENTS) -> EnvironmentState | None:
    """What the last `check` found, if nothing has changed on disk since: a few `stat` calls. None: not known."""
    path = str(python)
    try:
        entry = json.loads(_memory(path).read_text(encoding="utf-8"))
        if entry["stamp"] != _stamp(path, pins(requirements), entry["places"]):
            return None
        fields = entry["state"]
        return EnvironmentState(**{**fields, "missing": tuple(fields["missing"]),
                                   "differing": tuple(fields["differing"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(python: str, wanted: dict[str, str], places: list[str], state: EnvironmentState) -> None:
    try:
        file = _memory(python)
        file.parent.mkdir(parents=True, exist_ok=True)
        entry = {"places": places, "stamp": _stamp(python, wanted, places), "state": asdict(state)}
        temporary = file.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(entry), encoding="utf-8")
        os.replace(temporary, file)
    except OSError:
        pass  # only a memory


def _memory(python: str) -> Path:
    return user_cache() / "environments" / (hashlib.sha256(os.path.abspath(python).encode()).hexdigest()[:16] + ".json")


def _stamp(python: str, wanted: dict[str, str], places: list[str]) -> list[Any]:
    times: list[Any] = [sorted(wanted.items())]
    for place in (python, str(default_environment() / MARKER), *places):
        try:
            times.append(os.stat(place).st_mtime_ns)
        except OSError:
            times.append(None)
    return json.loads(json.dumps(times))
