"""The destructive jobs on a prepared folder, one after the other: python jobs_to_kill.py FOLDER JOB …"""

from __future__ import annotations

import sys
from pathlib import Path

from understudy.core.jobs.messages import SilentReporter
from understudy.core.jobs.tasks import TASKS
from understudy.core.options import make

SHOT = {"source": "shot", "faces": "faces"}
JOBS: dict[str, tuple[str, dict[str, object]]] = {
    "remove-frames": ("remove-frames", SHOT),
    "remove-faces": ("remove-faces", SHOT),
    "sort": ("sort", SHOT),
    "temporal": ("temporal", {"source": "shot"}),
    "spatial": ("spatial", {"source": "shot", "components": 3}),
    "undo": ("undo", {"source": "shot", "revision": 0}),
    "update": ("extract", {**SHOT, "update": True}),
    "merge": ("merge", {"output": "merged", "folders": ("faces",), "stores": ("shot/alignments.db",)}),
    "rename": ("rename", {"faces": "faces"}),
    "from-faces": ("from-faces", SHOT),
    "leftover-faces": ("leftover-faces", {**SHOT, "action": "move", "output": "leftover"}),
    "multi-faces": ("multi-faces", {**SHOT, "action": "move", "output": "several"}),
    "no-faces": ("no-faces", {"source": "shot", "action": "move", "output": "empty"}),
}
_PLACES = {"source", "faces", "output", "alignments"}


def run(folder: Path, names: list[str]) -> None:
    """Run jobs by their keys in `JOBS`, in the folder."""
    for name in names:
        job, values = JOBS[name]
        task = TASKS[f"alignments {job}"]
        given = {key: str(folder / value) if key in _PLACES else  # type: ignore[operator]
                 tuple(str(folder / part) for part in value) if isinstance(value, tuple) else value
                 for key, value in values.items()}
        task.load()(make(task.options, given), SilentReporter())


if __name__ == "__main__":
    for key in sys.argv[2:]:
        TASKS[f"alignments {JOBS[key][0]}"].load()
    print("begun", flush=True)
    run(Path(sys.argv[1]), sys.argv[2:])
