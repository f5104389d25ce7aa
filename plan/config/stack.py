"""The stack's configuration: one structured key, and its JSON Schema. Its parts are the other modules of this room."""

import functools
import json
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from plan.base.errors import ConfigError
from plan.base.frozen import Frozen, wrong
from plan.base.names import ADVERTISER, SERVER, slug
from plan.base.schema import example_at
from plan.config.fetch import Fetch
from plan.config.gpu import Gpu
from plan.config.model import Model, ModelId
from plan.config.parts import Cluster, Immich, Prune, Server, Volume
from plan.kubernetes.names import dns_label
from plan.text.errors import Source
from plan.text.json_reader import read_json

KEY = "local-llm:stack"
# Keys that `make` renders from the machine at hand when a committed stack file leaves them out.
MACHINE_FACTS = ("cluster", "image", "local")
_HINTS = {
    "cluster": "Write {id: <uid>}; `kubectl get namespace kube-system -o jsonpath={.metadata.uid}` prints the uid.",
    "image": "Pin it as name@sha256:<64 hex>; `make up` renders it for the embedded cluster.",
    "context": "Say how many tokens: left out, llama.cpp shrinks the context to whatever memory it finds.",
    "model_ttl_s": "0 means never unload, which is how the card was filled for five hours.",
}


def _namespace(name: str) -> str:
    if dns_label(name).startswith("kube-"):
        raise ValueError("namespaces that begin with kube- are Kubernetes' own: take one of yours")
    return name


class Stack(Frozen):
    """Everything a person decides about one stack."""

    namespace: Annotated[
        str,
        AfterValidator(_namespace),
        Field(description="Where everything lives; it exists first, the stack never owns it"),
    ]
    cluster: Cluster
    volume: Volume
    gpu: Gpu
    server: Server
    fetch: Fetch
    prune: Prune = Prune()
    models: Annotated[
        dict[ModelId, Model],
        Field(
            min_length=1,
            description="The models that are served, by id",
            examples=[{"qwen3-8b": {"repo": "Qwen/Qwen3-8B-GGUF", "quant": "Q4_K_M", "context": 8192}}],
        ),
    ]
    immich: Immich | None = None

    @model_validator(mode="after")
    def _one_meaning_per_name(self) -> Self:
        taken = dict.fromkeys(self.models, "a model's id")
        for model_id, model in self.models.items():
            aliases = [(alias, ("aliases", number), "an alias") for number, alias in enumerate(model.aliases)]
            variants = [(variant, ("variants", variant), "a variant") for variant in model.variants]
            for name, path, kind in (*aliases, *variants):
                if other := taken.get(name):
                    rule = f"an id or alias stands for one model, and {name} is {other} already: take another name"
                    raise wrong(rule, name, "models", model_id, *path)
                taken[name] = f"{kind} of {model_id}"
        return self

    @model_validator(mode="after")
    def _one_model_per_slug(self) -> Self:
        taken: dict[str, str] = {}
        for model_id in sorted(self.models):
            if other := taken.get(slug(model_id)):
                rule = (
                    f"{model_id} and {other} would both be {slug(model_id)} in the cluster: write one of them otherwise"
                )
                raise wrong(rule, model_id, "models", model_id)
            taken[slug(model_id)] = model_id
        return self

    @model_validator(mode="after")
    def _the_tenant_is_another(self) -> Self:
        own = self.immich is not None and self.immich.namespace == self.namespace
        if self.immich is not None and own and self.immich.deployment in (SERVER, ADVERTISER):
            rule = f"immich.deployment {self.immich.deployment} in {self.namespace} is this stack's own: name immich's"
            raise wrong(rule, self.immich.deployment, "immich", "deployment")
        return self


def parse(raw: object) -> Stack:
    """The validated configuration; raises ConfigError with every key that cannot be used."""
    try:
        return Stack.model_validate(raw)
    except ValidationError as error:
        raise refusal(error) from None
    except UnicodeEncodeError as error:  # pydantic encodes keys, and what a pattern is for
        raise ConfigError(KEY, error.object, "Half of a surrogate pair is no sign: remove it.") from None


def refusal(error: ValidationError, *above: str) -> ConfigError:
    """What is wrong with the part of the configuration below the keys `above`, all of it, in words."""

    def like(path: tuple[str | int, ...]) -> str:
        if path and isinstance(path[-1], int) and path[-1] > 0:
            return ""  # the first item has it already
        return example_at(_schema(), (*above, *path))

    return ConfigError.from_pydantic(".".join([KEY, *above]), error, _HINTS, like)


@functools.cache
def _schema() -> dict[str, Any]:
    return Stack.model_json_schema()


def load(text: str | None) -> Stack:
    """The configuration as Pulumi hands it over, in JSON; raises TextError or ConfigError."""
    source = Source(KEY, "write a mapping there; stack.schema.json has its keys")
    return parse(None if text is None else read_json(text, source))


def json_schema() -> str:
    """JSON Schema (2020-12) of a whole Pulumi.<stack>.yaml, for editors; byte-stable."""
    schema = Stack.model_json_schema()
    definitions = schema.pop("$defs")
    for part in (schema, *definitions.values()):
        part["required"] = [key for key in part.get("required", []) if key not in MACHINE_FACTS]
    config = {"type": "object", "properties": {KEY: schema}, "required": [KEY]}
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Stack configuration of local-llm",
        "type": "object",
        "properties": {"config": config, "encryptionsalt": {"type": "string"}},
        "required": ["config"],
        "$defs": definitions,
    }
    return json.dumps(whole, indent=2, sort_keys=True) + "\n"
