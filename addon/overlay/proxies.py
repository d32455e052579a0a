"""Proxies in the sequencer's preview: which file Blender shows, and where its pictures lie over the footage's.

Blender's own proxies are a little narrower than the footage (see `core.media.proxies`): the core measures each once, by
way of the service, as soon as the preview shows it. Until then, and where it cannot be measured, they are taken to be
scaled exactly.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from .. import service, shot, watch
from .geometry import Rendering

_FACTORS = {"PROXY_25": 0.25, "PROXY_50": 0.5, "PROXY_75": 0.75, "PROXY_100": 1.0, "FULL": 1.0}
_PATIENCE = 3.0  # seconds after which a proxy that was not there is looked for again
_KEPT = 64


@dataclass(frozen=True, eq=False)
class Fit:
    """What is known of a proxy.

    Attributes:
        size: of its pictures, in pixels.
        registration: see `Rendering`; None where it could not be measured.
    """

    size: tuple[int, int]
    registration: np.ndarray | None


@dataclass
class _Look:
    """How far it is with a proxy: looked for, there, asked about, measured."""

    until: float  # when it is looked for again
    there: bool = False
    asked: bool = False
    fit: Fit | None = None


_looks: dict[str, _Look] = {}  # by the proxy's file, or by the folder of its pictures


# --- drawing asks this ----------------------------------------------------------------------------------------------


def rendering(space: Any, strip: Any, size: tuple[float, float]) -> Rendering:
    """What the preview of a space is made of, for a strip whose source has this size."""
    render, shown = strip.id_data.render, space.proxy_render_size
    factor = _FACTORS.get(shown, render.resolution_percentage / 100)
    full = (render.resolution_x, render.resolution_y)
    made = (max(1, int(full[0] * factor + 0.5)), max(1, int(full[1] * factor + 0.5)))
    look = _looks.get(_place(space, strip)) if _wants_proxy(space, strip) else None
    if look is None or look.fit is None:
        return Rendering(made, full, factor, (int(size[0]), int(size[1])))
    return Rendering(made, full, factor, look.fit.size, True, look.fit.registration)


# --- the timer keeps it up to date ----------------------------------------------------------------------------------


def look(space: Any, strip: Any, source: Path, frame: int) -> None:
    """Have the proxy measured that a space shows of a strip, if it shows one that is not known yet.

    Args:
        source, frame: the footage, and which of its frames the strip shows now.
    """
    if bpy.app.background or not _wants_proxy(space, strip):
        return
    place, now = _place(space, strip), time.monotonic()
    known = _looks.get(place)
    if known is None or (not known.there and now > known.until):
        known = _looks[place] = _Look(now + _PATIENCE)
        for old in list(_looks)[:-_KEPT]:
            del _looks[old]
        watch.keeper.later(lambda: _find(place, known))
    if known.there and not known.asked:
        known.asked = True
        service.ask("proxy", lambda asked: _measured(known, asked), path=str(source), frame=frame, proxy=place)


def forget() -> None:
    """Another .blend is open."""
    _looks.clear()


def _find(place: str, known: _Look) -> None:
    """Whether the proxy is there; the keeper's thread looks."""
    known.there = Path(place).exists()


def _measured(known: _Look, asked: service.Asked) -> None:
    if not asked.result:  # no core, or a file that cannot be read: drawn as if it were exact
        return
    matrix, flip = np.array(asked.result["matrix"], np.float64), np.diag((1.0, -1.0, 1.0))
    flip[1, 2] = 1.0  # y counts down in pictures, and up in the sequencer
    registration = (flip @ np.vstack([matrix, (0, 0, 1)]) @ flip)[:2] if matrix.size else None
    width, height = asked.result["size"]
    known.fit = Fit((width, height), registration)
    watch.redraw()


# --- which file -----------------------------------------------------------------------------------------------------


def _wants_proxy(space: Any, strip: Any) -> bool:
    """Whether the space shows the strip's proxy, should there be one."""
    shown = space.proxy_render_size
    return bool(shown.startswith("PROXY_") and space.use_proxies and strip.use_proxy and strip.proxy is not None
                and getattr(strip.proxy, f"build_{shown[6:]}"))


def _place(space: Any, strip: Any) -> str:
    """The proxy's film, or the folder of its pictures."""
    proxy, editor, percent = strip.proxy, strip.id_data.sequence_editor, space.proxy_render_size[6:]
    project = editor.proxy_storage == "PROJECT"
    if proxy.use_proxy_custom_file and not project:
        return bpy.path.abspath(proxy.filepath)
    film = strip.type == "MOVIE"
    if project:
        base = editor.proxy_dir or "//BL_proxy"
    elif proxy.use_proxy_custom_directory:
        base = proxy.directory
    else:
        source = shot.source_path(strip)
        base = str((source.parent if film else source) / "BL_proxy")
    folder = bpy.path.abspath(base)
    if film:
        return str(Path(folder) / Path(strip.filepath).name / f"proxy_{percent}.avi")
    return str(Path(folder) / "images" / percent)
