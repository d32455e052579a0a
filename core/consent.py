"""The one question that Understudy asks: have the people in the footage consented? (stdlib; both sides import it)"""

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path

from .errors import UsageError, writing
from .folders import user_config

QUESTION = (
    "Understudy replaces faces. Use it only on footage whose people have consented, or that is yours to change by "
    "law. Its results are marked as altered."
)
_VARIABLE = "UNDERSTUDY_CONSENT"


def _file() -> Path:
    return user_config() / "consent.json"


def given() -> bool:
    """True once the person has agreed on this computer, or where UNDERSTUDY_CONSENT=1 says so (render farms)."""
    return os.environ.get(_VARIABLE, "") in ("1", "yes", "true") or _file().is_file()


def give() -> None:
    """Remember that the person agreed.

    Raises:
        OutputError: if the configuration folder cannot be written.
    """
    path = _file()
    record = {"agreed": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), "text": QUESTION}
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(record, indent=1), encoding="utf-8")
        os.replace(temporary, path)


def require() -> None:
    """Do nothing once consent is given.

    Raises:
        UsageError: if it is not, saying how to give it.
    """
    if not given():
        raise UsageError(QUESTION, f"If that is so, run `understudy consent --yes` once, or set {_VARIABLE}=1")
