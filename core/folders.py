"""Where per-user files live on Linux, macOS and Windows (stdlib only; both sides import it).

`UNDERSTUDY_HOME` puts everything below one folder of the person's choice: cache/, config/ and data/. Nothing is created
here; whoever writes makes the folder first.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_NAME = "understudy"


def user_cache() -> Path:
    """Things that can be made again at any time: frame indices, decoded crops."""
    return _place("cache", "XDG_CACHE_HOME", ".cache", "Library/Caches", "LOCALAPPDATA", "Cache")


def user_config() -> Path:
    """What the person has decided: settings and consent."""
    return _place("config", "XDG_CONFIG_HOME", ".config", "Library/Preferences", "APPDATA", "Config")


def user_data() -> Path:
    """Large things worth keeping: weights, the core's environment, logs."""
    return _place("data", "XDG_DATA_HOME", ".local/share", "Library/Application Support", "LOCALAPPDATA", "Data")


def user_logs() -> Path:
    """What Understudy's processes noted, for whoever helps."""
    return user_data() / "logs"


def _place(kind: str, xdg: str, linux: str, mac: str, windows: str, windows_folder: str) -> Path:
    chosen = os.environ.get("UNDERSTUDY_HOME")
    if chosen:
        return Path(chosen).expanduser().absolute() / kind
    if sys.platform == "win32":
        base = os.environ.get(windows) or str(Path.home() / "AppData" / "Local")
        return Path(base) / _NAME / windows_folder
    if sys.platform == "darwin":
        return Path.home() / mac / _NAME
    base = os.environ.get(xdg, "")
    # The XDG specification: a relative path in these variables is to be ignored.
    return (Path(base) if os.path.isabs(base) else Path.home() / linux) / _NAME
