"""The check at the end of `make up`: a timed chat with two models through the Service."""

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass

from dev.machine.steps import DevError

# This machine is asked, which a proxy in HTTP_PROXY cannot do.
_DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_QUESTION = "Name three colours of the rainbow."


@dataclass(frozen=True, slots=True)
class Answer:
    """One completion. `waited_s` is the time that the model did not work: the swap, where one was needed."""

    model: str
    text: str
    waited_s: float
    tokens_per_s: float


def wait(endpoint: str, timeout_s: float = 180.0) -> None:
    """Return once the endpoint answers; raises DevError when it does not in time.

    The proxies of the nodes learn about a Service shortly after Kubernetes reports it ready.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            with _DIRECTLY.open(f"{endpoint}/health", timeout=10):
                return
        except OSError as error:
            if time.monotonic() > deadline:
                raise DevError(
                    f"{endpoint} does not answer: {error}", "run `make up` again; it repairs what does not answer"
                ) from None
        time.sleep(0.1)


def ask(endpoint: str, key: str, model: str, timeout_s: float = 300.0) -> Answer:
    """POST one chat completion; raises DevError with the endpoint's own words when it is refused."""
    body = {"model": model, "messages": [{"role": "user", "content": _QUESTION}], "max_tokens": 32, "temperature": 0}
    request = urllib.request.Request(  # noqa: S310 - the endpoint is ours
        f"{endpoint}/v1/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
    )
    begun = time.monotonic()
    try:
        with _DIRECTLY.open(request, timeout=timeout_s) as response:
            reply = json.load(response)
    except urllib.error.HTTPError as error:
        said = error.read(500).decode(errors="replace")
        raise DevError(
            f"{model}: HTTP {error.code}: {said}", "read the server's log: kubectl logs deploy/llama-swap"
        ) from None
    except OSError as error:
        raise DevError(
            f"{model}: {endpoint}: {error}", "run `make up` again; it repairs what does not answer"
        ) from None
    text = reply["choices"][0]["message"]["content"]
    if not text.strip():
        raise DevError(f"{model} answered with nothing", "read the server's log: kubectl logs deploy/llama-swap")
    timings = reply["timings"]  # llama-server's own, in milliseconds
    waited_s = time.monotonic() - begun - (timings["prompt_ms"] + timings["predicted_ms"]) / 1000
    return Answer(model, " ".join(text.split()), waited_s, timings["predicted_per_second"])
