"""The docs hold together: what they link to is there, and each picture is shown somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PICTURES = ROOT / "docs" / "pictures"


def links(page: Path) -> list[str]:
    """What a page links to on this disk, without the part of the page."""
    found = re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))
    return [link.partition("#")[0] for link in found if not re.match(r"[a-z]+:|#", link)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert [link for link in links(page) if not (page.parent / link).exists()] == []


def test_each_picture_is_shown() -> None:
    shown = {(page.parent / link).resolve() for page in PAGES for link in links(page)}
    assert [path.name for path in PICTURES.rglob("*.png") if path.resolve() not in shown] == []


def test_the_panels_are_shown_in_both_languages() -> None:
    english, chinese = (re.findall(r"!\[[^]]*\]\(pictures/([^)]+)\)", (ROOT / "docs" / name).read_text("utf-8"))
                        for name in ("panels.md", "panels.zh.md"))
    assert [f"zh/{name}" for name in english] == chinese
    assert sum(path.stat().st_size for path in PICTURES.rglob("*.png")) < 8_000_000
