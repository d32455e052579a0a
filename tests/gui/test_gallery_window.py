"""The docs' pictures out of a real window, in both languages; only where $UNDERSTUDY_PICTURES names a folder."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import blender_window
import pictures

pytestmark = [
    pytest.mark.skipif(bool(blender_window.why_not()), reason=blender_window.why_not() or "never"),
    pytest.mark.skipif(not os.environ.get("UNDERSTUDY_PICTURES"), reason="$UNDERSTUDY_PICTURES names no folder")]


@pytest.fixture(scope="module")
def seen(footage: Path) -> dict:
    """What the session in the window saw. $UNDERSTUDY_GUI_ITERATIONS: how far to train, for a swap worth looking at;
    $UNDERSTUDY_GUI_MODEL: a model folder to go on from; $UNDERSTUDY_GUI_ONLY: names of pictures to take, "train,jobs".
    """
    home = Path(tempfile.gettempdir()) / "shots"  # a place that may be read in the docs
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    (home / "core").symlink_to(blender_window.ROOT / ".venv")
    model = os.environ.get("UNDERSTUDY_GUI_MODEL", "")
    if model:
        model = str(shutil.copytree(model, home / "model"))
    clips = [footage / f"{name}.mp4" for name in ("actor_a", "actor_b", "two_people")]
    try:
        return blender_window.play(
            home, "gallery_session.py", clips, timeout=4500, size="1600x3600",
            UNDERSTUDY_GUI_ITERATIONS=os.environ.get("UNDERSTUDY_GUI_ITERATIONS", "0"), UNDERSTUDY_GUI_MODEL=model,
            UNDERSTUDY_GUI_PYTHON=str(home / "core" / "bin" / "python"),
            UNDERSTUDY_GUI_ONLY=os.environ.get("UNDERSTUDY_GUI_ONLY", ""))
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_every_picture_of_the_docs_is_taken(seen: dict) -> None:
    assert seen["errors"] == []
    names = list(filter(None, os.environ.get("UNDERSTUDY_GUI_ONLY", "").split(","))) or list(pictures.CHOSEN)
    wanted = {f"{prefix}{name}.png" for name in names for prefix in ("", "zh/")}
    assert wanted <= set(seen["pictures"])


def test_nothing_starts_before_consent(seen: dict) -> None:
    assert seen["jobs_without_consent"] == 0
