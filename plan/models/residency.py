"""Which models may be loaded at once: one of each swap group, and every resident one beside them.

Neither engine overlaps two models of a group. llama-swap waits until the old process has exited before it starts the
new one, also when a time-out is stopping it (v250, internal/router/base.go doSwap, scheduler/fifo.go runningSet). The
router of llama.cpp waits for its child's exit, and counts again under its lock (tools/server/server-models.cpp,
unload_lru and load, commit 00dd0816). With `Recreate` two pods do not overlap either. So nothing that starts is counted
beside what it replaces.
"""

from collections.abc import Mapping

from plan import config
from plan.base.errors import ConfigError
from plan.config.model import DEFAULT_GROUP

_OF_LLAMA_SWAP = ("concurrency", "listed", "variants")
RESIDENT = "resident"  # the group of llama-swap's file that nothing unloads


def swap_groups(models: Mapping[str, config.Model]) -> dict[str, tuple[str, ...]]:
    """Ids of the models that take turns, by group, both sorted; residents are in none."""
    groups: dict[str, list[str]] = {}
    for model_id, model in sorted(models.items()):
        if not model.resident:
            groups.setdefault(model.swap_group, []).append(model_id)
    return {name: tuple(members) for name, members in sorted(groups.items())}


def residents(models: Mapping[str, config.Model]) -> tuple[str, ...]:
    """Ids of the models that stay loaded, sorted."""
    return tuple(sorted(model_id for model_id, model in models.items() if model.resident))


def require_engine_can(stack: config.Stack) -> None:
    """Raise ConfigError where a model is to stay, or several to be loaded, in a way that the engine does not have."""
    if problems := [problem for item in sorted(stack.models.items()) if (problem := _problem(*item, stack))]:
        raise ConfigError.of(problems)


def _problem(model_id: str, model: config.Model, stack: config.Stack) -> ConfigError | None:
    key = f"{config.KEY}.models.{model_id}"
    if model.resident and model.ttl_s is not None:
        return ConfigError(f"{key}.ttl_s", model.ttl_s, "A resident model is never unloaded: drop ttl_s or resident.")
    if model.resident and model.swap_group != DEFAULT_GROUP:
        fix = "A resident model takes turns with no other: drop swap_group or resident."
        return ConfigError(f"{key}.swap_group", model.swap_group, fix)
    if model.swap_group == RESIDENT:
        fix = "Write `resident: true` in place of it, or give the group another name."
        return ConfigError(f"{key}.swap_group", RESIDENT, fix)
    if stack.server.engine == "llama-swap":
        return None
    if model.resident:
        fix = "llama.cpp's router keeps no model loaded for good. Use `server.engine: llama-swap`, or drop resident."
        return ConfigError(f"{key}.resident", True, fix)
    if key_of_swap := next((name for name in _OF_LLAMA_SWAP if getattr(model, name) != _usual(name)), None):
        fix = f"llama.cpp's router has no {key_of_swap}. Use `server.engine: llama-swap`, or leave it out."
        got = ", ".join(sorted(model.variants)) if key_of_swap == "variants" else getattr(model, key_of_swap)
        return ConfigError(f"{key}.{key_of_swap}", got, fix)
    if len(groups := swap_groups(stack.models)) > 1 and model.swap_group != DEFAULT_GROUP:
        fix = f"llama.cpp's router has one group, here are {', '.join(groups)}. Use `server.engine: llama-swap`."
        return ConfigError(f"{key}.swap_group", model.swap_group, fix)
    return None


def _usual(key: str) -> object:
    return config.Model.model_fields[key].get_default()
