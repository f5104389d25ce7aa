"""The models of the stack files here and nothing else of them: the rest may lack facts of a machine."""

from pydantic import TypeAdapter, ValidationError

from ops.base.errors import OpsError
from ops.stack import stack_file
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


def _source(model: Model) -> tuple[str | None, ...]:
    return model.repo, model.revision, model.quant, model.file, model.mmproj, model.mmproj_file


def _of(stack: str) -> dict[str, Model]:
    file = stack_file.path(stack)
    written = stack_file.configuration(file)
    if "models" not in written:
        raise OpsError(f"{file} has no config.{KEY}.models", "add the models; README.md shows the form")
    try:
        return _Models.validate_python(written["models"])
    except ValidationError as error:
        raise refusal(error, "models") from None
