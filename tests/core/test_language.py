"""Everything that Blender shows has its words in every language, and sentences are found again by their templates."""

from __future__ import annotations

import itertools
import re
import textwrap
from pathlib import Path

import numpy as np
import pytest

from understudy.core.language.collecting import collect
from understudy.core.language.translating import Templates, languages, translated, words
from understudy.core.training.faces import directions

ROOT = Path(__file__).resolve().parents[2]
SHOWN = collect(ROOT)
KNOWN = {"Extract {}": "提取 {}", "{} of {} frames": "第 {0} 帧，共 {1} 帧", "Train a model first": "请先训练模型",
         "There is no model in {}": "{} 中没有模型", "{} faces of {}": "{1} 的 {0} 张面孔",
         "Extract the faces of {} first": "请先提取 {} 的面部", "Carry the sound over": "保留声音",
         "; with {}": "；用于 {}", "How often to play": "播放次数", "frames": "帧",
         "Quick. Not for commercial use": "快。不得商用", "Needs weights": "需要权重", "{} of {} {}": "{} / {} {}",
         "{} of {}": "{} / {}", "{} left": "剩余 {}", "Sort Faces": "排序面部", "{} found": "找到 {} 个",
         "{}. It can only be undone by hand": "{}。只能手动撤销", "files": "文件",
         "{} faces lie elsewhere ({})": "{} 张面孔在别处（{}）", "{} there: {} of A": "{} 处：A 有 {}",
         "{}; look at {}": "{}；见 {}"}


def test_there_are_languages() -> None:
    assert "zh_HANS" in languages()
    assert len(SHOWN) > 1000


@pytest.mark.parametrize("language", languages())
def test_nothing_is_without_its_words(language: str) -> None:
    """`python -m understudy.core.language zh_HANS` prints what has to be added to addon/languages/zh_HANS.json."""
    lacking = {text: place for text, place in SHOWN.items() if text not in words(language)}
    assert not lacking


@pytest.mark.parametrize("language", languages())
def test_words_keep_their_values(language: str) -> None:
    for text, translation in words(language).items():
        count, places = text.count("{}"), re.findall(r"\{(\d*)\}", translation)
        numbered = [int(place) for place in places if place]
        assert translation.strip(), text
        assert not numbered or len(numbered) == len(places), f"{text}: either all values have a number, or none"
        assert all(number < count for number in numbered), text
        assert numbered or len(places) == count, text


@pytest.mark.parametrize(("source", "expected"), [
    ('raise StripError(f"Strip {name!r} is gone", "Undo it")', {"Strip {} is gone", "Undo it"}),
    ('reporter.warning("Few faces" if few else f"{count} faces")', {"Few faces", "{} faces"}),
    ('"""Not shown."""\nx = "not shown either"', set()),
    ('class A:\n    """Do it\n\n    again"""\n    bl_idname = "a.b"\n    bl_label = "Do It"', {"Do it again", "Do It"}),
    ('option("", label="Source", help="What to read. ")', {"Source", "What to read"}),
    ('items = [("a", "First", "The first one")]', {"First", "The first one"}),
    ('layout.label(text=f"{a}: {b}")', set()),
])
def test_what_counts_as_shown(source: str, expected: set[str], tmp_path: Path) -> None:
    (tmp_path / "addon").mkdir()
    (tmp_path / "addon" / "a.py").write_text(textwrap.dedent(source))
    assert set(collect(tmp_path)) == expected


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    from understudy.core.language import translating

    monkeypatch.setattr(translating, "words", lambda language: KNOWN if language == "xx" else {})
    for cached in (translating.translated, translating._templates):
        cached.cache_clear()
    yield
    for cached in (translating.translated, translating._templates):
        cached.cache_clear()


@pytest.mark.parametrize(("text", "expected"), [
    ("Train a model first", "请先训练模型"),
    ("There is no model in /a b/c.d. Train a model first.", "/a b/c.d 中没有模型。请先训练模型。"),
    ("Extract A: 30 of 240 frames", "提取 A: 第 30 帧，共 240 帧"),
    ("12 faces of Anna", "Anna 的 12 张面孔"),
    ("What nobody knows. Train a model first.", "What nobody knows. 请先训练模型。"),
    ("Nothing of it", "Nothing of it"), ("", ""),
    ("Extract the faces of A first.", "请先提取 A 的面部。"),  # not "Extract {}", with a full stop in the value
    ("Carry the sound over; with writer video", "保留声音；用于 writer video"),
    ("How often to play (frames)", "播放次数（帧）"),
    ("Quick. Not for commercial use. Needs weights", "快。不得商用。需要权重"),
    ("31 of 1,200 files", "31 / 1,200 文件"), ("0:22 left", "剩余 0:22"),
    ("a of b", "a of b"), ("Chapter 3 of Ulysses", "Chapter 3 of Ulysses"), ("What is left", "What is left"),
    ("30 found, 2 left", "找到 30 个，剩余 2"), ("30 found, 2 lost", "30 found, 2 lost"),
    ("Sort Faces, A", "排序面部，A"), ("Sort Faces, A: 30 found", "排序面部，A: 找到 30 个"),
    ("Sort Faces. It can only be undone by hand.", "排序面部。只能手动撤销。"),
    ("5 faces lie elsewhere (up there: 3 of A; …); look at B", "5 张面孔在别处（up 处：A 有 3；…）；见 B"),
    ("5 faces lie elsewhere (up there: 3 of A; …)", "5 张面孔在别处（up 处：A 有 3；…）"),
])
def test_sentences_are_found_by_their_templates(text: str, expected: str, known: None) -> None:
    assert translated(text, "xx") == expected
    assert translated(text, "en_GB") == text


def test_what_a_training_says_of_directions_has_its_words() -> None:
    """It is put together of directions and counts; every direction there is has words."""
    rng = np.random.default_rng(0)
    left = re.compile(r"[a-z]{2,}")
    for count, flip in itertools.product((4, 300), (False, True)):
        a = rng.uniform((-80, -50), (80, 50), (400, 2))
        b = np.concatenate((np.zeros((5, 2)), rng.uniform((-20, -10), (80, 50), (count, 2))))
        found = directions.compare(a, b, flip=flip)
        said = f"{found.sentence}; to see it: understudy faces compare /a /b"
        told = translated(said, "zh_HANS")
        assert set(left.findall(told)) <= {"understudy", "faces", "compare"}, told
        for gap in found.gaps:
            assert not left.findall(translated(str(gap), "zh_HANS")), gap
    for yaw, pitch in itertools.product(range(-90, 91, 5), range(-60, 61, 5)):
        assert not left.findall(translated(directions.words(yaw, pitch), "zh_HANS"))


def test_the_longest_template_wins() -> None:
    templates = Templates({"{} is gone": "1", "Strip {} is gone": "2 {}", "{}: {}": "3"})
    assert templates.find("Strip A is gone") == "2 A"
    assert templates.find("model: gone") is None  # too little of it is fixed
