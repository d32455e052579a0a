"""Blender as another process: finding it, running a script of ours in it, following its progress.

A script takes a JSON file as its last argument and speaks on stdout in the words of `core.jobs.messages`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from .errors import Stopped, UsageError, writing
from .jobs.messages import Progress, Reporter, parse

LOG = "blender.log"
HOW = ("Install Blender (4.2 or newer) and run the same command again with --blender-python /path/to/blender, or with "
       "BLENDER=/path/to/blender in the environment")


def find_blender(asked: str) -> list[str] | None:
    """The command that runs a script in Blender, up to the script's path; None where there is no Blender.

    Args:
        asked: Blender's program or a Python with the module bpy; "" looks at $BLENDER and the path.

    Raises:
        UsageError: `asked` or $BLENDER is not there or does not run.
    """
    named = asked.strip() or os.environ.get("BLENDER", "").strip()
    program = named or shutil.which("blender")
    if not program:
        return None
    program = shutil.which(str(Path(program).expanduser())) or ""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60).stdout
    except (OSError, ValueError, subprocess.TimeoutExpired):
        said = ""
    for line in said.splitlines():  # drivers may talk first
        if line.startswith("Blender "):
            return [program, "--background", "--factory-startup", "--python-exit-code", "1", "--python"]
        if line.startswith("Python "):
            return [program]
    raise UsageError(f"There is no Blender at {named or program}",
                     "Name Blender's program or a Python that has the module bpy, or leave --blender-python out")


def command(blender: list[str], script: Path, spec: Path) -> list[str]:
    """The whole command line; Blender's own arguments end at `--`."""
    return [*blender, str(script), *(["--"] if len(blender) > 1 else []), str(spec)]


def run_script(blender: list[str], script: Path, spec: dict[str, Any], folder: Path, reporter: Reporter) -> int:
    """Run a script in Blender to its end; what it prints beside messages goes to `blender.log` in the folder.

    Args:
        blender: as `find_blender` gives it.
        spec: what the script reads, JSON-ready.
        folder: where the spec and the log are put.

    Returns:
        Blender's exit code.

    Raises:
        OutputError: the folder cannot be written.
        Stopped: the person asked to stop; Blender was ended.
    """
    spec_path = folder / "spec.json"
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        spec_path.write_text(json.dumps(spec, indent=1), encoding="utf-8")
        log = (folder / LOG).open("w", encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    with log, subprocess.Popen(command(blender, script, spec_path), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace", env=environment) as process:
        try:
            _follow(process, log, reporter)
        finally:
            process.kill()  # no effect on one that has ended
    return process.returncode


def _follow(process: subprocess.Popen[str], log: Any, reporter: Reporter) -> None:
    assert process.stdout is not None
    if reporter.progress(0, None, "frames", "Starting Blender"):
        raise Stopped
    for line in process.stdout:
        message = parse(line)
        if message is None:
            log.write(line)
        elif isinstance(message, Progress) and reporter.progress(message.done, message.total, message.unit,
                                                                 message.text):
            raise Stopped
    process.wait()


def last_line(log: Path) -> str:
    """What Blender said last, for messages."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"
