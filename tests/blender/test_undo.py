"""Every operator has Blender's undo, or says beforehand that it cannot be undone; and all are documented."""

from __future__ import annotations

import sys
from typing import Any

import bpy
import pytest

BASE = "operators.base"


@pytest.fixture
def operators(extension: Any, installed: str) -> list[type]:
    """All operator classes that the extension has registered."""
    found = {value for name, module in list(sys.modules.items()) if name.startswith(installed)
             for value in vars(module).values()
             if isinstance(value, type) and issubclass(value, bpy.types.Operator) and value.is_registered
             and value.__name__.startswith("UNDERSTUDY_OT_")}
    for module in [module for name, module in sys.modules.items() if name.startswith(f"{installed}.operators.")]:
        found |= {cls for cls in getattr(module, "CLASSES", ()) if issubclass(cls, bpy.types.Operator)}
    assert len(found) > 40
    return sorted(found, key=lambda cls: cls.__name__)


def rna_of(cls: Any) -> Any:
    group, _, name = cls.bl_idname.partition(".")
    return getattr(getattr(bpy.ops, group), name).get_rna_type()


def test_each_is_undone_or_says_that_it_cannot_be(extension: Any, operators: list[type]) -> None:
    base = extension(BASE)
    silent = []
    for cls in operators:
        undo = getattr(cls, "undo", "")
        if "UNDO" in cls.bl_options or undo in (base.NOTHING, base.TAKEN_BACK):
            continue
        description = rna_of(cls).description
        if not undo or undo not in description:
            silent.append(f"{cls.__name__}: {undo!r} is not the end of {description!r}")
    assert not silent, "\n".join(silent)


def test_what_asks_shows_the_sentence(extension: Any, operators: list[type]) -> None:
    """Before it acts, in the dialogue."""
    for cls in operators:
        if getattr(cls, "asks", False):
            assert cls.undo not in ("", extension(BASE).NOTHING, extension(BASE).TAKEN_BACK), cls.__name__


def test_a_dialogue_is_shown_before_it_acts(extension: Any) -> None:
    asked: list[dict[str, Any]] = []

    class Manager:
        def invoke_confirm(self, operator: Any, event: Any, **words: Any) -> set[str]:
            asked.append(words)
            return {"RUNNING_MODAL"}

    class Deletes(extension(BASE).Operator):
        bl_label, undo, asks = "Delete", "Deleted files cannot be brought back", True

        def run(self, context: Any) -> None:
            raise AssertionError("it acted")

    base = sys.modules[extension(BASE).__name__]
    background = type("app", (), {"background": False})
    real, base.bpy = base.bpy, type("bpy", (), {"app": background})
    try:
        context = type("context", (), {"window_manager": Manager()})
        assert Deletes().invoke(context, None) == {"RUNNING_MODAL"}
    finally:
        base.bpy = real
    assert asked[0]["message"] == "Deleted files cannot be brought back"


def test_each_has_a_sentence_and_so_has_each_of_its_properties(operators: list[type]) -> None:
    """For scripts: what an operator's properties mean is documented where Blender shows it."""
    lacking = []
    for cls in operators:
        rna = rna_of(cls)
        if len(rna.description) <= 10 or rna.description.endswith("."):
            lacking.append(f"{cls.__name__}: {rna.description!r}")
        hidden = {"rna_type", "filter_glob", "check_existing"}
        lacking += [f"{cls.__name__}.{one.identifier}" for one in rna.properties
                    if one.identifier not in hidden and not one.is_hidden and not one.description]
    assert not lacking, "\n".join(lacking)
