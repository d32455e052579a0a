"""What Blender is given to speak another language; the module itself has none, so the window's ring looks at them."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import bpy


def test_blender_gets_the_words_of_everything_it_shows(extension: Any) -> None:
    entries = extension("addon.language").entries("zh_HANS")
    known = extension("core.language.translating").words("zh_HANS")
    for context in ("*", "Operator"):
        assert entries[context, "Convert"] == known["Convert"] == "转换"
    lacking = set()
    for name in [name for name in dir(bpy.types) if name.startswith("UNDERSTUDY_OT_")]:
        group, verb = getattr(bpy.types, name).bl_idname.split(".")
        rna = getattr(getattr(bpy.ops, group), verb).get_rna_type()
        lacking |= {text for text in (rna.name, rna.description) if text and ("*", text) not in entries}
    assert not {text for text in lacking if any(letter.islower() for letter in text)} - {"Understudy"}


def test_everything_that_classes_show_has_its_words(extension: Any) -> None:
    """But for names of products, formats and presets, and of properties that no panel shows."""
    language, translating = extension("addon.language"), extension("core.language.translating")
    known = translating.words("zh_HANS")
    lacking = {text for text in language.shown() if text and text not in known
               and translating.translated(text, "zh_HANS") == text}
    assert len(list(language.shown())) > 1000
    lacking = {text for text in lacking if " " in text and not text.startswith(("CUDA ", "dlib "))}
    assert not lacking
    assert ("Understudy", "Faces") in language.entries("zh_HANS")  # Blender's own is of meshes


def test_names_of_presets_are_a_persons_own(extension: Any, monkeypatch: Any) -> None:
    """Blender calls the panel of presets by the one that was chosen last."""
    monkeypatch.setattr(bpy.types.UNDERSTUDY_PT_train_presets, "bl_label", "Night shoot of the faces")
    assert "Night shoot of the faces" not in set(extension("addon.language").shown())
    assert ("*", "Train Presets") in extension("addon.language").entries("zh_HANS")


def test_tooltips_that_are_put_together_are_translated(extension: Any) -> None:
    """A sentence, and after it what cannot be undone."""
    entries = extension("addon.language").entries("zh_HANS")
    text = bpy.ops.understudy.jobs_clear.get_rna_type().description
    assert ". " in text
    assert entries["*", text] != text
    assert any("一" <= letter <= "鿿" for letter in entries["*", text])


def test_without_the_language_everything_stays_english(extension: Any) -> None:
    assert extension("addon.language").told("Train a model first") == "Train a model first"


def test_a_sentence_is_broken_between_chinese_words(extension: Any) -> None:
    lines = extension("addon.text").lines("请先提取：A 的面部还不足 25 张。然后训练模型", 80, 11)
    assert len(lines) > 2
    assert "".join("".join(lines).split()) == "请先提取：A的面部还不足25张。然后训练模型"
    assert not any(line[0] in "，。：；" for line in lines)


def test_in_a_window_the_words_come_at_once_and_the_rest_in_turns(extension: Any, monkeypatch: Any,
                                                                  lines: Callable[..., int], at_once: int) -> None:
    language = extension("addon.language")
    given: list[dict] = []
    timers: list[Any] = []
    app = SimpleNamespace(
        background=False, translations=SimpleNamespace(
            unregister=lambda name: None, register=lambda name, words: given.append(words)),
        timers=SimpleNamespace(is_registered=lambda one: bool(timers), register=lambda one, **_: timers.append(one)))
    monkeypatch.setattr(language, "bpy", SimpleNamespace(app=app, types=bpy.types, ops=bpy.ops, context=bpy.context))
    monkeypatch.setattr(language, "_spoken", lambda: "zh_HANS")
    language._give()
    (first,) = given
    assert first["zh_HANS"]["*", "Convert"] == "转换"
    (turn,) = timers
    answers: list[float | None] = []
    longest = 0
    while answers[-1:] != [None]:
        longest = max(longest, lines(lambda: answers.append(turn())))
    assert longest < at_once
    monkeypatch.undo()
    assert given[-1] == {"zh_HANS": language.entries("zh_HANS")}
    assert len(given) == 2
