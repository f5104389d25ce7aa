"""A part of the corpus as a person and a pod meet it: processes, their exit codes, and what they print."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests import stacks
from tests.corpus import texts
from tests.corpus.case import KEY, PASSWORD, TOKEN, judged
from tests.corpus.place import Place

ARCHIVES = stacks.ROOT / "pods" / "archives"
LIMIT_S = 120  # only keeps a broken program from hanging; the in-process corpus measures time
REFUSED, FITS_OR_NOT = (1, 2), (0, 3)


@dataclass(frozen=True)
class Run:
    """A command line, in a directory of the tests' stacks with `files` in place of theirs; exit codes it may have."""

    argv: tuple[str, ...]
    codes: tuple[int, ...]
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    env: dict[str, str] = field(default_factory=dict[str, str])
    said: bytes = b""


def ops(
    *argv: str, codes: tuple[int, ...] = REFUSED, env: dict[str, str] | None = None, said: bytes = b"", **files: bytes
) -> Run:
    named = {
        {"stack": "Pulumi.t4.yaml", "lock": "models.lock.yaml"}.get(name, name): text for name, text in files.items()
    }
    return Run((sys.executable, "-m", "ops", *argv), codes, named, env or {}, said)


def pod(command: str, manifest: str | bytes, codes: tuple[int, ...] = (78,), env: dict[str, str] | None = None) -> Run:
    archive = {"gate": "server", "warm": "server", "advertise": "advertiser"}.get(command, command)
    argv = (sys.executable, "-I", "-S", str(ARCHIVES / f"{archive}.pyz"), command, "--manifest")
    if isinstance(manifest, str):
        return Run((*argv, manifest), codes, env=env or {})
    return Run((*argv, "@manifest.json"), codes, {"manifest.json": manifest}, env or {})


STACK = (stacks.EXAMPLE / "Pulumi.t4.yaml").read_bytes()
LOCK = (stacks.EXAMPLE / "models.lock.yaml").read_bytes()
FIT, RENDER = ("fit", "--stack", "t4", "--offline"), ("render", "--stack", "t4", "rendered")
MANIFEST = {
    "root": "/nowhere",
    "endpoint": "http://127.0.0.1:1",
    "id": "a",
    "gen": "0" * 12,
    "repo": "a/b",
    "commit": "c" * 40,
    "files": [],
}
NODE_SMI = "pid, process_name, used_gpu_memory [MiB]\n1, /app/llama-server, ²³ MiB\n".encode()


def runs() -> Iterator[tuple[str, Run]]:
    yield "a bomb as a stack file", ops(*FIT, stack=texts.WHOLE["an alias bomb at the key"])
    yield "a cyclic stack file", ops(*FIT, stack=texts.WHOLE["a cyclic value at the key"])
    yield "a deep stack file", ops(*FIT, stack=texts.WHOLE["deep lists"])
    yield "a page as a stack file", ops(*FIT, stack=texts.PAGE)
    yield "a stack file in UTF-16", ops(*FIT, codes=FITS_OR_NOT, stack=STACK.decode().encode("utf-16"))
    yield "a stack file with CRLF", ops(*FIT, codes=FITS_OR_NOT, stack=STACK.replace(b"\n", b"\r\n"))
    yield "a stack file in Latin-1", ops(*FIT, stack=STACK + "# é".encode("latin-1"))
    yield "a stack file in conflict", ops(*FIT, stack=b"<<<<<<< HEAD\n" + STACK)
    yield "a key twice", ops(*FIT, stack=STACK + b"    namespace: other\n")
    day = STACK.replace(b"frigate: {peak_mib: 1950}", b"frigate: {peak_mib: 1950, scaled_to_zero_until: 2099-12-31}")
    yield "a day without quotes", ops(*FIT, codes=FITS_OR_NOT, stack=day)
    yield "a day that is none", ops(*FIT, stack=day.replace(b"2099-12-31", b"2099-02-30"))
    yield "5000 digits", ops(*FIT, stack=STACK.replace(b"1950", b"1" * 5000))
    yield "render of an unnamed lock", ops(*RENDER, stack=STACK.replace(b"Q4_K_M", b"Q2_K"))
    yield (
        "render of a name with an escape",
        ops(*RENDER, stack=STACK.replace(b"namespace: llama-cpp", b'namespace: "\\e[31m"')),
    )
    yield "a lock in conflict", ops(*FIT, lock=LOCK + b"<<<<<<< HEAD\n")
    yield "a lock with a model twice", ops(*FIT, lock=LOCK + LOCK.partition(b"models:\n")[2])
    yield "a deep lock", ops(*FIT, lock=texts.WHOLE["deep lists"])
    yield "a lock in Latin-1", ops(*FIT, lock=LOCK + b"# \xe9\n")
    yield "a lock that is a page", ops("lock", "--check", lock=texts.PAGE)
    yield "a stack with a dot", ops("fit", "--stack", "my.stack", "--offline")
    yield "a stack elsewhere", ops("fit", "--stack", "../x", "--offline")
    yield "a stack with an escape", ops("fit", "--stack", "\x1b[31m", "--offline")
    yield "an extra word with an escape", ops("fit", "\x1b[31m")
    yield "an unknown command with an override", ops("\u202ex")
    yield "a password in a URL", ops("verify", "--url", f"http://user:{PASSWORD}@127.0.0.1:1/v1")
    yield "a password in half a URL", ops("verify", "--url", f"http://user:{PASSWORD}@[::1")
    yield "a host with two dots", ops("verify", "--url", "http://a..b/v1")
    yield "a timeout without end", ops("verify", "--url", "http://127.0.0.1:1/v1", "--timeout", "1e10")
    yield "a key with a newline", ops("verify", "--url", "http://127.0.0.1:1/v1", env={"LOCAL_LLM_API_KEY": f"{KEY}\n"})
    yield (
        "a token with a space",
        ops("lock", "--update", env={"HF_TOKEN": f"{TOKEN} ", "HF_ENDPOINT": "http://127.0.0.1:1"}),
    )
    yield (
        "a password in HF_ENDPOINT",
        ops("lock", "--update", env={"HF_ENDPOINT": f"http://user:{PASSWORD}@127.0.0.1:1"}),
    )
    yield "HF_ENDPOINT that is no URL", ops("lock", "--update", env={"HF_ENDPOINT": "http://[::1"})
    yield (
        "nvidia-smi with other digits",
        ops("calibrate", "--stack", "t4", "--nvidia-smi", "-", "--model", "qwen3-8b", said=NODE_SMI),
    )
    yield (
        "nvidia-smi in no encoding",
        ops(
            "calibrate", "--stack", "t4", "--nvidia-smi", "-", "--model", "qwen3-8b", said=b"pid,\xff\xfe\n1,\xff,1 MiB"
        ),
    )
    yield "a GGUF that is a page", ops("fit", "--gguf", "x.gguf", "--context", "1", **{"x.gguf": texts.PAGE})
    yield "a GGUF without end", ops("fit", "--gguf", "/dev/zero", "--context", "1")
    yield "no part of no parts", ops("fit", "--gguf", "x-00001-of-00000.gguf", "--context", "1")
    yield "a volume that is a file", ops("weights", "--root", "/dev/null")
    for command in ("fetch", "gate", "warm", "prune", "advertise"):
        yield f"{command}: a deep manifest", pod(command, texts.WHOLE["deep lists"])
        yield f"{command}: a manifest in no encoding", pod(command, b'{"root": "\xff"}')
    yield (
        "fetch: a path with NUL",
        pod(
            "fetch",
            json.dumps({**MANIFEST, "files": [{"path": "a\0b", "size": 1, "sha256": "d" * 64, "link": "m.gguf"}]}),
        ),
    )
    yield "fetch: a repository elsewhere", pod("fetch", json.dumps({**MANIFEST, "repo": "../x"}))
    yield (
        "fetch: a root that is not there",
        pod("fetch", json.dumps({**MANIFEST, "root": "/proc/nowhere"}), codes=(73, 74, 78)),
    )
    yield (
        "fetch: a token with a space",
        pod("fetch", json.dumps(MANIFEST), codes=(77, 78), env={"HF_TOKEN": f"{TOKEN} {TOKEN}"}),
    )
    yield (
        "fetch: a password in the endpoint",
        pod("fetch", json.dumps({**MANIFEST, "endpoint": f"http://u:{PASSWORD}@h"})),
    )
    yield "prune: a key twice", pod("prune", '{"root": "/a", "root": "/b", "mode": "report", "grace_s": 0, "keep": []}')


def test_fifty_of_them_end_as_processes_with_an_exit_code_and_words(
    here: Place, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    all_runs = list(runs())
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda it: _run(here, tmp_path / f"{it[0]}", *it[1]), enumerate(all_runs)))

    record_property("shown", f"corpus: {len(ended)} of them as processes")
    assert len(ended) >= 50
    assert not (wrong := [why for why in ended if why]), "\n".join(wrong)


def _run(here: Place, directory: Path, name: str, run: Run) -> str:
    """What was wrong with it, "" for nothing."""
    directory.mkdir()
    for file in here.directory.glob("*.yaml"):
        (directory / file.name).write_bytes(file.read_bytes())
    for file_name, content in run.files.items():
        (directory / file_name).write_bytes(content)
    env = {**os.environ, "PYTHONPATH": str(stacks.ROOT), **run.env}
    try:
        ran = subprocess.run(
            run.argv, cwd=directory, env=env, input=run.said, capture_output=True, timeout=LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"{name}: no end after {LIMIT_S} s"
    said = (ran.stdout + ran.stderr).decode(errors="surrogateescape")
    if ran.returncode not in run.codes:
        return f"{name}: exit code {ran.returncode}, not one of {run.codes}: {said[-600:]!a}"
    why = judged(said, refused=0 not in run.codes)
    return f"{name}: {why}" if why else ""


@pytest.mark.parametrize(
    "said", [f"your key {KEY}", "a\x1b[31mb", "\u202egnp", "a\rb", "String should match pattern '^x$'", "no"]
)
def test_the_judge_can_say_no(said: str) -> None:
    assert judged(said, refused=True)
