"""Pickles as data: what is plain is read as Python reads it, everything else is refused and nothing is run."""

from __future__ import annotations

import gc
import os
import pickle
import pickletools
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from understudy.core.interop.literal import parse_literal
from understudy.core.interop.unpickle import _HANDLERS, Refused, loads

scalars = st.one_of(st.none(), st.booleans(), st.integers(-2**70, 2**70), st.floats(allow_nan=False),
                    st.text(st.characters(exclude_categories=["Cs"])), st.binary(max_size=300))
values = st.recursive(scalars, lambda inner: st.one_of(
    st.lists(inner, max_size=6), st.tuples(inner, inner), st.tuples(inner), st.tuples(inner, inner, inner, inner),
    st.dictionaries(st.text(max_size=5), inner, max_size=5)), max_leaves=25)


@settings(deadline=None, max_examples=200)
@given(values, st.integers(2, 5))
def test_plain_data_are_read_as_python_reads_them(value, protocol):
    assert loads(pickle.dumps(value, protocol)) == value


def plain(value):
    """With lists where long ones were read as arrays or bytes."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list):
        return [plain(v) for v in value]
    return list(value) if isinstance(value, bytes) else value


floats = st.floats(allow_nan=False)
numbers = st.one_of(st.lists(floats, max_size=60), st.lists(st.integers(0, 255), max_size=60),
                    st.lists(st.lists(floats, min_size=2, max_size=2), max_size=60),
                    st.lists(st.one_of(floats, st.integers(0, 300)), max_size=40),
                    st.lists(st.lists(floats, max_size=3), max_size=40))


@settings(deadline=None, max_examples=150)
@given(st.lists(numbers, max_size=8), st.sampled_from([0, 1000, 1001, 2500]), st.integers(2, 5), st.booleans())
def test_long_lists_of_numbers_are_read_at_once_and_hold_the_same(lists, more, protocol, remembers):
    value = [*lists, [0.5] * more, [7] * more, [[1.5, 2.5]] * 3, *lists, "the end", "the end"]
    if remembers:
        raw = pickle.dumps(value, protocol)
    else:
        raw = b"\x80" + bytes([protocol]) + pickletools.optimize(pickle.dumps(value, protocol))[2:]
    assert plain(loads(raw)) == plain(pickle.loads(raw))


@pytest.mark.parametrize("protocol", range(2, 6))
def test_what_follows_a_long_list_is_remembered_by_its_own_number(protocol):
    shared = ["shared"]
    value = {"a": [[float(n), 1.0] for n in range(68)], "b": shared, "c": [[0.0, float(n)] for n in range(68)],
             "d": shared, "e": [200] * 50, "f": [shared, 3.5], "g": {"x": shared}}
    read = loads(pickle.dumps(value, protocol))
    assert isinstance(read["e"], bytes)
    assert isinstance(read["c"], np.ndarray) or protocol < 4  # of old the first 256 are remembered in another way
    assert read["b"] is read["d"] is read["f"][0] is read["g"]["x"]
    assert {key: plain(v) for key, v in read.items()} == value


def test_a_part_of_a_long_list_cannot_be_referred_to():
    pair = [1.0, 2.0]
    with pytest.raises(Refused, match="refers"):
        loads(pickle.dumps([[[float(n), 0.0] for n in range(20)] + [pair], pair], 4))


@settings(deadline=None, max_examples=100)
@given(npst.arrays(st.sampled_from(["u1", "<i4", ">f4", "<f8", ">i8", "b1", "<f2"]),
                   npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)), st.integers(2, 5),
       st.booleans())
def test_arrays_of_numbers_are_read(array, protocol, by_columns):
    array = np.asfortranarray(array) if by_columns else array
    read = loads(pickle.dumps([array, {"again": array}], protocol))
    np.testing.assert_array_equal(read[0], array)
    assert read[0].shape == array.shape
    assert read[1]["again"] is read[0]


@pytest.mark.parametrize("scalar", [np.float32(1.5), np.int64(-3), np.float64(2.25), np.uint8(7)])
@pytest.mark.parametrize("protocol", range(2, 6))
def test_numpy_numbers_become_plain_ones(scalar, protocol):
    value = loads(pickle.dumps({"v": scalar}, protocol))["v"]
    assert value == scalar
    assert type(value) in (int, float)


class Runs:
    """Unpickling it would make a file."""

    def __init__(self, canary: Path, how: int) -> None:
        self.canary, self.how = canary, how

    def __reduce__(self):
        command = f"touch {self.canary}"
        text = f"open({str(self.canary)!r}, 'w')"
        return ((os.system, (command,)), (eval, (text,)), (exec, (text,)), (getattr, ("", "join")),
                (__import__, ("os",)), (os.unlink, (str(self.canary),)), (type, ("X", (), {})),
                (np.load, (str(self.canary),)), (print, ("hello",)))[self.how]


@pytest.mark.parametrize("how", range(9))
@pytest.mark.parametrize("protocol", range(2, 6))
def test_nothing_is_run(tmp_path, how, protocol):
    canary = tmp_path / "canary"
    for data in (Runs(canary, how), {"faces": [Runs(canary, how)]}, [np.zeros(2), Runs(canary, how)]):
        with pytest.raises(Refused, match="asks for"):
            loads(pickle.dumps(data, protocol))
    assert not canary.exists()


class Thing:
    pass


@pytest.mark.parametrize("value", [Thing(), {1, 2}, frozenset({3}), 1j, np.array([object()], object),
                                   np.array(["text"]), np.array([(1, 2.0)], "i4,f4"), np.datetime64("2020-01-01"),
                                   np.ma.masked_array([1]), Path("x"), slice(3), Exception("x"), range(3)])
@pytest.mark.parametrize("protocol", [2, 4])
def test_what_is_not_plain_is_refused(value, protocol):
    with pytest.raises(Refused):
        loads(pickle.dumps(value, protocol))


@pytest.mark.parametrize("code", [code for code in pickletools.opcodes if ord(code.code) not in _HANDLERS
                                  and code.code != "."], ids=lambda code: code.name)
def test_every_other_instruction_is_refused(code):
    with pytest.raises(Refused, match="instruction"):
        loads(b"\x80\x04" + code.code.encode("latin-1") + b"1\n2\n3\n" * 4 + b".")


HEAD = b"\x80\x04"
GLOBAL_DTYPE = b"\x8c\x05numpy\x8c\x05dtype\x93"


HOSTILE = {
    "a string of 2 GB": (b"B\xff\xff\xff\x7f", "bytes"),
    "a string of 16 EB": (b"\x8e" + b"\xff" * 8, "bytes"),
    "a string that is not there": (b"B\x00\x00\x10\x00", "cut"),
    "no end": (b"N" * 50, "cut off"),
    "two values": (b"NN.", "one value"),
    "only a mark": (b"(.", "one value"),
    "no mark": (b"Ne.", "mark"),
    "nothing on the stack": (b"e.", "cut off"),
    "no list": (b"(e.", "list"),
    "a value for nothing": (b"Na.", "damaged"),
    "half a pair": (b"}(NNNu.", "damaged"),
    "a list as a key": (b"}(]Nu.", "key"),
    # Its hash would overflow the C stack.
    "a deep tuple as a key": (b"}(" + b")" + b"\x85" * 100_000 + b"Nu.", "container"),
    "an unknown memory": (b"h\x07.", "refers"),
    "a mark remembered": (b"(\x94.", "mark"),
    "a function as the result": (GLOBAL_DTYPE + b".", "value"),
    "a function changed": (GLOBAL_DTYPE + b"}b.", "change"),
    "no argument": (GLOBAL_DTYPE + b")R.", "damaged"),
    "an array of objects": (GLOBAL_DTYPE + b"\x8c\x01O\x85R.", "numbers"),
    "an array of long texts": (GLOBAL_DTYPE + b"\x8c\x06U99999\x85R.", "numbers"),
    "a list changed": (b"]]b.", "change"),
    "a list called": (b"]]R.", "call"),
    "os.system": (b"\x8c\x02os\x8c\x06system\x93)R.", "os.system"),
    "os.system of old": (b"cos\nsystem\n.", "os.system"),
    "lists as a name": (b"]]\x93.", "asks for"),
    "an endless name": (b"c" + b"x" * 300, "damaged"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_instructions_end_in_a_sentence(name):
    data, what = HOSTILE[name]
    with pytest.raises(Refused, match=what):
        loads(HEAD + data)


def test_claims_that_cost_nothing_do_no_harm():
    assert loads(HEAD + b"]r\xff\xff\xff\xff.") == []  # an index: Python's own reader makes 64 GB of memo of it
    assert loads(HEAD + b"\x95" + b"\xff" * 8 + b"N.") is None  # how long a frame is


@pytest.mark.parametrize("data", [b"", b"N.", b"\x80", b"\x80\x00N.", b"\x80\x01N.", b"\x80\x06N."])
def test_other_protocols_are_refused(data):
    with pytest.raises(Refused):
        loads(data)


def test_an_array_cannot_claim_more_than_it_brings():
    for shape in ((2**40,), (2**20, 2**20), (-1,), (1,) * 40, (2**63,) * 4):
        good = pickle.dumps(np.zeros(3), 2)
        state = pickle.dumps((1, shape, None, False, b""), 2)[2:-1]
        start = good.index(b"(K\x01K\x03\x85")  # the array's state
        with pytest.raises(Refused):
            loads(good[:start] + state + b"b.")


@pytest.mark.parametrize("data", [
    HEAD + b"]" * 400_000, HEAD + b"(" + b"}" * 400_000 + b"l.", HEAD + b"N" * 400_000,
    HEAD + b"]" + b"2" * 400_000, HEAD + b"](" + b"G" + b"(" * 399_999], ids=range(5))
def test_memory_is_bounded_by_the_size_of_the_data(data):
    tracemalloc.start()
    with pytest.raises(Refused):
        loads(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 15 * len(data) + 2_000_000


literals = st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False,
                                  allow_infinity=False), st.text(), st.binary()), lambda inner: st.one_of(
    st.lists(inner, max_size=4), st.tuples(inner), st.tuples(inner, inner),
    st.dictionaries(st.one_of(st.text(max_size=4), st.integers()), inner, max_size=4)), max_leaves=15)


@settings(deadline=None, max_examples=200)
@given(literals)
def test_what_repr_writes_is_read_back(value):
    read = parse_literal(repr(value))
    assert read == value
    assert repr(read) == repr(value)


@pytest.mark.parametrize("text", [
    "", "[", "[1 2]", "{1}", "{1: }", "{[]: 1}", "f()", "__import__('os')", "1 + 1", "'a' 'b'", "[1,,2]", "(,)", "a",
    "-", "'\\x'", "b'é'", "1e", "[" * 20, "[" * 100_000, "(" * 13 + ")" * 13, "{'a': 1,, }", "nan", "1_01_01_0", "u'x'",
    "'a\nb'", "9" * 10_000, "[]]", "{'a' 1}", "True.x", "lambda: 1"])
def test_what_is_no_literal_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        parse_literal(text)


def test_threads_may_read_literals_at_once():
    """CPython's own parser ends in a SystemError where a thread takes over while it builds its tree."""
    class Loop:
        def __init__(self):
            self.itself = self  # for the collector, which runs where memory is asked for

        def __del__(self):
            time.sleep(0)  # another thread takes over

    text = repr({"mask": b"abc\x00" * 10})
    failures = []

    def read():
        for _ in range(150):
            Loop()
            try:
                parse_literal(text)
            except SystemError as error:
                failures.append(error)

    before = gc.get_threshold()
    gc.set_threshold(2)
    try:
        threads = [threading.Thread(target=read) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        gc.set_threshold(*before)
    assert failures == []
