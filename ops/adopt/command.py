"""`ops adopt`: reads a configuration of llama-swap and writes its models as a stack file has them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from ops.adopt import checks, report
from ops.adopt.adoption import Adoption, adopt
from ops.adopt.llama_swap import document
from ops.adopt.text import piece
from ops.base import atomic, files
from ops.base.errors import OpsError, reason
from ops.base.terminal import console
from ops.stack import stack_edit, stack_file
from plan import config
from plan.base.hub_names import PLACEHOLDER
from plan.config.stack_file import NO_CLUSTER
from plan.engine import environment
from plan.models.residency import require_engine_can
from plan.text.decode import decode
from plan.text.errors import Source
from plan.text.show import lines, plain, show

_MODELS = ("config", config.KEY, "models")
# What a stack needs beside its models, for models that are for no stack yet.
_ANY_STACK: dict[str, Any] = {
    "namespace": "any",
    "cluster": {"id": NO_CLUSTER},
    "volume": {"name": "any", "existing_claim": True},
    "gpu": {"model": "none"},
    "server": {"image": f"any@sha256:{'0' * 64}"},
    "fetch": {"image": f"any@sha256:{'0' * 64}"},
}


def repositories(options: Sequence[str]) -> dict[str, str]:
    """The options ID=OWNER/NAME; raises OpsError where one is not of that form, or is there twice."""
    found: dict[str, str] = {}
    for text in options:
        model_id, equals, repo = text.rpartition("=")
        if not equals or not model_id or repo.count("/") != 1:
            raise OpsError(f"--repo {show(text)}: it is ID=OWNER/NAME", "pass llama-swap's id and the repository")
        if model_id in found:
            raise OpsError(f"--repo {show(model_id)} is there twice", "leave one of them out")
        found[model_id] = repo
    return found


def run(file: Path, stack: str | None, repos: Mapping[str, str], *, write: bool, as_json: bool) -> None:
    """Print the piece, and what became of each id; with `write` put it into Pulumi.STACK.yaml.

    Raises OpsError, TextError or ConfigError; nothing is written then.
    """
    if write and stack is None:
        raise OpsError("--write needs --stack", "name the stack whose file gets the models")
    swap = document.read(_content(file), Source(plain(str(file)), "correct the file"))
    if unknown := sorted(repos.keys() - swap.models.keys()):
        raise OpsError(f"--repo {show(unknown[0])}: the file has no such id", "name an id as the file has it")
    there: object = stack_file.configuration(stack_file.path(stack)).get("models") if stack else None
    adoption = adopt(swap, repos, _taken(cast("dict[str, Any]", there) if isinstance(there, dict) else {}))
    if adoption.drafts:
        _require_served(config.parse({**_ANY_STACK, "models": _models(adoption)}))
    lines_ = piece(adoption, file.name)
    if stack and write and adoption.drafts:
        _write(stack, lines_, adoption)
    out = console()
    if as_json:
        out.print(json.dumps(report.as_json(adoption), indent=1), soft_wrap=True)
    elif not write:
        shown = ["models:", *(f"  {line}" for line in lines_)] if adoption.drafts else lines_
        out.print(*shown, sep="\n", soft_wrap=True)
    _tell(adoption, stack if write else None)


def _content(file: Path) -> bytes:
    try:
        return files.read(file)
    except (OSError, ValueError) as error:
        raise OpsError(f"{plain(str(file))}: {reason(error)}", "name a configuration of llama-swap") from None


def _taken(written: Mapping[str, Any]) -> dict[str, str]:
    """The ids, aliases and variants of a stack as it is written, whatever else is wrong with it."""
    names = dict.fromkeys(written, checks.AN_ID)
    for model_id, model in written.items():
        keys = cast("dict[str, Any]", model) if isinstance(model, dict) else {}
        for key, kind in (("aliases", list), ("variants", dict)):
            if isinstance(found := keys.get(key), kind):
                what = "an alias" if kind is list else "a variant"
                names |= {str(name): f"{what} of {model_id}" for name in cast("list[Any] | dict[str, Any]", found)}
    return names


def _models(adoption: Adoption) -> dict[str, Any]:
    return {draft.model_id: draft.keys for draft in adoption.drafts}


def _require_served(stack: config.Stack) -> None:
    """Raise ConfigError for what its engine cannot have, as far as no lock is needed to see it."""
    require_engine_can(stack)
    environment.of_pod(stack)


def _write(stack: str, entries: Sequence[str], adoption: Adoption) -> None:
    path = stack_file.path(stack)
    written = decode(files.read(path), Source(str(path), "correct the file"))
    text = stack_edit.add_entries(written.text, _MODELS, entries, _models(adoption))
    _require_served(stack_file.parse(text, path))
    atomic.write(path, written.encode(text))


def _tell(adoption: Adoption, written_to: str | None) -> None:
    said = console(stderr=True)
    said.print(report.table(adoption))
    told = [report.summary(adoption)]
    if adoption.to_fill_in:
        told.append(f"replace each {PLACEHOLDER} by a repository, or name them by --repo ID={PLACEHOLDER}")
    if adoption.drafts and written_to:
        told.append(f"{stack_file.path(written_to)} is written: `bin/local-llm lock` comes next")
    said.print(lines("\n".join(told)), soft_wrap=True)
    if not adoption.drafts and not adoption.there:
        raise OpsError("no model of this file is served by llama-server", "the table says what serves each")
