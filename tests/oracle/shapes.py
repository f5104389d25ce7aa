"""Models of known shape as header-only GGUF files: each key and tensor that llama.cpp asks for, zeros for weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gguf import GGMLQuantizationType as Type

from tests.ops import ggufs

VOCABULARY = 256  # llama-fit-params computes logits of a whole ubatch, llama-server of one token a slot


@dataclass(frozen=True)
class Model:
    """A language model's lengths, named as in GGUF. `pairs` are more keys; `kv_heads` or
    `head_dim` None leaves those keys out. `nextn` are blocks more, which draft."""

    architecture: str
    layers: int
    width: int
    inner: int
    heads: int
    kv_heads: int | None
    head_dim: int | None = 128
    tied: bool = False
    weights: Type = Type.Q4_K
    pairs: Mapping[str, Any] = field(default_factory=dict)
    nextn: int = 0

    @property
    def head(self) -> int:
        return self.head_dim or self.width // self.heads

    def write(self, path: Path) -> Path:
        pairs = self.keys()
        ggufs.write(path, self.architecture, pairs, self.tensors(), vocabulary=0)
        return path

    def keys(self) -> dict[str, Any]:
        return {**self._pairs(), **self.pairs}

    def _pairs(self) -> dict[str, Any]:
        pairs: dict[str, Any] = {
            "tokenizer.ggml.model": "no_vocab",
            "vocab_size": VOCABULARY,
            "context_length": 262144,
            "block_count": self.layers + self.nextn,
            "embedding_length": self.width,
            "feed_forward_length": self.inner,
            "attention.head_count": self.heads,
            "attention.layer_norm_rms_epsilon": 1e-6,
        }
        if self.kv_heads is not None:
            pairs["attention.head_count_kv"] = self.kv_heads
        if self.head_dim is not None:
            pairs |= {"attention.key_length": self.head_dim, "attention.value_length": self.head_dim}
        if self.architecture in ("qwen3vl", "qwen35"):
            pairs |= {"rope.dimension_sections": [24, 20, 20, 0], "rope.dimension_count": min(self.head, 128)}
        if self.nextn:
            pairs["nextn_predict_layers"] = self.nextn
        if self.architecture == "granite":
            pairs["logit_scale"] = 8.0
        return {f"{self.architecture}.{key}" if not key.startswith("tok") else key: pairs[key] for key in pairs}

    def tensors(self) -> dict[str, tuple[tuple[int, ...], int]]:
        tensors: dict[str, tuple[tuple[int, ...], int]] = {
            "token_embd.weight": ((self.width, VOCABULARY), self.weights),
            "output_norm.weight": ((self.width,), Type.F32),
        }
        if not self.tied:
            tensors["output.weight"] = ((self.width, VOCABULARY), self.weights)
        for layer in range(self.layers):
            block = self._recurrent(layer) or self._attention()
            block |= self._experts() if self._key("expert_count") else self._feed_forward()
            tensors |= {f"blk.{layer}.{name}": tensor for name, tensor in block.items()}
        for layer in range(self.layers, self.layers + self.nextn):
            block = self._attention() | self._feed_forward() | self._drafting()
            tensors |= {f"blk.{layer}.{name}": tensor for name, tensor in block.items()}
        return tensors

    def _drafting(self) -> dict[str, tuple[tuple[int, ...], int]]:
        """What a block for multi-token prediction has besides (qwen35.cpp)."""
        norms = {f"nextn.{name}.weight": ((self.width,), Type.F32) for name in ("enorm", "hnorm", "shared_head_norm")}
        return {"nextn.eh_proj.weight": ((2 * self.width, self.width), self.weights), **norms}

    def _key(self, name: str) -> Any:
        return self.pairs.get(f"{self.architecture}.{name}")

    def _attention(self) -> dict[str, tuple[tuple[int, ...], int]]:
        query, key = self.heads * self.head, (self.kv_heads or self.heads) * self.head
        gate = 2 if self.architecture == "qwen35" else 1
        block: dict[str, tuple[tuple[int, ...], int]] = {
            "attn_norm.weight": ((self.width,), Type.F32),
            "attn_q.weight": ((self.width, query * gate), self.weights),
            "attn_k.weight": ((self.width, key), self.weights),
            "attn_v.weight": ((self.width, key), self.weights),
            "attn_output.weight": ((query, self.width), self.weights),
        }
        if self.architecture == "qwen2":
            biases = {"attn_q.bias": query, "attn_k.bias": key, "attn_v.bias": key}
            block |= {name: ((size,), Type.F32) for name, size in biases.items()}
        if self.architecture in ("qwen3", "qwen3moe", "qwen3vl", "gemma3", "qwen35"):
            block |= {f"attn_{name}_norm.weight": ((self.head,), Type.F32) for name in "qk"}
        return block

    def _recurrent(self, layer: int) -> dict[str, tuple[tuple[int, ...], int]] | None:
        if self.architecture != "qwen35" or (layer + 1) % 4 == 0:
            return None
        inner, state = self._key("ssm.inner_size"), self._key("ssm.state_size")
        groups, rank = self._key("ssm.group_count"), self._key("ssm.time_step_rank")
        channels = inner + 2 * groups * state
        return {
            "attn_norm.weight": ((self.width,), Type.F32),
            "attn_qkv.weight": ((self.width, channels), self.weights),
            "attn_gate.weight": ((self.width, inner), self.weights),
            "ssm_conv1d.weight": ((self._key("ssm.conv_kernel"), channels), Type.F32),
            "ssm_dt.bias": ((rank,), Type.F32),
            "ssm_a": ((rank,), Type.F32),
            "ssm_beta.weight": ((self.width, rank), self.weights),
            "ssm_alpha.weight": ((self.width, rank), self.weights),
            "ssm_norm.weight": ((inner // rank,), Type.F32),
            "ssm_out.weight": ((inner, self.width), self.weights),
        }

    def _feed_forward(self) -> dict[str, tuple[tuple[int, ...], int]]:
        block: dict[str, tuple[tuple[int, ...], int]] = {
            "ffn_gate.weight": ((self.width, self.inner), self.weights),
            "ffn_up.weight": ((self.width, self.inner), self.weights),
            "ffn_down.weight": ((self.inner, self.width), self.weights),
        }
        norms = ["post_attention_norm"] if self.architecture == "qwen35" else ["ffn_norm"]
        if self.architecture == "gemma3":
            norms += ["post_attention_norm", "post_ffw_norm"]
        return block | {f"{norm}.weight": ((self.width,), Type.F32) for norm in norms}

    def _experts(self) -> dict[str, tuple[tuple[int, ...], int]]:
        count, inner = self._key("expert_count"), self._key("expert_feed_forward_length") or self.inner
        return {
            "ffn_norm.weight": ((self.width,), Type.F32),
            "ffn_gate_inp.weight": ((self.width, count), Type.F32),
            "ffn_gate_exps.weight": ((self.width, inner, count), self.weights),
            "ffn_up_exps.weight": ((self.width, inner, count), self.weights),
            "ffn_down_exps.weight": ((inner, self.width, count), self.weights),
        }
