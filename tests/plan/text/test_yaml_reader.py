"""YAML from outside: what was read before is read the same, and what is no plain value is refused, with its line.

Every case with libyaml's parser and with PyYAML's own.
"""

import datetime
import json
import time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from plan import config
from plan.base.day import Day
from plan.base.frozen import Frozen
from plan.config import stack_file
from plan.models import lock
from plan.text import limits, yaml_reader
from plan.text.errors import Source, TextError
from plan.text.yaml_reader import read_yaml
from tests import stacks

SOURCE = Source("Pulumi.a.yaml", "correct the file")
PARSERS = (yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 30)
)
MERGES = "a0: &a0 {k: v}\n" + "".join(
    f"a{n}: &a{n} {{<<: *a{n - 1}, k{n}: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40)
)


def brief(value: object) -> str | None:
    return repr(value)[:30] if isinstance(value, str) else None


@pytest.fixture(params=PARSERS, ids=["python", "libyaml"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_reader, "_Loader", request.param)


def refused(text: str | bytes) -> str:
    """What is said of it, within a second of this process's time."""
    begun = time.process_time()
    with pytest.raises(TextError) as error:
        read_yaml(text, SOURCE)
    assert time.process_time() - begun < 2
    assert error.value.what.startswith("Pulumi.a.yaml")
    assert error.value.fix == "correct the file"
    assert len(str(error.value)) < 400
    assert str(error.value).replace("\n", "").isprintable()
    return error.value.what


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing\n", None),
        ("a: off", {"a": False}),
        ("a: [yes, No, TRUE, 'on']", {"a": [True, False, True, "on"]}),
        ("a: [0x1F, 0b11, 1_000, -5, 0, -0]", {"a": [31, 3, 1000, -5, 0, 0]}),
        ("a: [.5, 1e3, 1.0e+3, -2.5]", {"a": [0.5, "1e3", 1000.0, -2.5]}),
        ("a: [~, null, '', '~']", {"a": [None, None, "", "~"]}),
        ("a: |\n  1\n  2\n", {"a": "1\n2\n"}),
        ('a: "\\x1b[1m \\u00e9"', {"a": "\x1b[1m é"}),
        ("a: !!str 5", {"a": "5"}),
        ("a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}", {"a": {"b": 1}, "c": {"b": 1}, "d": {"b": 1, "e": 2}}),
        ("a: &x 5\nb: [*x, *x]", {"a": 5, "b": [5, 5]}),
        ("x: {<<: [{a: 1, b: 1}, {a: 2, c: 2}], c: 3}", {"x": {"a": 1, "b": 1, "c": 3}}),
        ("a: {'<<': 1}", {"a": {"<<": 1}}),
        ("---\na: 1\n...\n", {"a": 1}),
        ("a: {b: {a: 1}, a: 2}", {"a": {"b": {"a": 1}, "a": 2}}),
    ],
)
def test_what_was_read_before_is_read_the_same(text: str, value: Any) -> None:
    assert read_yaml(text, SOURCE) == value
    assert yaml.safe_load(text) == value


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text()
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    )
)  # fmt: skip
def test_whatever_a_yaml_library_writes_is_read_back(value: Any) -> None:
    assert read_yaml(yaml.safe_dump(value), SOURCE) == value


@given(st.text(alphabet="ab:&*<-[]{}!'\"|>%#, \n01._", max_size=60))
def test_any_text_is_read_as_before_or_refused(text: str) -> None:
    try:
        found = read_yaml(text, SOURCE)
    except TextError:
        return
    assert json.loads(json.dumps(found)) == found
    if "<<" not in text:  # as a text it is one here; PyYAML has no meaning for it
        assert found == yaml.load(text, Loader=yaml_reader._Loader)  # noqa: S506 - one of the safe ones


def test_a_value_that_an_alias_repeats_is_in_two_places_and_not_shared() -> None:
    found = read_yaml("a: &x {b: [1]}\nc: *x", SOURCE)
    found["c"]["b"].append(2)

    assert found["a"] == {"b": [1]}


class _Dated(Frozen):
    day: Day


@pytest.mark.parametrize(
    "written",
    [
        "2099-12-31",
        "'2099-12-31'",
        '"2099-12-31"',
        "!!str 2099-12-31",
        "2099-12-31T00:00:00Z",
        "2099-12-31 00:00:00 +0000 UTC",
        "!!timestamp 2099-12-31",
    ],
)
def test_a1_a_date_is_a_date_with_and_without_quotes(written: str) -> None:
    found = read_yaml(f"day: {written}", SOURCE)

    assert _Dated.model_validate(json.loads(json.dumps(found))).day == datetime.date(2099, 12, 31)


def test_a1_a_stack_with_unquoted_dates_is_what_a_preview_makes_of_it() -> None:
    text = (stacks.EXAMPLE / "Pulumi.t4.yaml").read_text()
    assert "frigate: {peak_mib: 1950}" in text
    dated = text.replace("frigate: {peak_mib: 1950}", "frigate: {peak_mib: 1950, measured: {mib: 9, date: 2026-01-02}}")
    raw = stack_file.configuration(dated.encode(), stack_file.PurePath("Pulumi.t4.yaml"))

    assert raw["gpu"]["tenants"]["frigate"]["measured"]["date"] == "2026-01-02"
    assert config.load(json.dumps(stack_file.complete(raw, stack_file.Facts(stack_file.NO_CLUSTER))))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2099-02-30", "line 2, b: '2099-02-30' looks like a date and is none"),
        ("b: [2026-13-01]", "line 1, b.0: '2026-13-01' looks like a date and is none"),
        ("b: 2026-01-02 25:00:00", "line 1, b: '2026-01-02 25:00:00' looks like a date and is none"),
        ("a:\n  b: !!int x", "line 2, a.b: 'x' looks like a number and is none"),
        ("a: !!float x", "'x' looks like a number and is none"),
        ("a: !!bool x", "'x' is not a bool"),
        ("a: !!null x", "'x' is not a null"),
        ("a: !!timestamp x", "'x' looks like a date and is none"),
        *(
            (f"a: {text}", f"'{text}' is octal or of base 60")
            for text in ("010", "-010", "0777", "0_7", "1:30", "190:20:30")
        ),
        ("a: 0x_", "line 1, a: '0x_' looks like a number and is none"),
        ("a: 0b_", "'0b_' looks like a number and is none"),
        ("a: +0x_", "'+0x_' looks like a number and is none"),
        ("a: " + "7" * 5000, "line 1, a: a number in it has more than 64 digits"),
        ("a: -" + "7" * 400 + ".5", "more than 64 digits"),
        ("a: 0x" + "f" * 70, "more than 64 digits"),
        ("a: 1" + ":59" * 400, "more than 64 digits"),
        ("a: 1.0e+999", "'1.0e+999' is not a finite number"),
        ("a: .inf", "'.inf' is not a finite number"),
        ("a: -.Inf", "is not a finite number"),
        ("a: .NaN", "'.NaN' is not a finite number"),
        ("[" * 20000, "line 1, 0.0.0.0 ... 0.0: it is nested"),
        ("a: " + "{b: " * 20000, "line 1, a.b.b.b ... b.b: it is nested"),
        ("config:\n " + "{a: [" * 40, "line 2, config.a.0.a ... 0.a: it is nested"),
        ("a:\n  b: " + "[" * 12 + "0x_", "line 2, a.b.0.0 ... 0.0: '0x_'"),
        ("a: " + "[" * 9 + "0x_", "line 1, a.0.0.0.0.0.0.0.0.0: '0x_'"),
        ("a:\n" + "".join(f"{' ' * level}- \n" for level in range(1, 70)) + "- x", "line"),
        ("- " * 20000, "line 1"),
        ("a: !!binary aGk=", "the tag 'binary' is not known here"),
        ("a: !!set {x}", "has no place here"),
        ("a: !!omap [b: 1]", "has no place here"),
        ("a: !!python/object/apply:os.system [id]", "has no place here"),
        ("a: !!python/name:os.system x", "the tag 'python/name:os.system' is not known here"),
        ("a: !own x", "the tag '!own' is not known here"),
        ("a: !!str [x]", "has no place here"),
    ],
    ids=brief,
)
def test_a2_what_is_no_plain_value_is_refused_with_key_and_line(text: str, said: str) -> None:
    assert said in refused(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("m:\n  a: {x: 1}\n  b: {}\n  a: {x: 2}\n", "line 4, m: the key 'a' is there twice, in line 2 and in line 4"),
        ("a: 1\na: 1", "the key 'a' is there twice, in line 1 and in line 2"),
        ("{a: 1, a: 2}", "the key 'a' is there twice, in line 1 and in line 1"),
        ("a:\n- b: 1\n  b: 2", "line 3, a.0: the key 'b' is there twice"),
        ("a: 1\n'a': 2", "the key 'a' is there twice"),
        ('a: 1\n"\\x61": 2', "the key 'a' is there twice"),
        ("x: &x {a: 1}\n<<: *x\n<<: *x", "the key '<<' is there twice"),
        ("a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> branch\n", "line 2: an unresolved merge conflict"),
        ("a: 1\nb: 2\n>>>>>>> branch\n", "line 3: an unresolved merge conflict"),
        ("a: 1\r\n<<<<<<<\r\nb: 1\r\n", "line 2: an unresolved merge conflict"),
        ("a:\n  b: [1,\n<<<<<<< HEAD\n 2]\n", "line 3: an unresolved merge conflict"),
    ],
    ids=brief,
)  # fmt: skip
def test_a3_a_key_twice_is_refused_with_both_lines_and_a_conflict_says_so(text: str, said: str) -> None:
    assert said in refused(text)


def test_a3_a_merge_that_left_a_model_twice_in_the_lock_is_refused() -> None:
    text = (stacks.EXAMPLE / "models.lock.yaml").read_text()
    model = text[text.index("  qwen3-8b:") :]
    first = text[: text.index("  qwen3-8b:")].count("\n") + 1
    again = text.count("\n") + 1

    with pytest.raises(TextError) as error:
        lock.load(text + model)

    assert f"the key 'qwen3-8b' is there twice, in line {first} and in line {again}" in error.value.what


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, f"more than {limits.NODES} values"),
        (MERGES, f"more than {limits.NODES} values"),
        ("a: &x [*x]", "*x is within itself"),
        ("a: &x {b: {c: *x}}", "line 1, a.b.c: *x is within itself"),
        ("&x {<<: *x}", "*x is within itself"),
        ("a: &x\n  - &y\n    - *x\n", "line 3, a.0.0: *x is within itself"),
        ("a: *nowhere", "there is no anchor &nowhere before this"),
        ("a0: &a0 []\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 70)), "more than 64 levels deep"),
        ("- a\n" * (limits.NODES + 1), f"more than {limits.NODES} values"),
    ],
    ids=brief,
)
def test_a5_an_alias_that_never_ends_or_grows_is_refused_at_once(text: str, said: str, request: Any) -> None:
    if len(text) > 2**20 and "python" in request.node.name:
        pytest.skip("PyYAML's own parser takes a minute for it")
    assert said in refused(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1: a", "a key is text, and 1 is read as something else"),
        ("on: a", "a key is text, and True is read as something else"),
        ("~: a", "a key is text, and nothing is read as something else"),
        ("? [a]\n: b", "a key is text, not a list or a mapping"),
        ("? {a: 1}\n: b", "a key is text, not a list or a mapping"),
        ("a: &x {b: 1}\n? *x\n: c", "a key is text, not a list or a mapping"),
        ("<<: 5", "after << comes a mapping"),
        ("<<: [{a: 1}, 5]", "after << comes a mapping"),
        ("a: 1\n---\nb: 2", "line 2: a second document begins here"),
        ("a: 1\nb: \x1b[31m", "line 2: the sign '\\x1b' has no place"),
        ('a: 1\nb: "\\ud800"', "line 2"),
        ("a: \x00", "line 1: the sign '\\x00' has no place"),
        ("a: [1,\nb: {", "this is not YAML"),
        ("a: b: c", "line 1: this is not YAML"),
        ("<html><body>Sign in</body></html>\n<p>: x: y", "this is not YAML"),
    ],
    ids=brief,
)
def test_a2_what_no_json_has_is_refused(text: str, said: str) -> None:
    assert said in refused(text)
