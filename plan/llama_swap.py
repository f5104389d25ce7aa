"""llama-swap's configuration: one command per model, one model resident at a time, keys from the environment."""

import shlex
from collections.abc import Mapping

from plan.flags import Served, words
from plan.llama_swap_schema import Config, ModelEntry
from plan.text import yaml_text

COMMAND = "/app/llama-swap"
CONFIG_FILE = "llama-swap.yaml"
API_KEY_ENV = "LLAMA_SWAP_API_KEY"
LLAMA_SERVER = "/app/llama-server"


def render(models: Mapping[str, Served], load_s: int) -> str:
    """The configuration file: models by id, and the seconds after which a load has failed."""
    entries = {model_id: _entry(served) for model_id, served in models.items()}
    config = Config(
        models=entries,
        healthCheckTimeout=load_s,
        logToStdout="both",
        apiKeys=[f"${{env.{API_KEY_ENV}}}"],
    )
    return yaml_text(config.model_dump(exclude_none=True))


def arguments(config_dir: str, port: int, host: str = "") -> tuple[str, ...]:
    """Arguments of llama-swap: it listens on `port`, on every address unless `host` says which."""
    # Without -watch-config, which the image's own arguments turn on: a reload holds two models in memory at once and
    # drops requests in flight (llama-swap v250); here a new configuration is a new pod.
    return ("-config", f"{config_dir}/{CONFIG_FILE}", "-listen", f"{host}:{port}")


def _entry(served: Served) -> ModelEntry:
    command = [LLAMA_SERVER, "--host", "127.0.0.1", *words(served.flags)]
    # The default port differs between builds, so it is always said; ${PORT} is llama-swap's macro.
    return ModelEntry(
        cmd=f"{shlex.join(command)} --port ${{PORT}}", ttl=served.ttl_s, aliases=list(served.aliases) or None
    )
