"""A stack file whose values are spelled as YAML 1.1 lets people, or with its anchors, merges and tags."""

import random
from collections.abc import Iterator
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import yaml

from plan import config
from plan.config.stack_file import Facts, complete, configuration
from tests import stacks
from tests.corpus.case import Case
from tests.corpus.entries.stacks import everything, planned
from tests.corpus.place import MORE, Place
from tests.corpus.values import Path, at, places, put, short, where

_FILE, _HERE = PurePosixPath("Pulumi.x.yaml"), "a value of the corpus"
SPELLINGS: tuple[str, ...] = (
    "yes", "no", "on", "off", "y", "N", "TRUE", "1_000", "0b1", "0x1F", "1:30", "1e3", "1.0e+3", ".5", "5.", "+5",
    "0o17", "017", "~", "null", "Null", "!!str 5", "!!int '5'", "!!float 5", "!!bool yes", "!!null ''", "&a 5", "*x",
    "''", '""', "|\n        x", ">-\n        x", "<<", "=", "-0", "-0.0", "0.0", "5.0", "9007199254740993", "-1", "0",
    "2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01 25:00", "!!timestamp 2026-01-01", "{<<: {a: 1}}", "[[]]",
    "[5]", "{a: 5}", "! 5", "!x 5", "%", "@x", '"\\x41"', '"\\u0430"', "'a\\nb'", "\u0430", "\uff11", "\u0661",
    "\uff50y", "a\u200db", "-", "- x", "? x", ": x", "#", "5 # five", ".inf", ".NaN", "1e999", "+.inf", "12e03",
)  # fmt: skip
_HEAD = f"config:\n  {config.KEY}:\n"
SHAPES: dict[str, str] = {
    "a merge of an anchor below": f"{_HEAD}    models: {{a: {{<<: *m}}}}\n    x: &m {{}}\n",
    "an anchor of another document": f"x: &m {{}}\n---\n{_HEAD}    models: *m\n",
    "a merge of a merge": f"{_HEAD}    models: {{a: &a {{<<: &b {{repo: x/y}}}}, c: {{<<: [*a, *b]}}}}\n",
    "a merge of a text": f"{_HEAD}    models: {{a: {{<<: text}}}}\n",
    "a merge of a list of texts": f"{_HEAD}    models: {{a: {{<<: [text]}}}}\n",
    "two merges": f"{_HEAD}    <<: {{a: 1}}\n    <<: {{b: 1}}\n",
    "a quoted merge": f"{_HEAD}    '<<': {{namespace: a}}\n",
    "an anchor twice": f"{_HEAD}    namespace: &a x\n    volume: &a {{name: *a}}\n    gpu: *a\n",
    "a directive": f"%YAML 1.2\n---\n{_HEAD}    namespace: a\n",
    "a tag handle": f"%TAG ! tag:example.com,2026:\n---\n{_HEAD}    namespace: !x a\n",
    "a tag of the whole": f"config: !!map\n  {config.KEY}: !!python/dict\n    namespace: a\n",
    "the key in quotes": f'config:\n  "{config.KEY}": {{namespace: a}}\n',
    "the key twice, quoted once": f'{_HEAD}    a: 1\n  "{config.KEY}": {{}}\n',
    "the key as a list": f"config:\n  {config.KEY}: [namespace, a]\n",
    "a secure value": f"config:\n  {config.KEY}:\n    secure: v1:abc\n",
    "a number as a key": f"{_HEAD}    models: {{8: {{}}}}\n",
    "null as a key": f"{_HEAD}    models: {{~: {{}}, ? : {{}}}}\n",
    "confusable keys": f"{_HEAD}    n\u0430mespace: a\n    m\u043edels: {{}}\n",
    "a tab": f"{_HEAD}\tnamespace: a\n",
    "nothing at the key": _HEAD,
}  # fmt: skip


def cases(place: Place) -> Iterator[Case]:
    del place
    rng = random.Random("spellings")  # noqa: S311 - the same files in every run
    ends = [path for path in places(everything()) if not isinstance(at(everything(), path), dict | list)]
    for path, spelling in rng.sample([(path, it) for path in ends for it in SPELLINGS], 240 * MORE):
        yield Case("stack file", f"{where(path)}: {short(spelling)}", partial(_read, written(path, spelling)))
    for path in places(everything()):
        for value in (None, ""):
            text = yaml.safe_dump({"config": {config.KEY: put(everything(), path, value)}})
            yield Case("stack file", f"{where(path)} = {value!r}", partial(_read, text))
    for name, text in SHAPES.items():
        yield Case("stack file", name, partial(_read, text), "refused")


def written(path: Path, spelling: str) -> str:
    """The file with `spelling` at a key, as it is."""
    document: Any = {"config": {config.KEY: put(everything(), path, _HERE)}}
    return yaml.safe_dump(document, sort_keys=False, width=4096).replace(_HERE, spelling)


def _read(text: str) -> None:
    planned(complete(configuration(text.encode(), _FILE), Facts(stacks.CLUSTER_ID)))
