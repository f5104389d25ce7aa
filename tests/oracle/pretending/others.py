"""Models of architectures for which plan/vram has no formula, as header-only GGUF files: few layers of known lengths.

Each tensor and key is one that llama.cpp 0c1e57098 asks for (src/models/*.cpp).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gguf import GGMLQuantizationType as Type

from tests.ops import ggufs

VOCABULARY, CONTEXT = 32000, 131072
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Other:
    """`layers` has a mapping for each, from a tensor's name to its shape; one-dimensional ones and `plain` are F32.

    `pairs` are keys below the architecture's name, beside those of every model here.
    """

    architecture: str
    width: int
    pairs: Mapping[str, Any]
    layers: tuple[Mapping[str, Shape], ...]
    tied: bool = False
    plain: tuple[str, ...] = ("ssm_conv1d.weight", "ssm_a", "ssm_d", "ssm_norm.weight", "ffn_gate_inp.weight")

    def write(self, path: Path, split: int = 0) -> Path:
        """Write it, in parts of at most `split` tensors where that is given; its file, or the first of its parts."""
        pairs: dict[str, Any] = {
            "context_length": CONTEXT,
            "block_count": len(self.layers),
            "embedding_length": self.width,
            "attention.layer_norm_rms_epsilon": 1e-6,
            **self.pairs,
        }
        shapes: dict[str, Shape] = {"token_embd.weight": (self.width, VOCABULARY), "output_norm.weight": (self.width,)}
        if not self.tied:
            shapes["output.weight"] = (self.width, VOCABULARY)
        for number, layer in enumerate(self.layers):
            shapes |= {f"blk.{number}.{name}": shape for name, shape in layer.items()}
        tensors = {name: (shape, self._type(name, shape)) for name, shape in shapes.items()}
        keys = {f"{self.architecture}.{key}": value for key, value in pairs.items()}
        pairs = {"tokenizer.ggml.model": "gpt2", **keys}
        return ggufs.write(path, self.architecture, pairs, tensors, VOCABULARY, split)[0]

    def _type(self, name: str, shape: Shape) -> int:
        return Type.F32 if len(shape) == 1 or name.endswith(self.plain) else Type.Q8_0


def _attention(width: int, heads: int, kv_heads: int, head: int) -> dict[str, Shape]:
    return {
        "attn_norm.weight": (width,),
        "attn_q.weight": (width, heads * head),
        "attn_k.weight": (width, kv_heads * head),
        "attn_v.weight": (width, kv_heads * head),
        "attn_output.weight": (heads * head, width),
    }


def _heads(heads: int, kv_heads: int | list[int], head: int) -> dict[str, Any]:
    lengths = {"attention.key_length": head, "attention.value_length": head}
    return {"attention.head_count": heads, "attention.head_count_kv": kv_heads, **lengths}


def _network(width: int, inner: int, *, fused: bool = False) -> dict[str, Shape]:
    up = {"ffn_up.weight": (width, 2 * inner)}
    apart = {"ffn_gate.weight": (width, inner), "ffn_up.weight": (width, inner)}
    return {"ffn_norm.weight": (width,), "ffn_down.weight": (inner, width), **(up if fused else apart)}


def _experts(width: int, inner: int, count: int) -> dict[str, Shape]:
    return {
        "ffn_gate_inp.weight": (width, count),
        "ffn_gate_exps.weight": (width, inner, count),
        "ffn_up_exps.weight": (width, inner, count),
        "ffn_down_exps.weight": (inner, width, count),
    }


def _gpt_oss() -> Other:
    width, inner, count = 2880, 2880, 32
    biases = {"attn_output.bias": (width,), "ffn_gate_inp.bias": (count,)}
    biases |= {f"ffn_{name}_exps.bias": (inner, count) for name in ("gate", "up", "down")}
    layer = {
        **_attention(width, 64, 8, 64), **_experts(width, inner, count), **biases,
        "post_attention_norm.weight": (width,), "attn_sinks.weight": (64,),
    }  # fmt: skip
    pairs = {**_heads(64, 8, 64), "rope.dimension_count": 64, "feed_forward_length": inner, "expert_count": count,
             "expert_used_count": 4, "expert_feed_forward_length": inner, "attention.sliding_window": 128}  # fmt: skip
    return Other("gpt-oss", width, pairs, (layer,) * 4, plain=("ffn_gate_inp.weight", "_exps.bias"))


def _phi3() -> Other:
    width, inner = 3072, 8192
    layer = {
        "attn_norm.weight": (width,), "attn_qkv.weight": (width, 3 * width), "attn_output.weight": (width, width),
        **_network(width, inner, fused=True),
    }  # fmt: skip
    pairs = {**_heads(32, 32, 96), "rope.dimension_count": 96, "feed_forward_length": inner,
             "attention.sliding_window": 2047}  # fmt: skip
    return Other("phi3", width, pairs, (layer,) * 3)


def _deepseek2() -> Other:
    """DeepSeek V2 Lite, with its first three layers; the number of all its layers says which kind it is."""
    width, heads, rank, count, inner = 2048, 16, 512, 64, 1408
    attention = {
        "attn_norm.weight": (width,), "attn_kv_a_norm.weight": (rank,), "attn_q.weight": (width, heads * 192),
        "attn_kv_a_mqa.weight": (width, rank + 64), "attn_k_b.weight": (128, rank, heads),
        "attn_v_b.weight": (rank, 128, heads), "attn_output.weight": (heads * 128, width),
    }  # fmt: skip
    shared = {"ffn_gate_shexp.weight": (width, 2 * inner), "ffn_up_shexp.weight": (width, 2 * inner),
              "ffn_down_shexp.weight": (2 * inner, width)}  # fmt: skip
    dense = attention | _network(width, 10944)
    sparse = {**attention, "ffn_norm.weight": (width,), **_experts(width, inner, count), **shared}
    pairs = {
        "attention.head_count": heads, "attention.head_count_kv": 1, "attention.key_length": rank + 64,
        "attention.value_length": rank, "attention.key_length_mla": 192, "attention.value_length_mla": 128,
        "attention.kv_lora_rank": rank, "rope.dimension_count": 64, "feed_forward_length": 10944,
        "leading_dense_block_count": 1, "expert_count": count, "expert_used_count": 6, "expert_shared_count": 2,
        "expert_feed_forward_length": inner, "expert_weights_scale": 1.0,
    }  # fmt: skip
    return Other("deepseek2", width, pairs, (dense, *(sparse,) * 26))


def _glm4() -> Other:
    width, inner = 4096, 13696
    layer = {
        **_attention(width, 32, 2, 128), **_network(width, inner, fused=True),
        "post_attention_norm.weight": (width,), "post_ffw_norm.weight": (width,),
    }  # fmt: skip
    return Other("glm4", width, {**_heads(32, 2, 128), "feed_forward_length": inner}, (layer,) * 3)


def _gemma2() -> Other:
    width, inner = 2304, 9216
    layer = {
        **_attention(width, 8, 4, 256), **_network(width, inner),
        "post_attention_norm.weight": (width,), "post_ffw_norm.weight": (width,),
    }  # fmt: skip
    pairs = {**_heads(8, 4, 256), "feed_forward_length": inner, "attention.sliding_window": 4096}
    return Other("gemma2", width, pairs, (layer,) * 4, tied=True)


def _state_space(width: int, inner: int, heads: int, state: int) -> dict[str, Shape]:
    channels = inner + 2 * state
    return {
        "attn_norm.weight": (width,), "ssm_in.weight": (width, inner + channels + heads),
        "ssm_conv1d.weight": (4, channels), "ssm_conv1d.bias": (channels,), "ssm_dt.bias": (heads,),
        "ssm_a": (1, heads), "ssm_d": (1, heads), "ssm_norm.weight": (inner, 1), "ssm_out.weight": (inner, width),
    }  # fmt: skip


def _states(inner: int, heads: int, state: int) -> dict[str, Any]:
    lengths = {"conv_kernel": 4, "inner_size": inner, "state_size": state, "time_step_rank": heads, "group_count": 1}
    return {f"ssm.{key}": value for key, value in lengths.items()}


def _mamba2() -> Other:
    layer = _state_space(2560, 5120, 80, 128)
    pairs = {**_states(5120, 80, 128), "feed_forward_length": 0, "attention.head_count": 0}
    return Other("mamba2", 2560, pairs, (layer,) * 3, tied=True)


def _granite_hybrid() -> Other:
    width, inner = 2048, 8192
    network = _network(width, inner)
    recurrent, attention = _state_space(width, 4096, 64, 128) | network, _attention(width, 32, 8, 64) | network
    pairs = {**_states(4096, 64, 128), **_heads(32, [0, 0, 0, 8], 64), "feed_forward_length": inner,
             "rope.dimension_count": 64}  # fmt: skip
    return Other("granitehybrid", width, pairs, (*(recurrent,) * 3, attention), tied=True)


OTHERS = {
    "gpt-oss-20b": _gpt_oss(),
    "phi3-mini": _phi3(),
    "deepseek2-lite": _deepseek2(),
    "glm4-9b": _glm4(),
    "gemma2-2b": _gemma2(),
    "mamba2-2.7b": _mamba2(),
    "granite4-micro": _granite_hybrid(),
}
