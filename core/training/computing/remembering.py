"""What was measured to be fastest on this machine, kept for a while: training begins sooner, and two trainings of the
same seed compute alike, bit by bit. In the user's cache, where it may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import platform
import time
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch

from ...errors import OutputError
from ...folders import user_cache
from ...media.images import write_file
from .execution import Execution

_KEPT = 7 * 24 * 3600.0  # seconds; the machine, or what else it does, may have changed since
_MOST = 200  # measurements

Measured = tuple[Execution, dict[str, float]]


def path() -> Path:
    return user_cache() / "executions.json"


def key(device: torch.device, *facts: object) -> str:
    """Stands for what a measurement depends on: the machine, PyTorch, and `facts`, which have a telling `repr`."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    told = (torch.__version__, device.type, name, torch.get_num_threads(), *facts)
    return hashlib.sha256(repr(told).encode()).hexdigest()[:32]


def recall(key: str) -> Measured | None:
    """What was measured; None where nothing was, or long ago."""
    with suppress(KeyError, TypeError, ValueError, AttributeError):
        entry = _read()[key]
        known = {field.name for field in fields(Execution)}
        if 0 <= time.time() - entry["at"] < _KEPT and entry["execution"].keys() == known:
            return Execution(**entry["execution"]), {str(name): float(s) for name, s in entry["seconds"].items()}
    return None


def remember(key: str, measured: Measured) -> None:
    """Keep what was measured; where the cache cannot be written, it is measured again next time."""
    execution, seconds = measured
    entries = {**_read(), key: {"at": time.time(), "execution": asdict(execution), "seconds": seconds}}
    latest = dict(list(entries.items())[-_MOST:])
    with suppress(OutputError):
        write_file(path(), json.dumps(latest).encode())


def _read() -> dict[str, Any]:
    try:
        data = json.loads(path().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
