"""The text of a stack file, the lock and llama-swap's file, as bytes in a directory; with values that are not right."""

import contextlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from ops.stack import lock_file, stack_file
from plan import config
from plan.config.stack_file import Facts, complete
from tests import stacks
from tests.corpus.case import Case
from tests.corpus.entries.stacks import everything, lock, planned
from tests.corpus.place import MORE, Place
from tests.corpus.texts import as_yaml, changed
from tests.corpus.values import Path as At
from tests.corpus.values import changed as changed_values
from tests.corpus.values import put, short, where
from tests.ops.adopt.adopted import CONFIGS

_QWEN = ("models", "qwen3-8b")
_FILE = (*_QWEN, "files", 0)
_SHAPE, _WEIGHTS = (*_QWEN, "gguf", "shape"), (*_QWEN, "gguf", "weights")
LOCKS: dict[At, tuple[Any, ...]] = {
    (*_QWEN, "repo"): ("Qwen/Other", "../x", "./.", "Qw\u0435n/Qwen3-8B-GGUF", "a/b/c"),
    (*_QWEN, "revision"): ("v2", "../../x", ""),
    (*_QWEN, "commit"): ("A" * 40, "a" * 39, "", "\x1b[31m"),
    (*_QWEN, "quant"): ("Q8_0", "UD-Q4_K_M", ""),
    (*_QWEN, "gen"): ("0" * 12, "", "../x"),
    (*_QWEN, "files"): ([], None, {}, [1]),
    (*_FILE, "path"): (
        "Qwen3-8B-UD-Q4_K_M.gguf", "Qwen3-8B-IQ4_K_M.gguf", "Qwen3-8B-Q8_0.gguf", "./x-Q4_K_M.gguf",
        "a//x-Q4_K_M.gguf", "/x-Q4_K_M.gguf",
        "../x-Q4_K_M.gguf", "a/../x-Q4_K_M.gguf", "x\0-Q4_K_M.gguf", "x\n-Q4_K_M.gguf", "a\\x-Q4_K_M.gguf",
        "x-Q4_K_M.txt", "",
        "x" * 5000 + "-Q4_K_M.gguf", "\x1b[31m-Q4_K_M.gguf", "\u202e-Q4_K_M.gguf", "\ud800-Q4_K_M.gguf",
    ),
    (*_FILE, "size"): (0, -1, 10**320, 2**63, 1),
    (*_FILE, "sha256"): ("A" * 64, "a" * 63, "", None),
    (*_FILE, "role"): ("mmproj", "draft", ""),
    (*_FILE, "part"): ("1/2", "0/1", "2/1", "1/0", "1/" + "9" * 5000),
    (*_SHAPE, "architecture"): ("", "\x1b[31m", "a" * 5000),
    (*_SHAPE, "block_count"): (0, -1, 2**32 - 1, 10**320),
    (*_SHAPE, "head_count"): (0, -1, 2**32 - 1, [0] * 36, [1] * 10**6),
    (*_SHAPE, "head_count_kv"): (0, 2**32 - 1, 7),
    (*_SHAPE, "key_length"): (0, 2**63),
    (*_SHAPE, "embedding_length"): (0, 1, 10**320, 640),
    (*_SHAPE, "vocab_size"): (0, 2**63),
    (*_WEIGHTS, "gpu_bytes"): (1, 0, -1, 10**320, 2**62),
    (*_WEIGHTS, "input_bytes"): (10**15, 10**320),
    (*_WEIGHTS, "tied_bytes"): (10**15, -1),
    ("version",): (0, 2, None, "1", True, 1.5),
    ("models",): ([], None, {"A": {}}, 3),
}  # fmt: skip


def cases(place: Place) -> Iterator[Case]:
    text, locked = (stacks.EXAMPLE / "Pulumi.t4.yaml").read_bytes(), (stacks.EXAMPLE / "models.lock.yaml").read_bytes()
    file = place.new("text") / "Pulumi.t4.yaml"
    for name, content in (*changed("stack file", text, 120 * MORE), *_dates(text)):
        yield Case(
            "stack file", name, partial(_read_stack, file, content), "accepted" if name.startswith("works") else ""
        )
    for name, content in changed("lock", locked, 80 * MORE):
        yield Case("lock file", name, partial(_read_lock, place, content))
    tree = yaml.safe_load(locked)
    for path, values in LOCKS.items():
        for value in values:
            name = f"{where(path)} = {short(value)}"
            yield Case("lock", name, partial(_read_lock, place, as_yaml(put(tree, path, value))), "refused")
    for name, changed_tree in changed_values("lock", tree, 150 * MORE):
        yield Case("lock", name, partial(_read_lock, place, as_yaml(changed_tree)))
    yield from _llama_swap(place)


def _llama_swap(place: Place) -> Iterator[Case]:
    file = place.new("swap") / "swap.yaml"
    for swap in (swap for swap in CONFIGS if swap.stem in ("homelab", "hub", "variables")):
        text = swap.read_bytes()
        yield Case("llama-swap", swap.stem, partial(_adopt, place, file, text), "accepted")
        trees = ((name, as_yaml(it)) for name, it in changed_values(swap.stem, yaml.safe_load(text), 20 * MORE))
        for name, content in (*changed(swap.stem, text, 20 * MORE), *trees):
            yield Case("llama-swap", f"{swap.stem}, {name}", partial(_adopt, place, file, content))


def _adopt(place: Place, file: Path, content: bytes) -> None:
    file.write_bytes(content)
    place.ops("adopt", "--from-llama-swap", str(file))


def _dates(text: bytes) -> Iterator[tuple[str, bytes]]:
    """Ways to write the same file."""
    for day in (b"2099-12-31", b"'2099-12-31'", b'"2099-12-31"'):
        new = text.replace(b"frigate: {peak_mib: 1950}", b"frigate: {peak_mib: 1950, scaled_to_zero_until: %b}" % day)
        yield f"works: a day written {day.decode()}", new
    yield "works: CRLF", text.replace(b"\n", b"\r\n")
    yield "works: a mark of UTF-8", b"\xef\xbb\xbf" + text
    yield "works: UTF-16", text.decode().encode("utf-16")
    yield "works: off without quotes", text.replace(b'"off"', b"off")
    raw = {"config": {config.KEY: {**everything(), "cluster": {"id": stacks.CLUSTER_ID}}}}
    yield "works: JSON", json.dumps(raw).encode()


def _read_stack(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    planned(complete(stack_file.configuration(file), Facts(stacks.CLUSTER_ID)), lock())


def _read_lock(place: Place, content: bytes) -> None:
    """Read it as every command does, and plan with it."""
    directory = place.directory.parent / "locked"
    directory.mkdir(exist_ok=True)
    (directory / "models.lock.yaml").write_bytes(content)
    with contextlib.chdir(directory):
        planned(stacks.raw("t4"), lock_file.read())
