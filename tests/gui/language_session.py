"""Runs inside Blender's window: the sidebar in 简体中文, with pictures of it, and what is still said in English."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from acting import (
    CLIPS,
    HOME,
    PACKAGE,
    PYTHON,
    board,
    can,
    maximised,
    module,
    new_shot,
    operator,
    play,
    reopened,
    report,
    the_scene,
    wait_for,
)

translations = bpy.app.translations


def ours():
    """Our panels and operators, as (class, identifier)."""
    for name in dir(bpy.types):
        if name.startswith("UNDERSTUDY_"):
            cls = getattr(bpy.types, name)
            if issubclass(cls, (bpy.types.Panel, bpy.types.Operator)) and "bl_label" in dir(cls):
                yield name, cls


def untranslated():
    """Labels of our panels and operators that Blender shows as they are."""
    left = []
    for name, cls in ours():
        context = "Operator" if issubclass(cls, bpy.types.Operator) else getattr(cls, "bl_translation_context", "*")
        label = cls.bl_label
        if label and label != "Understudy" and translations.pgettext_iface(label, context) == label:
            left.append(f"{name}: {label}")
    return left


def shown(name, *panels):
    """Yields: a picture of the sidebar with these panels open, drawn anew from the saved file."""
    yield from reopened(*panels)
    yield from wait_for(lambda: can("extract") and board().environment is not None, 60)
    yield 1.0
    yield from maximised(name)


def story():
    view = bpy.context.preferences.view
    known = [item.identifier for item in view.bl_rna.properties["language"].enum_items]
    report["chinese"] = "zh_HANS" in known or "zh_HANS" in translations.locales
    if not report["chinese"]:
        return
    yield from new_shot(frames=10)
    report["english"] = translations.pgettext_iface("Extract")
    bpy.context.preferences.addons[PACKAGE].preferences.python = PYTHON
    bpy.ops.wm.save_as_mainfile(filepath=str(HOME / "language.blend"))
    data = the_scene().understudy.active
    data.strip_a, data.strip_b = (clip.stem for clip in CLIPS)
    data.extract.detection_size = 480
    view.language = "zh_HANS"  # as a person would, with a file open
    view.use_translate_interface = view.use_translate_tooltips = view.use_translate_reports = True
    yield 1.0
    end = time.monotonic() + 20.0  # sentences put together of words follow in turns of a timer
    while untranslated() and time.monotonic() < end:
        yield 0.2
    report["locale"] = translations.locale
    report["panel"] = translations.pgettext_iface("Extract", "Understudy")
    report["button"] = translations.pgettext_iface("Extract", "Operator")
    tooltip = bpy.ops.understudy.extract.get_rna_type().description
    report["tooltip"] = [tooltip, translations.pgettext_tip(tooltip)]
    report["told"] = module("addon.language").told("Extract the faces of both strips")
    report["untranslated"] = untranslated()
    yield from shown("zh", "shot", "extract", "extract_advanced", "tools")
    yield from shown("zh_train", "train", "train_watch", "train_sessions", "convert", "live", "look_over")
    operator("understudy.consent")
    yield from wait_for(lambda: board().consent, 10)
    operator("understudy.extract", strip="A")
    yield from wait_for(lambda: any(v.status == "finished" for v in board().jobs), 180)
    yield from shown("zh_faces", "faces", "landmarks", "landmarks_overlay", "persons", "masks", "jobs", "cleanup")
    report["kept"] = translations.pgettext_iface("Extract", "Understudy")  # after all those files
    view.language = "en_US"
    yield 0.7
    report["back"] = translations.pgettext_iface("Extract")


play(story())
