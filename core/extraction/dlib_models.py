"""Where dlib's weights lie: in the wheel `face_recognition_models`, whose own code is never imported."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from ..errors import WeightsError

_PACKAGE = "face_recognition_models"


def weights_file(name: str) -> Path:
    """The path of one of the package's files.

    Raises:
        WeightsError: if the package is not installed or lacks the file.
    """
    hint = f"Run Set Up again, or: pip install --force-reinstall {_PACKAGE}"
    try:
        path = Path(str(distribution(_PACKAGE).locate_file(f"{_PACKAGE}/models/{name}")))
    except PackageNotFoundError:
        raise WeightsError(f"The package {_PACKAGE} with dlib's weights is not installed", hint) from None
    if not path.is_file():
        raise WeightsError(f"The package {_PACKAGE} lacks {name}", hint)
    return path
