"""`ops verify`: asks every model of an endpoint whether it answers rightly and fast enough. A running pod may not."""

import json
import sys
from dataclasses import asdict, dataclass

from ops.base import network
from ops.base.errors import OpsError
from ops.base.token import require_variable, token
from ops.stack import lock_file, stack_file, stack_models
from ops.verify import meaning
from ops.verify.endpoint import AskError, Endpoint
from ops.verify.questions import Fault, Known, fault, questions, tokens_per_s, words
from plan.base.commands import in_namespace
from plan.config import Model
from plan.config.model import Mode
from plan.models.abilities import header_mode, sees
from plan.models.lock import LockedModel
from plan.text.show import LINE, lines, plain, show
from plan.text.url import parse_url

# A card that is slower has a problem: a bad combination of flags once gave 0.58 tokens/s instead of 33.
SLOWEST_TOKENS_S = 5.0
_MOST_MODELS = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """Which models are asked: `ids`, else the stack's, else those that the endpoint lists. Without `slowest_tokens_s`
    the limit depends on whether the stack has a card.
    """

    ids: list[str]
    stack: str | None
    slowest_tokens_s: float | None


@dataclass(frozen=True, slots=True)
class Check:
    """One question to one model. `wrong` is empty when all is well; `took_s` includes loading the model."""

    model: str
    check: str
    answer: str
    tokens_per_s: float | None
    took_s: float
    wrong: str
    fix: str


def run(url: str, key_env: str, asked: Asked, silence_s: float, *, as_json: bool) -> None:
    """Ask and print; raises OpsError naming the models with which something is wrong."""
    network.settle()
    base, key = _base(url), _key(key_env)
    endpoint = Endpoint(base, key, key_env, silence_s)
    slowest = _slowest(asked)
    # Asked first, so that a wrong URL gives one error instead of one for each model.
    listed = _few(base, asked, endpoint.models())
    checks = [check for known in _known(asked, listed) for check in _verify(endpoint, known, slowest)]
    bad = [check for check in checks if check.wrong]
    if as_json:
        rows = [{**asdict(check), "ok": not check.wrong} for check in checks]
        print(json.dumps({"url": base, "ok": not bad, "min_tokens_per_s": slowest, "checks": rows}, indent=2))
    else:
        _show(checks)
    if not checks:
        raise OpsError(f"{base} lists no model", "name one with --model, or a stack with --stack")
    if bad:
        names = plain(", ".join(dict.fromkeys(plain(check.model) for check in bad)), LINE)
        first = bad[0]
        what = f"{names}: not as it should be; {plain(first.model)}, {first.check}: {first.wrong}"
        raise OpsError(what, in_namespace(first.fix, stack_file.namespace(asked.stack)))


def _few(base: str, asked: Asked, listed: list[str]) -> list[str]:
    """The models that the endpoint lists; raises OpsError where all of them would be asked, and they are too many."""
    if len(listed) > _MOST_MODELS and not asked.ids and not asked.stack:
        what = f"{base} lists {len(listed)} models, and each would be loaded to be asked"
        raise OpsError(what, "name some with --model, or a stack with --stack")
    return listed


def _base(url: str) -> str:
    """The address that ends in /v1; raises OpsError."""
    try:
        parsed = parse_url(url)
    except ValueError as error:
        what = f"--url {show(url.partition('?')[0])} is not the URL of an endpoint: {error}"
        raise OpsError(what, "pass it like http://127.0.0.1:8080/v1") from None
    return parsed.place.rstrip("/").removesuffix("/v1") + "/v1"


def _key(variable: str) -> str:
    require_variable(variable)
    return token(variable)


def _slowest(asked: Asked) -> float:
    if asked.slowest_tokens_s is not None:
        return asked.slowest_tokens_s
    on_cpu = asked.stack is not None and not stack_file.has_card(asked.stack)
    return 0.0 if on_cpu else SLOWEST_TOKENS_S


def _known(asked: Asked, listed: list[str]) -> list[Known]:
    locked = lock_file.read().models
    of_stack = stack_models.read(asked.stack) if asked.stack else {}
    known: list[Known] = []
    for model_id in dict.fromkeys(asked.ids or sorted(of_stack) or listed):
        lock, model = locked.get(model_id), of_stack.get(model_id)
        known.append(
            Known(
                model_id,
                mode=_mode(model, lock),
                chats=lock is None or lock.gguf.shape.chat_template is not False,
                sees=sees(lock) if lock else model is not None and model.has_projector,
                thinks=model is not None and model.reasoning != "off",
                golden=model.verify if model else None,
            )
        )
    return known


def _mode(model: Model | None, lock: LockedModel | None) -> Mode:
    said = model.mode if model else None
    return said or (header_mode(lock.gguf.shape) if lock else None) or "chat"


def _verify(endpoint: Endpoint, known: Known, slowest: float) -> list[Check]:
    """The model's checks; a question without any answer is the last."""
    if known.mode != "chat":
        return [_of_meaning(endpoint, known)]
    checks: list[Check] = []
    for question in questions(known):
        print(f"{plain(known.model)}: {question.name} ...", file=sys.stderr)
        try:
            reply = endpoint.ask(known.model, question.path, question.body)
        except AskError as error:
            return [*checks, _unanswered(known.model, question.name, error)]
        speed = tokens_per_s(reply) if question.timed else None
        wrong = fault(question, reply, known.model) or _too_slow(speed, slowest)
        what, fix = (wrong.what, wrong.fix) if wrong else ("", "")
        said = " ".join(words(reply).split())[:80]
        checks.append(Check(known.model, question.name, said, speed, round(reply.took_s, 1), what, fix))
    return checks


def _of_meaning(endpoint: Endpoint, known: Known) -> Check:
    """The one question to a model that makes vectors or ranks."""
    print(f"{plain(known.model)}: {known.mode} ...", file=sys.stderr)
    try:
        if known.mode == "embedding":
            vectors, took_s = endpoint.post(known.model, *meaning.EMBEDDING, meaning.Vectors, "a list of vectors")
            said, wrong = meaning.of_vectors(vectors)
        else:
            ranks, took_s = endpoint.post(known.model, *meaning.RERANK, meaning.Ranks, "a list of ranks")
            said, wrong = meaning.of_ranks(ranks)
    except AskError as error:
        return _unanswered(known.model, known.mode, error)
    what, fix = (wrong.what, wrong.fix) if wrong else ("", "")
    return Check(known.model, known.mode, said, None, round(took_s, 1), what, fix)


def _unanswered(model: str, check: str, error: AskError) -> Check:
    if error.final:
        raise OpsError(f"{plain(model)}: {error}", error.fix) from None
    return Check(model, check, "", None, 0.0, str(error), error.fix)


def _too_slow(speed: float | None, slowest: float) -> Fault | None:
    if speed is None or speed >= slowest:
        return None
    fix = "look for layers on the CPU, a quantized KV cache or a card full of others: kubectl logs deploy/llama-swap"
    return Fault(f"{speed:.2f} tokens/s, less than {slowest:g}", fix)


def _show(checks: list[Check]) -> None:
    from rich.text import Text

    from ops.base.terminal import console, row, whole

    table = whole("model", "check", "answer", "tokens/s", "s", "")
    for it in checks:
        speed = "" if it.tokens_per_s is None else f"{it.tokens_per_s:.1f}"
        verdict = Text(lines(it.wrong), "red") if it.wrong else Text("ok", "green")
        row(table, it.model, it.check, it.answer, speed, f"{it.took_s:.1f}", verdict)
    console().print(table)
