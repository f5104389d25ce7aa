"""`make chat`: a question to a model of the endpoint of `make up`, or a conversation with it on a terminal."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dev.commands import conversation
from dev.commands.up import api_key, namespace
from dev.machine.instance import Instance
from dev.machine.steps import DevError, say
from dev.pulumi.stackfile import committed
from plan.text.show import show

_MOST_TOKENS = 512  # of one answer; a small model that repeats itself would go on until its context is full


def run(instance: Instance, cluster: str, stack: str, kubeconfig: Path, model: str, question: str) -> None:
    """Show the answer to `question`, or to each line of the terminal; without a `model` the stack's first one answers.

    Raises DevError where no model could answer, or none is called so.
    """
    if cluster == "engine":
        raise DevError("the pods of the played cluster only pretend: no model answers", "make chat STACK=dev")
    chosen = _model(committed(stack)["models"], model)
    endpoint, key = f"http://127.0.0.1:{instance.ports.endpoint}", api_key(kubeconfig, namespace(stack))
    conversation.wait(endpoint, timeout_s=10.0)
    messages = list[dict[str, str]]()
    for asked in _questions(question, chosen):
        messages.append({"role": "user", "content": asked})
        answer = conversation.ask(endpoint, key, chosen, messages, max_tokens=_MOST_TOKENS)
        messages.append({"role": "assistant", "content": answer.text})
        say(str(answer))


def _model(models: dict[str, Any], asked: str) -> str:
    """The id of the model that is asked, by id or alias: only by its id is it known whether it can chat."""
    ids = {name: model_id for model_id, model in models.items() for name in (model_id, *model.get("aliases", []))}
    ids |= {name: name for model in models.values() for name in model.get("variants", {})}
    if asked and asked not in ids:
        raise DevError(f"MODEL={show(asked)} is none of this stack's models", f"name one of {', '.join(sorted(ids))}")
    return ids[asked] if asked else conversation.first_and_last(models)[0]


def _questions(asked: str, model: str) -> Iterator[str]:
    """The one that was asked, or what stands in a file or a pipe, or line by line what a person types."""
    if asked.strip():
        yield asked
    elif sys.stdin.isatty():
        print(f"You are talking to {model}. An empty line, or Ctrl-D, ends it.")
        while line := _typed():
            yield line
    elif piped := sys.stdin.read().strip():
        yield piped
    else:
        raise DevError("there is no question", 'make chat ASK="Why is the sky blue?"')


def _typed() -> str:
    try:
        return input("> ").strip()
    except EOFError:
        return ""
