"""Shapes of models that exist, by the configurations their makers publish; q8_0 where a row is no whole block of K."""

from typing import Any

from gguf import GGMLQuantizationType as Type

from tests.oracle.shapes import Model


def _deepstack(*lengths: int, tied: bool) -> Model:
    layers, width, inner, heads = lengths
    return Model("qwen3vl", layers, width, inner, heads, 8, tied=tied, pairs={"qwen3vl.n_deepstack_layers": 3})


def _windows(layers: int, width: int, inner: int, heads: int, kv_heads: int, **more: Any) -> Model:
    head, window, every = more.get("head", 256), more.get("window", 1024), more.get("every")
    pairs = {"gemma3.attention.sliding_window": window}
    if every is not None:
        pairs["gemma3.attention.sliding_window_pattern"] = every
    weights = Type.Q8_0 if width % 256 else Type.Q4_K
    return Model("gemma3", layers, width, inner, heads, kv_heads, head, tied=True, weights=weights, pairs=pairs)


def _experts(layers: int, width: int, heads: int, kv_heads: int, of: tuple[int, int, int]) -> Model:
    count, used, inner = of
    keys = {"expert_count": count, "expert_used_count": used, "expert_feed_forward_length": inner}
    pairs = {f"qwen3moe.{key}": value for key, value in keys.items()}
    return Model("qwen3moe", layers, width, used * inner, heads, kv_heads, pairs=pairs)


def _hybrid(layers: int, width: int, inner: int, heads: int, kv_heads: int, ssm: tuple[int, int], **more: Any) -> Model:
    keys = {"conv_kernel": 4, "inner_size": ssm[0], "state_size": 128, "group_count": 16, "time_step_rank": ssm[1]}
    pairs = {f"qwen35.ssm.{key}": value for key, value in keys.items()}
    return Model("qwen35", layers, width, inner, heads, kv_heads, 256, pairs=pairs, **more)


KNOWN = {
    "qwen3-8b": Model("qwen3", 36, 4096, 12288, 32, 8),
    "qwen3-4b": Model("qwen3", 36, 2560, 9728, 32, 8, tied=True),
    "qwen3-0.6b": Model("qwen3", 28, 1024, 3072, 16, 8, tied=True),
    "qwen3-32b": Model("qwen3", 64, 5120, 25600, 64, 8),
    "llama3.1-8b": Model("llama", 32, 4096, 14336, 32, 8, None),
    "llama3.2-1b": Model("llama", 16, 2048, 8192, 32, 8, 64, tied=True),
    "llama2-7b": Model("llama", 32, 4096, 11008, 32, None, None),
    "mistral-nemo": Model("llama", 40, 5120, 14336, 32, 8),
    "qwen2.5-7b": Model("qwen2", 28, 3584, 18944, 28, 4, None),
    "qwen2.5-0.5b": Model("qwen2", 24, 896, 4864, 14, 2, None, tied=True, weights=Type.Q8_0),
    "granite-8b": Model("granite", 40, 4096, 12800, 32, 8, None),
    "granite-2b": Model("granite", 40, 2048, 8192, 32, 8, None, tied=True),
    "gemma3-1b": _windows(26, 1152, 6912, 4, 1, window=512),
    "gemma3-4b": _windows(34, 2560, 10240, 8, 4),
    "gemma3-12b": _windows(48, 3840, 15360, 16, 8),
    "gemma3-27b": _windows(62, 5376, 21504, 32, 16, head=128),
    "gemma3-every-4th": _windows(34, 2560, 10240, 8, 4, every=4),
    "qwen3vl-8b": _deepstack(36, 4096, 12288, 32, tied=False),
    "qwen3vl-4b": _deepstack(36, 2560, 9728, 32, tied=True),
    "qwen3vl-2b": _deepstack(28, 2048, 6144, 16, tied=True),
    "qwen3-30b-a3b": _experts(48, 2048, 32, 4, (128, 8, 768)),
    "qwen3-235b-a22b": _experts(94, 4096, 64, 4, (128, 8, 1536)),
    "experts-narrow": _experts(12, 6144, 48, 24, (128, 4, 1536)),
    "experts-wide": _experts(12, 4096, 64, 4, (32, 8, 4096)),
    "qwen3.5-27b": _hybrid(64, 5120, 17408, 24, 4, (6144, 48)),
    "qwen3.5-9b": _hybrid(32, 4096, 12288, 16, 4, (4096, 32)),
    "qwen3.5-4b": _hybrid(32, 2560, 9216, 16, 4, (4096, 32), tied=True),
    "qwen3.5-0.8b": _hybrid(24, 1024, 3584, 8, 2, (2048, 16), tied=True),
    "narrow-queries": Model("qwen3", 8, 5120, 20480, 20, 4),
}
