"""Which Python does the core's work, whether it is ready, and the copy of the core that it runs (no bpy).

Asking a Python takes up to a second, so a thread does it; `Watch.state` is what is known so far.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from .. import __version__
from ..core import environment as env
from ..core.environment import Devices, EnvironmentState, Interpreter
from ..core.errors import EnvironmentError_, UnderstudyError, writing
from ..core.folders import user_data
from ..core.jobs import client
from ..core.jobs.folder import JobFolder

ROOT = Path(__file__).resolve().parents[1]
_USED = ".used"  # its time of change says when a copy last started a job
_KEEP = 90 * 86400.0  # seconds that an unused copy is kept: longer than any training


def core_python(chosen: str = "") -> Path:
    """The interpreter that the person chose, or else the built environment's (which may not be there yet)."""
    return Path(chosen).expanduser() if chosen else env.python_of(env.default_environment())


def setup_jobs() -> Path:
    """Where the set-up's job folders lie."""
    return user_data() / "jobs"


def setup_python() -> str:
    """A Python that can run the set-up task itself: any will do, Blender's own included."""
    if os.path.basename(sys.executable).lower().startswith("python"):
        return sys.executable
    found = [i for i in env.find_interpreters() if not i.problem]
    if not found:
        raise EnvironmentError_("No Python was found", "Install Python 3.11 from python.org")
    return found[0].python


def start_setup(*, online: bool, python: str = "", wheels: str = "", rebuild: bool = False) -> JobFolder:
    """Start the job that builds the environment.

    Args:
        online: Blender's *Allow Online Access*.
        python: the Python to build from; empty: one that is found.
        wheels: folder of wheels for a computer without internet.

    Raises:
        EnvironmentError_: if nothing may be downloaded and there is no folder of wheels, or no Python at all.
        OutputError: if the user's data folder cannot be written.
    """
    if not online and not wheels:
        raise EnvironmentError_("Set-up has to download packages, and online access is off",
                                "Turn on Allow Online Access in Preferences > System, or choose a folder of wheels")
    options = {"python": python, "wheels": wheels, "online": online, "rebuild": rebuild}
    return client.start(setup_jobs(), "setup", options, python=setup_python(), root=install_core_copy())


def ready(chosen: str = "", ask: bool = True) -> Path:
    """The core's Python, if it is ready.

    Args:
        ask: start it to find out where nothing is known (up to a second); else the benefit of the doubt.

    Raises:
        EnvironmentError_: if it is not: the sentence that the panels show.
    """
    python = core_python(chosen)
    state = env.cached(python)
    if state is None and (ask or not python.exists()):
        state = env.check(python)
    if state is not None and not state.usable:
        if state.status == "absent" and not chosen:
            raise EnvironmentError_("The core is not set up yet", "Press Set Up in Understudy's preferences")
        raise EnvironmentError_(state.message)
    return python


class Watch:
    """What the panels show of the core's Python. `refresh` returns at once; `state` changes when a thread has asked."""

    def __init__(self) -> None:
        self.state: EnvironmentState | None = None
        self.interpreters: list[Interpreter] = []
        self.device = ""  # where it computes, in words; "" until somebody has asked and it has answered
        self._thread: threading.Thread | None = None
        self._asked = ""
        self._device_of = ""

    @property
    def busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def refresh(self, chosen: str = "", find: bool = False) -> None:
        """Look again, in a thread unless nothing has changed since last time.

        Args:
            chosen: the interpreter of the preferences.
            find: also look for Pythons to build from.
        """
        python = str(core_python(chosen))
        known = env.cached(python)
        if known is not None:
            self.state = known
        elif self._asked != python:
            self.state = None
        if self.busy or (known is not None and not find):
            return
        self._asked = python
        self._thread = threading.Thread(target=self._look, args=(python, chosen, find), name="environment", daemon=True)
        self._thread.start()

    def find_device(self) -> None:
        """Learn in a thread where the core computes; once for each Python and session, for drivers come and go."""
        if self.state is None or not self.state.usable or self._device_of == self.state.python:
            return
        self._device_of, self.device = self.state.python, ""
        threading.Thread(target=self._ask_device, args=(self.state.python,), name="device", daemon=True).start()

    def _ask_device(self, python: str) -> None:
        told = explain_devices(env.devices(python))
        if self._device_of == python:
            self.device = told

    def _look(self, python: str, chosen: str, find: bool) -> None:
        state = env.check(python)
        if self._asked == python:
            self.state = state
        if find:
            self.interpreters = env.find_interpreters(chosen, sys.executable)


def explain_devices(found: Devices | None) -> str:
    """Where the core computes, for a person."""
    if found is None:
        return "Its PyTorch does not load: run understudy doctor"
    if found.kind == "MPS":
        return "Computes on the Apple graphics card (MPS)"
    if found.kind == "CPU":
        if found.made_for:
            return f"Computes on the processor (CPU): PyTorch sees no graphics card for {found.made_for}"
        return "Computes on the processor (CPU): this PyTorch is made for nothing else"
    count = {name: found.names.count(name) for name in found.names}
    names = ", ".join(f"{number} x {name}" if number > 1 else name for name, number in count.items())
    return f"Computes with {found.kind} on {names}"


# ---- the core's versioned copies ------------------------------------------------------------------------------------

def core_files(root: Path = ROOT) -> Iterator[Path]:
    """What a worker needs of the package, relative to `root`, sorted."""
    yield Path("__init__.py")
    for folder, names in (("core", "*.py"), ("requirements", "*.txt")):
        yield from sorted(p.relative_to(root) for p in (root / folder).rglob(names) if "__pycache__" not in p.parts)


def install_core_copy(root: Path = ROOT) -> Path:
    """A copy of the core that updates of the extension leave alone, made unless it is there; returns its folder.

    Its name holds the version and a hash of the files, so that jobs of two versions run side by side. Making it copies
    a hundred small files (once per version); finding it reads them (some 10 ms). Copies that nobody uses any longer go
    when another one is made.

    Raises:
        OutputError: if the user's data folder cannot be written.
    """
    cores = core_copies()
    package = cores / f"{__version__}-{_fingerprint(root)}" / "understudy"
    with writing(package):
        if not package.is_dir():
            cores.mkdir(parents=True, exist_ok=True)
            _copy(root, package, Path(tempfile.mkdtemp(dir=cores, prefix=".new-")))
            _prune_core_copies()
        (package.parent / _USED).touch()
    return package


def core_copies() -> Path:
    """The folder of the core's copies, which may not exist yet."""
    return user_data() / "cores"


def _prune_core_copies() -> None:
    """Delete copies that have started no job for three months."""
    cores = core_copies()
    for used in cores.glob(f"*/{_USED}") if cores.is_dir() else ():
        if time.time() - used.stat().st_mtime > _KEEP:
            shutil.rmtree(used.parent, ignore_errors=True)


def _fingerprint(root: Path) -> str:
    digest = hashlib.sha256()
    for name in core_files(root):
        digest.update(name.as_posix().encode() + b"\0" + (root / name).read_bytes() + b"\0")
    return digest.hexdigest()[:8]


def _copy(root: Path, package: Path, temporary: Path) -> None:
    try:
        for name in core_files(root):
            target = temporary / "understudy" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, target)
        try:
            temporary.rename(package.parent)
        except OSError:
            if not package.is_dir():  # else another Blender was quicker, with the same files
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def explain(error: Exception) -> str:
    """One line for `self.report` and for panels."""
    return str(error) if isinstance(error, UnderstudyError) else f"Internal error: {type(error).__name__}: {error}"
