"""What other programs answer: kubectl, Prometheus, nvidia-smi, an endpoint."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from observe import kubectl
from plan.live import look
from plan.live.kubectl_answer import Answer
from tests import stacks
from tests.corpus.case import KEY, PASSWORD, Case
from tests.corpus.entries.hub import RAW
from tests.corpus.entries.stacks import planned
from tests.corpus.place import MORE, Place, http
from tests.corpus.texts import WHOLE, as_json
from tests.corpus.texts import changed as changed_text
from tests.corpus.values import TEXTS, changed, short
from tests.ops.calibrate.measured import HEAD, NODE
from tests.ops.endpoint import reply
from tests.plan.cluster import CARD, node, pod, whole

SMALL = {name: text for name, text in WHOLE.items() if len(text) < 200_000}


def cases(place: Place) -> Iterator[Case]:
    yield from _kubectl(place)
    yield from _prometheus(place)
    yield from _nvidia_smi(place)
    yield from _endpoint(place)


def _kubectl(place: Place) -> Iterator[Case]:
    plan = planned(stacks.raw("t4"))
    good = whole(node(), node("k8s-node2", None, {}), pod("immich/ml"), pod("x/y", on="", node_selector=CARD))
    quantities = (
        "",
        "-1",
        "1e",
        "1e999",
        "9" * 5000,
        "²³",
        "1Ei",
        "0.0000001",
        "1n",
        "k",
        "1KiB",
        "\x1b[31m",
        "NaN",
        "0x1",
        "1e1e1",
        "+-1",
    )
    for offered in quantities:
        text = good.replace("nvidia.com/gpu=1 ", f"nvidia.com/gpu={offered} ")
        yield Case("kubectl", f"a quantity {short(offered)}", partial(look.judge, plan.expected, Answer(text)))
    for odd in (text for text in TEXTS if len(text) < 300):
        text = good.replace("immich", odd)
        yield Case("kubectl", f"a name {short(odd)}", partial(look.judge, plan.expected, Answer(text)))
    for name, text in changed_text("kubectl", good.encode(), 60 * MORE):
        yield Case("kubectl", name, partial(_look, place, text))
    for name, text in SMALL.items():
        yield Case("kubectl", f"says on stderr {name}", partial(_look, place, text, bad=True))


def _look(place: Place, said: bytes, *, bad: bool = False) -> None:
    """As `ops fit` asks it, and as a preview does."""
    failing = Path(f"{place.kubectl_says}.bad")
    failing.unlink(missing_ok=True)
    (failing if bad else place.kubectl_says).write_bytes(said)
    try:
        place.ops("fit", "--stack", "t4")
    except SystemExit as ended:
        if ended.code not in (0, 3):
            raise
    print("\n".join(kubectl.judged(kubectl.Query(), planned(stacks.raw("t4")).expected).notes))


def _prometheus(place: Place) -> Iterator[Case]:
    labels = {"namespace": "immich", "pod": "immich-machine-learning-7d4c9-x2x4z"}
    others = {"namespace": "frigate", "pod": "frigate-0"}
    rows = [{"metric": labels, "value": [1763900000, "2600"]}, {"metric": others, "value": [1763900000, "1900.5"]}]
    good = {"status": "success", "data": {"resultType": "vector", "result": rows}}
    answers = [
        *changed("prometheus", good, 60 * MORE),
        *(
            (f"a peak of {short(text)}", _peak(good, text))
            for text in (*TEXTS[:60:2], "9" * 400, "1e400", "-5", "+Inf", "NaN", "12,5", "0")
        ),
        *(
            (f"an error {short(text)}", {"status": "error", "error": text})
            for text in (*TEXTS[15:45:2], None, 7, ["x"])
        ),
    ]
    for name, value in answers:
        yield Case("Prometheus", name, partial(_calibrate, place, http(as_json(value))))
    for name, text in changed_text("prometheus", as_json(good), 20 * MORE):
        yield Case("Prometheus", name, partial(_calibrate, place, http(text)))
    for name, raw in RAW.items():
        yield Case("Prometheus", name, partial(_calibrate, place, raw))
    for url in (
        f"http://user:{PASSWORD}@127.0.0.1:1", f"http://user:{PASSWORD}@[::1", "http://[::1", "http://a..b", "http://",
        "x", "ftp://h",
        "http://127.0.0.1:99999", "http://127.0.0.1:x", "http://\x1b[31m", "http://h h",
        f"http://127.0.0.1:1/?token={PASSWORD}", "http://\ud800",
    ):  # fmt: skip
        yield Case("Prometheus", f"at {short(url)}", partial(_at, place, url), "refused")


def _peak(good: Any, text: str) -> Any:
    (first, second) = good["data"]["result"]
    return {**good, "data": {**good["data"], "result": [{**first, "value": [1763900000, text]}, second]}}


def _calibrate(place: Place, raw: bytes) -> None:
    place.server.reply = lambda _: raw
    _at(place, place.server.url)


def _at(place: Place, url: str) -> None:
    place.ops("calibrate", "--stack", "t4", "--prometheus", url)


def _nvidia_smi(place: Place) -> Iterator[Case]:
    file = place.new("nvidia-smi") / "listing.csv"
    listings = [
        *changed_text("nvidia-smi", NODE.encode(), 40 * MORE),
        *(
            (f"holds {short(size)}", f"{HEAD}\n4711, /app/llama-server, {size} MiB\n")
            for size in (*TEXTS[:90:2], *"²³٣", "9" * 5000, "1e3")
        ),
        *(
            (f"a process {short(name)}", f"{HEAD}\n4711, {name}, 5 MiB\n5, /app/llama-server, 6996 MiB\n")
            for name in TEXTS[::2]
        ),
        *(
            (f"a pid {short(pid)}", f"{HEAD}\n{pid}, /app/llama-server, 6996 MiB\n")
            for pid in ("²³", "-1", "9" * 5000, "", "\x1b")
        ),
    ]
    for name, text in listings:
        content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        yield Case("nvidia-smi", name, partial(_listing, place, file, content))


def _listing(place: Place, file: Path, content: bytes) -> None:
    file.write_bytes(content)
    place.ops("calibrate", "--stack", "t4", "--nvidia-smi", str(file), "--model", "qwen3-8b", "--tenant", "frigate")


def _endpoint(place: Place) -> Iterator[Case]:
    listed = {"object": "list", "data": [{"id": "a", "object": "model"}]}
    chat = json.loads(reply("Paris."))
    for name, value in changed("models", listed, 30 * MORE):
        yield Case("endpoint", f"models: {name}", partial(_verify, place, http(as_json(value)), http(as_json(chat))))
    for odd in TEXTS[::2]:
        rows = {"data": [{"id": odd}]}
        yield Case("endpoint", f"an id {short(odd)}", partial(_verify, place, http(as_json(rows)), http(as_json(chat))))
        said = {**chat, "choices": [{**chat["choices"][0], "message": {"content": odd}}]}
        yield Case(
            "endpoint", f"says {short(odd)}", partial(_verify, place, http(as_json(listed)), http(as_json(said)))
        )
    for name, value in changed("chat", chat, 50 * MORE):
        yield Case("endpoint", f"chat: {name}", partial(_verify, place, http(as_json(listed)), http(as_json(value))))
    for name, text in changed_text("chat", as_json(chat), 20 * MORE):
        yield Case("endpoint", f"chat: {name}", partial(_verify, place, http(as_json(listed)), http(text)))
        yield Case("endpoint", f"models: {name}", partial(_verify, place, http(text), http(as_json(chat))))
    for name, raw in RAW.items():
        yield Case("endpoint", f"chat: {name}", partial(_verify, place, http(as_json(listed)), raw))
        yield Case("endpoint", f"models: {name}", partial(_verify, place, raw, raw))
    echo = f'{{"error": "invalid key in Bearer {KEY}"}}'.encode()
    for status in ("401 No", "403 No", "404 No", "400 No", "500 No", "503 Wait", "302 Found", "204 None"):
        yield Case("endpoint", f"HTTP {status}", partial(_verify, place, http(as_json(listed)), http(echo, status)))
        yield Case("endpoint", f"models: HTTP {status}", partial(_verify, place, http(echo, status), http(b"")))


def _verify(place: Place, models: bytes, chat: bytes) -> None:
    place.server.reply = lambda path: models if path.endswith("/models") else chat
    place.ops("verify", "--url", f"{place.server.url}/v1", "--timeout", "20")
