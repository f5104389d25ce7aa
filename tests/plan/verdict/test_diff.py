"""The short diff: elements by their names, commands by their flags, and no secret."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.verdict import shown
from plan.verdict.diff.difference import differences
from plan.verdict.diff.short_diff import short_diff
from tests.plan.verdict.steps import judged, step

Object = dict[str, Any]
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
NAMED: dict[str, list[Object]] = {
    "containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}],
    "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
    "volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "models", "persistentVolumeClaim": {"claimName": "c"}}],
    "volumeMounts": [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/b"}],
    "ports": [{"containerPort": 80}, {"containerPort": 81, "protocol": "TCP"}],
    "tolerations": [{"key": "a", "operator": "Exists"}, {"key": "b", "operator": "Exists"}],
    "models": [{"id": "a", "gen": "1"}, {"id": "b", "gen": "2"}],
}
FIRST: dict[str, Object] = {
    "containers": {"name": "0", "image": "z"},
    "env": {"name": "0", "value": "z"},
    "volumes": {"name": "0", "emptyDir": {}},
    "volumeMounts": {"name": "v", "mountPath": "/0"},
    "ports": {"containerPort": 1},
    "tolerations": {"key": "0", "operator": "Exists"},
    "models": {"id": "0", "gen": "0"},
}


def lines(old: Object, new: Object) -> list[str]:
    return [it.line for it in differences(old, new)]


@pytest.mark.parametrize("kind", NAMED)
def test_an_entry_put_before_others_differs_alone(kind: str) -> None:
    old = {"spec": {kind: NAMED[kind]}}
    (line,) = lines(old, {"spec": {kind: [FIRST[kind], *NAMED[kind]]}})
    assert line.startswith(f"+ {kind}")


@pytest.mark.parametrize("kind", NAMED)
def test_an_entry_that_goes_differs_alone(kind: str) -> None:
    (line,) = lines({"spec": {kind: NAMED[kind]}}, {"spec": {kind: NAMED[kind][1:]}})
    assert line.startswith(f"- {kind}")


@given(st.sampled_from(sorted(NAMED)), st.data())
def test_the_order_of_named_entries_is_no_difference(kind: str, data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(NAMED[kind]))
    assert lines({"spec": {kind: NAMED[kind]}}, {"spec": {kind: shuffled}}) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (["--ctx-size", "16384", "--jinja"], ["--ctx-size", "8192", "--jinja"], "args --ctx-size: 16384 -> 8192"),
        (["--a", "1", "--b", "2"], ["--b", "2", "--a", "1"], ""),
        (["--jinja", "--a", "1"], ["--a", "1"], "- args --jinja"),
        (["--temp", "-1"], ["--temp", "-2"], "args --temp: -1 -> -2"),
        (["-config", "/a", "-listen", ":80"], ["-config", "/a", "-listen", ":81"], "args -listen: :80 -> :81"),
        (["a", "--manifest", '{"slots": 2}'], ["a", "--manifest", '{"slots": 3}'], "args --manifest.slots: 2 -> 3"),
        (["run", "m --a 1 --b 2"], ["run", "m --a 1 --b 3"], "args.m --b: 2 -> 3"),
        (["--x", "1", "--x", "2"], ["--x", "1", "--x", "3"], "args --x: 1, 2 -> 1, 3"),
    ],
)  # fmt: skip
def test_a_command_is_compared_by_its_flags(old: list[str], new: list[str], said: str) -> None:
    assert lines({"spec": {"args": old}}, {"spec": {"args": new}}) == ([said] if said else [])


def test_texts_are_compared_by_what_is_in_them() -> None:
    old = {"llama-swap.yaml": "models: {a: {cmd: '/x --ctx-size 1 --jinja', ttl: 1}}", "gate.json": '{"root": "/a"}'}
    new = {"llama-swap.yaml": "models: {a: {cmd: '/x --jinja --ctx-size 2', ttl: 1}}", "gate.json": '{"root": "/b"}'}
    assert lines({"data": old}, {"data": new}) == [
        "llama-swap.yaml models.a.cmd --ctx-size: 1 -> 2",
        "gate.json root: /a -> /b",
    ]
    ini = "version = 1\n[a]\nctx-size = {}\n[b]\nctx-size = 1\n"
    assert lines({"data": {"models.ini": ini.format(1)}}, {"data": {"models.ini": ini.format(2)}}) == [
        "models.ini a.ctx-size: 1 -> 2"
    ]


@pytest.mark.parametrize("text", ["{", "[1,", "models: [", "a: b: c", "'x --y", "{}", ""])
def test_a_text_that_only_looks_like_something_is_a_text(text: str) -> None:
    assert lines({"data": {"x.yaml": text}}, {"data": {"x.yaml": text}}) == []
    assert len(lines({"data": {"x.yaml": text}}, {"data": {"x.yaml": "other"}})) >= 1


def test_the_same_change_of_many_entries_is_one_line() -> None:
    old = {"models": {name: {"ttl": 600} for name in "abcd"}}
    new = {"models": {name: {"ttl": 900} for name in "abcd"}}
    assert lines(old, new) == ["models.a,b,c,d.ttl: 600 -> 900"]


@given(st.text(min_size=60, max_size=400), st.text(min_size=1, max_size=9), st.text(min_size=1, max_size=9))
def test_long_values_show_where_they_differ(common: str, left: str, right: str) -> None:
    found = differences({"a": f"{common}{left}{common}"}, {"a": f"{common}{right}{common}"})
    if left != right:
        (it,) = found
        assert it.old != it.new
        assert len(it.line) < 160
        assert it.line.isprintable()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"stringData": {"api-key": "abc123"}}, {"stringData": {"api-key": "def456"}}),
        ({"env": {"HF_TOKEN": "abc123"}}, {"env": {"HF_TOKEN": "def456"}}),
        ({"env": [{"name": "HF_TOKEN", "value": "abc123"}]}, {"env": [{"name": "HF_TOKEN", "value": "def456"}]}),
        ({"password": {"value": "abc123"}}, {"password": {"value": "def456"}}),
        ({"args": ["--api-key", "abc123"]}, {"args": ["--api-key", "def456"]}),
        ({"proxy": "http://u:abc123@h"}, {"proxy": "http://u:def456@h"}),
        ({"text": "hf_abc123abc"}, {"text": "hf_def456def"}),
    ],
)
def test_no_secret_is_shown_whatever_pulumi_left_in_the_open(old: Object, new: Object) -> None:
    text = "\n".join(short_diff(judged(step("update", "Secret", "x", old, new)).changes))
    assert "abc123" not in text
    assert "def456" not in text


def test_values_that_pulumi_blinds_are_named_by_their_path() -> None:
    blind = {"stringData": {"api-key": "[secret]"}}
    made = step("update", "Secret", "x", blind, blind) | {"detailedDiff": {"stringData.api-key": {"kind": "update"}}}
    assert "    stringData.api-key: differs in the cluster, or is a secret" in short_diff(judged(made).changes)


def test_a_value_that_only_the_update_tells_is_said_to_be_known_later() -> None:
    assert lines({"a": "x"}, {"a": UNKNOWN}) == ["a: x -> known later"]


def test_what_a_terminal_would_act_on_is_escaped() -> None:
    (line,) = lines({"a": "x"}, {"a": "\x1b[31mred"})
    assert line == "a: x -> \\x1b[31mred"


def test_pulumis_own_annotations_are_no_news() -> None:
    old, new = ({"metadata": {"annotations": {"pulumi.com/autonamed": it}}} for it in ("true", "false"))
    assert lines(old, new) == []


def test_a_hundred_changed_objects_still_fit_a_page() -> None:
    old = {"spec": {"args": [word for number in range(40) for word in (f"--flag-{number}", "1")]}}
    new = copy.deepcopy(old)
    new["spec"]["args"] = [f"{it}{index}" if it == "1" else it for index, it in enumerate(old["spec"]["args"])]
    steps = [step("update", "Job", f"job-{number}", old, new) for number in range(100)]
    page = shown.page(judged(*steps), [f"note {number}" for number in range(50)])
    assert len(page) <= 56
    assert any("more lines; DIFF=1 shows all" in line for line in page)
    assert json.dumps(page).count("job-") > 3
