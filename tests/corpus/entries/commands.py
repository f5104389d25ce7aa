"""Command lines: every option with values that fit nowhere, and environments that a person may have."""

import os
import random
from collections.abc import Iterator
from functools import partial

import pytest

from tests.corpus.case import KEY, PASSWORD, TOKEN, Case
from tests.corpus.place import MORE, Place, http
from tests.corpus.values import TEXTS, short

# Options that read or ask. What writes to a path is given none that leads out of the place.
OF_A_FILE = (  # options of `fit` that say something of one file
    "--gguf",
    "--mmproj",
    "--context",
    "--kv-type",
    "--parallel",
    "--ubatch",
    "--image-max-tokens",
    "--card",
)
OPTIONS: dict[str, tuple[str, ...]] = {
    "lock": ("--stack", "--commit", "--from", ""),
    "fit": ("--stack", "--config", *OF_A_FILE, ""),
    "verify": ("--url", "--key-env", "--model", "--stack", "--min-tokens-s", "--timeout", ""),
    "calibrate": (
        "--stack",
        "--prometheus",
        "--nvidia-smi",
        "--model",
        "--tenant",
        "--days",
        "--metric",
        "--pod-label",
        "--build",
        "",
    ),
    "render": ("--stack", "--config"),
    "weights": ("--stack", ""),
    "adopt": ("--stack", "--from-llama-swap", "--repo", ""),
}
REST: dict[str, tuple[str, ...]] = {
    "lock": ("--check",),
    "fit": ("--stack", "t4", "--offline"),
    "verify": ("--url", "http://127.0.0.1:1/v1"),
    "calibrate": ("--stack", "t4", "--nvidia-smi", "none.csv", "--model", "qwen3-8b"),
    "render": ("--stack", "nobody", "rendered"),
    "weights": ("--root", "."),
    "adopt": ("--from-llama-swap", "swap.yaml"),
}
NUMBERS = (
    "0",
    "-1",
    "1e10",
    "1e400",
    "nan",
    "inf",
    "-inf",
    "9" * 5000,
    "1.5",
    "²³",
    "1_000",
    "0x10",
    " 1",
    "1" + "0" * 320,
)
URLS = (
    f"http://user:{PASSWORD}@127.0.0.1:1/v1", f"http://user:{PASSWORD}@[::1", f"//user:{PASSWORD}@h", "http://[::1",
    "http://a..b",
    "http://", "http:///v1", "http://127.0.0.1:99999/v1", "http://127.0.0.1:x/v1", "http://127.0.0.1:1/\x1b[31m",
    "http://h h/v1",
    "http://" + "a" * 300, "http://.", "http://\u2100", "http://127.0.0.1:1/v1#x",
    "http://xn--/v1", "http://\ud800/",
)  # fmt: skip
STACKS = ("my.stack", "../x", "", "a/b", "\x1b[31m", "x" * 300, "nobody", "t4.yaml", ".", "a b", "[/red]", "\udcff")
LINES: tuple[tuple[str, ...], ...] = (
    (), ("",), ("\x1b[31m",), ("lock", "--\x1b[31m"), ("fit",), ("fit", "--stack", "t4", "--gguf", "x"), ("calibrate",
    "--stack", "t4"),
    ("verify",), ("render", "x"), ("lock", "nobody"), ("lock", "--update", "\x1b[31m"), ("lock", "--update", "[/red]"),
    ("lock", "--update", "\udcff"),
    ("fit", "\x1b[31m"), ("fit", "\u202ex"), ("fit", "--stack"), ("fit", "--context", "\x1b[31m"), ("fit", "--kv-type",
    "\x1b[31m"),
    ("calibrate", "--stack", "t4", "--nvidia-smi", "/dev/null", "--tenant", "frigate=("), ("calibrate", "--stack",
    "t4", "--nvidia-smi", "/dev/zero"),
    ("calibrate", "--stack", "t4", "--nvidia-smi", ".", "--model", "a"), ("fit", "--gguf", "/dev/zero", "--context",
    "1"),
    ("fit", "--gguf", "/dev/null", "--context", "1"), ("fit", "--gguf", ".", "--context", "1"), ("fit", "--gguf",
    "x-00001-of-00000.gguf", "--context", "1"),
    ("fit", "--gguf", "x-00001-of-99999.gguf", "--context", "1"), ("fit", "--stack", "t4", "--config", "."),
    ("fit", "--stack", "t4", "--config", "/dev/zero"), ("fit", "--stack", "t4", "--html", "no/such/dir.html",
    "--offline"),
    ("fit", "--stack", "t4", "--html", ".", "--offline"), ("render", "--stack", "t4", "Pulumi.t4.yaml"), ("weights",
    "--root", "/dev/null"),
    ("calibrate", "--stack", "t4", "--nvidia-smi", "/dev/null", "--tenant", "frigate=(a+)+$"), ("lock", "--from", ".",
    "--commit", "\x1b[31m"),
)  # fmt: skip


def cases(place: Place) -> Iterator[Case]:
    place.server.reply = lambda _: http(b"{}")
    for line in LINES:
        yield Case("command line", short(" ".join(line)), partial(place.ops, *line))
    for command, options in OPTIONS.items():
        for option in options:
            for value in _values(command, option):
                line = _with(command, option, value)
                yield Case("command line", f"{command} {option} {short(value)}", partial(place.ops, *line))
    for name, line, environment in _environments():
        yield Case("command line", name, partial(_in_environment, place, line, environment), "refused")


def _values(command: str, option: str) -> tuple[str, ...]:
    rng = random.Random(f"{command} {option}")  # noqa: S311 - the same lines in every run
    typable = [text for text in TEXTS if len(text) < 5001 and "\0" not in text]
    some = (URLS[0], *rng.sample(typable, min(6 * MORE, 60)))
    numeric = {
        "--context",
        "--parallel",
        "--ubatch",
        "--image-max-tokens",
        "--timeout",
        "--min-tokens-s",
        "--days",
        "--build",
    }
    if option in numeric:
        return (*NUMBERS, *some[:2])
    if option in ("--url", "--prometheus", "--gguf", "--mmproj"):
        return (*URLS, *some[:3])
    if option in ("--stack", "--config"):
        return (*STACKS, *some)
    return some


def _with(command: str, option: str, value: str) -> tuple[str, ...]:
    rest = list(REST[command])
    if option in OF_A_FILE:
        rest = ["--gguf", "http://127.0.0.1:1/x.gguf"] + ([] if option == "--context" else ["--context", "64"])
    if option == "--prometheus":
        rest = ["--stack", "t4"]
    if option == "--from":
        rest = []
    if option in rest:
        where = rest.index(option)
        del rest[where : where + 2]
    return (command, *rest, *((option, value) if option else (value,)))


def _environments() -> Iterator[tuple[str, tuple[str, ...], dict[str, str]]]:
    verify = ("verify", "--url", "http://127.0.0.1:1/v1")
    for odd in (
        f"{KEY} ",
        f" {KEY}",
        f"{KEY}\n",
        f"{KEY}\r\nX: y",
        f"{KEY}\x1b",
        f"{KEY}é",
        f"{KEY}\t",
        f"{KEY}\u200b",
        f"{KEY}\udcff",
    ):
        yield f"a key with {short(odd.replace(KEY, '...'))}", verify, {"LOCAL_LLM_API_KEY": odd}
    for odd in (f"{TOKEN} ", f"{TOKEN}\n", f"{TOKEN}é", f"{TOKEN}\r\nX: y"):
        line = ("fit", "--context", "64", "--gguf", "HUB/a/b/resolve/main/x-Q4_K_M.gguf")
        yield f"fit with HF_TOKEN {short(odd.replace(TOKEN, '...'))}", line, {"HF_TOKEN": odd}


def _in_environment(place: Place, line: tuple[str, ...], environment: dict[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setitem(os.environ, name, value)
        place.ops(*(word.replace("HUB", place.server.url) for word in line))
