"""The two engines behind one shape: which program runs, with which configuration file and arguments."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from plan import config
from plan.base import names
from plan.engine import llama_server, llama_swap
from plan.engine.flags import Served
from plan.models.residency import residents, swap_groups


class Arguments(Protocol):
    """Command-line arguments by directory of the configuration file, port and address to listen on."""

    def __call__(self, config_dir: str, port: int, host: str = ...) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Engine:
    """`command` runs with `arguments` and reads `config`, the text of `config_file`; it starts `llama_server`."""

    command: str
    arguments: Arguments
    config_file: str
    config: str
    api_key_env: str
    llama_server: str


def configured_engine(stack: config.Stack, served: Mapping[str, Served], load_s: int) -> Engine:
    """The engine of `server.engine` with its models; `load_s` is the longest cold load in seconds."""
    binary = stack.server.binary
    if stack.server.engine == "llama-swap":
        module, command = llama_swap, llama_swap.COMMAND
        text = llama_swap.render(served, binary, load_s, swap_groups(stack.models), residents(stack.models))
    else:
        module, command, text = llama_server, binary, llama_server.render(served)
    return Engine(command, module.arguments, module.CONFIG_FILE, text, module.API_KEY_ENV, binary)


def metrics_path(server: config.Server) -> str | None:
    """Where the engine answers a scrape, without a key; None where none answers as it is.

    llama-swap answers (v250, internal/server/server.go). llama.cpp's router hands GET /metrics on to the model that a
    parameter names: it wants the key, loads that model, and gets 501 from one without --metrics (commit 00dd0816,
    tools/server/server.cpp and server-models.cpp).
    """
    return names.METRICS_PATH if server.engine == "llama-swap" else None
