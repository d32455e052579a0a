"""Start a real Blender with the extension installed from its zip, in a window, and run a script in it.

`$BLENDER` names the program (under xvfb-run where there is no display). `$BLENDER_GUI` may name a runner instead, for
machines whose Blender lives in a chroot: it is called as `RUNNER [--bind DIR --env K=V --python-prefix DIR …] gui
SCRIPT` and `RUNNER … run blender ARGS`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = "bl_ext.user_default.understudy"
# Seconds of processor time that no machine needs unless something is wrong, for the longest call of a callback and for
# a drawing on average: ten times what Blender may wait. What must not grow with faces is counted (`effort.py`).
STALL, SLOW_DRAWING = 0.5, 0.02


@dataclass(frozen=True)
class Window:
    """A Blender to be started with its own settings below `home`.

    Attributes:
        read_only: folders in `home` that cannot be written to, whoever tries; only a runner can do that.
    """

    home: Path
    timeout: int = 300
    size: str = "1600x1000"
    read_only: tuple[Path, ...] = ()

    def install(self, archive: Path, enable: bool = True) -> None:
        """Install the extension as a person would.

        Raises:
            RuntimeError: with Blender's words, if it cannot be installed.
        """
        result = self._call("blender", ["--command", "extension", "install-file", "-r", "user_default",
                                        *(["-e"] if enable else []), str(archive)])
        if result.returncode or "ERROR" in result.stdout or "Traceback" in result.stdout:  # it ends with 0 then, too
            raise RuntimeError(f"cannot install {archive}: {result.stdout}")

    def run(self, script: Path, **environment: str) -> str:
        """Run a script in the window until it quits Blender; returns what Blender printed.

        Raises:
            RuntimeError: if Blender crashes or does not end in time.
        """
        result = self._call("gui", [str(script)], environment)
        if result.returncode:
            raise RuntimeError(f"Blender ended with {result.returncode}:\n{result.stdout[-4000:]}")
        return result.stdout

    def call(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Blender without a window; its status and, together, what it printed."""
        return self._call("blender", list(arguments), environment)

    def command(self, what: str, arguments: list[str],
                environment: dict[str, str] | None = None) -> tuple[list[str], dict[str, str]]:
        """The command that starts Blender, and its environment; `what` is "gui" or "blender"."""
        settings = {"BLENDER_USER_RESOURCES": str(self.home / "blender"), "UNDERSTUDY_HOME": str(self.home / "user"),
                    **(environment or {})}
        runner = os.environ.get("BLENDER_GUI")
        if runner:
            command = [runner, "--project", str(ROOT), "--bind", str(self.home), "--timeout", str(self.timeout),
                       "--geometry", self.size, "--python-prefix", sys.base_prefix, "--python-prefix",
                       str(ROOT / ".venv"), "--until-exit", "--wait", str(self.timeout),
                       "--shot", str(self.home / "runner.png")]
            for folder in self.read_only:
                command += ["--read-only", str(folder)]
            for key, value in settings.items():
                command += ["--env", f"{key}={value}"]
            command += ["gui", *arguments] if what == "gui" else ["run", "blender", *arguments]
            env = dict(os.environ)
        else:
            command = [os.environ["BLENDER"]]
            if what == "gui":
                width, height = self.size.split("x")
                command += ["--window-geometry", "0", "0", width, height, "--python", *arguments]
                if not os.environ.get("DISPLAY") and sys.platform == "linux":
                    command = ["xvfb-run", "-a", "-s", f"-screen 0 {self.size}x24", *command]
            else:
                command += arguments
            env = {**os.environ, **settings}
        return command, env

    def _call(self, what: str, arguments: list[str],
              environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        command, env = self.command(what, arguments, environment)
        return subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=self.timeout + 30, check=False)


def play(home: Path, script: str, clips: list[Path], timeout: int, size: str = "1600x1000",
         **environment: str) -> dict[str, Any]:
    """Play a session (see `acting.py`) with copies of these clips; returns its report. Pictures stay in
    $UNDERSTUDY_PICTURES if that is set.
    """
    from understudy.core import packaging

    copies = [shutil.copy(clip, home / clip.name) for clip in clips]
    window = Window(home, timeout=timeout, size=size)
    window.install(packaging.build(home / "understudy.zip"))
    try:
        window.run(Path(__file__).with_name(script), **{
            "UNDERSTUDY_GUI_HOME": str(home), "UNDERSTUDY_GUI_CLIPS": os.pathsep.join(map(str, copies)),
            "UNDERSTUDY_GUI_PYTHON": str(ROOT / ".venv" / "bin" / "python"), **environment})
    finally:
        if os.environ.get("UNDERSTUDY_PICTURES") and (home / "pictures").is_dir():
            shutil.copytree(home / "pictures", os.environ["UNDERSTUDY_PICTURES"], dirs_exist_ok=True)
        if (home / "report.json").exists():
            print((home / "report.json").read_text())
    return json.loads((home / "report.json").read_text())


def why_not() -> str:
    """Why there can be no window here; "" if there can."""
    runner, blender = os.environ.get("BLENDER_GUI"), os.environ.get("BLENDER")
    if runner:
        return "" if shutil.which(runner) else f"$BLENDER_GUI is {runner}, which is no program"
    if not blender:
        return "set $BLENDER to a Blender 4.2 or newer to see the extension in its window"
    if not shutil.which(blender):
        return f"$BLENDER is {blender}, which is no program"
    if not os.environ.get("DISPLAY") and sys.platform == "linux" and not shutil.which("xvfb-run"):
        return "there is no display and no xvfb-run"
    return ""
