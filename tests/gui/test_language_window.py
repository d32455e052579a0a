"""The extension in 简体中文 in a real window: the language changed with a file open, and kept from file to file."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import blender_window

pytestmark = pytest.mark.skipif(bool(blender_window.why_not()), reason=blender_window.why_not() or "never")


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, footage: Path) -> dict:
    """What the session in the window saw."""
    clips = [footage / "actor_a.mp4", footage / "actor_b.mp4"]
    report = blender_window.play(tmp_path_factory.mktemp("language"), "language_session.py", clips, timeout=600,
                                 size="1600x1400")
    if not report.get("chinese", True):
        pytest.skip("this Blender has no translations: its locale data are not installed")
    return report


def chinese(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


def test_the_language_changes_with_a_file_open_and_stays(seen: dict) -> None:
    assert seen["errors"] == []
    assert seen["english"] == seen["back"] == "Extract"
    assert seen["locale"] == "zh_HANS"
    assert chinese(seen["panel"])
    assert chinese(seen["button"])
    assert seen["kept"] == seen["panel"]


def test_tooltips_and_sentences_are_translated(seen: dict) -> None:
    english, translated = seen["tooltip"]
    assert english != translated
    assert chinese(translated)
    assert chinese(seen["told"])


def test_no_panel_and_no_button_is_left_in_english(seen: dict) -> None:
    assert seen["untranslated"] == []
