"""Every value of every program's manifest, wrong in every way in turn: refused by its name, before anything is done."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, cast

import pytest

from pods.core.report import ExitError
from tests.pods.programs import program
from tests.pods.test_manifests import READ, written

# Further keys that a program knows, with a value that is right.
MORE: dict[str, dict[str, Any]] = {
    "fetch": {
        "segment_bytes": 1 << 20, "margin_bytes": 0, "floor_bytes_s": 1, "attempts": 1, "stall_s": 0.5,
        "progress_s": 1, "backoff_s": 1, "patience_s": 600,
    },
    "gate": {"timeout_s": 0, "poll_s": 5},
    "warm": {"memory_limit_bytes": 1, "poll_s": 0.05},
    "prune": {},
    "advertise": {"timeout_s": 10, "api": "https://[::1]:6443", "credentials": "/run/secrets"},
}  # fmt: skip
# Of no value in any manifest.
NEVER: tuple[Any, ...] = (
    None,
    True,
    [],
    [None],
    {},
    {"a": 1},
    -1,
    10**30,
    1e300,
    -0.5,
    "\ud800\0",
    "a\nb",
    "\x1b[31m",
    "x" * 70_000,
)
TRICKS = (
    "..",
    "../x",
    "/etc/passwd",
    "a/../../b",
    "",
    ".",
    "a\0b",
    "٣",
    "\u043c\u043edel",
    "a" * 300,
    " a",
    "$(HF_TOKEN)",
)
NAMES = ("id", "gen", "commit", "sha256", "link", "mode", "verify")


def right(name: str) -> dict[str, Any]:
    return json.loads(written()[name]) | MORE[name]


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where each value is that is neither an object nor a list; of lists the first entry."""
    if isinstance(value, dict):
        for key, inner in cast("dict[str, Any]", value).items():
            yield from places(inner, (*at, key))
    elif isinstance(value, list) and value:
        yield from places(cast("list[Any]", value)[0], (*at, 0))
    else:
        yield at


def put(manifest: dict[str, Any], at: tuple[Any, ...], *value: Any) -> str:
    """The manifest with another value there, or without one."""
    changed = json.loads(json.dumps(manifest))
    inner = changed
    for step in at[:-1]:
        inner = inner[step]
    if value:
        inner[at[-1]] = value[0]
    else:
        del inner[at[-1]]
    return json.dumps(changed)


def refusal(name: str, text: str) -> str:
    with pytest.raises(ExitError) as caught:
        READ[name](text)
    said = str(caught.value)
    assert caught.value.code == 78
    assert said.startswith("the manifest is unusable: ")
    assert said.isprintable()
    assert len(said) < 600
    return said


@pytest.mark.parametrize("name", READ)
def test_each_value_in_each_wrong_way_is_refused_by_its_name(name: str) -> None:
    manifest, tried = right(name), 0
    READ[name](json.dumps(manifest))
    for at in places(manifest):
        if "selector" in at:
            continue
        for value in (*NEVER, *(TRICKS if at[-1] in NAMES else ())):
            if (at[-1], value) == ("priority", -1):
                continue
            said = refusal(name, put(manifest, at, value))
            assert ".".join(map(str, at)) + " is " in said or ".".join(map(str, at)) + "." in said, (at, value, said)
            assert "must be" in said
            tried += 1
    assert tried > 50
    print(f"{name}: {tried} wrong values")


@pytest.mark.parametrize("name", READ)
def test_a_value_that_is_missing_is_named_and_so_is_one_too_many(name: str) -> None:
    manifest = right(name)
    plain = json.loads(written()[name])
    may_lack = {"model", "streams", "slots", "verify", "proxy", "no_proxy", "ca_file", "poll_s"}
    for at in places(plain):
        if at[-1] in may_lack or "selector" in at or at[-1] == 0 or (at[0], name) == ("no_proxy", "fetch"):
            continue
        assert f"{'.'.join(map(str, at))} is missing" in refusal(name, put(plain, at))
    said = refusal(name, json.dumps({**manifest, "colour\x1b": "blue"}))
    assert r"'colour\x1b' is 'blue', it must be left out" in said


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize(
    "text", ["", "null", "[]", "7", '"x"', "{}", "{", "\ud800", '{"root": "/a", "root": "/b"}', "{" * 99]
)
def test_what_is_no_manifest_at_all_is_refused(name: str, text: str) -> None:
    refusal(name, text)


@pytest.mark.parametrize("selector", [None, [], {}, {"a": 1}, {"a": None}, "a=b", 5, {"a": {"b": "c"}}])
def test_a_selector_is_an_object_of_texts(selector: Any) -> None:
    assert "selector is " in refusal("advertise", json.dumps({**right("advertise"), "selector": selector}))


FETCH: dict[str, tuple[Any, ...]] = {
    "endpoint": ("http://[::1", "http://h:99999", "http://h:0", "http://a..b", "http://:80", "http://é.example",
                 "http://h/\x7f", "http://h/é", f"http://{'a' * 64}.example", "http://u:p@h", "https://h?x", "http://h/#"),
    "proxy": ("http://[::1:3128", "http://p:99999", "http://p:0", "http://p", "https://p:1", "http://a..b:1",
              "http://u:p@p:1", f"http://{'a' * 64}:1", "http://p:٣"),
    "no_proxy": ("10.0.0.0/8", {"a": 1}, [5], [""], ["a b"], [None]),
    "files": ([], {}, "x", None, [[]], [None]),
    "streams": (65, 0, 2.0, "4"), "slots": (1025, 2.0), "attempts": (0, 10**6), "stall_s": (0, 1e9, "30"),
    "root": ("models", "/a\0b", "/\ud800", "/\udd00"),
}  # fmt: skip


@pytest.mark.parametrize("key", FETCH)
def test_what_could_only_fail_later_is_refused_at_once(key: str) -> None:
    for value in FETCH[key]:
        said = refusal("fetch", json.dumps({**right("fetch"), key: value}))
        assert key in said
        assert "u:p" not in said


def test_two_files_under_one_link_are_refused() -> None:
    manifest = right("fetch")
    manifest["files"] = [manifest["files"][0], {**manifest["files"][0], "sha256": "e" * 64}]
    assert "files.1.link is 'model.gguf', it must be another one for each file" in refusal(
        "fetch", json.dumps(manifest)
    )
    manifest["files"] = [{**manifest["files"][0], "link": "READY.json"}]
    assert "files.0.link is 'READY.json'" in refusal("fetch", json.dumps(manifest))


def test_every_program_refuses_as_the_process_that_it_is() -> None:
    wrong: dict[str, list[tuple[str, Any]]] = {
        "gate": [("root", 5), ("poll_s", -1), ("timeout_s", "x"), ("models", None)],
        "warm": [("listen", 99999), ("listen", "8080"), ("poll_s", 1e300), ("root", "/a\0")],
        "prune": [("root", "/a\0"), ("grace_s", True), ("keep", [{"id": 5, "gen": "0" * 12, "sha256": []}])],
        "advertise": [("poll_s", -1), ("listen", 99999), ("timeout_s", 1e300)],
        "fetch": [("endpoint", "http://[::1"), ("streams", 10**6), ("attempts", 10**30), ("stall_s", 1e300)],
    }
    for name, values in wrong.items():
        for key, value in values:
            text = json.dumps({**right(name), key: value})
            argv = [sys.executable, "-I", "-S", str(program(name)), name, "--manifest", text]
            ran = subprocess.run(argv, capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})
            assert (ran.returncode, ran.stderr) == (78, ""), (name, key, ran.stdout, ran.stderr)
