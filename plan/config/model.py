"""One model in a stack's configuration: where it comes from and how it is served. Defaults are here, nowhere else."""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from plan.base.flag_value import ArgName, ArgValue
from plan.base.frozen import Frozen, example, wrong
from plan.base.hub_names import Repo, RepositoryPath, Revision, Tag
from plan.base.names import ModelId
from plan.base.text_rule import TextRule, one_line
from plan.config.measured import Measured
from plan.config.numbers import ExpertLayers, IdleSeconds, MibOrZero, Requests, Tokens, expert_layers
from plan.config.of_model.draft import Draft, Misfit, misfits
from plan.config.of_model.expected_answer import ExpectedAnswer
from plan.config.of_model.named_file import require_one_name
from plan.config.of_model.variant import Variant, not_yaml_boolean, too_long
from plan.kubernetes.limits import INT32_MAX
from plan.kubernetes.names import Name, Variable

TemplatePath = Annotated[
    str,
    TextRule(
        r"[\w+-][\w.+-]*(/[\w+-][\w.+-]*)*",
        "the path of a file below the directory of the stack file: letters, digits, '.', '_', '+' and '-'",
        255,
    ),
]
Mode = Literal["chat", "embedding", "rerank"]
Reasoning = Annotated[Literal["off", "on", "auto"], BeforeValidator(not_yaml_boolean)]
Shown = Annotated[str, AfterValidator(one_line)]
VariableText = Annotated[str, Field(max_length=4096), AfterValidator(one_line)]
DEFAULT_UBATCH = 512  # llama-server's own
DEFAULT_BATCH = 2048  # likewise; a ubatch above it would be cut to it (src/llama-context.cpp)
_REQUESTS = 10  # llama-swap's default of concurrencyLimit
DEFAULT_GROUP = "gpu0"


def total_tokens(request_tokens: int, parallel: int, *, unified: bool = False) -> int:
    """Tokens of all slots together: llama-server divides its context among them, and each takes one request.

    A unified cache is not divided: one request may use all of it, and all together no more.
    """
    return request_tokens if unified else request_tokens * parallel


class Model(Frozen, json_schema_extra=example(repo="Qwen/Qwen3-8B-GGUF", quant="Q4_K_M", context=8192)):
    """One model: where it comes from and how it is served."""

    repo: Annotated[Repo, Field(description="Repository at the hub, owner/name")]
    quant: Annotated[
        Tag | None, Field(description="Quantization, as the file's name has it: Q4_K_M; a model has it or `file`")
    ] = None
    file: Annotated[
        RepositoryPath | None,
        Field(description="Path of the file in `repo`, where no `quant` names it alone; of a split model any part"),
    ] = None
    request_tokens: Tokens = Field(alias="context", description="Tokens that one request may use")
    revision: Annotated[Revision, Field(description="Branch, tag or commit that `bin/local-llm lock` resolves")] = (
        "main"
    )
    mmproj: Annotated[
        Tag | None,
        Field(description="The vision projector's type, as its file's name has it: F16"),
    ] = None
    mmproj_file: Annotated[
        RepositoryPath | None, Field(description="Path of the projector's file in `repo`, where no `mmproj` names it")
    ] = None
    draft: Annotated[Draft | None, Field(description="A small model that drafts tokens, which this one checks")] = None
    mtp: Annotated[bool, Field(description="Its file's own blocks draft tokens (nextn_predict_layers)")] = False
    mode: Annotated[Mode | None, Field(description="What it is asked for; by default what its file's header says")] = (
        None
    )
    pooling: Annotated[
        Literal["mean", "cls", "last"] | None,
        Field(description="How a text becomes one vector, where the header of a model of mode embedding says nothing"),
    ] = None
    # Thinking by default once cost a text consumer empty answers and 50 times the tokens.
    reasoning: Annotated[
        Reasoning, Field(description="Whether the model thinks before it answers; on and auto need a bound in `args`")
    ] = "off"
    tools: Annotated[bool, Field(description="Whether the contract says that the model calls tools")] = True
    display_name: Annotated[
        Shown | None, Field(min_length=1, max_length=128, description="What people call it, in lists of models")
    ] = None
    description: Annotated[
        Shown | None, Field(min_length=1, max_length=1024, description="What it is good for, in lists of models")
    ] = None
    aliases: Annotated[
        # Each is an entry of the contract and of the LiteLLM file; 100,000 take seconds of every preview.
        tuple[ModelId, ...],
        Field(
            strict=False,
            max_length=100,
            examples=[["assistant", "default"]],
            description="Other names by which consumers may ask for it, at most 100",
        ),
    ] = ()
    chat_template_file: Annotated[
        TemplatePath | None,
        Field(description="A chat template in place of the file's own, by its path beside the stack file"),
    ] = None
    max_output_tokens: Annotated[
        Tokens | None,
        Field(
            description="Longest answer of a request that names no limit, and what the contract says; without it the "
            "contract says half of `context`, and the server nothing"
        ),
    ] = None
    kv_type: Annotated[
        Literal["f16", "q8_0", "q4_0"],
        Field(description="Number format of the KV cache; all but f16 are slow on old cards"),
    ] = "f16"
    parallel: Annotated[Requests, Field(description="Requests at a time, each with all of `context`")] = 1
    kv_unified: Annotated[
        bool,
        Field(
            description="Requests share one cache of `context` tokens, in place of one each; when it is full, all "
            "of them end with HTTP 500"
        ),
    ] = False
    ubatch: Annotated[Tokens, Field(description="Tokens of a prompt computed at once")] = DEFAULT_UBATCH
    batch: Annotated[
        Tokens | None,
        Field(description="Tokens of all prompts taken in at once; defaults to 2048, or to a larger `ubatch`"),
    ] = None
    cpu_moe: Annotated[
        ExpertLayers | None,
        Field(
            description="Experts of so many of its first layers, or of all, stay in the machine's memory and are "
            "computed there: a larger model fits, and answers more slowly"
        ),
    ] = None
    cache_ram_mib: Annotated[
        MibOrZero | None,
        Field(
            description="Host memory for prompts of earlier requests, MiB; 0 keeps none. From b10644 on one that is "
            "longer is not kept, before that it is all the same. Defaults to 512, or to 0 where "
            "server.memory_limit_mib has no room for that"
        ),
    ] = None
    ctx_checkpoints: Annotated[
        int,
        Field(
            ge=0,
            le=1024,  # of at least a MiB each, and more than one for each 1000 tokens of the longest contexts
            description="Points of a conversation to go back to, per request, of a model with windows or a state; each "
            "is a copy of these in host memory",
        ),
    ] = 8
    concurrency: Annotated[
        int | None,
        Field(gt=0, le=INT32_MAX, description="Requests that may wait or run at a time; more get HTTP 429. Default 10"),
    ] = None
    image_min_tokens: Annotated[
        Tokens | None, Field(description="Tokens that a small image is enlarged to, for a model that sees")
    ] = None
    listed: Annotated[bool, Field(description="Whether /v1/models lists it; it answers all the same")] = True
    variants: Annotated[
        dict[ModelId, Variant],
        Field(
            max_length=100,
            description="More names of the model, each with parameters that its requests get",
            examples=[{"qwen3-8b-creative": {"temperature": 1.0}}],
        ),
    ] = {}  # noqa: RUF012 - pydantic copies it
    resident: Annotated[bool, Field(description="Loaded at the start and never unloaded, beside every other")] = False
    swap_group: Annotated[Name, Field(description="One model of a group is loaded at a time")] = DEFAULT_GROUP
    fallback: Annotated[ModelId | None, Field(description="The model that a gateway asks when this one fails")] = None
    measured: Annotated[
        tuple[Measured, ...],
        Field(
            strict=False,
            description="What a process really held, as `bin/local-llm calibrate` writes it",
            examples=[[{"mib": 6900, "context": 8192, "date": "2026-10-01"}]],
        ),
    ] = ()
    ttl_s: Annotated[
        IdleSeconds | None, Field(description="Unload the model after this many idle seconds; defaults to server.ttl_s")
    ] = None
    warm_priority: Annotated[
        int, Field(ge=-INT32_MAX, le=INT32_MAX, description="Models with a larger number are read ahead first")
    ] = 0
    args: Annotated[
        dict[ArgName, ArgValue],
        Field(
            description="llama-server's flags without a key of their own: {temp: 0.2}",
            examples=[{"temp": 0.2, "no-context-shift": True}],
        ),
    ] = {}  # noqa: RUF012 - pydantic copies it
    env: Annotated[
        dict[Variable, VariableText],
        Field(
            description="Variables of this model's process; llama-swap alone has some for one model",
            examples=[{"GGML_CUDA_FORCE_MMQ": "1"}],
        ),
    ] = {}  # noqa: RUF012 - pydantic copies it
    verify: Annotated[
        ExpectedAnswer | None, Field(description="What `bin/local-llm verify` asks first, instead of its own question")
    ] = None

    @property
    def has_projector(self) -> bool:
        return self.mmproj is not None or self.mmproj_file is not None

    @property
    def drafting(self) -> Draft | None:
        """How it drafts, with a model of its own or with its own blocks; None where it does not."""
        return self.draft or (Draft() if self.mtp else None)

    @property
    def drafter(self) -> Draft | None:  # the model that drafts
        return None if self.mtp else self.draft

    @property
    def total_tokens(self) -> int:
        return total_tokens(self.request_tokens, self.parallel, unified=self.kv_unified)

    @property
    def batch_tokens(self) -> int:
        return self.batch or max(DEFAULT_BATCH, self.ubatch)

    @property
    def expert_layers(self) -> int:
        """Of how many of its layers the experts are not on the card."""
        return expert_layers(self.cpu_moe)

    @property
    def brings_template(self) -> bool:  # and whoever does knows what it can do
        return self.chat_template_file is not None or "chat-template" in self.args

    @property
    def requests(self) -> int | None:
        """How many llama-swap lets in at a time; None where that is its own 10, which is fewer than some have slots."""
        return self.concurrency or (self.parallel if self.parallel > _REQUESTS else None)

    @property
    def names(self) -> tuple[str, ...]:  # what else than its id a request may ask for
        return (*self.aliases, *sorted(self.variants))

    @property
    def promised_tokens(self) -> int:
        """The longest answer that the contract speaks of."""
        return self.max_output_tokens or self.request_tokens // 2

    @property
    def thinking_tokens(self) -> int | None:
        """What `args` bound its thoughts to; None where they have no bound that is a number."""
        budget = self.args.get("reasoning-budget")
        try:
            return None if budget is None or isinstance(budget, bool) else int(budget)
        except ValueError:
            return None

    @model_validator(mode="after")
    def _names_one_file_each(self) -> Self:
        if self.quant is None and self.file is None:
            rule = "a model has `quant`, the quantization in its file's name, or `file`, the path of its file in `repo`"
            raise wrong(rule, None, "quant")
        require_one_name("a model", self.quant, self.file)
        require_one_name("a model", self.mmproj, self.mmproj_file, ("mmproj", "mmproj_file"))
        return self

    @model_validator(mode="after")
    def _numbers_fit(self) -> Self:
        for path, got, rule in self._misfits():
            raise wrong(rule, got, *path)
        return self

    def _misfits(self) -> Iterator[Misfit]:
        context = self.request_tokens
        if self.total_tokens > INT32_MAX:
            rule = f"context {context} times parallel {self.parallel} is more than {INT32_MAX}"
            yield ("context",), context, rule
        if (batch := self.batch) is not None and batch < self.ubatch:
            yield ("batch",), batch, f"batch {batch} is less than ubatch {self.ubatch}, which would be cut to it"
        if (batch := self.batch) is not None and batch < self.parallel:
            yield ("batch",), batch, f"batch {batch} is less than parallel {self.parallel}: llama-server does not start"
        if (most := self.concurrency) is not None and most < self.parallel:
            rule = f"concurrency {most} is less than parallel {self.parallel}: the rest is never used"
            yield ("concurrency",), most, rule
        if (answer := self.max_output_tokens) is not None and answer > context:
            rule = (
                f"max_output_tokens {answer} is more than context {context}, which an answer shares with what was asked"
            )
            yield ("max_output_tokens",), answer, rule
        yield from too_long(self.variants, self.max_output_tokens or context)
        yield from misfits(self.draft, mtp=self.mtp, parallel=self.parallel, batch_tokens=self.batch_tokens)
