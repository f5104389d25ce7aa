"""A configuration as Pulumi hands it over: parsed, planned, and what was planned read by the pods' own programs."""

import functools
import json
from collections.abc import Iterator
from typing import Any

import yaml

from plan import config
from plan.plan import Plan, make_plan
from pods.advertise.advertise import Order as AdvertiseOrder
from pods.core.report import ExitError
from pods.fetch.manifest import Manifest as FetchManifest
from pods.gate.gate import Manifest as GateManifest
from pods.prune.judgement import Order as PruneOrder
from pods.warm.state import Manifest as WarmManifest
from tests import stacks
from tests.corpus.case import PASSWORD, Case, HangError, WrongError, examine
from tests.corpus.place import MORE, Place
from tests.corpus.values import DEEP, Path, changed, put, short, where
from tests.plans import TODAY

GENERATED = 600 * MORE
PARSERS: dict[str, Any] = {
    "fetch": FetchManifest,
    "gate": GateManifest,
    "warm": WarmManifest,
    "prune": PruneOrder,
    "advertise": AdvertiseOrder,
}
_SHA = "a" * 64
_MODEL = ("models", "qwen3-8b")
# At a path of the stack `everything`: values that are refused, and values that are not.
REFUSED: dict[Path, tuple[Any, ...]] = {
    ("namespace",): ("kube-system", "kube-public", "kube-node-lease", "a.b", "A", "-a", "a" * 64, None, 3, "ns\n",
    "ns\x1b[31m"),
    ("cluster",): (None, "x", [], {}, {"id": None}, {"id": "x"}, {"id": "\x1b[31m"}, 10**320),
    ("server", "uid"): (2**31, 2**63, 10**320, 0, -1, 0.5, True, "65532"),
    ("server", "gid"): (2**31, 10**320, -1),
    ("server", "rollout_s"): (2**31, 10**12, 10**320, 0),
    ("server", "ttl_s"): (10**10, 10**320, 0, -1),
    ("server", "memory_request_mib"): (12289, 10**15, 10**320, 0),
    ("server", "memory_limit_mib"): (1, 10**15, 10**320),
    ("server", "image_max_tokens"): (10**10, 10**320, 0),
    ("server", "binary"): ("llama-server", "/a b", "/${PORT}", "/$(X)", "/a;b", "/a\x1b", "/", "", 1, "/" + "a" * 300),
    ("server", "image"): (
        f"ghcr.io/Upper/X@sha256:{_SHA}", f"https://ghcr.io/x/y@sha256:{_SHA}", f"ghcr.io//x@sha256:{_SHA}",
        f"-x@sha256:{_SHA}",
        f"x:@sha256:{_SHA}", f"x:{'t' * 129}@sha256:{_SHA}", f"ghcr.io/x@sha256:{'A' * 64}",
        f"ghcr.io:99999999/x@sha256:{_SHA}:x",
        f"ghcr.io/x y@sha256:{_SHA}", f"{'r' * 300}@sha256:{_SHA}", "latest", "",
    ),
    ("server", "priority_class"): ("A", "", "a b"),
    ("server", "env"): (
        {"HF_TOKEN": PASSWORD}, {"LLAMA_ARG_HOST": "::"}, {"A B": "x"}, {"A": "\x1b"},
        {"A": "${env.B}"}, {"A": 1}, [], "x",
    ),
    ("gpu", "node", "runtime_class"): ("A", "", "a b", 1),
    ("gpu", "device"): ("none", "CUDA", "CUDA0,CUDA1", "RPC[10.0.0.1:50052]", "CUDA0 --host ::", "CUDA0\n", "", 0, []),
    ("server", "pod_labels"): (
        {"a b": "c"}, {"a": "b c"}, {"app.kubernetes.io/name": "x"}, {"a": "x" * 64}, {"/a": "b"}, {"a": 1}, ["a"],
    ),
    ("server", "pod_annotations"): ({"a b": "c"}, {"a": "\x1b[31m"}, {"a": 1}, {"a": "x" * 9000}, {"A/b/c": "d"}, "x"),
    (*_MODEL, "mode"): ("rerank", "embedding", "vision", "", 1, ["chat"]),
    (*_MODEL, "pooling"): ("mean", "rank", "", 1),
    (*_MODEL, "file"): ("a.gguf", "../a.gguf", "/a.gguf", "a.bin", "", "a\n.gguf", 1, "a" * 2000 + ".gguf"),
    (*_MODEL, "mmproj_file"): ("a.gguf", "a/../b.gguf", "a", "\x1b.gguf"),
    ("volume", "size_gib"): (0, -1, 10**12, 10**320, 1),
    ("volume", "read_mib_s"): (0, 10**12, 10**320),
    ("volume", "nfs", "server"): ("nas\nx", "", "a b", "nas,soft", "-nas", "nas/x", "\x1b[31m", "nas:", "a" * 300),
    ("volume", "nfs", "path"): ("", "srv", "/a b", "/a\n", "/a\0", "/a/../b", "/" + "a" * 5000),
    ("volume", "nfs", "mount_options"): (["soft"], ["a,b"], [""], ["a b"], ["a\n"], "hard"),
    ("gpu", "slice", "resource"): ("memory", "cpu", "a b/c", "ephemeral-storage", "hugepages-2Mi", "pods", "gpu", "",
    "/gpu", "x/", "a/b/c"),
    ("gpu", "slice", "count"): (0, -1, 10**320, 2**63),
    ("gpu", "memory", "resource"): ("memory", "gpumem", "a b/c", "example.com/", "nvidia.com/gpu"),
    ("gpu", "memory", "budget_mib"): (0, 10**320, 1),
    ("gpu", "reserve_mib"): (-1, 10**9, 10**320),
    ("gpu", "node", "memory_gib"): (0, 10**9, 10**320),
    ("gpu", "node", "selector"): ({"a b": "c"}, {"a": "b c"}, {"a": "x" * 64}, {"/a": "b"}, {"a/b/c": "d"}, {"": "x"},
    {"x" * 64: "y"}, {"a": "-b"}),
    ("gpu", "node", "tolerations"): (
        [{"key": "a b"}], [{"key": "k", "value": "a b"}], [{"key": "k", "effect": "No"}], [{"key": "k",
        "value": "x" * 64}], [{}],
    ),
    ("gpu", "tenants", "frigate", "peak_mib"): (0, -1, 10**320, 10**9),
    ("gpu", "tenants", "frigate", "measured"): ({"mib": 1, "date": "2099-01-01"}, {"mib": 1, "date": "2026-02-30"},
    {"mib": 10**320, "date": "2026-01-01"}),
    ("gpu", "tenants", "frigate", "workload"): ("a", "a/b/c", "A/b", "a/", "/b", "a b/c"),
    ("gpu", "tenants", "frigate", "scaled_to_zero_until"): ("2099-02-30", "tomorrow", 20991231, "", "0000-00-00"),
    ("fetch", "image"): (
        f"python:3.9-slim@sha256:{_SHA}", f"docker.io/library/python:3.10@sha256:{_SHA}", f"python:2@sha256:{_SHA}",
        f"reg:99999/x@sha256:{_SHA}", f"reg:0/x@sha256:{_SHA}", f"[::::]:1/x@sha256:{_SHA}",
        f"Python@sha256:{_SHA}", f"https://x@sha256:{_SHA}", "python:3.13"),
    ("fetch", "endpoint"): (
        f"http://user:{PASSWORD}@host", f"http://user:{PASSWORD}@[::1", "http://[::1", "http://a..b", "ftp://host",
        "http://", "host",
        "http://host:99999", "http://host:x", "http://a b", "http://h\n", "http://\x1b[31m",
    ),
    ("fetch", "deadline_s"): (0, 9, 10**320, 2**63),
    ("fetch", "slots"): (-1, 10**9, 10**320),
    ("fetch", "token_secret"): ({"name": "A", "key": "x"}, {"name": "a", "key": "a b"}, {"name": "a", "key": ".."},
    {"name": "a", "key": "x" * 300}),
    ("prune", "schedule"): (
        "99 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "a b c d e", "@every 1h x y z",
        "TZ=UTC * * * *", "*/0 * * * *",
        "0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 30-31 feb ?", "0 0 31 2 mon,*", "0 0 31 2/7 */1",
        "5-1 * * * *", "1,,2 * * * *", "* * * *", "* * * * * *", "17 4 * * *\n", "-1 * * * *", "1-2-3 * * * *",
    ),
    ("prune", "grace_h"): (0, -1, 10**12, 10**320),
    ("immich",): ({"namespace": "llama-cpp", "deployment": "llama-swap", "model_ttl_s": 600},),
    ("immich", "model_ttl_s"): (0, -1, 86401, 10**320),
    (*_MODEL, "repo"): ("../dir", "./.", "a/..", "Qw\u0435n/Qwen3-8B-GGUF", "a", "a/b/c", "/b", "a/", "a b/c", "-a/b",
    "a/b\n", "a\0/b", f"{'a' * 300}/b"),
    (*_MODEL, "revision"): ("../../../secret", "", "a b", "a\n", "-x", "a..b", "a\0", "/main", "x" * 300),
    (*_MODEL, "quant"): ("", "Q8_0", "a b", "Q4_K_M\n"),
    (*_MODEL, "mmproj"): ("", "F16", "x\n"),
    (*_MODEL, "context"): (0, -1, 10**12, 10**320, 0.5, "8192", True),
    (*_MODEL, "parallel"): (0, 10**320, 10**9, 2**31),
    (*_MODEL, "ubatch"): (0, 10**320, 10**12),
    (*_MODEL, "chat_template_file"): (
        "nowhere.jinja", "/etc/passwd", "../a", "a/../../b", ".ssh/id_rsa", "a b", "", "a\n", "\x1b[31m", 1, ["a"],
        "a" * 300,
    ),
    (*_MODEL, "draft"): (
        {}, "x", [], {"quant": ""}, {"quant": "Q8_0", "file": "a.gguf"}, {"repo": "a/b"}, {"file": "../a.gguf"},
        {"quant": "Q8_0", "max": 0}, {"quant": "Q8_0", "max": 10**320}, {"quant": "Q8_0", "min": 4},
        {"quant": "Q8_0", "repo": "a/..", "max": 2}, {"file": "\x1b.gguf"}, {"quant": "Q8_0"},
    ),
    (*_MODEL, "mtp"): (True, "yes", 1, 0),
    (*_MODEL, "batch"): (0, 511, 10**320, 10**12, True, "2048"),
    (*_MODEL, "kv_unified"): ("yes", 1, 0),
    (*_MODEL, "cpu_moe"): (0, -1, 1, 513, 10**320, "all", "some", "\x1b[31m", True, 0.5, [1]),
    (*_MODEL, "cache_ram_mib"): (-1, 10**320, 10**6, 0.5, True),
    (*_MODEL, "ctx_checkpoints"): (-1, 1025, 10**320, 0.5),
    (*_MODEL, "concurrency"): (0, -1, 2**31, 10**320, True),
    (*_MODEL, "listed"): ("no", 0, "\x1b"),
    (*_MODEL, "image_min_tokens"): (0, 1, 10**320, 64),
    (*_MODEL, "variants"): (
        {"a": {}}, {"a": None}, {"a": 1}, {"": {"seed": 1}}, {"a b": {"seed": 1}}, {"${PORT}": {"seed": 1}},
        {"x\x1b": {"seed": 1}}, {"qwen3-8b": {"seed": 1}}, {"a": {"temperature": 10**320}},
        {"a": {"temperature": float("nan")}}, {"a": {"top_p": 1.1}}, {"a": {"seed": 2**31}},
        {"a": {"max_tokens": 10**9}}, {"a": {"reasoning": "on"}}, {"a": {"model": "other"}}, {"a": {"seed": True}},
        {"a" * 300: {"seed": 1}}, {str(n): {"seed": 1} for n in range(101)}, [{"seed": 1}], "x",
    ),
    (*_MODEL, "ttl_s"): (0, 10**10, 10**320),
    (*_MODEL, "warm_priority"): (10**320, -(10**320), 2**63, 0.5),
    (*_MODEL, "max_output_tokens"): (999_999, 0, 10**320),
    (*_MODEL, "aliases"): (
        ["ä"], ["a b"], ["a" * 129], ["a/"], ["a", "a"], ["qwen3-8b"], "x", ["\x1b"], [str(n) for n in range(100_000)],
    ),
    (*_MODEL, "fallback"): ("nobody", "qwen3-8b", "A"),
    (*_MODEL, "measured"): (
        [{"mib": 6000, "context": 16384, "date": "2099-01-01"}], [{"mib": 10**320, "context": 16384,
        "date": "2026-01-01"}],
        [{"mib": 6000, "context": 16384, "date": "2026-01-01", "tokens_s": float("inf")}],
        [{"mib": 6000, "context": 16384, "date": "1999-01-01"}], [{"mib": 6000, "context": 16384,
        "date": "2026-02-30"}],
    ),
    (*_MODEL, "args"): (
        {"reasoning-budget": 16384}, {"temp": "x" * 200_000}, {"temp": float("nan")}, {"temp": []},
        {"api-key": PASSWORD}, {"no such": 1},
        {"\x1b[31m": 1}, {"model": "/etc/passwd"}, {"host": "::"}, {"temp": DEEP}, {"": 1},
        {str(n): n for n in range(300)}, {f"temperature-{n}": n for n in range(2000)},
    ),
    (*_MODEL, "verify"): ({"prompt": "", "expect": "x"}, {"prompt": "x" * 3_000_000, "expect": "x"}, {"prompt": "x"}),
    ("models",): ({}, [], None, {"A": {}}, {"x" * 64: {}}, {"a": None}, {str(n): None for n in range(5000)}),
    ("gpu", "card"): ({"context_mib": 300, "context_upper_mib": 200}, {"total_mib": 10**320},
    {"compute_capability": float("inf")}, {"driver_mib": 15360}, {"total_mib": 448}),
    ("gpu", "model"): (
        "A100", "RTX 4060 Ti", "RTX 3060 8GB", "RTX 4090 Laptop GPU", "GRID T4-16Q", "RX 7900 XTX", "Arc A770", "amd",
        "other", "", " ", "\x1b[31mt4\x1b[0m5", "t4" * 10**5, 3090, True, None, ["t4"], {"t4": 1}, DEEP,
    ),
}  # fmt: skip
ACCEPTED: dict[Path, tuple[Any, ...]] = {
    ("namespace",): ("a", "a" * 63, "0", "llm-1"),
    ("server", "uid"): (1, 65534, 2**31 - 1),
    ("server", "image"): (
        f"ghcr.io/mostlygeek/llama-swap:v250-cuda-b10524@sha256:{_SHA}",
        f"localhost:5000/a/b__c/d-e:b10524@sha256:{_SHA}",
        f"llama@sha256:{_SHA}",
    ),
    ("volume", "nfs", "server"): ("192.168.1.127", "nas.example", "nas"),
    ("gpu", "slice", "resource"): ("nvidia.com/gpu", "gpu.intel.com/i915"),
    ("gpu", "model"): ("t4", "Tesla T4", "Tesla-T4-SHARED", "RTX 3090", "NVIDIA-GeForce-RTX-3090", "a100 80gb pcie"),
    ("gpu", "node", "selector"): ({"nvidia.com/gpu.present": "true"}, {"a": ""}),
    ("fetch", "endpoint"): ("https://huggingface.co", "http://10.0.0.1:8090"),
    ("prune", "schedule"): ("17 4 * * *", "*/5 0-6,12 1 jan-mar mon", "0 0 29 2 *", "0 0 31 2 mon",
    "0 0 30 2 */2", "0 0 31 12 ?", "59 23 * * SUN"),
    (*_MODEL, "verify"): ({"prompt": "$(HOME) ${PORT} [/red]", "expect": "²³"},),
    (*_MODEL, "warm_priority"): (0, -5, 100),
    (*_MODEL, "mode"): ("chat", None),
    (*_MODEL, "variants"): ({"A/b:C.1": {"temperature": 0, "reasoning": False}}, {}),
    ("server", "pod_labels"): ({"team": "ml"}, {"example.com/a": ""}, {}),
    ("server", "pod_annotations"): ({"example.com/a": "x\ny $(HOME) ${X}"}, {}),
    ("gpu", "tenants", "frigate", "scaled_to_zero_until"): ("2099-12-31", None),
}  # fmt: skip


@functools.cache
def everything() -> dict[str, Any]:
    """The stack t4 with every key that there is."""
    raw = stacks.raw("t4")
    raw["gpu"]["memory"] = {"resource": "example.com/gpumem", "budget_mib": 14000, "advertise": "managed"}
    raw["gpu"]["node"]["memory_gib"] = 64
    raw["gpu"]["slice"] = {"resource": "nvidia.com/gpu", "count": 1}
    raw["gpu"]["tenants"]["frigate"]["measured"] = {"mib": 1900, "date": "2026-10-01", "source": "nvidia-smi"}
    raw["volume"]["nfs"]["mount_options"] = ["nfsvers=4.2", "hard"]
    raw["volume"]["read_mib_s"] = 60
    raw["fetch"] |= {"endpoint": "https://hub.example", "deadline_s": 7200, "slots": 2, "verify": "receipt"}
    raw["fetch"]["token_secret"] = {"name": "hub", "key": "token"}
    raw["prune"] = {"mode": "trash", "schedule": "17 4 * * *", "grace_h": 24}
    raw["server"] |= {"uid": 65532, "gid": 65532, "priority_class": "high", "rollout_s": 1800}
    raw["server"] |= {"memory_request_mib": 2048, "memory_limit_mib": 12288, "binary": "/app/llama-server"}
    raw["models"]["qwen3-8b"] |= {
        "revision": "main", "aliases": ["chat"], "max_output_tokens": 4096, "kv_type": "f16", "parallel": 1,
        "mtp": False, "ubatch": 512, "batch": 2048, "kv_unified": False, "cache_ram_mib": 512, "ctx_checkpoints": 8,
        "concurrency": 10, "listed": True, "variants": {"creative": {"temperature": 1.2}},
        "display_name": "Qwen3", "description": "Answers.", "env": {"A": "b"},
        "swap_group": "gpu0", "ttl_s": 600, "warm_priority": 1, "tools": True, "resident": False,
        "fallback": "qwen3vl-4b",
        "args": {"temp": 0.2}, "verify": {"prompt": "Say hello.", "expect": "hello"},
        "measured": [{"mib": 6900, "context": 16384, "build": 10524, "tokens_s": 33.0, "date": "2026-10-01"}],
    }  # fmt: skip
    return raw


def cases(place: Place) -> Iterator[Case]:
    del place
    for wanted, table in (("refused", REFUSED), ("accepted", ACCEPTED)):
        for path, values in table.items():
            for value in values:
                name = f"{where(path)} = {short(value)}"
                yield Case("stack", name, functools.partial(planned, put(everything(), path, value)), wanted)  # type: ignore[arg-type]
    for name, raw in generated(GENERATED):
        yield Case("stack", name, functools.partial(planned, raw))


def generated(count: int) -> Iterator[tuple[str, Any]]:
    """Configurations that differ from a valid one in one place."""
    share = count // 4
    yield from changed("everything", everything(), count - 3 * share)
    for stack in stacks.NAMES:
        yield from ((f"{stack}: {name}", raw) for name, raw in changed(stack, stacks.raw(stack), share))


def accepted(count: int) -> Iterator[dict[str, Any]]:
    """Generated configurations that plan/ accepts, from `count` that it is given: for a real API server to judge."""
    for name, raw in generated(count):
        outcome = examine(Case("stack", name, functools.partial(planned, raw)))
        if outcome.end == "accepted" and not outcome.why:
            yield raw


@functools.cache
def lock() -> Any:
    return stacks.locked()


def planned(raw: Any, the_lock: Any = None) -> Plan:
    """The plan, whose manifests every program of pods/ accepts; raises what plan/ raises."""
    plan = make_plan(config.parse(raw), the_lock or lock(), TODAY)
    json.dumps([plan.contract, plan.expected.tenancy.selector])
    yaml.safe_load(plan.litellm)
    for program, text in manifests(plan):
        try:
            PARSERS[program].parse(text)
        except HangError:
            raise
        except ExitError as error:
            raise WrongError(f"{program} refuses its manifest: {error}") from None
    return plan


def manifests(plan: Plan) -> Iterator[tuple[str, str]]:
    yield from (("fetch", job.manifest) for job in plan.fetches.jobs)
    yield "gate", plan.server.files["gate.json"]
    yield from (("warm", it.manifest) for it in plan.server.warm)
    yield "prune", plan.prune.manifest
    yield from (("advertise", it.manifest) for it in plan.advertisers)
