"""Graphs, the table of sessions and the tasks that make them: right figures, readable pictures, clear refusals."""

from __future__ import annotations

import csv
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from understudy.core.errors import ModelError, OutputError, UsageError
from understudy.core.jobs.messages import SilentReporter
from understudy.core.media.images import read_image
from understudy.core.models.state import ModelState, Settings
from understudy.core.options.analysis import GraphOptions, SessionsOptions
from understudy.core.training.watching import analysis, graphs, history, series, sessions
from understudy.core.training.watching.graphs import Graph
from understudy.core.training.watching.history import History

COLORS = {"a": (0xF5, 0xA1, 0x42), "b": (0x56, 0xA8, 0xF5), "rate": (0x8F, 0xD1, 0x4F)}


def session(count: int, number: int = 1, first: int = 0, batch: int = 4, parts: bool = False) -> History:
    """Losses 1000 / iteration (A) and half of it (B); each iteration takes 0.1 s in the first half, then 0.2 s."""
    loss = 1000 / np.arange(first + 1, first + count + 1)
    columns, values = ["loss_a", "loss_b"], [loss, loss / 2]
    if parts:
        columns, values = [*columns, "mask_a", "mask_b"], [*values, loss / 10, loss / 20]
    seconds = np.where(np.arange(count) < count // 2, 0.1, 0.2)
    return History(number, first, batch, (*columns, "seconds"), np.stack([*values, seconds], 1).astype("<f4"))


def has(picture: np.ndarray, color: tuple[int, int, int]) -> int:
    return int((np.abs(picture.astype(int) - color).max(axis=2) < 12).sum())


# --- which figures ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("graph", "first", "last"), [
    (Graph(), 1, 50), (Graph(recent=5), 46, 50), (Graph(first=10, last=20), 10, 20), (Graph(last=20, recent=3), 18, 20),
    (Graph(sessions=(2,)), 31, 50), (Graph(sessions=(1,), first=29), 29, 30),
])
def test_the_range(graph: Graph, first: int, last: int) -> None:
    a, b = graphs.curves([session(30), session(20, 2, first=30)], graph)
    assert a.iterations.tolist() == b.iterations.tolist() == list(range(first, last + 1))
    np.testing.assert_allclose(a.values, 1000 / a.iterations, rtol=1e-6)
    np.testing.assert_allclose(b.values, 500 / b.iterations, rtol=1e-6)


NOTHING = (Graph(first=51), Graph(sessions=(9,)), Graph(first=7, last=7), Graph(outputs=("x",)))


@pytest.mark.parametrize("graph", NOTHING)
def test_nothing_in_the_range(graph: Graph) -> None:
    assert graphs.curves([session(30), session(20, 2, first=30)], graph) == []
    assert graphs.curves([], graph) == []


@pytest.mark.parametrize(("graph", "names"), [
    (Graph(), ["loss_a", "loss_b"]), (Graph(sides=("b",)), ["loss_b"]), (Graph(of="rate"), ["rate"]),
    (Graph(outputs=("mask",)), ["mask_a", "mask_b"]),
    (Graph(outputs=("all",)), ["loss_a", "loss_b", "mask_a", "mask_b"]),
])
def test_the_outputs(graph: Graph, names: list[str]) -> None:
    found = graphs.curves([session(30, parts=True)], graph)
    assert graphs._worded("face_64") == graphs._worded("face64") == "Face 64 px"
    assert [curve.name for curve in found] == names
    assert len({curve.color for curve in found}) == len(found)


def test_the_rate_is_faces_of_both_sides_per_second() -> None:
    """Its mean over iterations of unequal length is that of all faces in all the time, not the mean of their rates."""
    (rate,) = graphs.curves([session(10)], Graph(of="rate"))
    np.testing.assert_allclose(rate.shown(rate.values), [80] * 5 + [40] * 5, rtol=1e-6)
    assert rate.shown(rate.values.mean()) == pytest.approx(2 * 4 * 10 / 1.5)


def test_outliers_are_flattened() -> None:
    spiky = session(100)
    spiky.values[50, 0] = 1e6
    (curve,) = graphs.curves([spiky], Graph(sides=("a",), flatten=True))
    assert curve.values.max() < 1e5
    (curve,) = graphs.curves([spiky], Graph(sides=("a",)))
    assert curve.values.max() == 1e6


# --- pictures ---------------------------------------------------------------------------------------------------


def drawn(found: list[History], graph: Graph) -> np.ndarray:
    return graphs.draw(graphs.curves(found, graph), found, graph)


def test_the_graph_of_a_training_shows_both_sides() -> None:
    assert graphs.loss_graph([session(1)]) is None
    picture = graphs.loss_graph([session(40)])
    assert picture is not None
    assert (picture.shape, picture.dtype) == ((675, 1200, 3), np.uint8)
    assert has(picture, COLORS["a"]) > 200
    assert has(picture, COLORS["b"]) > 200
    assert (picture[0] == 48).all()  # Blender's dark grey, around it all


def test_a_line_is_where_its_figures_are() -> None:
    """Two flat lines, A at twice B's height: found by colour, their distance is that of their figures."""
    flat = session(600)
    flat.values[:, 0], flat.values[:, 1] = 0.2, 0.1
    picture = drawn([flat], Graph(raw=False, size=(800, 400)))
    middle = picture[:, 300:340].astype(int)
    rows = [np.flatnonzero((np.abs(middle - COLORS[side]).max(axis=2) < 12).all(axis=1)).mean() for side in "ab"]
    assert rows[0] < rows[1] - 150  # A is above B, and both use the height there is
    assert rows[0] < 120
    assert rows[1] > 280


@pytest.mark.parametrize("graph", [
    Graph(rolling=True, trend=True, window=10), Graph(raw=False, smoothed=False), Graph(logarithmic=True),
    Graph(of="rate", trend=True), Graph(outputs=("all",), smoothing=0.999, flatten=True), Graph(recent=2),
    Graph(of="rate", smoothed=False, rolling=True),
])
def test_every_kind_of_graph_is_drawn(graph: Graph) -> None:
    graph = replace(graph, size=(500, 320))
    picture = drawn([session(60, parts=True), session(60, 2, first=60, parts=True)], graph)
    assert picture.shape == (320, 500, 3)
    color = COLORS["rate"] if graph.of == "rate" else COLORS["a"]
    assert has(picture, color) > 20


@pytest.mark.parametrize("values", [0.0, 0.5, np.nan, -3.0])
def test_odd_figures_are_drawn_all_the_same(values: float) -> None:
    odd = session(30)
    odd.values[:, 0] = values
    odd.values[:, 1] = values
    odd.values[0] = 0.25
    for logarithmic in (False, True):
        assert drawn([odd], Graph(logarithmic=logarithmic, size=(400, 300))).shape == (300, 400, 3)


def test_a_million_iterations_are_drawn_quickly() -> None:
    """0.35 s on an idle core; here only that thinning works at all."""
    many = session(1_000_000)
    drawn([session(20)], Graph())  # fonts are found once
    begin = time.process_time()
    picture = drawn([many], Graph(rolling=True))
    assert time.process_time() - begin < 6
    assert has(picture, COLORS["a"]) > 200


def test_sessions_are_marked() -> None:
    two = [session(50), session(50, 2, first=50)]
    plain, marked = drawn([session(100)], Graph()), drawn(two, Graph())
    differing = np.flatnonzero((plain != marked).any(axis=(0, 2)))
    assert len(differing)
    assert abs(np.median(differing) - 800) < 150  # a line in the middle, and its name beside it


# --- the table of sessions --------------------------------------------------------------------------------------

STARTED, ENDED = "2026-11-20T09:12:03+00:00", "2026-11-20T10:02:44+00:00"
SESSIONS = [
    {"started": STARTED, "ended": ENDED, "seconds": 100.0, "batch_size": 16, "iterations": 1000},
    {"started": "2026-11-21T08:00:00+01:00", "seconds": 50.0, "batch_size": 8, "iterations": 250},  # of older versions
    {"iterations": 3},
]


def test_rates_count_both_sides_and_totals_all_the_time() -> None:
    table = sessions.rows(SESSIONS)
    assert [row.rate for row in table] == [2 * 16 * 1000 / 100, 2 * 8 * 250 / 50, 0.0]
    everything = sessions.total(table)
    assert (everything.iterations, everything.seconds, everything.batch) == (1253, 150.0, "16, 8, 0")
    assert everything.rate == (32_000 + 4_000) / 150
    assert table[1].end.isoformat() == "2026-11-21T08:00:50+01:00"
    assert table[2].cells() == ("3", "", "", "0:00", "0", "3", "0.0")
    assert sessions.total([]).cells()[0] == "Total"


def test_the_table_as_text() -> None:
    lines = sessions.as_text(sessions.rows(SESSIONS)).splitlines()
    assert lines[0].split() == ["Session", "Start", "End", "Elapsed", "Batch", "Iterations", "EG/s"]
    assert lines[1].split() == ["1", "2026-11-20", "09:12", "2026-11-20", "10:02", "1:40", "16", "1,000", "320.0"]
    assert lines[-1].split()[0] == "Total"
    assert len({len(line) for line in lines}) == 1


def test_the_table_as_csv() -> None:
    read = list(csv.DictReader(sessions.as_csv(sessions.rows(SESSIONS)).splitlines()))
    assert read[0] == {"session": "1", "start": STARTED, "end": ENDED, "elapsed_seconds": "100.0", "batch_size": "16",
                       "iterations": "1000", "eg_per_second": "320.0"}
    assert read[2]["start"] == ""
    assert len(read) == 3


@pytest.mark.parametrize("count", [0, 1, 260])
def test_the_table_as_a_picture(count: int) -> None:
    table = sessions.rows(SESSIONS[:1] * count)
    picture = sessions.as_picture(table, "a model with a name that is longer than its table would be wide " * 2)
    assert picture.dtype == np.uint8
    assert picture.shape[0] > 34 * min(count, 200)
    text = (picture > 150).all(axis=2)
    assert text.sum() > 300
    assert not text[:8].any()
    assert not text[:, :8].any()
    assert not text[:, -8:].any()


# --- the tasks --------------------------------------------------------------------------------------------------


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model folder with two sessions."""
    for number, first, count in ((1, 0, 300), (2, 300, 100)):
        writer = history.HistoryWriter(tmp_path, number, first, 4)
        for iteration in range(first, first + count):
            writer.add({"loss_a": 1 / (iteration + 1), "loss_b": 0.5, "mask_a": 0.1, "mask_b": 0.1}, 0.05)
        writer.flush()
        writer.close()
    told = [{"started": STARTED, "ended": ENDED, "seconds": 15.0, "batch_size": 4, "iterations": 300},
            {"started": STARTED, "ended": ENDED, "seconds": 5.0, "batch_size": 4, "iterations": 100}]
    (tmp_path / "state.json").write_bytes(ModelState(Settings("sketch"), 64, 64, 400, 2, told).to_json())
    return tmp_path


def test_a_graph_of_the_latest_iterations(model: Path, tmp_path: Path) -> None:
    options = GraphOptions(str(model), recent=50, outputs=("loss", "mask"), width=640, height=400,
                           csv=str(tmp_path / "figures" / "all.csv"))
    result = analysis.graph(options, SilentReporter())
    assert (result["iterations"], result["file"]) == (50, str(model / "graph.png"))
    assert read_image(result["file"]).shape == (400, 640, 3)
    lines = Path(result["csv"]).read_text().splitlines()
    assert lines[0] == "iteration,loss_a,loss_b,mask_a,mask_b"
    assert lines[-1] == "400,0.0025,0.5,0.1,0.1"
    assert len(lines) == 51
    told = result["text"].splitlines()
    assert told[0].startswith("Loss A: 0.0025")
    assert "fell by 1" in told[0]  # 1/351 to 1/400, about an eighth
    assert "did not change" in told[1]


def test_sessions_are_chosen_by_number(model: Path) -> None:
    assert analysis.graph(GraphOptions(str(model), sessions="2"), SilentReporter())["iterations"] == 100
    assert analysis.graph(GraphOptions(str(model), sessions="1-2"), SilentReporter())["iterations"] == 400


@pytest.mark.parametrize(("given", "words"), [
    ({"sessions": "3"}, "no sessions '3'. Choose from 1, 2"), ({"sessions": "0-2"}, "no sessions"),
    ({"sessions": "x"}, "no sessions 'x'"), ({"outputs": ("face",)}, "no loss called face. It has loss, mask"),
    ({"first": 1000}, "Choose from iterations 1 to 400"),
])
def test_what_the_model_does_not_have(model: Path, given: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        analysis.graph(GraphOptions(str(model), **given), SilentReporter())
    assert not (model / "graph.png").exists()


def test_a_model_that_was_never_trained_here(model: Path, tmp_path: Path) -> None:
    for path in (model / "history").iterdir():
        path.unlink()
    with pytest.raises(ModelError, match="No losses are kept"):
        analysis.graph(GraphOptions(str(model)), SilentReporter())
    with pytest.raises(ModelError, match="no model"):
        analysis.graph(GraphOptions(str(tmp_path / "nowhere")), SilentReporter())
    with pytest.raises(ModelError, match="no model"):
        analysis.list_sessions(SessionsOptions(str(tmp_path / "nowhere")), SilentReporter())


def test_the_list_of_sessions(model: Path, tmp_path: Path) -> None:
    options = SessionsOptions(str(model), csv=str(tmp_path / "table.csv"), output=str(tmp_path / "table.png"))
    result = analysis.list_sessions(options, SilentReporter())
    assert (result["sessions"], result["iterations"], result["rate"]) == (2, 400, 160.0)
    assert "Total" in result["text"]
    assert cv2.imread(result["file"]) is not None
    assert len((tmp_path / "table.csv").read_text().splitlines()) == 3


def test_a_picture_that_cannot_be_written(model: Path) -> None:
    for call, options in ((analysis.graph, GraphOptions), (analysis.list_sessions, SessionsOptions)):
        with pytest.raises(OutputError):
            call(options(str(model), output=str(model / "state.json" / "x.png")), SilentReporter())


def test_smoothing_is_what_the_line_shows() -> None:
    (curve,) = graphs.curves([session(100)], Graph(sides=("a",), smoothing=0.97))
    smoothed = graphs._kinds(Graph(raw=False, smoothing=0.97))[0].of(curve.values)
    np.testing.assert_array_equal(smoothed, series.smooth(curve.values, 0.97))
