"""The entry points that are fuzzed: each takes bytes, and has valid ones to begin with."""

import contextlib
import functools
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from ops.adopt.adoption import adopt
from ops.adopt.llama_swap import document
from ops.adopt.text import piece
from ops.gguf import facts, header
from ops.lock import hub
from ops.stack import lock_file, stack_file
from plan import config
from plan.config.stack_file import complete
from plan.live import kubectl_answer
from plan.text.errors import Source
from tests import stacks
from tests.corpus.case import PLANTED
from tests.corpus.entries import headers
from tests.corpus.entries.hub import info
from tests.corpus.entries.stacks import PARSERS, everything, manifests, planned
from tests.corpus.texts import as_json
from tests.ops.adopt.adopted import CONFIGS
from tests.plan.cluster import CARD, answer, node, pod

Seeds = Callable[[], list[bytes]]


@dataclass(frozen=True)
class Target:
    """`tree` makes a valid tree of plain values, which `bytes_of` writes; None where the input is no such tree."""

    give: Callable[[bytes], object]
    seeds: Seeds
    tree: Callable[[], Any] | None = None
    bytes_of: Callable[[Any], bytes] = as_json


@functools.cache
def _directory() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="fuzz-")


def _file(name: str, content: bytes) -> Path:
    file = Path(_directory().name) / name
    file.write_bytes(content)
    return file


def _stack_file(content: bytes) -> None:
    file = _file("Pulumi.t4.yaml", content)
    planned(complete(stack_file.configuration(file), stacks.FACTS))


def _lock(content: bytes) -> None:
    _file("models.lock.yaml", content)
    with contextlib.chdir(_directory().name):  # the tests beside a target go on with the lock and the hub they had
        planned(stacks.raw("t4"), lock_file.read())


def _llama_swap(content: bytes) -> None:
    read = document.read(content, Source("swap.yaml", "correct the file"))
    piece(adopt(read, {}, {}), "swap.yaml")


def _header(content: bytes) -> None:
    found = header.read_header(lambda start, end: content[start:end], len(content))
    facts.facts([found], None)


def _hub(content: bytes) -> None:
    """The bytes are the API's answer; the file is a good one."""
    file = _small_header()

    def answered(request: httpx2.Request) -> httpx2.Response:
        if "/api/" in request.url.path:
            return httpx2.Response(200, content=content)
        return httpx2.Response(206, content=file, headers={"Content-Range": f"bytes 0-{len(file) - 1}/{len(file)}"})

    with httpx2.Client(transport=httpx2.MockTransport(answered)) as client, pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub, "get_session", lambda: client)
        hub.resolve(config.Model(repo="org/tiny-GGUF", quant="Q4_K_M", context=64))


def _manifest(program: str, content: bytes) -> None:
    if PLANTED.encode() in content:  # plan/ lets no password get this far, so nothing here hides one
        return
    PARSERS[program].parse(content.decode(errors="surrogateescape"))


def _kubectl(content: bytes) -> None:
    try:
        kubectl_answer.parse(kubectl_answer.Answer(content))
    except ValueError:  # its callers put it into words
        return


@functools.cache
def _small_header() -> bytes:
    return headers.written(Path(_directory().name), {})


def _headers() -> list[bytes]:
    pairs: list[dict[str, Any]] = [
        {},
        {"expert_count": 8, "expert_used_count": 2},
        {"attention.head_count_kv": [4] * 8},
    ]
    return [headers.written(Path(_directory().name), it) for it in pairs]


def _stack_tree() -> Any:
    return {"config": {config.KEY: {**everything(), "cluster": {"id": stacks.CLUSTER_ID}}}}


def _lock_text() -> bytes:
    return (stacks.EXAMPLE / "models.lock.yaml").read_bytes()


def _manifests() -> dict[str, bytes]:
    return {program: text.encode() for program, text in manifests(planned(everything()))}


TARGETS: dict[str, Target] = {
    "stack-file": Target(
        _stack_file, lambda: [file.read_bytes() for file in stacks.EXAMPLE.glob("Pulumi.*.yaml")], _stack_tree
    ),
    "lock": Target(_lock, lambda: [_lock_text()], lambda: yaml.safe_load(_lock_text())),
    "header": Target(_header, _headers),
    "llama-swap": Target(
        _llama_swap, lambda: [file.read_bytes() for file in CONFIGS], lambda: yaml.safe_load(CONFIGS[-1].read_bytes())
    ),
    "hub": Target(_hub, lambda: [as_json(info(len(_small_header())))], lambda: info(len(_small_header()))),
    "kubectl": Target(
        _kubectl, lambda: [answer(node(), pod("immich/ml"), pod("x/y", on="", node_selector=CARD)).encode()]
    ),
    **{
        f"manifest-{program}": Target(
            functools.partial(_manifest, program),
            lambda program=program: [_manifests()[program]],
            lambda program=program: json.loads(_manifests()[program]),
        )
        for program in PARSERS
    },
}
