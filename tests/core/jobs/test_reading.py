"""Messages, lines and rates: what a reader makes of whatever lies on the disk."""

from __future__ import annotations

import json
import math
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy.core.jobs.folder import JobFolder, JobSpec
from understudy.core.jobs.follow import CHUNK, Follower, Tail
from understudy.core.jobs.messages import (
    KINDS,
    Done,
    Error,
    Message,
    Metric,
    Preview,
    Progress,
    Started,
    Warning_,
    parse,
)
from understudy.core.jobs.progress import Meter, describe, duration, fraction, rate_text
from understudy.core.jobs.reporter import BaseReporter, JobReporter

texts = st.text(max_size=30)
numbers = st.floats(allow_nan=False, allow_infinity=False)
messages = st.one_of(
    st.builds(Started, texts, texts),
    st.builds(Progress, st.integers(0, 10**9), st.none() | st.integers(0, 10**9), texts, texts, st.none() | numbers,
              st.none() | numbers),
    st.builds(Metric, st.integers(0, 10**9), st.dictionaries(texts, numbers, max_size=3)),
    st.builds(Preview, texts),
    st.builds(Warning_, texts, texts),
    st.builds(Error, texts, texts),
    st.builds(Done, st.sampled_from(("finished", "failed", "stopped")), st.dictionaries(texts, texts, max_size=3)),
)


@given(messages)
def test_a_message_survives_its_line(message):
    line = message.to_json()
    assert "\n" not in line
    assert parse(line) == message


foreign = st.recursive(st.none() | st.booleans() | st.integers() | texts,
                       lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=8).map(json.dumps)


@given(st.text(max_size=60) | foreign)
def test_foreign_lines_are_no_messages(line):
    assert parse(line) is None or isinstance(parse(line), Message)


def test_every_kind_is_known():
    assert set(KINDS) == {"started", "progress", "metric", "preview", "warning", "error", "done"}
    assert parse('{"kind": "applause"}') is None
    assert parse('{"kind": ["done"]}') is None
    assert parse("[" * 100000) is None


def test_not_a_number_becomes_null():
    line = Metric(3, {"loss_a": math.nan, "loss_b": math.inf, "rate": 2.0}).to_json()
    assert json.loads(line)["values"] == {"loss_a": None, "loss_b": None, "rate": 2.0}
    assert parse(line) == Metric(3, {"loss_a": None, "loss_b": None, "rate": 2.0})


@settings(max_examples=60, deadline=None)
@given(st.lists(messages, max_size=8), st.data())
def test_any_prefix_of_the_events_parses(tmp_path_factory, told, data):
    """A killed worker leaves any prefix: its whole lines are read, and after the rest has come, all of them, once."""
    path = tmp_path_factory.mktemp("events") / "events.jsonl"
    whole = "".join(m.to_json() + "\n" for m in told).encode()
    cut = data.draw(st.integers(0, len(whole)))
    tail = Tail(path)
    path.write_bytes(whole[:cut])
    first = [parse(line) for line in tail.read()]
    assert first == told[:whole[:cut].count(b"\n")]
    with open(path, "ab") as file:
        file.write(whole[cut:])
    assert first + [parse(line) for line in tail.read()] == told
    assert tail.read() == []


def test_a_new_run_closes_the_torn_line_of_a_killed_one(tmp_path):
    folder = JobFolder.create(tmp_path, JobSpec("rehearsal", {}))
    folder.events_file.write_bytes(Started("rehearsal").to_json().encode() + b'\n{"kind": "prog')
    with JobReporter(folder) as reporter:
        reporter.warning("again")
        reporter.finish(Done("finished"))
    follower = Follower(folder)
    heard = follower.poll()
    assert [type(m) for m in heard] == [Started, Warning_, Done]
    assert follower.status == "finished"


def test_an_idle_look_opens_nothing(tmp_path, monkeypatch):
    folder = JobFolder.create(tmp_path, JobSpec("rehearsal", {}))
    with JobReporter(folder) as reporter:
        reporter.finish(Done("finished"))
    follower = Follower(folder)
    follower.poll()
    assert follower.changed
    monkeypatch.setattr("builtins.open", lambda *a, **k: pytest.fail("opened a file"))
    monkeypatch.setattr(os, "open", lambda *a, **k: pytest.fail("opened a file"))
    assert follower.poll() == []
    assert not follower.changed


def test_a_long_story_is_read_in_portions(tmp_path):
    line = Metric(1, {"loss": 0.5}).to_json() + "\n"
    count = 3 * CHUNK // len(line)
    (tmp_path / "metrics.jsonl").write_text(line * count)
    tail = Tail(tmp_path / "metrics.jsonl")
    portions = []
    while portions[-1:] != [0]:
        portions.append(len(tail.read()))
    assert sum(portions) == count
    assert max(portions) <= CHUNK // len(line) + 1
    late = Tail(tmp_path / "metrics.jsonl", last=10 * len(line))
    assert 9 <= len(late.read()) <= 10


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"status": "dancing"}', b"\xff\xfe", b'{"status": 3}'])
def test_a_damaged_state_reads_as_blank(tmp_path, content):
    folder = JobFolder.create(tmp_path, JobSpec("rehearsal", {}))
    folder.state_file.write_bytes(content)
    assert folder.state().status == "queued"
    assert Follower(folder).poll() == []


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_rate_is_right_from_the_start_and_follows_changes():
    clock = Clock()
    meter = Meter(clock)
    assert meter.update(5000, 6000, "iterations") == (None, None), "a resumed count is measured from where it begins"
    for done in range(5001, 5101):
        clock.now += 0.1
        rate, eta = meter.update(done, 6000, "iterations")
        assert rate == pytest.approx(10)
        assert eta == pytest.approx((6000 - done) / 10)
    clock.now += 3600
    meter.forget_time()
    clock.now += 0.1
    assert meter.update(5101, 6000, "iterations")[0] == pytest.approx(10), "a pause is no slowness"
    for done in range(5102, 5402):
        clock.now += 0.2
        rate, _ = meter.update(done, 6000, "iterations")
    assert rate == pytest.approx(5, rel=0.1)
    assert meter.update(0, 10, "frames") == (None, None), "a new unit is a new measurement"


@given(st.lists(st.tuples(st.integers(0, 1000), st.none() | st.integers(0, 1000), st.floats(0, 1e6)), max_size=30))
def test_rates_are_never_negative_nor_nonsense(steps):
    clock = Clock()
    meter = Meter(clock)
    for done, total, passed in steps:
        clock.now += passed
        rate, eta = meter.update(done, total, "frames")
        for value in (rate, eta):
            assert value is None or (value >= 0 and math.isfinite(value))


def test_words_for_a_person():
    assert describe(Progress(132, 1000, "frames", "", 12.34, 71)) == "132 of 1,000 frames · 12.3 per s · 1:11 left"
    assert describe(Progress(7, None, "frames")) == "7 frames"
    assert describe(Progress(10, 10, "frames", "", 2.0, 0.0)) == "10 of 10 frames · 2 per s"
    assert [duration(s) for s in (0, 7.4, 754, 18367, 183845)] == ["0:00", "0:07", "12:34", "5:06:07", "2 d 3:04:05"]
    assert rate_text(0.25) == "4 s each"
    assert fraction(Progress(5, 10, "")) == 0.5
    assert fraction(Progress(5, None, "")) == fraction(None) == 0.0


class Listener(BaseReporter):
    def __init__(self, interval: float) -> None:
        super().__init__(interval)
        self.heard: list[Message] = []

    def say(self, message: Message) -> None:
        self.heard.append(message)


def test_fast_metrics_are_averaged_and_none_is_lost():
    reporter = Listener(interval=3600)
    reporter.metric(1, {"loss": 1.0})
    for iteration in range(2, 12):
        reporter.metric(iteration, {"loss": float(iteration)})
        reporter.progress(iteration, 11, "iterations")
    reporter.finish(Done("finished"))
    metrics = [m for m in reporter.heard if isinstance(m, Metric)]
    assert metrics == [Metric(1, {"loss": 1.0}), Metric(11, {"loss": 6.5})]
    progress = [m for m in reporter.heard if isinstance(m, Progress)]
    assert [p.done for p in progress] == [2, 11]
    assert isinstance(reporter.heard[-1], Done)
