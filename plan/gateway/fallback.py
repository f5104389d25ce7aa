"""Which model a gateway asks when the one it wanted fails."""

from collections.abc import Mapping

from plan import config
from plan.base.errors import ConfigError
from plan.models.residency import swap_groups


def require_fallbacks(models: Mapping[str, config.Model]) -> None:
    """Raise ConfigError with each `fallback` that is not another model of the stack, or that leads back to itself."""
    if problems := [problem for model_id in sorted(models) if (problem := _problem(model_id, models))]:
        raise ConfigError.of(problems)


def fallback_notes(models: Mapping[str, config.Model]) -> tuple[str, ...]:
    """A note for each fallback that is in the contract, but not in the LiteLLM file."""
    return tuple(
        f"{model_id}: its fallback {model.fallback} takes turns with it, so the LiteLLM file leaves it out: each "
        f"failure would unload the one and load the other. Make {model.fallback} resident, or give it a swap_group."
        for model_id, model in sorted(models.items())
        if model.fallback and not model.resident and model.fallback in _turns(models, model)
    )


def _turns(models: Mapping[str, config.Model], model: config.Model) -> tuple[str, ...]:
    return swap_groups(models).get(model.swap_group, ())


def _problem(model_id: str, models: Mapping[str, config.Model]) -> ConfigError | None:
    wanted = models[model_id].fallback
    key = f"{config.KEY}.models.{model_id}.fallback"
    if wanted is None:
        return None
    if wanted not in models:
        return ConfigError(key, wanted, f"It names no model of this stack. There are {', '.join(sorted(models))}.")
    passed, last = [model_id], wanted
    while last not in passed and last in models:
        passed.append(last)
        following = models[last].fallback
        if following is None:
            return None
        last = following
    if last != model_id:
        return None  # reported at the model that closes the circle, or at the one that names a missing model
    return ConfigError(key, wanted, f"{' -> '.join([*passed, model_id])} is a circle: one of them has no fallback.")
