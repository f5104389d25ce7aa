"""A configuration with every key there is, which the tests' lock follows, and what is at each of its ends."""

from collections.abc import Iterator
from typing import Any

from tests import stacks

Path = tuple[str | int, ...]
IMAGE = f"ghcr.io/a/b:v1-b10524@sha256:{'1' * 64}"
OTHER = "Qwen/Qwen3-VL-4B-Instruct-GGUF"
MEASURED = {
    "mib": 9000, "context": 4096, "kv_type": "f16", "parallel": 1, "kv_unified": False, "ubatch": 512,
    "cpu_moe": None, "image_max_tokens": 1024, "drafted": 0,
    "build": 10524, "tokens_s": 33.0, "date": "2026-11-01",
}  # fmt: skip
VARIANT = {
    "temperature": 1.0,
    "top_p": 0.9,
    "top_k": 40,
    "min_p": 0.1,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.5,
    "repeat_penalty": 1.1,
    "seed": 1,
    "max_tokens": 1,
    "reasoning": "off",
    "reasoning_effort": "low",
}
MODEL: dict[str, Any] = {
    "repo": "Qwen/Qwen3-VL-8B-Instruct-GGUF", "quant": "Q4_K_M", "context": 4096, "revision": "main", "mmproj": "F16",
    "reasoning": "off", "tools": True, "chat_template_file": "mine.jinja",
    "aliases": ["chat"], "max_output_tokens": 1024, "kv_type": "f16", "parallel": 1,
    "display_name": "Qwen3-VL", "description": "Sees.", "env": {"A": "b"},
    "ubatch": 512, "resident": False, "swap_group": "gpu0", "fallback": "qwen3vl-4b", "measured": [MEASURED],
    "kv_unified": False, "batch": 2048, "cpu_moe": None, "cache_ram_mib": 256, "ctx_checkpoints": 4, "concurrency": 256,
    "image_min_tokens": 64, "listed": False, "variants": {"chat-creative": VARIANT},
    "mtp": False, "draft": {"repo": "Qwen/Qwen3-8B-GGUF", "quant": "Q4_K_M", "max": 8, "min": 1},
    "ttl_s": 60, "warm_priority": 1, "args": {"temp": 0.2, "seed": 1, "grammar": "root"},
    "verify": {"prompt": "a", "expect": "b"},
}  # fmt: skip


# Of two ways to name a draft's file this is the other one.
BY_PATH = {"file": "draft/Qwen3-VL-0.6B-DRAFT-Q8_0.gguf"}
FILES = {
    "file": "Qwen3VL-4B-Instruct-Q4_K_M.gguf", "mmproj_file": "mmproj-Qwen3VL-4B-Instruct-F16.gguf", "draft": BY_PATH,
}  # fmt: skip


EMBEDS = {"repo": "Qwen/Qwen3-8B-GGUF", "quant": "Q4_K_M", "context": 512, "mode": "embedding", "pooling": "mean"}


def raw(home: str = "nfs") -> dict[str, Any]:
    """Valid, with every key; `home` is where its volume lies, for that is one of three."""
    homes: dict[str, Any] = {
        "nfs": {"size_gib": 30, "nfs": {"server": "nas", "path": "/srv", "mount_options": ["hard"]}},
        "local": {"size_gib": 30, "local": {"path": "/srv", "node": "n1"}},
        "existing_claim": {"existing_claim": True},
    }
    tenant = {
        "peak_mib": 3000, "idle_mib": 100, "measured": {"mib": 3000, "date": "2026-07-07", "source": "nvidia-smi"},
        "workload": "immich/ml", "scaled_to_zero_until": "2026-12-31", "request_mib": 1,
    }  # fmt: skip
    gpu = {
        "model": "other", "reserve_mib": 256, "tenants": {"immich": tenant}, "device": "Vulkan0",
        "card": {
            "total_mib": 81920, "driver_mib": 400, "context_mib": 300, "context_upper_mib": 400,
            "compute_capability": 9.0,
        },
        "slice": {"resource": "nvidia.com/gpu", "count": 1},
        "memory": {"resource": "example.com/gpumem", "budget_mib": 80000, "advertise": "managed", "request_mib": 30000},
        "node": {
            "selector": {"nvidia.com/gpu.present": "true"}, "memory_gib": 64, "runtime_class": "nvidia",
            "tolerations": [
                {"key": "nvidia.com/gpu", "operator": "Equal", "value": "true", "effect": "NoSchedule"},
            ],
        },
    }  # fmt: skip
    server = {
        "engine": "llama-swap", "binary": "/app/llama-server",
        "image": IMAGE, "uid": 1000, "gid": 1000, "ttl_s": 600, "image_max_tokens": 1024,
        "priority_class": "gpu", "rollout_s": 600, "env": {"GGML_CUDA_GRAPH_OPT": "1"},
        "pod_labels": {"team": "ml"}, "pod_annotations": {"sidecar.istio.io/inject": "false"},
        "memory_request_mib": 2048, "memory_limit_mib": 4096,
    }  # fmt: skip
    fetch = {
        "image": IMAGE, "endpoint": "https://huggingface.co", "deadline_s": 3600, "verify": "receipt", "slots": 2,
        "token_secret": {"name": "hub", "key": "token"}, "proxy": "http://proxy.example:3128",
        "no_proxy": ["10.0.0.0/8", ".svc"], "proxy_secret": {"name": "proxy", "key": "login"},
        "ca_configmap": {"name": "authorities", "key": "ca.crt"},
    }  # fmt: skip
    by_path = {key: value for key, value in MODEL.items() if key not in ("quant", "mmproj")} | FILES
    return {
        "namespace": "llama-cpp",
        "cluster": {"id": stacks.CLUSTER_ID},
        "volume": {"name": "models", "read_mib_s": 60, "fs_group": False, **homes[home]},
        "gpu": gpu,
        "server": server,
        "fetch": fetch,
        "prune": {"mode": "report", "schedule": "17 4 * * *", "grace_h": 24},
        "models": {
            "qwen3vl-8b": MODEL,
            "qwen3vl-4b": {**by_path, "repo": OTHER, "aliases": [], "variants": {}, "fallback": None},
            "qwen3-8b": EMBEDS,
        },
        "immich": {
            "namespace": "immich",
            "deployment": "ml",
            "kind": "Deployment",
            "container": "ml",
            "model_ttl_s": 600,
        },
    }


def ends(value: Any, above: Path = ()) -> Iterator[Path]:
    """The path of everything in it that is no mapping or list, and of the mappings and lists too."""
    yield above
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        yield from ends(entry, (*above, key))


def at(value: Any, path: Path) -> Any:
    for part in path:
        value = value[part]
    return value


def changed(value: Any, path: Path, new: Any) -> Any:
    """A copy with something else at `path`; only what lies on the way is copied."""
    if not path:
        return new
    first, *rest = path
    if isinstance(value, list):
        return [changed(entry, tuple(rest), new) if at == first else entry for at, entry in enumerate(value)]
    return {**value, first: changed(value[first], tuple(rest), new)}
