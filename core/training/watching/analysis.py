"""The tasks that look back on a training: `models graph` and `models sessions`."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ModelError, UsageError
from ...jobs.messages import Reporter
from ...media.images import write_file, write_png
from ...media.ranges import parse_frames
from ...models.state import HISTORY_NAME, read_state
from ...options.analysis import GraphOptions, SessionsOptions
from . import graphs, history, sessions
from .graphs import Curve, Graph
from .history import History

_NOTHING = 5e-4  # a change that would read 0.0 %
GRAPH_NAME, TABLE_NAME = "graph.png", "sessions.png"


def graph(options: GraphOptions, reporter: Reporter) -> dict[str, Any]:
    """Draw a graph.

    Returns:
        file (the picture), csv (the file of figures, if one was asked for), iterations (how many are drawn), text.

    Raises:
        ModelError: no model there, or nothing was written down that could be drawn.
        UsageError: sessions or outputs that the model does not have, or an empty range.
        OutputError: a file cannot be written.
    """
    model_dir = Path(options.model_dir).expanduser()
    read_state(model_dir)
    found = history.read(model_dir)
    if not any(len(session.values) for session in found):
        raise ModelError(f"No losses are kept in {model_dir / HISTORY_NAME}",
                         "They are written while the model trains: train it for a while first")
    wanted = _graph(options, found)
    curves = graphs.curves(found, wanted)
    if not curves:
        first, last = found[0].first + 1, found[-1].last
        raise UsageError("Fewer than two iterations are in the range to be drawn",
                         f"Choose from iterations {first:,} to {last:,}")
    picture = Path(options.output).expanduser() if options.output else model_dir / GRAPH_NAME
    write_png(picture, graphs.draw(curves, found, wanted))
    result = {"file": str(picture), "iterations": len(curves[0].iterations), "text": _in_words(curves)}
    if options.csv:
        write_file(Path(options.csv).expanduser(), _as_csv(curves))
        result["csv"] = str(Path(options.csv).expanduser())
    reporter.preview(picture)
    return result


def _graph(options: GraphOptions, found: Sequence[History]) -> Graph:
    known = graphs.outputs_of(found)
    unknown = [name for name in options.outputs if name not in (*known, "all")]
    if unknown:
        raise UsageError(f"The model has no loss called {', '.join(unknown)}", f"It has {', '.join(known)}")
    return Graph(of="rate" if options.of == "rate" else "loss",
                 outputs=("all",) if "all" in options.outputs else options.outputs,
                 sides=graphs.SIDES if options.side == "both" else (options.side,),
                 sessions=_sessions(options.sessions, found), first=options.first, last=options.last,
                 recent=options.recent, raw=options.raw, smoothed=options.smoothed, rolling=options.rolling,
                 trend=options.trend, smoothing=options.smoothing, window=options.window, flatten=options.flatten,
                 logarithmic=options.logarithmic, size=(options.width, options.height))


def _sessions(text: str, found: Sequence[History]) -> tuple[int, ...]:
    """The numbers that "1-3,5" names; () for all."""
    if not text.strip():
        return ()
    known = [session.session for session in found]
    try:
        numbers = parse_frames(text, max(known) + 1)
        if not set(numbers) <= set(known):
            raise UsageError("not all are there")
    except UsageError:
        raise UsageError(f"There are no sessions {text!r}", f"Choose from {', '.join(map(str, known))}") from None
    return tuple(numbers)


def _in_words(curves: Sequence[Curve]) -> str:
    """What each curve came to, and what became of it over the range."""
    lines = []
    for curve in curves:
        tenth = max(1, len(curve.values) // 10)
        begin, end = curve.values[:tenth], curve.values[-tenth:]
        before, now = (float(curve.shown(part.mean(keepdims=True))[0]) for part in (begin, end))
        scatter = np.sqrt((begin.var() + end.var()) / tenth) / max(abs(begin.mean()), 1e-12)
        change = now / before - 1 if before else 0.0
        said = f"{'rose' if change > 0 else 'fell'} by {abs(change):.1%}"
        if abs(change) < max(2 * scatter, _NOTHING):
            said = "did not change by more than its scatter"
        name = f"Loss {curve.label}" if len(curve.label) == 1 else curve.label
        over = f"over the last {tenth:,} iterations" if tenth > 1 else "in the last iteration"
        lines.append(f"{name}: {now:.4g} {over}; in all {len(curve.values):,} it {said}")
    return "\n".join(lines)


def _as_csv(curves: Sequence[Curve]) -> bytes:
    """A line per iteration: its number and the figure of each curve."""
    columns = np.column_stack([curve.shown(curve.values) for curve in curves])
    file = io.StringIO()
    file.write(",".join(("iteration", *(curve.name for curve in curves))) + "\n")
    for iteration, values in zip(curves[0].iterations.tolist(), columns.tolist(), strict=True):
        file.write(f"{iteration}," + ",".join(f"{value:.6g}" for value in values) + "\n")
    return file.getvalue().encode()


def list_sessions(options: SessionsOptions, reporter: Reporter) -> dict[str, Any]:
    """Make the table of sessions.

    Returns:
        file (the picture), csv (if one was asked for), sessions and iterations (how many), rate (EG/s of all), text.

    Raises:
        ModelError: no model there.
        OutputError: a file cannot be written.
    """
    model_dir = Path(options.model_dir).expanduser()
    table = sessions.rows(read_state(model_dir).sessions)
    picture = Path(options.output).expanduser() if options.output else model_dir / TABLE_NAME
    write_png(picture, sessions.as_picture(table, model_dir.absolute().name))
    everything = sessions.total(table)
    result = {"file": str(picture), "sessions": len(table), "iterations": everything.iterations,
              "rate": round(everything.rate, 1), "text": sessions.as_text(table)}
    if options.csv:
        write_file(Path(options.csv).expanduser(), sessions.as_csv(table).encode())
        result["csv"] = str(Path(options.csv).expanduser())
    reporter.preview(picture)
    return result
