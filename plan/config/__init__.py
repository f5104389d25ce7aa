"""What a person writes about a stack. Other rooms read it as `config.Stack`, `config.Model` and so on."""

from plan.config.fetch import Fetch
from plan.config.gpu import ANY_DEVICE, Gpu, GpuNode, Memory, Tenant
from plan.config.model import Model, ModelId, total_tokens
from plan.config.of_model.draft import Draft
from plan.config.of_model.expected_answer import ExpectedAnswer
from plan.config.parts import Immich, Prune, Server, Volume
from plan.config.stack import KEY, MACHINE_FACTS, Stack, json_schema, load, parse

__all__ = [
    "ANY_DEVICE",
    "KEY",
    "MACHINE_FACTS",
    "Draft",
    "ExpectedAnswer",
    "Fetch",
    "Gpu",
    "GpuNode",
    "Immich",
    "Memory",
    "Model",
    "ModelId",
    "Prune",
    "Server",
    "Stack",
    "Tenant",
    "Volume",
    "json_schema",
    "load",
    "parse",
    "total_tokens",
]
