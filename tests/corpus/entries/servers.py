"""Hubs and servers of files that contradict themselves or lead elsewhere."""

import gzip
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.corpus.case import KEY, PASSWORD, TOKEN, Case, WrongError
from tests.corpus.entries.headers import written as header
from tests.corpus.entries.hub import COMMIT, NAME, REPO, SHA, info, model
from tests.corpus.place import Place, Reply, http
from tests.corpus.texts import PAGE, as_json
from tests.corpus.values import put, short

OTHER = "f" * 40
BOMB = gzip.compress(bytes(200 << 20))


def cases(place: Place) -> Iterator[Case]:
    yield from _hub(place)
    yield from _urls(place)


def part(content: bytes, place: str | None = None, status: str = "206 Partial Content", more: str = "") -> bytes:
    said = f"bytes 0-{len(content) - 1}/{len(content)}" if place is None else place
    return http(content, status, (f"Content-Range: {said}\r\n" if said else "") + more)


def _files(content: bytes) -> Iterator[tuple[str, bytes, str]]:
    """Answers to a request for the file, and whether they may be accepted."""
    size = len(content)
    yield "the part asked for", part(content), "accepted"
    yield "the whole file", http(content), "accepted"
    for said in (
        "",
        "bytes",
        "bytes */*",
        f"bytes */{size}",
        f"bytes 0-9/{size + 1}",
        f"bytes 1-{size}/{size}",
        f"bytes 0-{size - 1}/*",
        f"bytes {size}-{2 * size}/{2 * size}",
        f"bytes 0-{size - 1}/{'9' * 400}",
        f"bytes -0-1/{size}",
        f"bytes 0-{size - 1}/\u00b2",
        f"items 0-{size - 1}/{size}",
        f"bytes 0-{size - 1}/{size}, bytes 0-1/{size}",
        f"bytes=0-{size - 1}/{size}",
        "\x1b[31m",
    ):
        yield f"a part with {said!r}", part(content, said), "refused"
    for more in (
        f'X-Linked-Etag: "{"0" * 64}"',
        f'X-Linked-Etag: W/"{"0" * 64}"',
        f"X-Linked-Size: {size + 1}",
        "X-Linked-Size: 0",
        f"X-Repo-Commit: {OTHER}",
    ):
        yield more, part(content, more=f"{more}\r\n"), "refused"
    for more in (
        f'X-Linked-Etag: "{SHA}"',
        f'X-Linked-Etag: "{OTHER}"',
        'X-Linked-Etag: ""',
        "X-Linked-Etag: \x1b[31m",
        f"X-Linked-Size: {size}",
        "X-Linked-Size: many",
        f"X-Linked-Size: {'9' * 5000}",
        f"X-Repo-Commit: {COMMIT}",
        "X-Repo-Commit: main",
    ):
        yield more, part(content, more=f"{more}\r\n"), "accepted"
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{SHA}\nsize {size}\n".encode()
    for name, other in {"a pointer": pointer, "a page": PAGE, "nothing": b"", "half of it": content[:300]}.items():
        yield name, http(other), "refused"
        yield f"{name}, as a part", part(other, f"bytes 0-{size - 1}/{size}"), "refused"
    yield "a bomb", http(BOMB, headers="Content-Encoding: gzip\r\n"), "refused"
    yield (
        "a multipart",
        http(content, "206 Partial Content", "Content-Type: multipart/byteranges; boundary=x\r\n"),
        "refused",
    )
    for status in ("204 None", "304 Same", "416 No", "403 No", "451 Law", "502 Bad"):
        yield f"HTTP {status}", http(PAGE, status), "refused"
    for pause in ("", "7", "Wed, 21 Oct 2099 07:28:00 GMT", "9" * 5000, "-1", "\x1b[31m"):
        yield f"HTTP 429, {pause[:24]!r}", http(PAGE, "429 Slow", f"Retry-After: {pause}\r\n"), "refused"


def _about(size: int) -> Iterator[tuple[str, bytes, str]]:
    """What the hub says of the repository."""
    good = info(size)
    sibling = ("siblings", 0)
    for value in (size + 1, 0, -1, 2**70, "5", None):
        wanted = "accepted" if value is None else "refused"
        yield f"lfs.size {short(value)}", as_json(put(good, (*sibling, "lfs", "size"), value)), wanted
    twice = put(good, ("siblings",), [*good["siblings"], put(good["siblings"][0], ("lfs", "sha256"), "e" * 64)])
    yield "a file twice", as_json(twice), "refused"
    yield (
        "a file twice, the same",
        as_json(put(good, ("siblings",), [*good["siblings"], good["siblings"][0]])),
        "accepted",
    )
    for gated in ("manual", "auto", True):
        yield f"gated {gated}", as_json({**good, "gated": gated}), "accepted"
    yield "100000 files", as_json(info(size, (NAME, *(f"{n}.txt" for n in range(40_000))))), "accepted"
    yield "no files", as_json({**good, "siblings": []}), "refused"
    yield "a list of pages", as_json([good]), "refused"


def _hub(place: Place) -> Iterator[Case]:
    content = model(place)
    here = _desk(place, "main")
    pinned = _desk(place, OTHER)
    good = as_json(info(len(content)))
    for name, raw, wanted in _files(content):
        yield Case("hub's file", name, partial(_lock, place, here, _answering(good, raw)), wanted)  # type: ignore[arg-type]
    for name, about, wanted in _about(len(content)):
        yield Case("hub's list", name, partial(_lock, place, here, _answering(about, part(content))), wanted)  # type: ignore[arg-type]
    yield Case(
        "hub's list",
        "another commit than asked",
        partial(_lock, place, pinned, _answering(good, part(content))),
        "refused",
    )
    yield Case(
        "hub's list",
        "a bomb",
        partial(_lock, place, here, _answering(b"", b"", http(BOMB, headers="Content-Encoding: gzip\r\n"))),
        "refused",
    )
    statuses = ("400 No", "401 No", "402 Pay", "403 No", "404 No", "407 Proxy", "410 Gone", "429 Slow", "451 Law")
    for status in (*statuses, "500 No", "502 Bad", "521 x", "204 None"):
        raw = http(PAGE, status)
        yield Case("hub's list", f"HTTP {status}", partial(_lock, place, here, lambda _, raw=raw: raw), "refused")
    for code in ("GatedRepo", "\x1b[31m", "EntryNotFound", "RepoNotFound", "RevisionNotFound"):
        raw = http(PAGE, "403 No", f"X-Error-Code: {code}\r\n")
        yield Case("hub's list", f"HTTP 403, {code!r}", partial(_lock, place, here, lambda _, raw=raw: raw), "refused")
    for name, location in locations(place).items():
        raw = http(PAGE, "302 Found", f"Location: {location}\r\n")
        yield Case("hub's list", f"leads to {name}", partial(_lock, place, here, lambda _, raw=raw: raw), "refused")
        yield Case("hub's file", f"leads to {name}", partial(_lock, place, here, _answering(good, raw)), "refused")
    reply = _answering(good, http(b"", "302 Found", f"Location: {elsewhere(place)}/cdn\r\n"))
    yield Case(
        "hub's file",
        "leads to a CDN",
        partial(_lock, place, here, lambda path: part(content) if path == "/cdn" else reply(path)),
        "accepted",
    )
    yield Case(
        "hub's file",
        "leads to a CDN that refuses",
        partial(_lock, place, here, lambda path: http(PAGE, "403 No") if path == "/cdn" else reply(path)),
        "refused",
    )


def locations(place: Place) -> dict[str, str]:
    return {
        "itself": "/",
        "another host": f"{elsewhere(place)}/login?next={PASSWORD}",
        "nobody": "http://127.0.0.1:1/x",
        "a password": f"http://u:{PASSWORD}@127.0.0.1:1/",
        "a file": "file:///etc/passwd",
        "an escape": "http://127.0.0.1:1/\x1b[31m",
        "no address": "http://[::1",
        "two dots": "http://a..b/",
        "a port too high": "http://127.0.0.1:99999/",
        "https": f"https://{place.server.url[7:]}/",
        "a text of 70000": "/" + "x" * 60_000,
    }


def elsewhere(place: Place) -> str:
    """The same server under another name, to which no secret of the first may go."""
    return place.server.url.replace("127.0.0.1", "localhost")


def _desk(place: Place, revision: str) -> Path:
    directory = place.new("desk")
    text = f"{{repo: {REPO}, revision: {revision}, quant: Q4_K_M, context: 64}}"
    (directory / "Pulumi.dev.yaml").write_text(f"config:\n  local-llm:stack:\n    models:\n      a: {text}\n")
    return directory


def _answering(about: bytes, file: bytes, raw_about: bytes = b"") -> Reply:
    return lambda path: (raw_about or http(about)) if "/api/" in path else file


def no_secret_elsewhere(place: Place, run: Callable[[], None]) -> None:
    place.server.asked = []
    try:
        run()
    finally:
        heads = [head for head in place.server.asked if b"host: localhost" in head.lower()]
        if any(secret.encode() in head for head in heads for secret in (TOKEN, KEY)):
            raise WrongError("a token was sent to another server")


def _lock(place: Place, here: Path, reply: Reply) -> None:
    place.server.reply = reply
    lock = here / "models.lock.yaml"
    lock.unlink(missing_ok=True)
    try:
        no_secret_elsewhere(place, partial(place.ops, "lock", inside=here))
    except BaseException:
        if lock.exists():
            raise WrongError("it was refused after the lock was written") from None
        raise
    finally:
        if left := [name for name in os.listdir(here) if name.startswith(".draft")]:
            raise WrongError(f"it left {left}")
    place.ops("lock", "--check", inside=here)


def _urls(place: Place) -> Iterator[Case]:
    content = header(place.new("gguf"), {})
    for name, raw, wanted in _files(content):
        if "X-" not in name and name != "the whole file":
            odd = {"bytes 0-9/": "", "the part": "accepted"}
            expected = next((it for begin, it in odd.items() if begin in name), wanted)
            yield Case("a GGUF's URL", name, partial(_fit, place, lambda _, raw=raw: raw), expected)  # type: ignore[arg-type]
    for name, location in locations(place).items():
        raw = http(PAGE, "302 Found", f"Location: {location}\r\n")
        yield Case("a GGUF's URL", f"leads to {name}", partial(_fit, place, lambda _, raw=raw: raw), "refused")


def _fit(place: Place, reply: Reply) -> None:
    place.server.reply = reply
    line = ("fit", "--context", "64", "--gguf", f"{place.server.url}/a/b/resolve/main/x-Q4_K_M.gguf")
    no_secret_elsewhere(place, partial(place.ops, *line))
