"""Vision projectors of known shape as header-only GGUF files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType as Type

from tests.ops import ggufs

Tensors = dict[str, tuple[tuple[int, ...], int]]


@dataclass(frozen=True)
class Projector:
    """A vision tower and what maps it to a language model's width (`projection`)."""

    kind: str
    blocks: int
    width: int
    inner: int
    projection: int
    image: int
    patch: int
    deepstack: tuple[int, ...] = ()
    weights: Type = Type.F16
    pairs: Mapping[str, Any] = field(default_factory=dict)

    def write(self, path: Path) -> Path:
        vision: dict[str, Any] = {
            "embedding_length": self.width,
            "feed_forward_length": self.inner,
            "block_count": self.blocks,
            "projection_dim": self.projection,
            "image_size": self.image,
            "patch_size": self.patch,
            "attention.head_count": 16,
            "attention.layer_norm_epsilon": 1e-6,
            "image_mean": [0.5, 0.5, 0.5],
            "image_std": [0.5, 0.5, 0.5],
        }
        if self.kind == "qwen3vl_merger":
            vision["spatial_merge_size"] = 2
            vision["is_deepstack_layers"] = [number in self.deepstack for number in range(self.blocks)]
        pairs = {f"clip.vision.{key}": value for key, value in vision.items()}
        pairs |= {"clip.projector_type": self.kind, "clip.has_vision_encoder": True, "clip.use_gelu": True}
        if self.kind == "resampler":
            pairs |= {"clip.minicpmv_version": np.int32(6), "clip.minicpmv_query_num": 64}
        ggufs.write(path, "clip", {**pairs, **self.pairs}, self._tensors(), vocabulary=0)
        return path

    def _tensors(self) -> Tensors:
        tensors: Tensors = {}
        for number in range(self.blocks):
            tensors |= {f"v.blk.{number}.{name}": tensor for name, tensor in self._block().items()}
        heads = {"qwen3vl_merger": self._qwen3vl, "gemma3": self._gemma3, "resampler": self._resampler}
        return tensors | heads[self.kind]()

    def _linear(self, name: str, inputs: int, outputs: int) -> Tensors:
        return {f"{name}.weight": ((inputs, outputs), self.weights), f"{name}.bias": ((outputs,), Type.F32)}

    def _norm(self, name: str, width: int) -> Tensors:
        return {f"{name}.{part}": ((width,), Type.F32) for part in ("weight", "bias")}

    def _block(self) -> Tensors:
        fused = self._linear("attn_qkv", self.width, 3 * self.width)
        apart = {
            key: tensor
            for part in "qkv"
            for key, tensor in self._linear(f"attn_{part}", self.width, self.width).items()
        }
        return {
            **(fused if self.kind == "qwen3vl_merger" else apart),
            **self._linear("attn_out", self.width, self.width),
            **self._linear("ffn_up", self.width, self.inner),
            **self._linear("ffn_down", self.inner, self.width),
            **self._norm("ln1", self.width),
            **self._norm("ln2", self.width),
        }

    def _embedding(self, positions: int) -> Tensors:
        return {
            "v.patch_embd.weight": ((self.patch, self.patch, 3, self.width), self.weights),
            "v.patch_embd.bias": ((self.width,), Type.F32),
            "v.position_embd.weight": ((self.width, positions), Type.F32),
            **self._norm("v.post_ln", self.width),
        }

    def _qwen3vl(self) -> Tensors:
        merged = 4 * self.width
        tensors = self._embedding((self.image // self.patch) ** 2)
        tensors["v.patch_embd.weight.1"] = tensors["v.patch_embd.weight"]
        tensors |= self._linear("mm.0", merged, merged) | self._linear("mm.2", merged, self.projection)
        for number in self.deepstack:
            name = f"v.deepstack.{number}"
            tensors |= self._norm(f"{name}.norm", merged)
            tensors |= self._linear(f"{name}.fc1", merged, merged)
            tensors |= self._linear(f"{name}.fc2", merged, self.projection)
        return tensors

    def _gemma3(self) -> Tensors:
        return {
            **self._embedding((self.image // self.patch) ** 2),
            "mm.input_projection.weight": ((self.projection, self.width), self.weights),
            "mm.soft_emb_norm.weight": ((self.width,), Type.F32),
        }

    def _resampler(self) -> Tensors:
        wide = self.projection
        tensors = self._embedding(70 * 70)
        tensors |= {
            "resampler.pos_embed_k": ((wide, 70 * 70), Type.F32),
            "resampler.query": ((wide, 64), Type.F32),
            "resampler.proj.weight": ((wide, wide), self.weights),
            "resampler.kv.weight": ((self.width, wide), self.weights),
        }
        for part in ("q", "k", "v", "out"):
            tensors |= self._linear(f"resampler.attn.{part}", wide, wide)
        for part in ("q", "kv", "post"):
            tensors |= self._norm(f"resampler.ln_{part}", wide)
        return tensors
