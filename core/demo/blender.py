"""Blender as another process: finding it, handing it a scene to build and render, following its progress."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import av

from ..errors import Stopped, UnderstudyError, UsageError, writing
from ..jobs.messages import Progress, Reporter, parse
from ..media.provenance import video_mark

SCRIPT = Path(__file__).resolve().parents[2] / "addon" / "demo_scene.py"
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


def build_scene(blender: list[str], spec: dict[str, Any], folder: Path, reporter: Reporter) -> None:
    """Let Blender save `spec["blend"]` and render `spec["output"]`, which then carries the mark of altered footage.

    Args:
        folder: where the spec, Blender's log and the unfinished video lie meanwhile.

    Raises:
        UnderstudyError: Blender failed; its last words are in `blender.log`.
        Stopped: the person asked to stop.
    """
    final = Path(spec["output"])
    raw = folder / f"{final.stem}_unmarked{final.suffix}"
    spec_path, log_path = folder / "scene.json", folder / "blender.log"
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        spec_path.write_text(json.dumps({**spec, "render": str(raw)}, indent=1), encoding="utf-8")
        log = log_path.open("w", encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    with log, subprocess.Popen(command(blender, SCRIPT, spec_path), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace", env=environment) as process:
        try:
            _follow(process, log, reporter)
        finally:
            process.kill()  # no effect on one that has ended
    if process.returncode or not raw.is_file():
        raw.unlink(missing_ok=True)
        raise UnderstudyError(f"Blender could not render the result ({_last_line(log_path)})",
                              f"See {log_path}; the same command again continues")
    mark(raw, final)
    raw.unlink()


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


def mark(video: Path, output: Path) -> None:
    """Copy a video, bit for bit, into a file that says that it has been altered."""
    partial = output.with_name(f".{output.stem}.{os.getpid()}.partial{output.suffix}")
    with writing(output):
        try:
            with av.open(str(video)) as source, av.open(str(partial), "w") as target:
                streams = {s.index: target.add_stream_from_template(s) for s in source.streams
                           if s.type in ("video", "audio")}
                target.metadata.update(video_mark())
                for packet in source.demux():
                    if packet.dts is not None and packet.stream.index in streams:
                        packet.stream = streams[packet.stream.index]
                        target.mux(packet)
            os.replace(partial, output)
        finally:
            partial.unlink(missing_ok=True)


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"
