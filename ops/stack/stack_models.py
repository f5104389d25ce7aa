"""The models of the committed stack files, nothing else of them: the rest may lack machine facts."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from ops.base.errors import OpsError
from plan.base.errors import ConfigError
from plan.base.names import ModelId
from plan.config import KEY, Model

_Models = TypeAdapter(dict[ModelId, Model])


def names() -> list[str]:
    """Stacks that have a file here."""
    return sorted(path.name.split(".")[1] for path in Path().glob("Pulumi.*.yaml"))


def read(stack: str | None) -> dict[str, Model]:
    """The models of `stack`, or of every stack; raises OpsError or ConfigError.

    One lock is for all stacks, so an id that two of them share means one source.
    """
    if stack:
        return _of(stack)
    found: dict[str, tuple[str, Model]] = {}
    if not names():
        raise OpsError("there is no Pulumi.STACK.yaml here", "run this in the repository's root")
    for name in names():
        for model_id, model in _of(name).items():
            other, first = found.setdefault(model_id, (name, model))
            if _source(first) != _source(model):
                what = f"{model_id} means one thing in stack {other} and another in {name}"
                raise OpsError(what, "give one of them another id: the lock has one entry for an id")
    return {model_id: model for model_id, (_, model) in found.items()}


def has_card(stack: str) -> bool:
    """Whether the stack says that a card is behind its slice; one that does not say is taken to have one."""
    try:
        raw: Any = yaml.safe_load(Path(f"Pulumi.{stack}.yaml").read_text())
        return raw["config"][KEY]["gpu"]["model"] != "none"
    except (OSError, yaml.YAMLError, KeyError, TypeError):
        return True


def _source(model: Model) -> tuple[str | None, ...]:
    return model.repo, model.revision, model.quant, model.mmproj


def _of(stack: str) -> dict[str, Model]:
    file = Path(f"Pulumi.{stack}.yaml")
    try:
        raw: Any = yaml.safe_load(file.read_text())
        return _Models.validate_python(raw["config"][KEY]["models"])
    except FileNotFoundError:
        there = ", ".join(names()) or "none here"
        raise OpsError(f"there is no {file}", f"pass --stack with one of: {there}") from None
    except (KeyError, TypeError):
        raise OpsError(f"{file} has no config.{KEY}.models", "add the models; README.md shows the form") from None
    except yaml.YAMLError as error:
        raise OpsError(f"{file} is not YAML: {' '.join(str(error).split())}", "correct the file") from None
    except ValidationError as error:
        raise ConfigError.from_pydantic(f"{KEY}.models", error, {}) from None
