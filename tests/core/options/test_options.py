"""Options: one declaration, and every face of it (limits, command line, settings file, reference page) agrees."""

from __future__ import annotations

import argparse
import dataclasses
import tomllib
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from understudy.core.errors import UsageError
from understudy.core.jobs.tasks import TASKS
from understudy.core.options import Option, arguments, is_meant, make, option, options_of, reference, rows, toml
from understudy.core.options.convert import ConvertOptions

CLASSES = [pytest.param(task.options, id=task.name) for task in TASKS.values()]
TABLES = [rows.DETECTORS, rows.ALIGNERS, rows.MASKERS, rows.IDENTITIES, rows.TRAINERS, rows.COLOURS, rows.WRITERS]


@dataclass(frozen=True)
class Everything:
    """One of each kind."""

    path: str = option("", label="Path", help="A path", kind="path", positional=True, required=True)
    count: int = option(4, label="Count", help="How many", min=2, max=10, step=2, unit="px")
    share: float = option(0.5, label="Share", help="How much", min=0.0, max=1.0)
    flag: bool = option(True, label="Flag", help="Whether")
    kind: str = option("a", label="Kind", help="Which", choices=("a", "b"))
    kinds: tuple[str, ...] = option((), label="Kinds", help="Which ones", choices=("a", "b", "c"))
    sizes: tuple[int, ...] = option((1, 2), label="Sizes", help="What sizes", min=0, max=9)
    maybe: float | None = option(None, label="Maybe", help="Perhaps", min=0.0)


def values_of(declared: Option) -> st.SearchStrategy:
    d = declared.declaration
    if d.choices:
        one = st.sampled_from(d.choice_names)
    elif declared.type is bool:
        one = st.booleans()
    elif declared.type is int:
        low, high = int(d.min or 0), int(d.max if d.max is not None else 1000)
        one = st.integers(0, (high - low) // int(d.step or 1)).map(lambda i: low + i * int(d.step or 1))
    elif declared.type is float:
        low = d.min if d.min is not None else -1e6
        high = d.max if d.max is not None else 1e6
        one = st.floats(low, high) if d.step is None else \
            st.integers(0, round((high - low) / d.step)).map(lambda i: low + i * d.step)
    else:
        # argparse takes "--" for the end of the options wherever it stands.
        one = st.text(st.characters(blacklist_categories=["Cs"]), max_size=20).filter(lambda text: text != "--")
    if declared.many:
        one = st.lists(one, max_size=3).map(tuple)
    return st.one_of(st.none(), one) if declared.optional else one


def instances(cls: type) -> st.SearchStrategy:
    return st.builds(cls, **{o.name: values_of(o) for o in options_of(cls)})


@pytest.mark.parametrize("cls", CLASSES)
def test_declarations_are_complete_and_their_defaults_allowed(cls):
    assert (cls.__doc__ or "").strip().endswith(".")
    for declared in options_of(cls):
        d = declared.declaration
        assert d.label, declared.name
        assert not d.label.endswith((":", "."))
        assert len(d.help) > 10, declared.name
        assert not d.help.endswith("."), f"{declared.name}: Blender adds the full stop"
        make(cls, {declared.name: declared.default})
    assert {f.name for f in dataclasses.fields(cls)} == {o.name for o in options_of(cls)}


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t[0].entry.split(".")[0] + "-" + t[0].name)
def test_rows_are_named_once_explained_and_load(table):
    assert len({row.name for row in table}) == len(table)
    for row in table:
        assert len(row.help) > 20
        assert not row.help.endswith(".")
        assert callable(row.load())


@given(instances(Everything))
def test_settings_files_return_what_was_saved(options):
    text = toml.dump("everything", options)
    table = tomllib.loads(text)["everything"]
    assert make(Everything, table) == options


@pytest.mark.parametrize("cls", CLASSES)
def test_every_options_class_survives_a_settings_file(cls, tmp_path):
    @settings(max_examples=15, deadline=None)
    @given(instances(cls))
    def check(options):
        path = tmp_path / "settings.toml"
        path.write_text(toml.dump("x", options), encoding="utf-8")
        assert cls(**toml.load(path, "x", cls, ("x",))) == options

    check()


def parse(cls: type, words: list[str]) -> dict:
    parser = argparse.ArgumentParser(exit_on_error=False)
    arguments.add_options(parser, cls)
    return arguments.given(parser.parse_args(words), cls)


def can_be_written(options: object) -> bool:
    """Whether a command line can say it: no list of choices is emptied, no word of a list or path looks like a flag."""
    for one in options_of(options):
        value = getattr(options, one.name)
        words = value if one.many else (value,)
        listed = one.many or one.declaration.positional
        emptied = one.many and not value and one.default and one.declaration.choices
        if emptied or (value is None and one.default is not None):
            return False
        if listed and one.type is str and any(not word or word.startswith("-") for word in words if value):
            return False
        if (one.declaration.alone or (one.declaration.positional and not one.many)) and not value:
            return False
    return True


@pytest.mark.parametrize("cls", CLASSES)
def test_a_command_line_is_read_as_the_options_that_it_was_written_from(cls):
    @settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
    @given(instances(cls).filter(can_be_written), st.booleans())
    def check(options, only_changed):
        words = arguments.written(options, only_changed=only_changed)
        assert make(cls, parse(cls, words)) == options

    check()


def test_a_command_line_names_what_is_not_as_by_default():
    options = Everything(path="my clip.mp4", flag=False, kinds=("a", "c"), kind="b")
    assert arguments.written(options) == ["my clip.mp4", "--no-flag", "--kind", "b", "--kinds", "a", "c"]


def test_a_list_of_words_can_be_emptied():
    assert parse(ConvertOptions, ["clip.mp4", "--output", "out", "--mask-add"])["mask_add"] == ()


def test_an_option_is_meant_with_certain_values_of_another():
    known = {option.name: option for option in options_of(ConvertOptions)}

    def meant(name: str, **values: object) -> bool:
        return is_meant(known[name], lambda other: values.get(other))

    assert meant("balance_1", color="manual-balance")
    assert not meant("balance_1", color="avg-color")
    assert meant("sharpen_threshold", sharpen="unsharp-mask")
    assert not meant("sharpen_threshold", sharpen="box")
    assert meant("color")
    assert "with color manual-balance" in known["balance_1"].declaration.sentence


@pytest.mark.parametrize("cls", CLASSES)
def test_what_an_option_is_meant_with_exists(cls):
    known = {declared.name: declared for declared in options_of(cls)}
    for declared in known.values():
        if declared.declaration.only_with is not None:
            other, values = declared.declaration.only_with
            assert other in known, declared.name
            assert values, declared.name
            if known[other].declaration.choices:
                assert set(values) <= set(known[other].declaration.choice_names), declared.name


def test_the_command_line_gives_typed_values_and_nothing_else():
    words = ["in.mp4", "--count", "8", "--share", "0.25", "--no-flag", "--kind", "b", "--kinds", "c", "a",
             "--sizes", "3"]
    assert parse(Everything, words) == {"path": "in.mp4", "count": 8, "share": 0.25, "flag": False, "kind": "b",
                                        "kinds": ("c", "a"), "sizes": (3,)}
    assert parse(Everything, []) == {}


@pytest.mark.parametrize(("words", "expected"), [
    (["--count", "3"], "2 to 10 px in steps of 2"),
    (["--count", "12"], "2 to 10 px"),
    (["--count", "many"], "whole number"),
    (["--share", "nan"], "0 to 1"),
    (["--kind", "z"], "one of a, b"),
    (["--kinds", "a", "z"], "one of a, b, c"),
    (["--maybe", "-1"], "0 or more"),
])
def test_a_value_out_of_range_is_refused_with_the_range(words, expected):
    with pytest.raises(argparse.ArgumentError, match=expected):
        parse(Everything, words)


@pytest.mark.parametrize(("text", "expected"), [
    ("[everything]\ncuont = 4\n", "Did you mean count?"),
    ("[everything]\ncount = 5\n", "2 to 10"),
    ("[everything]\ncount = true\n", "whole number"),
    ("[everything]\nkinds = 'a'\n", "is a list"),
    ("[everyting]\ncount = 4\n", "no command reads"),
    ("count = = 4", "not valid TOML"),
])
def test_a_settings_file_is_refused_in_one_line(text, expected, tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as refusal:
        toml.load(path, "everything", Everything, ("everything",))
    assert expected in str(refusal.value)
    assert "\n" not in str(refusal.value).strip()


def test_settings_above_the_tables_belong_to_the_command_that_reads(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text("count = 6\n[everything]\nshare = 0.75\n[other]\nwhatever = 1\n")
    assert toml.load(path, "everything", Everything, ("everything", "other")) == {"count": 6, "share": 0.75}


def test_a_missing_settings_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"none\.toml"):
        toml.load(tmp_path / "none.toml", "everything", Everything, ("everything",))


def test_the_reference_page_is_up_to_date():
    """`make reference` writes it; whoever changes an option runs that."""
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page()
