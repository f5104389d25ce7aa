"""Prometheus, nvidia-smi and endpoints that answer in ways of their own: streams, units, warnings, redirects."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.corpus.case import PASSWORD, Case
from tests.corpus.entries.servers import BOMB, elsewhere, locations, no_secret_elsewhere
from tests.corpus.place import Place, http
from tests.corpus.texts import PAGE, as_json
from tests.corpus.values import short
from tests.ops.calibrate.measured import HEAD
from tests.ops.endpoint import reply as completion


def cases(place: Place) -> Iterator[Case]:
    yield from _prometheus(place)
    yield from _listings(place)
    yield from _endpoint(place)


def _prometheus(place: Place) -> Iterator[Case]:
    def rows(*values: Any, **more: Any) -> dict[str, Any]:
        found = [
            {"metric": {"namespace": "frigate", "pod": f"frigate-{number}"}, "value": [1763900000 + number, value]}
            for number, value in enumerate(values)
        ]
        return {"status": "success", "data": {"resultType": "vector", "result": found}, **more}

    for text in (
        "12,5",
        "1_000",
        "٣",
        " 5",
        "5 ",
        "0x10",
        "1e400",
        "5MiB",
        "1.5.5",
        "",
        "-0.5",
        "nan",
        "inf",
        "Infinity",
        "1e",
        "+5",
    ):
        yield Case("Prometheus", f"a value {text!r}", partial(_calibrate, place, as_json(rows(text, "7"))), "refused")
    for text in ("0", "-0", "1e3", "1.5e+03", "2e-1", "1e-300", "1900.000001", "NaN", "+Inf", "-Inf"):
        yield Case("Prometheus", f"a good value {text!r}", partial(_calibrate, place, as_json(rows(text, "7"))))
    warned = ("store \x1b[31m away", f"http://u:{PASSWORD}@store away", "x" * 10**6, "")
    for warning in (*warned, 7, None):
        said = rows("1900", "7", warnings=[warning])
        yield Case("Prometheus", f"warns {short(warning)}", partial(_calibrate, place, as_json(said)))
    yield Case("Prometheus", "warns null", partial(_calibrate, place, as_json(rows("1900", "7", warnings=None))))
    histogram = rows("1")
    histogram["data"]["result"][0] = {"metric": {"pod": "a"}, "histogram": [1, {"count": "5"}]}
    yield Case("Prometheus", "a histogram", partial(_calibrate, place, as_json(histogram)), "refused")
    for kind in ("matrix", "scalar", "string", "streams"):
        answer = {"status": "success", "data": {"resultType": kind, "result": [1, "5"] if kind == "scalar" else []}}
        yield Case("Prometheus", f"a {kind}", partial(_calibrate, place, as_json(answer)), "refused")
    for when in (2**53, -1, 1e300, 0, "now", None):
        answer = rows("1900", "7")
        answer["data"]["result"][0]["value"][0] = when
        yield Case("Prometheus", f"at {when!r}", partial(_calibrate, place, as_json(answer)))
    many = rows(*(str(number) for number in range(20_000)))
    yield Case("Prometheus", "20000 pods", partial(_calibrate, place, as_json(many)))
    yield Case(
        "Prometheus",
        "a bomb",
        partial(_calibrate, place, b"", http(BOMB, headers="Content-Encoding: gzip\r\n")),
        "refused",
    )
    for status in ("302 Found", "307 Again", "401 No", "403 No", "422 No", "429 Slow", "503 No"):
        for body in (PAGE, b"", as_json({"status": "error", "errorType": "x", "error": "\x1b[31m"})):
            raw = http(body, status, f"Location: {elsewhere(place)}/login?t={PASSWORD}\r\n")
            yield Case("Prometheus", f"HTTP {status}, {short(body)}", partial(_calibrate, place, b"", raw), "refused")


def _calibrate(place: Place, body: bytes, raw: bytes = b"") -> None:
    place.server.reply = lambda _: raw or http(body)
    place.ops("calibrate", "--stack", "t4", "--prometheus", place.server.url)


def _listings(place: Place) -> Iterator[Case]:
    file = place.new("smi") / "list.csv"
    row = "4711, /app/llama-server, 6996 MiB"
    bad = {
        "two cards": f"{HEAD}\n{row}\n4711, /app/llama-server, 512 MiB\n",
        "two cards, a tenant": f"{HEAD}\n{row}\n5, frigate, 5 MiB\n5, frigate, 5 MiB\n",
        "MIG": f"{HEAD}\n{row}\n4712, frigate, [N/A]\n",
        "not supported": f"{HEAD}\n4711, /app/llama-server, [Not Supported]\n",
        "no rights": f"{HEAD}\n4711, /app/llama-server, [Insufficient Permissions]\n",
        "N/A": f"{HEAD}\n4711, /app/llama-server, N/A\n",
        "GiB": f"{HEAD}\n4711, /app/llama-server, 7 GiB\n",
        "KiB": f"{HEAD}\n4711, /app/llama-server, 7163904 KiB\n",
        "a comma": f"{HEAD}\n4711, /app/llama-server, 6996,5 MiB\n",
        "a point": f"{HEAD}\n4711, /app/llama-server, 6996.5 MiB\n",
        "thousands": f"{HEAD}\n4711, /app/llama-server, 6 996 MiB\n",
        "no head": f"{row}\n",
        "another order": "pid, used_gpu_memory [MiB], process_name\n4711, 6996 MiB, /app/llama-server\n",
        "the card's identity": "pid, gpu_uuid, used_gpu_memory [MiB]\n4711, GPU-1, 6996 MiB\n",
        "no name": "pid, used_gpu_memory [MiB]\n4711, 6996 MiB\n",
        "the table": "+----+\n| NVIDIA-SMI 535 |\n+----+\n",
        "an error": "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n",
        "no devices": "No devices were found\n",
        "nothing runs": f"{HEAD}\n",
        "XML": "<?xml version='1.0'?><nvidia_smi_log/>",
        "semicolons": f"{HEAD}\n{row}\n".replace(",", ";"),
        "the whole card": f"{HEAD}\n4711, /app/llama-server, 999999999 MiB\n",
        "two servers": f"{HEAD}\n{row}\n4712, /app/llama-server, 5 MiB\n",
        "an escape": f"{HEAD}\n4711, \x1b]0;x\x07, 5 MiB\n",
        "several cards": f"{HEAD}\n{row}\n" + "".join(f"{number}, p, 1 MiB\n" for number in range(5000, 45_000)),
    }
    for name, text in bad.items():
        yield Case("nvidia-smi", name, partial(_smi, place, file, text), "refused")
    good = {
        "a name with commas": f"{HEAD}\n{row}\n5, a, b, c, 5 MiB\n",
        "without units": "pid, process_name, used_gpu_memory [MiB]\n4711, /app/llama-server, 6996\n",
        "an older head": f"pid, process_name, used_memory [MiB]\n{row}\n",
        "100000 processes": f"{HEAD}\n{row}\n" + "".join(f"{number}, p, 0 MiB\n" for number in range(5000, 45_000)),
    }
    for name, text in good.items():
        yield Case("nvidia-smi", name, partial(_smi, place, file, text), "accepted")


def _smi(place: Place, file: Path, text: str) -> None:
    file.write_text(text)
    place.ops("calibrate", "--stack", "t4", "--nvidia-smi", str(file), "--model", "qwen3-8b")


def _endpoint(place: Place) -> Iterator[Case]:
    listed, chat = {"data": [{"id": "a"}]}, json.loads(completion("Paris."))

    def said(content: Any, **more: Any) -> bytes:
        return as_json({**chat, "choices": [{**chat["choices"][0], "message": {"content": content}}], **more})

    event = b"data: " + as_json(chat)
    chats = {
        "a stream": event + b"\n\ndata: [DONE]\n\n",
        "a stream of CR": event + b"\r\rdata: [DONE]\r\r",
        "a stream without end": event * 2000,
        "half a letter": as_json(chat)[:-30] + b"\xc3",
        "half an emoji": said("x").replace(b'"x"', b'"\xf0\x9f\x98"'),
        "an error with 200": b'{"error": {"message": "\\u001b[31mout of memory", "code": 500}}',
        "an error as text": b'{"error": "no"}',
        "two answers": as_json(chat) * 2,
        "parts in place of text": said([{"type": "text", "text": "Paris"}]),
        "null": said(None),
        "no message": as_json({"choices": [{}]}),
        "an empty choice": as_json({"choices": [{"message": {}, "finish_reason": "stop"}]}),
        "a tool's call": as_json(
            {"choices": [{"message": {"content": None, "tool_calls": [{}]}, "finish_reason": "tool_calls"}]}
        ),
        "spaces": said(" \n\t" * 1000),
        "a letter many times": said("x" * 3_000_000),
        "two letters many times": said("ab" * 1_500_000),
        "letters without order": said("".join(chr(97 + number * number % 26) for number in range(2_000_000))),
        "thoughts without end": said("<think>" + "hm " * 500_000),
        "signs alone": said("\u202e\u200b\x1b" * 1000),
        "another length": as_json({**chat, "usage": {"completion_tokens": 10**18}}),
        "a negative length": as_json({**chat, "usage": {"completion_tokens": -5}}),
        "no usage": as_json({**chat, "usage": None}),
        "a speed of 0": as_json({**chat, "timings": {"predicted_n": 50, "predicted_per_second": 0}}),
        "a speed of -1": as_json({**chat, "timings": {"predicted_n": 50, "predicted_per_second": -1}}),
        "a speed of 1e300": as_json({**chat, "timings": {"predicted_n": 50, "predicted_per_second": 1e300}}),
    }
    for name, body in chats.items():
        yield Case("endpoint", f"chat: {name}", partial(_verify, place, http(as_json(listed)), http(body)))
    raws = {
        "a chunk that breaks off": b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":',
        "a chunk of -1": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n{}",
        "a chunk without end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 400 + b"\r\n{}",
        "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "a length of -1": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
        "a trailer": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: \x1b[31m\r\n\r\n",
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "100 first": b"HTTP/1.1 100 Continue\r\n\r\n" * 50 + http(b"{}"),
        "a bomb": http(BOMB, headers="Content-Encoding: gzip\r\n"),
        "a bomb with an error": http(BOMB, "500 No", "Content-Encoding: gzip\r\n"),
        "17 MiB": http(b" " * (17 << 20)),
    }
    for name, raw in raws.items():
        yield Case("endpoint", f"chat: {name}", partial(_verify, place, http(as_json(listed)), raw), "refused")
        yield Case("endpoint", f"models: {name}", partial(_verify, place, raw, raw), "refused")
    many = {"data": [{"id": f"m{number}"} for number in range(100_000)]}
    yield Case(
        "endpoint", "100000 models", partial(_verify, place, http(as_json(many)), http(as_json(chat))), "refused"
    )
    twice = {"data": [{"id": "a"}] * 1500}
    yield Case("endpoint", "a model many times", partial(_verify, place, http(as_json(twice)), http(as_json(chat))))
    for name, location in locations(place).items():
        raw = http(
            PAGE, ("301 Moved", "302 Found", "307 Again", "308 Moved")[len(name) % 4], f"Location: {location}\r\n"
        )
        for models in (raw, http(as_json(listed))):
            what = f"{'models' if models is raw else 'chat'}: leads to {name}"
            yield Case("endpoint", what, partial(_verify, place, models, raw), "refused")


def _verify(place: Place, models: bytes, chat: bytes) -> None:
    place.server.reply = lambda path: models if path.endswith("/models") else chat
    line = ("verify", "--url", f"{place.server.url}/v1", "--timeout", "20")
    no_secret_elsewhere(place, partial(place.ops, *line))
