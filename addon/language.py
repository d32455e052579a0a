"""Words in the language that Blender is set to: each is a file of `languages`, from English to that language.

Labels, tooltips and menus Blender translates by itself, once it has been given the words. Sentences with values in
them, which are made where something happens (often in another process), it cannot know: `told` finds the template that
such a sentence was made from.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import bpy

from ..core.language.translating import languages, translated, words
from .timing import timed

# Blender looks up the names of operators in a context of their own. Panels and properties have one of ours, since in
# the common one Blender's words come first: its "Faces" are those of meshes.
CONTEXT = "Understudy"
_CONTEXTS = ["*", "Operator", CONTEXT]
_given = ""  # the language whose words Blender has
_OWNER = object()  # of the subscription to the language in the preferences
_TURN = 0.01  # seconds
_rest: tuple[str, dict[str, str], Iterator[None]] | None = None  # what is still put together, and for which language


def told(text: str) -> str:
    """A sentence in the language of Blender's interface, for labels and reports."""
    language = _spoken()
    return translated(text, language) if text and language else text


def _spoken() -> str:
    """The file for the language that Blender is set to; "" for English and for what there is no file for."""
    if not bpy.context.preferences.view.use_translate_interface:
        return ""
    language = {"zh_CN": "zh_HANS"}.get(bpy.app.translations.locale, bpy.app.translations.locale)
    return language if language and words(language) else ""


def entries(language: str) -> dict[tuple[str, str], str]:
    """What Blender is given for a language: the words, and what our classes say in sentences put together from them."""
    known = dict(words(language))
    for _ in _putting_together(language, known):
        pass
    return _in_contexts(known)


def _putting_together(language: str, known: dict[str, str]) -> Iterator[None]:
    """Add to `known` what our classes say in sentences put together of words; a step for each."""
    for text in shown():
        if text and text not in known:
            known[text] = translated(text, language)
        yield


def _in_contexts(known: dict[str, str]) -> dict[tuple[str, str], str]:
    return {(context, text): translation for text, translation in known.items() if translation != text
            for context in _CONTEXTS}


def shown() -> Iterator[str]:
    """Names and tooltips of our classes and their properties."""
    bases = (bpy.types.Panel, bpy.types.Menu, bpy.types.UIList, bpy.types.Operator, bpy.types.PropertyGroup)
    theirs = {one.identifier for base in bases for one in base.bl_rna.properties}
    for cls in (cls for base in bases for cls in base.__subclasses__() if cls.__name__.startswith("UNDERSTUDY_")):
        if not cls.is_registered:
            continue
        rna = cls.bl_rna
        if issubclass(cls, bpy.types.Operator):  # the class itself is called by its identifier
            group, verb = cls.bl_idname.split(".")
            rna = getattr(getattr(bpy.ops, group), verb).get_rna_type()
            yield from (rna.name, rna.description)
        elif not hasattr(cls, "preset_subdir"):  # Blender calls such a panel by the preset that was chosen last
            yield getattr(cls, "bl_label", "")
        for one in rna.properties:
            if one.identifier not in theirs and not one.is_hidden:
                yield from (one.name, one.description)
                for item in getattr(one, "enum_items_static", ()):
                    yield from (item.name, item.description)


@timed
def _give(*_: Any) -> None:
    """Give Blender the words of its language, and none of the others: most people need none. Only where it is another
    one: new words free the old ones, to which tooltips that are on the screen still point.
    """
    global _rest, _given
    language = _spoken()
    if language == _given:
        return
    _given, _rest = language, None
    if language and not bpy.app.background:
        # Words at once; what is put together of them takes a fifth of a second, and so turns of a timer.
        known = dict(words(language))
        _take(language, _in_contexts(known))
        _rest = language, known, _putting_together(language, known)
        if not bpy.app.timers.is_registered(_go_on):
            bpy.app.timers.register(_go_on, first_interval=0.0, persistent=True)
        return
    _take(language, entries(language) if language else {})


def _take(language: str, given: dict[tuple[str, str], str]) -> None:
    bpy.app.translations.unregister(__package__)
    bpy.app.translations.register(__package__, {language: given} if language else {})


@timed
def _go_on() -> float | None:
    """The timer that puts sentences together, some at a time."""
    global _rest
    if _rest is None:
        return None
    language, known, steps = _rest
    end = time.perf_counter() + _TURN
    for _ in steps:
        if time.perf_counter() > end:
            return 0.0
    _rest = None
    _take(language, _in_contexts(known))
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            area.tag_redraw()
    return None


@bpy.app.handlers.persistent
@timed
def _listen(*_: Any) -> None:
    """Hear of a change of language; a file that is opened ends all such subscriptions."""
    bpy.msgbus.clear_by_owner(_OWNER)
    for setting in ("language", "use_translate_interface"):
        bpy.msgbus.subscribe_rna(key=(bpy.types.PreferencesView, setting), owner=_OWNER, args=(), notify=_give)


def register() -> None:
    global _given
    bpy.app.translations.register(__package__, {})
    _given = ""
    _give()
    _listen()
    bpy.app.handlers.load_post.append(_listen)


def unregister() -> None:
    bpy.app.handlers.load_post.remove(_listen)
    if bpy.app.timers.is_registered(_go_on):
        bpy.app.timers.unregister(_go_on)
    bpy.msgbus.clear_by_owner(_OWNER)
    bpy.app.translations.unregister(__package__)


__all__ = ["CONTEXT", "entries", "languages", "shown", "told"]
