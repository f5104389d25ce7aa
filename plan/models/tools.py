"""Whether a model calls tools: what its stack says, as far as the chat template that it is served with has them."""

from collections.abc import Mapping

from plan import config
from plan.models.lock import LockedModel


def calls_tools(locked: LockedModel, model: config.Model) -> bool | None:
    """None where the stack says so and nothing tells what the file's template has."""
    if not model.tools or "chat-template" in model.args:  # a person who brings a template knows it
        return model.tools
    return locked.gguf.shape.calls_tools


def tools_notes(locked: Mapping[str, LockedModel], models: Mapping[str, config.Model]) -> tuple[str, ...]:
    """A sentence for each model whose stack file asks for more than its template has; a default asks for nothing."""
    return tuple(
        f"{model_id}: the chat template of its file has no tools, so the contract says that it calls none. Remove "
        "`tools` there, or bring a template that has them, as `chat-template` in its `args`."
        for model_id, model in sorted(models.items())
        if "tools" in model.model_fields_set and calls_tools(locked[model_id], model) is False and model.tools
    )
