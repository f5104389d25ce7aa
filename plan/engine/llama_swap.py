"""llama-swap's configuration: one command per model, who takes turns with whom, keys from the environment."""

import shlex
from collections.abc import Mapping, Sequence

from plan.engine.flags import Served, words
from plan.engine.llama_swap_schema import Config, Filters, Group, ModelEntry
from plan.models.residency import RESIDENT
from plan.text.writer import yaml_text

COMMAND = "/app/llama-swap"
CONFIG_FILE = "llama-swap.yaml"
API_KEY_ENV = "LLAMA_SWAP_API_KEY"


def render(
    models: Mapping[str, Served],
    llama_server: str,
    load_s: int,
    groups: Mapping[str, Sequence[str]],
    residents: Sequence[str],
) -> str:
    """The configuration file: models by id, the seconds after which a load has failed, and who takes turns.

    One group with all models is left out of the file: llama-swap swaps models without a group in the same way.
    """
    entries = {model_id: _entry(model_id, served, llama_server) for model_id, served in models.items()}
    config = Config(
        models=entries,
        healthCheckTimeout=load_s,
        logToStdout="both",
        groups=_groups(groups, residents),
        hooks={"on_startup": {"preload": list(residents)}} if residents else None,
        apiKeys=[f"${{env.{API_KEY_ENV}}}"],
    )
    return yaml_text(config.model_dump(exclude_none=True))


def arguments(config_dir: str, port: int, host: str = "") -> tuple[str, ...]:
    """Arguments of llama-swap: it listens on `port`, on every address unless `host` says which."""
    # Without -watch-config, which the image's own arguments turn on: a reload holds two models in memory at once and
    # drops requests in flight (llama-swap v250); here a new configuration is a new pod.
    return ("-config", f"{config_dir}/{CONFIG_FILE}", "-listen", f"{host}:{port}")


def _groups(groups: Mapping[str, Sequence[str]], residents: Sequence[str]) -> dict[str, Group] | None:
    if not residents and len(groups) == 1:
        return None
    # Not exclusive, which is the default: a load in one group would unload every other.
    turns = {name: Group(members=list(members), swap=True, exclusive=False) for name, members in groups.items()}
    stay = Group(members=list(residents), swap=False, exclusive=False, persistent=True) if residents else None
    return {**turns, **({RESIDENT: stay} if stay else {})}


def _entry(model_id: str, served: Served, llama_server: str) -> ModelEntry:
    # Without an alias an answer names the file as its model. llama.cpp's router sets it for its children itself.
    command = [llama_server, "--host", "127.0.0.1", "--alias", model_id, *words(served.flags)]
    # The default port differs between builds, so it is always given; ${PORT} is llama-swap's macro.
    return ModelEntry(
        cmd=f"{shlex.join(command)} --port ${{PORT}}",
        name=served.display_name,
        description=served.description,
        env=[f"{name}={value}" for name, value in sorted(served.env.items())] or None,
        ttl=served.ttl_s,
        aliases=list(served.aliases) or None,
        concurrencyLimit=served.concurrency,
        unlisted=None if served.listed else True,
        # Their names become aliases by it (v250, internal/config/load.go).
        filters=Filters(setParamsByID=dict(served.variants)) if served.variants else None,
    )
