"""The set-up task: builds the core's Python environment, or mends it (stdlib only: any Python can run it).

The environment counts as built once a marker stands in it; without the marker, whatever is there is built anew.
"""

from __future__ import annotations

import json
import queue
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ... import __version__
from .. import environment as env
from ..errors import EnvironmentError_, JobError, OutputError, Stopped, writing
from ..options.setup import SetupOptions
from .client import child_environment
from .lock import FileLock
from .messages import Reporter

SPACE_NEEDED = 6_000_000_000  # bytes: torch with its CUDA libraries unpacked, and pip's downloads


def run(options: SetupOptions, reporter: Reporter) -> dict[str, Any]:
    """Build or mend the environment; the result names its interpreter.

    Raises:
        EnvironmentError_: offline without wheels, no suitable Python, a package that cannot be had or imported.
        OutputError: if the place cannot be written, holds something else, or the disk is full.
        JobError: while another set-up is at work there.
        Stopped: after a stop; the next set-up begins anew.
    """
    requirements = Path(options.requirements or env.REQUIREMENTS)
    folder = Path(options.environment) if options.environment else env.default_environment()
    source = _source(options)
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(folder.name + ".lock"))
    with writing(folder):
        free = lock.acquire(1.0)
    if not free:
        raise JobError(f"Another set-up is at work on {folder}", "Wait until it ends")
    try:
        fresh = _make_room(folder, options.rebuild)
        if fresh:
            _make(folder, _base(options), reporter)
        try:
            return _fill(folder, requirements, source, reporter)
        except EnvironmentError_:
            if fresh:
                raise
            reporter.warning("The environment cannot be mended and is built anew")
            _delete(folder)
            _make(folder, _base(options), reporter)
            return _fill(folder, requirements, source, reporter)
    finally:
        lock.release()


def _source(options: SetupOptions) -> list[str]:
    """pip's arguments for where packages come from."""
    if options.wheels:
        wheels = Path(options.wheels)
        if not wheels.is_dir() or not any(wheels.glob("*.whl")):
            raise EnvironmentError_(f"There are no wheels in {wheels}", "Choose the folder that holds the .whl files")
        return ["--no-index", "--find-links", str(wheels)]
    if not options.online:
        raise EnvironmentError_("Set-up has to download packages, and online access is off",
                                "Turn on Allow Online Access in Preferences > System, or choose a folder of wheels")
    return []


def _base(options: SetupOptions) -> str:
    """The Python to build from."""
    if options.python:
        chosen = env.interrogate(options.python)
        if chosen is None:
            raise EnvironmentError_(f"The Python {options.python} does not start", "Choose another interpreter")
        if chosen.problem:
            raise EnvironmentError_(f"{options.python} will not do. {chosen.problem}", "Choose another interpreter")
        return chosen.python
    found = env.find_interpreters(blender=sys.executable)
    suitable = [interpreter for interpreter in found if not interpreter.problem]
    if not suitable:
        seen = "; ".join(f"{i.python}: {i.problem}" for i in found) or "none was found"
        raise EnvironmentError_(f"No Python on this computer can build the environment ({seen})",
                                "Install Python 3.11 from python.org and run Set Up again")
    return suitable[0].python


def _make_room(folder: Path, rebuild: bool) -> bool:
    """Whether the environment has to be made from nothing; deletes one that was not finished or does not start."""
    if not folder.exists() or not any(folder.iterdir()):
        return True
    if not (folder / "pyvenv.cfg").is_file() and not (folder / env.MARKER).is_file():
        raise OutputError(f"{folder} holds something else than an environment", "Choose an empty or new folder")
    works = (folder / env.MARKER).is_file() and env.interrogate(env.python_of(folder)) is not None
    if rebuild or not works:
        _delete(folder)
        return True
    return False


def _delete(folder: Path) -> None:
    with writing(folder):
        (folder / env.MARKER).unlink(missing_ok=True)
        # Moved first: a delete that fails half-way (a file in use) must not leave half an environment in place.
        aside = folder.with_name(folder.name + ".old")
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def _make(folder: Path, python: str, reporter: Reporter) -> None:
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < SPACE_NEEDED:
            reporter.warning(f"Less than {SPACE_NEEDED / 1e9:.0f} GB are free at {folder}; set-up may not fit")
        (folder / "pyvenv.cfg").touch()  # from now on it is recognised as an unfinished one
    tick = _ticker(reporter, "Making the environment")
    code, lines = _call([python, "-I", "-m", "venv", "--clear", str(folder)], lambda line: None, tick)
    if code:
        raise EnvironmentError_(f"{python} could not make an environment in {folder} ({_last(lines)})",
                                "See the log, or choose another interpreter")


def _fill(folder: Path, requirements: Path, source: list[str], reporter: Reporter) -> dict[str, Any]:
    python = env.python_of(folder)
    with writing(folder):
        (folder / env.MARKER).unlink(missing_ok=True)
    _install(python, requirements, source, reporter)
    wanted = env.pins(requirements)
    errors = _try_imports(python, list(wanted), reporter)
    if errors:
        name, error = next(iter(errors.items()))
        raise EnvironmentError_(f"The package {name} was installed but does not load ({error})",
                                "See the log; another Python version may help")
    state = env.check(python, requirements)
    if state.missing:
        raise EnvironmentError_(f"Set-up ended without {', '.join(state.missing)}", "See the log and run Set Up again")
    record = {"core": __version__, "python": state.version, "packages": state.packages}
    with writing(folder):
        temporary = folder / (env.MARKER + ".tmp")
        temporary.write_text(json.dumps(record, indent=1), encoding="utf-8")
        temporary.replace(folder / env.MARKER)
    env.check(python, requirements)  # remembered with the marker in place
    return {"python": str(python), "packages": len(state.packages)}


def _try_imports(python: Path, names: list[str], reporter: Reporter) -> dict[str, str]:
    errors: dict[str, str] = {}
    for number, name in enumerate(names):
        if reporter.progress(number, len(names), "packages", f"Trying {name}"):
            raise Stopped
        errors.update(env.import_errors(python, [name]))
    reporter.progress(len(names), len(names), "packages", "Trying packages")
    return errors


def _install(python: Path, requirements: Path, source: list[str], reporter: Reporter) -> None:
    told = _PipProgress(python, reporter)
    command = [str(python), "-I", "-X", "utf8", "-m", "pip", "install", "--no-input", "--disable-pip-version-check",
               "--progress-bar", "raw" if _raw_bar(python) else "off", *source, "-r", str(requirements)]
    constraints = requirements.with_name("constraints.txt")
    if constraints.is_file():
        command += ["-c", str(constraints)]
    code, lines = _call(command, told.line, told.tick)
    if code:
        raise _pip_error(lines, source)


def _pip_error(lines: list[str], source: list[str]) -> EnvironmentError_ | OutputError:
    text = "\n".join(lines)
    if "No space left" in text or "Errno 28" in text:
        return OutputError("The disk is full: the packages do not fit", "Free 6 GB and run Set Up again")
    absent = re.search(r"No matching distribution found for (\S+)", text)
    network = re.search(r"ConnectTimeout|NewConnectionError|Failed to establish|ProxyError|Name or service not known|"
                        r"getaddrinfo failed|Temporary failure in name resolution|Max retries", text)
    if source and absent:
        return EnvironmentError_(f"The folder of wheels lacks {absent[1]} for this Python", "Add its .whl file, made "
                                 "for this system, with: pip download -r requirements/core.txt -d FOLDER")
    if network:
        return EnvironmentError_("The package index cannot be reached", "Check the connection and the proxy "
                                 "(HTTPS_PROXY), or choose a folder of wheels")
    if absent:
        return EnvironmentError_(f"There is no package {absent[1]} for this system and Python",
                                 "Choose another Python version")
    errors = [line for line in lines if line.startswith("ERROR")]
    return EnvironmentError_(f"pip could not install the packages ({(errors or [_last(lines)])[0]})", "See the log")


def _raw_bar(python: Path) -> bool:
    """pip 24.1 and newer print bytes received in a form made for programs."""
    answer = env.ask(python, "import json, pip; print(json.dumps({'pip': pip.__version__}))")
    numbers = re.findall(r"\d+", answer["pip"]) if answer else ["0", "0"]
    return tuple(map(int, numbers[:2])) >= (24, 1)


class _PipProgress:
    """pip's lines as progress: packages looked up (how many there will be, nobody knows yet), then installed."""

    def __init__(self, python: Path, reporter: Reporter) -> None:
        self._reporter = reporter
        self._packages = python.parents[1]
        self._collected = 0
        self._total: int | None = None
        self._done = 0
        self._before: set[str] = set()
        self._text = "Looking up packages"
        self._file = ""

    def line(self, line: str) -> None:
        words = line.strip()
        if match := re.match(r"(?:Collecting|Processing|Requirement already satisfied:) (\S+)", words):
            self._collected += 1
            self._text = f"Looking up {_package(match[1])}"
        elif match := re.match(r"(?:Downloading|Using cached) (\S+)(.*)", words):
            self._file = _package(match[1])
            self._text = f"Downloading {self._file}{match[2]}"
        elif match := re.match(r"Progress (\d+) of (\d+)", words):
            done, size = int(match[1]), int(match[2])
            self._text = f"Downloading {self._file} ({done / 1e6:.0f} of {size / 1e6:.0f} MB)"
        elif match := re.match(r"Installing collected packages: (.*)", words):
            self._total = match[1].count(",") + 1
            self._before = self._installed()
            self._text = "Installing"

    def tick(self) -> bool:
        if self._total is None:
            return self._reporter.progress(self._collected, None, "packages", self._text)
        # Never backwards: pip moves folders about while it replaces a package.
        self._done = max(self._done, min(self._total, len(self._installed() - self._before)))
        return self._reporter.progress(self._done, self._total, "packages", self._text)

    def _installed(self) -> set[str]:
        return {p.name for pattern in ("lib/*/site-packages", "Lib/site-packages")
                for folder in self._packages.glob(pattern) for p in folder.glob("*.dist-info")}


def _package(words: str) -> str:
    """The name in pip's "torch==2.13.0", "./wheels/torch-2.13.0-cp311-….whl" or an address of one."""
    name = re.split(r"[/\\]", words)[-1]
    return name.split("-")[0] if name.endswith((".whl", ".metadata")) else re.split(r"[=<>!~;\[(]", name)[0]


def _ticker(reporter: Reporter, text: str) -> Callable[[], bool]:
    return lambda: reporter.progress(0, None, "packages", text)


def _call(command: list[str], on_line: Callable[[str], None], tick: Callable[[], bool]) -> tuple[int, list[str]]:
    """Run a command to its end, its lines into our log and to `on_line`; `tick` answers whether to stop.

    Raises:
        Stopped: after it was ended for a stop.
    """
    print("$", " ".join(command), flush=True)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, encoding="utf-8", errors="replace", env=child_environment(), **env.NO_WINDOW)
    assert process.stdout is not None
    heard: queue.Queue[str | None] = queue.Queue()
    stream = process.stdout

    def listen() -> None:
        for line in stream:
            heard.put(line.rstrip("\n"))
        heard.put(None)

    threading.Thread(target=listen, name="listener", daemon=True).start()
    lines: list[str] = []
    while True:
        try:
            line = heard.get(timeout=0.2)
            if line is None:
                return process.wait(), lines
            on_line(line)
            if not line.strip().startswith("Progress "):
                print(line, flush=True)
                lines.append(line)
        except queue.Empty:
            pass
        if tick():
            process.terminate()
            process.wait()
            raise Stopped


def _last(lines: list[str]) -> str:
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
