"""A value put into a stack file: only the intended bytes differ, whatever style a person has."""

import difflib

import pytest

from ops.base.errors import OpsError
from ops.stack import stack_edit
from plan.config import KEY
from tests import stacks

VALUE = {"mib": 2900, "date": "2026-11-22", "source": "nvidia-smi"}
FLOW = '{mib: 2900, date: "2026-11-22", source: "nvidia-smi"}'


def changed(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]


@pytest.mark.parametrize("stack", ["t4", "disk"])
def test_in_a_whole_stack_file_one_line_differs_for_each_entry(stack: str) -> None:
    text = (stacks.EXAMPLE / f"Pulumi.{stack}.yaml").read_text()

    after = stack_edit.set_value(text, ("config", KEY, "gpu", "tenants", "frigate", "measured"), VALUE)
    again = stack_edit.set_value(after, ("config", KEY, "models", "qwen3-8b", "measured", 0), {"mib": 6996})

    assert changed(text, after) == [
        "-        frigate: {peak_mib: 1950}",
        f"+        frigate: {{peak_mib: 1950, measured: {FLOW}}}",
    ]
    assert changed(after, again)[-1].endswith("measured: [{mib: 6996}]}")
    assert len(changed(after, again)) == 2
    assert stack_edit.set_value(again, ("config", KEY, "models", "qwen3-8b", "measured", 0), {"mib": 6996}) == again


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: {b: 1}\n", f"a: {{b: 1, m: {FLOW}}}\n"),
        ("a:   { b: 1 }   # why\n", f"a:   {{ b: 1, m: {FLOW} }}   # why\n"),
        ("a: {b: 1,}\n", f"a: {{b: 1, m: {FLOW},}}\n"),
        ("a: {}\n", f"a: {{m: {FLOW}}}\n"),
        ("a:\n  b: 1  # one\n  # after\nc: 2\n", f"a:\n  b: 1  # one\n  m: {FLOW}\n  # after\nc: 2\n"),
        ("a:\n    b: 'x: #'", f"a:\n    b: 'x: #'\n    m: {FLOW}"),
        ("a:\n  d:\n    - 1\n    - 2 # two\n", f"a:\n  d:\n    - 1\n    - 2 # two\n  m: {FLOW}\n"),
        ("a:\n  b: |\n    text\n  # last\n", f"a:\n  b: |\n    text\n  m: {FLOW}\n  # last\n"),
        ("a: {b: 1, # one\n    c: 2 # two\n   }\n", f"a: {{b: 1, # one\n    c: 2, m: {FLOW} # two\n   }}\n"),
        (
            "a: {m: {mib: 1, date: 2020-01-01, source: x}} # kept\n",
            'a: {m: {mib: 2900, date: "2026-11-22", source: "nvidia-smi"}} # kept\n',
        ),
        (
            "a:\n  m: # seen\n    mib: 1 # MiB\n    date: '2020-01-01'\n",
            'a:\n  m: # seen\n    mib: 2900 # MiB\n    date: "2026-11-22"\n    source: "nvidia-smi"\n',
        ),
    ],
)  # fmt: skip
def test_comments_and_layout_of_a_mapping_stay(before: str, after: str) -> None:
    assert stack_edit.set_value(before, ("a", "m"), VALUE) == after


@pytest.mark.parametrize(
    ("before", "at", "after"),
    [
        ("a: {b: 1}\n", 0, "a: {b: 1, m: [{mib: 7}]}\n"),
        ("a: {m: []}\n", 0, "a: {m: [{mib: 7}]}\n"),
        ("a: {m: [{mib: 1}]}\n", 1, "a: {m: [{mib: 1}, {mib: 7}]}\n"),
        ("a: {m: [{mib: 1, tokens_s: 9}]}\n", 0, "a: {m: [{mib: 7, tokens_s: 9}]}\n"),
        ("a:\n  m:\n    - {mib: 1} # one\n  # end\n", 1, "a:\n  m:\n    - {mib: 1} # one\n    - {mib: 7}\n  # end\n"),
        ("a:\n  m:\n  - mib: 1\n    date: x # d\n", 1, "a:\n  m:\n  - mib: 1\n    date: x # d\n  - {mib: 7}\n"),
        ("a:\n  m:\n  -   mib: 1 # one\n", 0, "a:\n  m:\n  -   mib: 7 # one\n"),
    ],
)
def test_comments_and_layout_of_a_list_stay(before: str, at: int, after: str) -> None:
    assert stack_edit.set_value(before, ("a", "m", at), {"mib": 7}) == after


def test_a_long_line_goes_on_below_the_first_key() -> None:
    before = f"a: {{b: {'x' * 100}}}\n"

    after = stack_edit.set_value(before, ("a", "m"), VALUE)

    assert after == f"a: {{b: {'x' * 100},\n    m: {FLOW}}}\n"


@pytest.mark.parametrize(
    ("text", "key"),
    [("a: &x {b: 1}\nc: *x\n", "c"), ("x: &x {b: 1}\na: {<<: *x}\n", "a"), ("a:\n", "a"), ("a: b\n", "a")],
)
def test_what_would_change_anything_else_is_refused_with_the_entry_to_write(text: str, key: str) -> None:
    with pytest.raises(OpsError) as caught:
        stack_edit.set_value(text, (key, "m"), VALUE)

    assert FLOW in str(caught.value), "a person writes it then"


LINES, ENTRIES = ["x: 1 # new", "y:", "  z: [2]"], {"x": 1, "y": {"z": [2]}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a:\n  m:\n    b: {c: 1} # one\n# end\n", "a:\n  m:\n    b: {c: 1} # one\n    NEW\n# end\n"),
        ("a:\n  m:\n    b:\n      c: 1\n  d: 2\n", "a:\n  m:\n    b:\n      c: 1\n    NEW\n  d: 2\n"),
        ("a:\n    m:\n          b: |\n            c\n", "a:\n    m:\n          b: |\n            c\n          NEW\n"),
        ("a:\n  d: 2\n", "a:\n  d: 2\n  m:\n    NEW\n"),
        ("a:\n  m: {} # none\n  d: 2\n", "a:\n  m: # none\n    NEW\n  d: 2\n"),
        ("a:\n  m:\n  d: 2", "a:\n  m:\n    NEW\n  d: 2"),
        ("a:\r\n  m: {}\r\n", "a:\r\n  m:\r\n    NEW\r\n"),
    ],
)
def test_entries_come_after_the_last_of_a_mapping_and_nothing_else_differs(before: str, after: str) -> None:
    end = "\r\n" if "\r" in before else "\n"
    indent = after.partition("NEW")[0].rpartition("\n")[2]

    assert stack_edit.add_entries(before, ("a", "m"), LINES, ENTRIES) == after.replace(
        "NEW", f"{end}{indent}".join(LINES)
    )


@pytest.mark.parametrize(
    "text",
    [
        "a: {m: {b: 1}}\n",
        "a:\n  m: {b: 1}\n",
        "a:\n  m: text\n",
        "a: [1]\n",
        "b: 1\n",
        "x: &x {b: 1}\na:\n  m: *x\n",
    ],
)
def test_entries_of_a_mapping_in_braces_or_of_none_are_refused(text: str) -> None:
    with pytest.raises(OpsError, match=r"cannot get more entries|m cannot get"):
        stack_edit.add_entries(text, ("a", "m"), LINES, ENTRIES)


def test_entries_that_the_lines_do_not_say_are_refused() -> None:
    with pytest.raises(OpsError):
        stack_edit.add_entries("a:\n  m: {}\n", ("a", "m"), LINES, {"x": 2})
