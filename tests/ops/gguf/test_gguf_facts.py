"""What the lock keeps of headers: each tensor in its class, each key in its field."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from gguf import GGMLQuantizationType as Type

from dev.tools import tools
from ops.gguf.facts import facts
from ops.gguf.header import Header, HeaderError, read_header
from plan.models.gguf_facts import GgufFacts
from tests.ops import ggufs
from tests.ops.ggufs import BLOCK, DENSE, EMBEDDING, OUTPUT, bytes_of

SHAPE: dict[str, Any] = {
    "context_length": 4096,
    "block_count": 1,
    "embedding_length": 256,
    "feed_forward_length": 512,
    "llama.attention.head_count": 2,
    "llama.attention.head_count_kv": 1,
    "llama.attention.key_length": 128,
    "llama.attention.value_length": 128,
    "general.file_type": 15,
}


def headers(files: Sequence[Path]) -> list[Header]:
    contents = [file.read_bytes() for file in files]
    return [read_header(lambda start, end, data=data: data[start:end], len(data)) for data in contents]


def known(path: Path, pairs: dict[str, Any] | None = None, **options: Any) -> GgufFacts:
    return facts(headers(ggufs.write(path / "a.gguf", pairs=SHAPE if pairs is None else pairs, **options)), None)


def test_a_dense_model_s_keys_and_weights_are_all_there(tmp_path: Path) -> None:
    found = known(tmp_path)
    expected = {key.rpartition(".")[2]: value for key, value in SHAPE.items()}
    assert found.shape.model_dump(exclude_none=True) == {
        **expected,
        "architecture": "llama",
        "vocab_size": 10,
        "chat_template": False,
        "source": "header",
    }
    assert found.weights
    assert found.weights.gpu_bytes == bytes_of({**BLOCK, **OUTPUT})
    assert found.weights.input_bytes == bytes_of(EMBEDDING), "llama.cpp keeps the input layer on the CPU"
    assert (found.weights.tied_bytes, found.weights.nextn_bytes) == (0, 0)
    assert found.missing(has_projector=False) == ()


def test_tied_embeddings_are_told_and_not_added(tmp_path: Path) -> None:
    extra = {"per_layer_token_embd.weight": ((256, 40), Type.Q8_0)}
    found = known(tmp_path, tensors={**extra, **EMBEDDING, **BLOCK}).weights
    assert found
    assert found.gpu_bytes == bytes_of(BLOCK)
    assert found.tied_bytes == bytes_of(EMBEDDING), "the table per layer is never loaded twice"
    assert found.input_bytes == bytes_of({**extra, **EMBEDDING})


@pytest.mark.parametrize("architecture", ["bert", "nomic-bert-moe"])
def test_a_model_without_logits_has_its_embedding_once(tmp_path: Path, architecture: str) -> None:
    """An H200 held 577 MiB of bge-m3's weights in F16; its embedding, 488 more, stayed off the card."""
    pairs = {f"{architecture}.block_count": 1, f"{architecture}.embedding_length": 256}
    ggufs.write(tmp_path / "model.gguf", architecture, pairs, {**EMBEDDING, **BLOCK})

    found = facts(headers([tmp_path / "model.gguf"]), None).weights

    assert found
    assert (found.gpu_bytes, found.tied_bytes) == (bytes_of(BLOCK), 0)


def test_blocks_for_speculation_are_a_class_of_their_own(tmp_path: Path) -> None:
    nextn = {name.replace("blk.0.", "blk.1."): tensor for name, tensor in BLOCK.items()}
    found = known(tmp_path, {"block_count": 2, "nextn_predict_layers": 1}, tensors={**DENSE, **nextn})
    assert found.weights
    assert found.weights.nextn_bytes == bytes_of(nextn)
    assert found.weights.gpu_bytes == bytes_of({**BLOCK, **OUTPUT})


def test_experts_recurrent_layers_and_values_per_layer_are_kept(tmp_path: Path) -> None:
    pairs: dict[str, Any] = {
        "expert_count": 128,
        "expert_used_count": 8,
        "expert_feed_forward_length": 768,
        "feed_forward_length": [512, 0, 256],
        "llama.attention.head_count_kv": [0, 0, 4],
        "llama.attention.recurrent_layers": [True, True, False],
        "llama.attention.sliding_window_pattern": [False, True, True],
        "llama.attention.indexer.head_count": 99,
        "llama.ssm.conv_kernel": 4,
        "tokenizer.chat_template": "{{ x }}",
        "vocab_size": 12,
    }
    shape = known(tmp_path, pairs).shape
    assert (shape.expert_count, shape.expert_used_count, shape.expert_feed_forward_length) == (128, 8, 768)
    assert (shape.feed_forward_length, shape.head_count_kv) == ((512, 0, 256), (0, 0, 4))
    assert (shape.recurrent_layers, shape.sliding_window_pattern) == ((0, 1), (1, 2)), "flags become layers"
    assert shape.head_count is None, "another section's key of the same name is another fact"
    assert (shape.conv_kernel, shape.chat_template, shape.vocab_size) == (4, True, 12)


def test_what_can_stay_off_the_card_is_told_for_each_block(tmp_path: Path) -> None:
    """Names by --n-cpu-moe's own pattern; the experts of a block for speculation are not the model's."""
    moved: dict[int, Any] = {
        1: {"ffn_gate_exps.weight": ((256, 64, 4), Type.Q4_K), "ffn_up_exps.weight": ((256, 64, 4), Type.Q4_K),
            "ffn_down_exps.weight": ((256, 256, 4), Type.Q6_K), "ffn_down_exps.bias": ((256, 4), Type.F32)},
        3: {"ffn_gate_up_exps.weight": ((256, 128, 4), Type.Q8_0), "ffn_up_chexps.weight": ((256, 8, 4), Type.Q8_0)},
        4: {"ffn_gate_up_exps.weight": ((256, 128, 4), Type.Q8_0)},
    }  # fmt: skip
    stays = {"ffn_gate_inp.weight": ((256, 4), Type.F32), "ffn_up_shexp.weight": ((256, 64), Type.Q4_K),
             "ffn_norm_exps.weight": ((256,), Type.F32), "ffn_gate.0.weight": ((256, 64), Type.Q4_K)}  # fmt: skip
    tensors = {f"blk.{block}.{name}": it for block, named in moved.items() for name, it in {**named, **stays}.items()}
    found = known(tmp_path, {"block_count": 5, "nextn_predict_layers": 1}, tensors={**DENSE, **tensors}).weights
    assert found
    assert found.expert_bytes == (0, bytes_of(moved[1]), 0, bytes_of(moved[3]))
    assert found.expert_matrix_bytes == bytes_of({"": moved[1]["ffn_down_exps.weight"]})
    dense = known(tmp_path, {"block_count": 1}).weights
    assert dense
    assert (dense.expert_bytes, dense.expert_matrix_bytes) == ((), 0)


QWEN = (
    "{%- if tools %}\n    {{- '<tools>' }}\n{% endif %}{% for message in messages %}{{ message.content }}{% endfor %}"
)


@pytest.mark.parametrize(
    ("templates", "expected"),
    [
        ({"": QWEN}, True),
        ({"": "{% for m in messages %}{{ m.content }}{% endfor %}", ".tool_use": QWEN}, True),
        ({"": "{{ raise_exception('no') if tools is defined }}"}, True),
        ({"": "{% for m in messages %}{{ m.content }}{% endfor %} You have no tools."}, False),
        ({"": "{{ m.tool_calls }}{{ tools_in_user_message }}"}, False),
        ({"": "{# tools #}{{ x }}"}, False),
        ({"": "{%" * 100_000 + " tools"}, True),
        ({"": "{{" * 100_000}, False),
        ({}, None),
        ({".tool_use": QWEN}, None),
    ],
)
def test_whether_the_template_has_tools_is_told(
    tmp_path: Path, templates: dict[str, str], expected: bool | None
) -> None:
    pairs = {**SHAPE, **{f"tokenizer.chat_template{name}": text for name, text in templates.items()}}
    assert known(tmp_path, pairs).shape.chat_template_tools is expected


ASKS = "{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (ASKS + "{{ '<|Assistant|><think>\\n' }}{% endif %}", True),
        (ASKS + "<|im_start|>assistant\n<think>\n{% endif %}", True),
        (ASKS + "{{ '[THINK]' }}{% endif %}", True),
        (ASKS + "a{% if enable_thinking is false %}{{ '<think>\\n\\n</think>' }}{% endif %}{% endif %}", False),
        (ASKS + "{% if thinking %}<think>{% else %}</think>{% endif %}{% endif %}", False),
        (ASKS + "{{ '<|im_start|>assistant' }}{% endif %}", False),
        ("{{ m.content.split('<think>')[0] }}" + ASKS + "a{% endif %}", False),
        ("<think>{{ m.content }}", False),
        (ASKS, False),
        (ASKS * 20_000 + "<think>", True),
        (7, False),
    ],
)
def test_a_template_that_thinks_whatever_a_request_says_is_told(tmp_path: Path, template: Any, expected: bool) -> None:
    assert known(tmp_path, {**SHAPE, "tokenizer.chat_template": template}).shape.chat_template_thinks is expected


@pytest.mark.parametrize("key", ["general.source", "general.chat_template", "general.chat_template_thinks"])
def test_a_key_that_is_called_as_a_fact_of_ours_is_not_taken_for_it(tmp_path: Path, key: str) -> None:
    assert known(tmp_path, {**SHAPE, key: True, "tokenizer.chat_template": "{{ x }}"}).shape.source == "header"


@pytest.mark.parametrize("key", ["clip.source", "clip.weight_bytes", "clip.width", "clip.vision.width"])
def test_nor_is_one_of_a_projector(tmp_path: Path, key: str) -> None:
    pairs = {"clip.projector_type": "gemma3", key: 7}
    (file,) = ggufs.write(tmp_path / "mmproj.gguf", "clip", pairs, BLOCK, vocabulary=0)
    header = read_header(lambda start, end: file.read_bytes()[start:end], file.stat().st_size)
    (model,) = ggufs.write(tmp_path / "model.gguf", pairs=SHAPE)
    text = read_header(lambda start, end: model.read_bytes()[start:end], model.stat().st_size)

    found = facts([text], header).projector

    assert found
    assert (found.weight_bytes, found.width) == (bytes_of(BLOCK), None)


def test_the_parts_of_a_split_model_are_one_model(tmp_path: Path) -> None:
    whole = known(tmp_path)
    parts = ggufs.write(tmp_path / "b.gguf", pairs=SHAPE, split=4)
    assert len(parts) == 2
    assert facts(headers(parts), None) == whole
    with pytest.raises(HeaderError, match=r"split\.count is 2, its parts have 1"):
        facts(headers(parts[:1]), None)


def test_a_projector_s_keys_and_bytes_are_a_group_of_their_own(tmp_path: Path) -> None:
    (model,) = headers(ggufs.write(tmp_path / "a.gguf", pairs=SHAPE))
    tensors = {"v.patch_embd.weight": ((14, 14, 3, 64), Type.F16), "mm.0.weight": ((64, 256), Type.F16)}
    pairs = {
        "clip.projector_type": "qwen3vl_merger",
        "clip.vision.block_count": 4,
        "clip.vision.attention.head_count": 16,
        "clip.vision.image_size": 768,
        "clip.vision.is_deepstack_layers": [False, True, False, True],
    }
    (clip,) = headers(ggufs.write(tmp_path / "p.gguf", "clip", pairs, tensors, vocabulary=0))
    projector = facts([model], clip).projector
    assert projector
    assert projector.model_dump(exclude_none=True) == {
        **{key.rpartition(".")[2]: value for key, value in pairs.items()},
        "is_deepstack_layers": (1, 3),
        "weight_bytes": bytes_of(tensors),
        "source": "header",
    }
    with pytest.raises(HeaderError, match="is not a language model"):
        facts([clip], None)
    with pytest.raises(HeaderError, match="is not a projector"):
        facts([model], model)


def test_a_key_of_the_wrong_type_is_named(tmp_path: Path) -> None:
    with pytest.raises(HeaderError, match=r"block_count is 1\.5"):
        known(tmp_path, {**SHAPE, "block_count": 1.5})


@pytest.mark.skipif(tools.find("gemma") is None, reason="python -m dev.tools gemma has not run")
@pytest.mark.parametrize(("quant", "printed_mib"), [("Q4_K_M", 235.16), ("Q3_K_M", 224.53)])
def test_the_sum_of_a_real_model_s_weights_is_what_llama_cpp_prints(quant: str, printed_mib: float) -> None:
    file = tools.path("gemma") / f"gemma-3-270m-{quant}.gguf"
    with file.open("rb") as source:
        header = read_header(lambda start, end: source.read(end - start), file.stat().st_size)
    found = facts([header], None)
    assert found.weights
    # "CPU_Mapped model buffer size" of llama-server 0.5.0 -lv 4; on a CPU the tied tensor is not loaded twice.
    assert round((found.weights.gpu_bytes + found.weights.input_bytes) / 2**20, 2) == printed_mib
    assert found.weights.tied_bytes == found.weights.input_bytes
    assert (found.shape.sliding_window, found.shape.vocab_size) == (512, 262144)
