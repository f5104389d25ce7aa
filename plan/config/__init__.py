"""What a person writes about a stack. Other rooms read it as `config.Stack`, `config.Model` and so on."""

from plan.config.gpu import Gpu, Node, Tenant
from plan.config.gpu_memory import Memory
from plan.config.parts import Fetch, Golden, Immich, Model, Prune, Server, Volume
from plan.config.stack import KEY, MACHINE_FACTS, Stack, json_schema, parse

__all__ = [
    "KEY",
    "MACHINE_FACTS",
    "Fetch",
    "Golden",
    "Gpu",
    "Immich",
    "Memory",
    "Model",
    "Node",
    "Prune",
    "Server",
    "Stack",
    "Tenant",
    "Volume",
    "json_schema",
    "parse",
]
