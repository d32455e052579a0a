"""The task `mask bake`: masks drawn in Blender, as they move, become stored masks of the faces that they are about.

Blender draws them in the background (`addon/mask_scene.py`) as one grey picture for each mask and frame.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np

from ..blender_process import HOW, LOG, find_blender, last_line, run_script
from ..errors import Stopped, UnderstudyError, UsageError, writing
from ..jobs.messages import Reporter
from ..options.mask import MaskBakeOptions
from ..options.maskers import BLENDER_ADD, BLENDER_SUBTRACT
from .importing import placed, read_mask
from .places import ClipPlace, open_place
from .subject import Entry, Subject

SCRIPT = Path(__file__).resolve().parents[2] / "addon" / "mask_scene.py"
KINDS = {"ADD": BLENDER_ADD, "SUBTRACT": BLENDER_SUBTRACT}
_CENTERING = "head"  # the widest: every other crop can be cut from it
_GROUP = 32  # faces written in a transaction


@dataclass(frozen=True)
class Drawn:
    """One of Blender's masks.

    Attributes:
        name: Blender's.
        kind: how it is stored.
        person: whom it is about; "" everybody.
        pictures: source frame -> grey picture of the frame's size.
    """

    name: str
    kind: str
    person: str
    pictures: dict[int, Path]


def run(options: MaskBakeOptions, reporter: Reporter) -> dict[str, Any]:
    """Let Blender draw the masks, then store them; what an earlier bake stored and no mask covers any more is cleared.

    Returns:
        source, faces (chosen), masks (of Blender's), stored (by kind), cleared, backup (path, or "").

    Raises:
        UsageError: no Blender, no .blend, or it holds no mask for this source.
        SourceError, AlignmentsError, FacesError: before anything is stored.
        UnderstudyError: Blender failed.
        Stopped: the person asked to; running again begins anew.
    """
    blend = Path(options.blend).expanduser().absolute()
    if not options.blend.strip() or not blend.is_file():
        raise UsageError(f"There is no .blend at {options.blend or 'the place given'}", "Name one with --blend")
    program = find_blender(options.blender_python)
    if program is None:
        raise UsageError("There is no Blender here", HOW)
    with open_place(options) as place:
        if not isinstance(place, ClipPlace):
            raise UsageError(f"{place.title} is a faces folder", "Masks are drawn on clips: name the clip")
        with writing(place.store.path.parent):
            folder = Path(mkdtemp(prefix=".understudy_masks_", dir=place.store.path.parent))
        try:
            drawn = _draw(place, blend, program, Path(options.script or SCRIPT), folder, reporter)
            return {"source": place.title, "faces": len(place.entries), "masks": len(drawn),
                    **_store(place, drawn, options, reporter)}
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _draw(place: ClipPlace, blend: Path, program: list[str], script: Path, folder: Path,
          reporter: Reporter) -> list[Drawn]:
    frames = sorted({entry.frame for entry in place.entries})
    spec = {"blend": str(blend), "source": str(place.source.path), "size": list(place.source.size), "frames": frames,
            "output": str(folder)}
    failed = run_script(program, script, spec, folder, reporter)
    told = folder / "masks.json"
    if failed or not told.is_file():
        kept = place.store.path.with_name(f"{place.store.path.stem}_{LOG}")
        shutil.copyfile(folder / LOG, kept)
        raise UnderstudyError(f"Blender could not draw the masks ({last_line(folder / LOG)})", f"See {kept}")
    drawn = [Drawn(one["name"], KINDS[one["mode"]], one["person"],
                   {int(frame): folder / name for frame, name in one["pictures"].items()})
             for one in json.loads(told.read_text(encoding="utf-8"))]
    if not drawn and not any(place.having(kind) for kind in KINDS.values()):
        raise UsageError(f"{blend.name} has no mask for {place.source.path.name}",
                         "Make one with New Add Mask or New Subtract Mask in the Clip Editor")
    known = {name.casefold() for name in place.store.people().values()}
    for one in drawn:
        if one.person and one.person.casefold() not in known:
            reporter.warning(f"Mask {one.name} is about {one.person}, whom nobody in {place.store.path.name} is called")
    return drawn


def _store(place: ClipPlace, drawn: list[Drawn], options: MaskBakeOptions, reporter: Reporter) -> dict[str, Any]:
    todo = _todo(place, drawn)
    backup, stored, cleared = "", dict.fromkeys(KINDS.values(), 0), 0
    if any(place.having(kind) for kind in KINDS.values()):
        backup = str(place.backup())
    total = sum(map(len, todo.values()))
    if reporter.progress(0, total, "masks", "Storing masks"):
        raise Stopped
    waiting = []
    with closing(_combined(place, todo)) as masks:
        for done, (entry, kind, mask, is_covered) in enumerate(masks, 1):
            subject = _subject(entry, place.source.size)
            waiting.append((entry, replace(placed(mask, subject, _CENTERING, options.mask_size, place.source.path),
                                           kind=kind)))
            stored[kind] += is_covered
            cleared += not is_covered
            stopping = reporter.progress(done, total, "masks", "Storing masks")
            if stopping or len(waiting) >= _GROUP or done == total:
                place.write(waiting)
                waiting = []
            if stopping and done < total:
                raise Stopped
    return {"stored": stored, "cleared": cleared, "backup": backup}


def _todo(place: ClipPlace, drawn: list[Drawn]) -> dict[Entry, dict[str, list[Drawn]]]:
    """For each face its kinds, and the masks that make them; no masks where an earlier bake's is to be cleared."""
    names = place.store.people()
    before = {kind: place.having(kind) for kind in KINDS.values()}
    todo: dict[Entry, dict[str, list[Drawn]]] = {}
    for entry in place.entries:
        person = names.get(entry.person, "").casefold() if entry.person is not None else ""
        kinds: dict[str, list[Drawn]] = {kind: [] for kind, known in before.items() if entry.name in known}
        for one in drawn:
            if entry.frame in one.pictures and one.person.casefold() in ("", person):
                kinds.setdefault(one.kind, []).append(one)
        if kinds:
            todo[entry] = kinds
    return todo


def _combined(place: ClipPlace,
              todo: dict[Entry, dict[str, list[Drawn]]]) -> Generator[tuple[Entry, str, np.ndarray, bool], None, None]:
    """(face, kind, mask over its frame, whether any of Blender's masks covers the frame)."""
    width, height = place.source.size
    for entry, kinds in todo.items():
        for kind, masks in kinds.items():
            whole = np.zeros((height, width), np.uint8)
            for one in masks:
                np.maximum(whole, read_mask(one.pictures[entry.frame]), out=whole)
            yield entry, kind, whole, bool(masks)


def _subject(entry: Entry, size: tuple[int, int]) -> Subject:
    """A face in a frame whose pixels nobody looks at."""
    return Subject(entry, np.broadcast_to(np.uint8(0), (size[1], size[0], 3)), size)
