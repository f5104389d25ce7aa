"""The architectures of language models, a row each: which llama.cpp loads it, and how its memory differs from llama's.

To add one, add its row here and its shapes to tests/oracle/known.py, where llama.cpp's own allocator is asked.
Names are those of general.architecture. Builds are release tags; a row without one is of an architecture that is older
than any image that has the flags of plan/engine/flags.py. What a build needs beside the architecture is in
plan/models/engine_builds.py. A build that no public text names is not guessed: without a row it is a note.
"""

from dataclasses import dataclass

ALWAYS = 0  # every image in question loads it


@dataclass(frozen=True, slots=True)
class Architecture:
    """`first_build` is the first of llama.cpp that loads it, as public threads name it; `nextn_build`, if there is one,
    the first that loads a file of it with blocks for multi-token prediction (`nextn_predict_layers`).

    `computed`: tests/oracle compares its memory with llama.cpp's allocator; of the others only the build is known.
    `window_every`: every n-th layer sees the whole context, the others a window. `cache_every`: every n-th has
    a cache, the others are recurrent. Both are the default of headers without that key; 0 where all layers are alike.
    """

    first_build: int
    computed: bool = True
    window_every: int = 0
    cache_every: int = 0
    gated_attention: bool = False  # a query comes with its gate
    deepstack: bool = False  # features of the vision tower go into the first layers
    inner_of_all_experts: bool = False  # feed_forward_length is of all used experts together, where it must serve
    nextn_build: int = ALWAYS


ARCHITECTURES = {
    "gemma2": Architecture(3259, computed=False),  # ggml-org/llama.cpp#8156, named in ggml-org/llama.cpp#8195
    "gemma3": Architecture(4875, window_every=6),  # ggml-org/llama.cpp#12343, release b4875; src/models/gemma3.cpp
    "gpt-oss": Architecture(6097, computed=False),  # ggml-org/llama.cpp#15091; utilityai/llama-cpp-rs#797
    "granite": Architecture(ALWAYS),
    "llama": Architecture(ALWAYS),
    "qwen2": Architecture(ALWAYS),
    "qwen3": Architecture(5092),  # ggml-org/llama.cpp#12828; guinmoon/LLMFarm#126
    # ggml-org/llama.cpp#19468 is commit fc0fe4004985, which Homebrew's formula built as b7990; src/models/qwen35.cpp
    # Before ggml-org/llama.cpp#22673, release b9180 (lmstudio-ai/lmstudio-bug-tracker#1924), a block for multi-token
    # prediction is taken for one more recurrent block: "missing tensor 'blk.N.ssm_conv1d.weight'".
    "qwen35": Architecture(7990, cache_every=4, gated_attention=True, nextn_build=9180),
    "qwen35moe": Architecture(7990, computed=False, nextn_build=9180),  # the same changes
    "qwen3moe": Architecture(5092, inner_of_all_experts=True),  # the same change as qwen3
    "qwen3next": Architecture(7186, computed=False),  # ggml-org/llama.cpp#16095; ollama/ollama#12349
    "qwen3vl": Architecture(6887, deepstack=True),  # ggml-org/llama.cpp#16780; Vali-98/ChatterUI#487
    "qwen3vlmoe": Architecture(6887, computed=False, deepstack=True),  # the same change
}
COMPUTED = tuple(name for name, row in ARCHITECTURES.items() if row.computed)
# clip.projector_type of vision projectors. What is not here came with llama-server's images or with its architecture.
PROJECTOR_BUILDS = {"qwen3vl_merger": 6887}  # the same change as qwen3vl
IMAGES_BUILD = 5331  # llama-server sees images: ggml-org/llama.cpp#12898, the text of release b5331
