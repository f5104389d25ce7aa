"""The models of the stack files here and nothing else of them: the rest may lack facts of a machine."""

from collections.abc import Collection
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ops.base.errors import OpsError
from ops.stack import stack_file
from plan.base.errors import ConfigError, FixableError
from plan.config import KEY, Model, ModelId
from plan.config.stack import refusal

_Models = TypeAdapter(dict[ModelId, Model])


def read(stack: str | None) -> dict[str, Model]:
    """The models of `stack`, or of every stack; raises StackFileError, OpsError or ConfigError.

    One lock is for all stacks, so an id that two of them share means one source.
    """
    if stack:
        return _of(stack)
    found: dict[str, tuple[str, Model]] = {}
    names = stack_file.names()
    if not names:
        raise OpsError("there is no Pulumi.STACK.yaml here", "run this in the repository's root")
    for name in names:
        with stack_file.telling_lines(name):
            models = _of(name)
        for model_id, model in models.items():
            other, first = found.setdefault(model_id, (name, model))
            if _source(first) != _source(model):
                what = f"{model_id} means one thing in stack {other} and another in {name}"
                raise OpsError(what, "give one of them another id: the lock has one entry for an id")
    return {model_id: model for model_id, (_, model) in found.items()}


def on_card(ids: Collection[str]) -> dict[str, list[Model]]:
    """The models of these ids as each stack here serves them on a card; a stack that cannot be read is passed over."""
    found: dict[str, list[Model]] = {model_id: [] for model_id in ids}
    for name in stack_file.names():
        try:
            models = _of(name) if _names_a_card(name) else {}
        except (FixableError, ConfigError):  # whoever uses that stack is told
            continue
        for model_id in found.keys() & models.keys():
            found[model_id].append(models[model_id])
    return found


def _names_a_card(stack: str) -> bool:
    gpu: Any = stack_file.configuration(stack_file.path(stack)).get("gpu")
    return isinstance(gpu, dict) and "model" in gpu and gpu != {**gpu, "model": "none"}


def _source(model: Model) -> tuple[str | None, ...]:
    drafter = model.drafter
    its = (drafter.repo or model.repo, drafter.quant, drafter.file) if drafter else ()
    return model.repo, model.revision, model.quant, model.file, model.mmproj, model.mmproj_file, *its


def _of(stack: str) -> dict[str, Model]:
    file = stack_file.path(stack)
    written = stack_file.configuration(file)
    if "models" not in written:
        raise OpsError(f"{file} has no config.{KEY}.models", "add the models; README.md shows the form")
    try:
        return _Models.validate_python(written["models"])
    except ValidationError as error:
        raise refusal(error, "models") from None
