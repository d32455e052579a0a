"""Handing Blender the demo's scene to build and render; the video that comes out is marked as altered."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import av

from ..blender_process import LOG, last_line, run_script
from ..errors import UnderstudyError, writing
from ..jobs.messages import Reporter
from ..media.provenance import video_mark
from ..partials import partial_path

SCRIPT = Path(__file__).resolve().parents[2] / "addon" / "demo_scene.py"


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
    failed = run_script(blender, SCRIPT, {**spec, "render": str(raw)}, folder, reporter)
    if failed or not raw.is_file():
        raw.unlink(missing_ok=True)
        raise UnderstudyError(f"Blender could not render the result ({last_line(folder / LOG)})",
                              f"See {folder / LOG}; the same command again continues")
    mark(raw, final)
    raw.unlink()


def mark(video: Path, output: Path) -> None:
    """Copy a video, bit for bit, into a file that says that it has been altered."""
    partial = partial_path(output, keep_ending=True)
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
