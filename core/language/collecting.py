"""Finding, in our own source, the words that Blender shows: labels, tooltips, reports, errors.

A sentence with values in it is a template, `Extract {}: {} of {} frames`, as the f-string that makes it has them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

# Everything that reads like words is shown by these; of the rest of the core only what is said to a person.
_SHOWING = ("addon", "operators", "panels", "core/options", "core/jobs/tasks.py", "core/jobs/progress.py",
            "core/consent.py", "core/weights/rows.py", "core/training/faces/checks.py",
            "core/training/faces/directions.py", "core/training/watching/watcher.py",
            "core/training/watching/flattening.py")
_NOT_SHOWN = ("core/options/field.py", "core/options/arguments.py", "core/options/toml.py", "core/options/reference.py",
              "addon/printer.py", "addon/demo_scene.py")
_SAID = {"warning", "progress", "report", "say", "refused", "poll_message_set", "tell", "tells", "told"}
_LABELS = {"name", "label", "description", "text", "help", "title", "message", "confirm_text", "group", "placeholder"}
_NAMED = {"bl_label", "bl_description", "undo"}
_WORDS = re.compile(r"^(?!PRAGMA |SELECT |UPDATE |INSERT |CREATE |DELETE FROM )[\"'(]?[A-Z0-9{].*[a-z]", re.DOTALL)


def collect(root: Path) -> dict[str, str]:
    """The templates of all words that Blender shows, each with the first place where it stands ("addon/shot.py:12").

    Args:
        root: the package's folder.
    """
    found: dict[str, str] = {}
    for path in sorted(root.rglob("*.py")):
        place = path.relative_to(root).as_posix()
        if place.partition("/")[0] not in ("addon", "operators", "panels", "core") or place in _NOT_SHOWN:
            continue
        shows = place.startswith(_SHOWING)
        tree = ast.parse(path.read_text("utf-8"))
        for node, template in _templates(tree, shows):
            found.setdefault(template, f"{place}:{node.lineno}")
    return found


def _templates(tree: ast.Module, shows: bool) -> Iterator[tuple[ast.expr, str]]:
    silent = _docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(_assigns(line, "bl_idname") for line in node.body):
            text = ast.get_docstring(node)
            if text:
                yield node.body[0].value, " ".join(text.split())  # type: ignore[attr-defined]
        elif isinstance(node, ast.Assign) and any(_is_named(target) for target in node.targets):
            yield from _said(node.value)
        elif isinstance(node, ast.Call):
            yield from _of_call(node)
        elif shows and isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in silent:
            yield from ((found, text) for found, text in _said(node) if " " in text)
        elif shows and isinstance(node, ast.Tuple) and 3 <= len(node.elts) <= 5:  # items of an enum
            for item in node.elts[1:3]:
                yield from _said(item)


def _of_call(node: ast.Call) -> Iterator[tuple[ast.expr, str]]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name in _SAID or name.rstrip("_").endswith("Error"):
        for argument in node.args:
            yield from _said(argument)
    if name == "progress":  # and what is counted
        yield from ((unit, unit.value) for unit in node.args[2:3]
                    if isinstance(unit, ast.Constant) and isinstance(unit.value, str))
    if name == "Row":
        for argument in node.args[1:3]:
            yield from _said(argument)
    if name in ("EnvironmentState", "replace"):  # the preferences show what an environment's state says
        for keyword in node.keywords:
            if keyword.arg == "message":
                yield from _said(keyword.value)
    if name in ("option", "Row", "Task", "label", "operator", "prop", "panel", "menu") or name.endswith("Property"):
        for keyword in node.keywords:
            if keyword.arg in _LABELS:
                yield from _said(keyword.value)


def _said(node: ast.expr) -> Iterator[tuple[ast.expr, str]]:
    """The templates in an expression: both sides of a choice, the parts of a sum."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        texts = [node.value]
    elif isinstance(node, ast.JoinedStr):
        texts = ["".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)]
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                yield from ((found, text) for found, text in _said(part.value) if " " in text)
    elif isinstance(node, ast.IfExp):
        yield from _said(node.body)
        yield from _said(node.orelse)
        return
    elif isinstance(node, ast.BinOp):
        yield from _said(node.left)
        yield from _said(node.right)
        return
    else:
        return
    for text in texts:
        clean = text.strip().rstrip(". ") if " " in text else text.strip()
        if _WORDS.search(clean) and re.search(r"[A-Za-z]{2}", clean.replace("{}", "")):
            yield node, clean


def _docstrings(tree: ast.Module) -> set[int]:
    """The nodes that are documentation, with all parts of f-strings, which count as a whole."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            found.update(id(part) for part in node.values)
    return found


def _assigns(line: ast.stmt, name: str) -> bool:
    return isinstance(line, ast.Assign) and any(getattr(target, "id", "") == name for target in line.targets)


def _is_named(target: ast.expr) -> bool:
    return getattr(target, "id", "") in _NAMED
