"""Where a flag of llama-server goes, in each spelling; and where a model's file is from."""

import re
from typing import Any

import pytest

from ops.adopt.draft import Draft
from ops.adopt.flags.rows import ROWS
from plan.config import Model
from plan.engine.args import options
from plan.engine.flag_policy import refused
from tests.ops.adopt.adopted import adopted, one

SMALL = "/models/unsloth/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf"
Q8 = {"repo": "unsloth/Qwen3-0.6B-GGUF", "quant": "Q8_0"}
FILE = "-m /models/unsloth/X-GGUF/X-Q4_K_M.gguf"


def draft(flags: str, model: str = FILE, **keys: Any) -> Draft:
    """The one model of a file whose command is llama-server with these flags."""
    return one(f"llama-server --port ${{PORT}} {model} {flags}", **keys)


def left(flags: str, **keys: Any) -> str:
    return "\n".join(draft(flags, **keys).left)


@pytest.mark.parametrize(
    ("flags", "keys"),
    [
        ("-c 8192", {"context": 8192}),
        ("--ctx-size 8192", {"context": 8192}),
        ("--ctx_size 8192", {"context": 8192}),
        ("--ctx-size=8192", {"context": 8192}),
        ("-c 8192 -np 4", {"context": 2048, "parallel": 4}),
        ("-c 8192 --parallel 1", {"context": 8192, "parallel": None}),
        ("-c 8192 -np 4 --kv-unified", {"context": 8192, "parallel": 4, "kv_unified": True}),
        ("-c 8192 -np 4 --no-kv-unified", {"context": 2048, "parallel": 4}),
        ("-c 100 -np 300", {"context": 100, "parallel": None}),
        ("-c 0", {"context": 4096}),
        ("-c -1", {"context": 4096}),
        ("", {"context": 4096}),
        ("--fit on -fitc 9000", {"context": 9000}),
        ("-c 4096 -c 512", {"context": 512}),
        ("-ctk q8_0 -ctv q8_0", {"kv_type": "q8_0"}),
        ("--cache-type-k q4_0 --cache-type-v Q4_0", {"kv_type": "q4_0"}),
        ("-ctk f16 -ctv f16", {"kv_type": None}),
        ("-ctk q8_0 -ctv q4_0", {"kv_type": None}),
        ("-ctk q8_0", {"kv_type": None}),
        ("-ctk q5_1 -ctv q5_1", {"kv_type": None}),
        ("-ub 1024", {"ubatch": 1024}),
        ("-ub 1024 -b 2048", {"ubatch": 1024}),
        ("-ub 1024 -b 256", {"ubatch": 256}),
        ("-b 4096 -ub 4096", {"ubatch": 4096}),
        ("-b 4096", {"batch": 4096, "ubatch": None}),
        ("-b 512", {"batch": 512, "ubatch": None}),
        ("--n-cpu-moe 24", {"cpu_moe": 24}),
        ("-ncmoe 24", {"cpu_moe": 24}),
        ("--n_cpu_moe=999", {"cpu_moe": "all"}),
        ("-ncmoe 0", {"cpu_moe": None}),
        ("--cpu-moe", {"cpu_moe": "all"}),
        ("-cmoe -ncmoe 0", {"cpu_moe": "all"}),
        ("-ot exps=CPU", {"cpu_moe": "all"}),
        ("--override-tensor '\\.ffn_.*_exps\\.=CPU'", {"cpu_moe": "all"}),
        ("-ot exps=CUDA1 -ncmoe 3", {"cpu_moe": 3}),
        (f"-md {SMALL} --draft-max 16 --draft-min 4", {"draft": {**Q8, "max": 16, "min": 4}}),
        (f"--model-draft {SMALL} --draft 8 -cd 4096 -ngld 99", {"draft": {**Q8, "max": 8}}),
        (f"--spec-draft-model {SMALL} --spec-draft-n-max 2 --spec-draft-n-min 0", {"draft": {**Q8, "max": 2}}),
        (f"-md {SMALL} --spec-type draft-simple", {"draft": Q8}),
        ("-hfd unsloth/Qwen3-0.6B-GGUF:Q8_0", {"draft": Q8}),
        ("--hf-repo-draft unsloth/Qwen3-0.6B-GGUF", {"draft": {**Q8, "quant": "Q4_K_M"}}),
        ("-md /models/unsloth/X-GGUF/draft/X-DRAFT-Q4_0.gguf", {"draft": {"file": "draft/X-DRAFT-Q4_0.gguf"}}),
        ("-md /x/y-Q4_0.gguf", {"draft": {"repo": "OWNER/NAME", "quant": "Q4_0"}}),
        ("--spec-type draft-mtp", {"mtp": True, "draft": None}),
        ("--spec-type draft-mtp --spec-draft-n-max 2", {"mtp": True, "draft": {"max": 2}}),
        (f"-md {SMALL} -ctk q8_0 -ctv q8_0 -ctkd q8_0 -ctvd q8_0", {"draft": Q8, "kv_type": "q8_0"}),
        (
            f"-md {SMALL} --draft-p-min 0.4 -td 2",
            {"draft": Q8, "args": {"spec-draft-p-min": 0.4, "spec-draft-threads": 2}},
        ),
        ("--cache-ram 0", {"cache_ram_mib": 0}),
        ("--cache-ram 4096", {"cache_ram_mib": 4096}),
        ("-ctxcp 32", {"ctx_checkpoints": 32}),
        ("--swa-checkpoints 3", {"ctx_checkpoints": 3}),
        ("-n 100", {"max_output_tokens": 100}),
        ("--n-predict -1", {"max_output_tokens": None}),
        ("-c 512 -n 513", {"max_output_tokens": None}),
        ("--sleep-idle-seconds 300", {"ttl_s": 300}),
        ("--sleep-idle-seconds -1", {"ttl_s": None}),
        ("--embeddings -c 512", {"mode": "embedding", "ubatch": None}),
        ("--embedding --pooling last -c 8192", {"mode": "embedding", "pooling": "last", "ubatch": None}),
        ("--embedding --pooling cls -c 8192", {"mode": "embedding", "pooling": "cls", "ubatch": 8192, "context": 8192}),
        ("--embedding -c 32768", {"mode": "embedding", "ubatch": 8192, "context": 8192}),
        ("--embedding", {"mode": "embedding", "context": 512}),
        ("--embedding -n 5 --reasoning on", {"mode": "embedding", "max_output_tokens": None, "reasoning": None}),
        ("--reranking -c 256", {"mode": "rerank", "context": 256}),
        ("--pooling rank -c 256", {"mode": "rerank", "pooling": None}),
        ("--reasoning off", {"reasoning": "off"}),
        ("--reasoning-budget 0", {"reasoning": "off", "args": None}),
        ("-c 9999 --reasoning on --reasoning-budget 99", {"reasoning": "on", "args": {"reasoning-budget": 99}}),
        ("-c 8000 --reasoning-budget -1", {"reasoning": "auto", "args": {"reasoning-budget": 2000}}),
        ("-c 8000 -rea on --reasoning-budget 9000", {"reasoning": "on", "args": {"reasoning-budget": 2000}}),
        ("-c 100000 --reasoning auto", {"reasoning": "auto", "args": {"reasoning-budget": 8192}}),
        ("-np 4", {"context": 4096, "parallel": 4}),
        ("-c 8192 -np -1", {"context": 8192, "parallel": None}),
        ("-np 4 --kv-unified-per-slot 8192", {"context": 8192, "parallel": 4, "kv_unified": None}),
        ("-c 65536 -np 4 -kvu --kv-unified-per-slot 8192", {"context": 8192, "parallel": 4, "kv_unified": None}),
        ("-c 8192 -np 4 --kv-unified-per-slot 16384", {"context": 2048, "parallel": 4}),
        ("--alias x", {"aliases": None}),
        ("--alias one --alias two,three -a x -a four", {"aliases": ["one", "two", "three", "four"]}),
        ("-a one,two,x", {"aliases": ["one", "two"]}),
        ("--temp 0.6 --top_k 20 -s 7", {"args": {"temp": 0.6, "top-k": 20, "seed": 7}}),
        ("--temperature 0", {"args": {"temp": 0}}),
        ("--no-context-shift -cb", {"args": {"no-context-shift": True}}),
        ("--chat-template-kwargs '{\"a\": true}'", {"args": {"chat-template-kwargs": '{"a": true}'}}),
    ],
)
def test_a_flag_becomes_the_key_that_says_it(flags: str, keys: dict[str, Any]) -> None:
    written = draft(flags).keys

    assert {key: written.get(key) for key in keys} == keys


@pytest.mark.parametrize(
    "flags",
    [
        "--host 0.0.0.0", "-fa", "-fa on", "-fa 1", "--flash-attn auto", "-ngl 99", "-ngl 999", "--gpu-layers all",
        "--n-gpu-layers -1", "--jinja", "--no-mmap", "--offline", "--fit off", "-fit off", "-cb", "--no-webui",
        "--cache-ram 512", "-sm none", "--main-gpu 0", "-lm none", "--no-mmproj", "-kvu", "--warmup", "-b 2048",
        "-ncmoe 0",
    ],
)  # fmt: skip
def test_what_every_model_has_anyway_is_told_in_one_line(flags: str) -> None:
    found = draft(flags)

    assert any(it.startswith(flags.split()[0]) for it in found.anyway)
    assert [line for line in found.left if line.startswith("-")] == []


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("-fa off", "-fa off: It is on for every model"),
        ("-ngl 30", "-ngl 30: `gpu.model` decides"),
        ("--no-jinja", "--no-jinja: It is on for every model"),
        ("--mmap", "--mmap: There is no key for it: a mapped file"),
        ("--mlock -fa on", "--mlock: There is no key for it"),
        ("-dio", "-dio: llama-server"),
        ("-ot blk.1.ffn_.*=CPU", "-ot blk.1.ffn_.*=CPU: There is no key for it: `cpu_moe` keeps experts off the card"),
        ("-ncmoe -9", "-ncmoe -9: It takes a number of layers"),
        ("--n-cpu-moe some", "--n-cpu-moe some: It takes a whole number"),
        ("-ncffn 9", "-ncffn 9: There is no key for it yet"),
        ("-md /x/draft-Q4_0.gguf --spec-type draft-eagle3", "-md /x/draft-Q4_0.gguf: A draft here is a small model of"),
        ("--draft-max 16", "--draft-max 16: Only a small model of the same vocabulary drafts here"),
        ("--spec-type ngram-mod", "--spec-type ngram-mod: Only a small model of the same vocabulary drafts here"),
        ("--spec-type draft-mtp,ngram-mod", "--spec-type draft-mtp,ngram-mod: Only a small model"),
        ("--spec-type draft-mtp --draft many", "--draft many: It takes a whole number"),
        ("-md /x/y-Q4_0.gguf -ctkd q8_0", "-ctkd q8_0: A draft's cache has the `kv_type` of the model"),
        ("-md /x/y-Q4_0.gguf -ngld 9", "-ngld 9: A draft is on the card of its model, with all its layers"),
        ("-md /x/y-Q4_0.gguf -devd CUDA1", "-devd CUDA1: A draft is on the card of its model"),
        ("-md /x/y-Q4_0.gguf --draft 3 --draft-min 9", "draft min: got 9; Min 9 is more than max 3"),
        ("-md /x/y-Q4_0.gguf --embedding", "draft "),
        ("--chat-template-file /x.jinja", "Use `chat_template_file` of the model: it lies beside the stack file"),
        ("--cache-ram -1", "--cache-ram -1: It is bounded here: `cache_ram_mib`"),
        ("--image-min-tokens 64", "image_min_tokens 64: It sees no images"),
        ("--image-min-tokens 4096", "image_min_tokens 4096: Images are shrunk to 1024"),
        ("--ctx-checkpoints many", "--ctx-checkpoints many: It takes a whole number"),
        ("-c many", "-c many: It takes a whole number"),
        ("-ub 0", "-ub 0: It takes a token or more"),
        ("-b -1", "-b -1: It takes a token or more"),
        ("--fmoe 1 stray", "stray: It belongs to no flag"),
        ("--fmoe 1 stray", "--fmoe 1: llama-server"),
        ("--temp", "--temp: Its value is missing"),
        ("--samplers a;b", "Use `sampler-seq`"),
        ("-c 9 -c 8", "-c 9: It is there again, as -c 8, which counts"),
        ("--logit-bias 5+1 --logit-bias 6-1", "--logit-bias 5+1: It counts there beside --logit-bias 6-1"),
        ("-r a -r b", "-r a: It counts there beside -r b; here a flag is there once"),
        ("-ot a=CPU -ot b=CPU", "-ot a=CPU: It counts there beside -ot b=CPU"),
        ('--chat-template-kwargs \'{"token": "hf_abcdefgh"}\'', "args chat-template-kwargs: It looks like a secret"),
        ("--api-key abc --hf-token def", "--api-key ***"),
        ("--api-key abc --hf-token def", "--hf-token ***"),
        ("-t ${env.THREADS}", "-t ${env.THREADS}: An engine would misread it"),
        ("--reasoning maybe", "--reasoning maybe: It is on, off or auto"),
    ],
)
def test_what_is_not_carried_over_has_a_line_with_the_reason(flags: str, said: str) -> None:
    assert said in left(flags)
    assert "abc" not in left(flags)


@pytest.mark.parametrize(
    ("model", "keys"),
    [
        ("-m /models/X-Q4_K_M.gguf", {"repo": "OWNER/NAME", "quant": "Q4_K_M"}),
        ("-m X-UD-IQ2_XXS-00001-of-00003.gguf", {"repo": "OWNER/NAME", "quant": "UD-IQ2_XXS"}),
        ("-m /models/muse.gguf", {"repo": "OWNER/NAME", "file": "muse.gguf"}),
        ("-m /h/models--a--b-GGUF/snapshots/main/q/x-Q8_0.gguf", {"repo": "a/b-GGUF", "quant": "Q8_0"}),
        ("-m /h/models--a--b-GGUF/snapshots/main/q/x-Q8_0.gguf", {"revision": None}),
        (f"-m models--a--b/snapshots/{'ab' * 20}/muse.gguf", {"file": "muse.gguf", "revision": "ab" * 20}),
        ("-m /c/llama.cpp/a_Qwen3-4B-GGUF_Qwen3-4B-Q8_0.gguf", {"repo": "a/Qwen3-4B-GGUF", "quant": "Q8_0"}),
        ("-m /c/llama.cpp/a_X-GGUF_UD-Q8_K_XL_X-UD-Q8_K_XL-00001-of-00002.gguf", {"quant": "UD-Q8_K_XL"}),
        ("-m ~/.cache/lm-studio/models/some/One-8B/one-Q6_K.gguf", {"repo": "some/One-8B", "quant": "Q6_K"}),
        ("-m /m/unsloth/Qwen3-8B/x-Q6_K.gguf", {"repo": "unsloth/Qwen3-8B", "quant": "Q6_K"}),
        ("-m /m/some-one/One-gguf/sub/one-Q6_K.gguf", {"repo": "some-one/One-gguf"}),
        ("-m /models/One-GGUF/one-Q6_K.gguf", {"repo": "OWNER/NAME"}),
        ("-m /tank/gguf/one-Q6_K.gguf", {"repo": "OWNER/NAME"}),
        ("-m /home/jeff/One-GGUF/one-Q6_K.gguf", {"repo": "OWNER/NAME"}),
        ("-m ${env.HOME}/One-GGUF/one-Q6_K.gguf", {"repo": "OWNER/NAME"}),
        ("-m /m/lms/../ibm/granite-GGUF/g-Q4_0.gguf", {"repo": "ibm/granite-GGUF"}),
        ("-hf a/b-GGUF", {"repo": "a/b-GGUF", "quant": "Q4_K_M"}),
        ("-hf a/b-GGUF:ud-q5_k_xl", {"repo": "a/b-GGUF", "quant": "UD-Q5_K_XL"}),
        ("-hfr a/b:latest -m /x/y.gguf", {"repo": "a/b", "quant": "Q4_K_M"}),
        ("--hf-repo a/b -hff d/x-Q8_0.gguf", {"repo": "a/b", "file": "d/x-Q8_0.gguf"}),
        ("-mu https://hf.co/a/b/resolve/v2/x-Q8_0.gguf?download=true", {"revision": "v2", "file": "x-Q8_0.gguf"}),
        ("-dr ai/smollm2:360M-Q4_K_M", {"repo": "OWNER/NAME", "quant": "Q4_K_M"}),
        ("-m /m/a-Q4_0.gguf --mmproj /m/mmproj-a-bf16.gguf", {"mmproj": "BF16", "mmproj_file": None}),
        ("-m /m/a-Q4_0.gguf -mm /m/mmproj-kquant.gguf", {"mmproj": None, "mmproj_file": "mmproj-kquant.gguf"}),
        ("-hf a/b --mmproj-url https://hf.co/a/b/resolve/main/mmproj-F16.gguf", {"mmproj": "F16"}),
        ("-hf a/b --mmproj-url https://hf.co/c/d/resolve/main/mmproj-F16.gguf", {"mmproj": None}),
    ],
)  # fmt: skip
def test_where_a_file_is_from(model: str, keys: dict[str, Any]) -> None:
    found = draft("", model)

    assert {key: found.keys.get(key) for key in keys} == keys
    assert found.wants_repo == (found.keys["repo"] == "OWNER/NAME")
    assert found.wants_repo == ("fill in" in found.remarks.get("repo", ""))


def test_what_clients_were_told_of_the_context_is_of_one_request() -> None:
    found = draft("-np 4", capabilities={"context": 32768})

    assert (found.keys["context"], found.keys["parallel"]) == (32768, 4)


@pytest.mark.parametrize(
    ("flags", "is_told"), [("-c 8192", True), ("-np -1", True), ("-np 1", False), ("-np 2", False)]
)
def test_how_many_requests_llama_server_took_unasked_is_told(flags: str, is_told: bool) -> None:
    assert any("requests are served at a time" in note for note in draft(flags).notes) == is_told


def test_an_option_names_the_repository_and_a_commit_of_another_is_not_taken_over() -> None:
    cached = f"-m models--a--b/snapshots/{'ab' * 20}/x-Q4_0.gguf"
    content = {"models": {"x": {"cmd": f"llama-server {cached}"}, "y": {"cmd": "llama-server -m y-Q8_0.gguf"}}}

    x, y = adopted(content, {"x": "c/d", "y": "e/f"}).drafts

    assert (x.keys["repo"], x.keys.get("revision")) == ("c/d", None)
    assert (y.keys["repo"], y.wants_repo) == ("e/f", False)


def test_a_flag_overrules_a_variable_and_both_have_a_line() -> None:
    found = draft("-c 64", env=["LLAMA_ARG_CTX_SIZE=32", "LLAMA_ARG_N_PARALLEL=2"])

    assert (found.keys["context"], found.keys["parallel"]) == (32, 2)
    assert "LLAMA_ARG_CTX_SIZE 32: It is there again, as -c 64, which counts" in found.left


def test_every_flag_for_which_a_model_has_a_key_has_a_row() -> None:
    """A new key of the model is written by the next adoption, too."""
    keys = {field.alias or name for name, field in Model.model_fields.items()} - {"tools"}  # of an agent, another thing
    told = {"chat-template-file", "kv-unified-per-slot"}  # a file that is elsewhere; a size that `parallel` gives
    with_rows = {name for row in ROWS for name in row.flags.split()}
    without = (
        {
            option.names[0]
            for option in options().values()
            if keys & {*re.findall(r"`(\w+)`,? (?:and|or|of the model)", refused(option.names))}
        }
        - with_rows
        - told
    )

    assert len(with_rows) > 15
    assert without == set()
