"""What a hub answers to `ops lock`, and what lies in a directory that `ops lock --from` is given."""

import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.corpus.case import PASSWORD, TOKEN, Case, WrongError
from tests.corpus.place import MORE, Place, Reply, http
from tests.corpus.texts import WHOLE, as_json
from tests.corpus.texts import changed as changed_text
from tests.corpus.values import TEXTS, changed, put, short
from tests.ops import ggufs

REPO, COMMIT, SHA = "org/tiny-GGUF", "c" * 40, "d" * 64
STACK = f"config:\n  local-llm:stack:\n    models:\n      a: {{repo: {REPO}, quant: Q4_K_M, context: 64}}\n"
NAME = "a-Q4_K_M.gguf"
Files = dict[str, bytes]


def cases(place: Place) -> Iterator[Case]:
    content = model(place)
    here = _desk(place)
    for name, reply in _replies(content):
        yield Case("hub", name, partial(_lock, place, here, reply))
    for name, environment in _environments():
        yield Case("hub", name, partial(_lock, place, here, _good(content), environment), "refused")
    for number, (name, files) in enumerate(_directories(content)):
        yield Case("directory", f"{name} ({number})", partial(_from, place, files))
    for name, spoil in SPOILT.items():
        yield Case("directory", name, partial(_from, place, {NAME: content}, spoil), "refused")


def model(place: Place) -> bytes:
    """A small whole GGUF file."""
    pairs = {"block_count": 1, "context_length": 4096, "embedding_length": 256, "head_count": 4, "head_count_kv": 4}
    (file,) = ggufs.write(place.new("gguf") / NAME, pairs=pairs)
    return file.read_bytes()


def _desk(place: Place) -> Path:
    directory = place.new("desk")
    (directory / "Pulumi.dev.yaml").write_text(STACK)
    return directory


def info(size: int, names: tuple[str, ...] = (NAME, "README.md")) -> dict[str, Any]:
    """What the hub's API tells of a model."""
    lfs = {"size": size, "sha256": SHA, "pointerSize": 134}
    siblings = [{"rfilename": name, "size": size, "blobId": "e" * 40, "lfs": dict(lfs)} for name in names]
    return {
        "_id": "1",
        "id": REPO,
        "modelId": REPO,
        "sha": COMMIT,
        "private": False,
        "gated": False,
        "siblings": siblings,
    }


def _answering(about: bytes, content: bytes) -> Reply:
    def reply(path: str) -> bytes:
        if "/api/" in path:
            return http(about)
        return http(content, "206 Partial Content", f"Content-Range: bytes 0-{len(content) - 1}/{len(content)}\r\n")

    return reply


def _good(content: bytes) -> Reply:
    return _answering(as_json(info(len(content))), content)


def _replies(content: bytes) -> Iterator[tuple[str, Reply]]:
    good = info(len(content))
    for name, value in (*changed("hub", good, 90 * MORE), *_by_hand(good)):
        yield name, _answering(as_json(value), content)
    for name, text in changed_text("hub", as_json(good), 25 * MORE):
        yield name, _answering(text, content)
    for name, text in WHOLE.items():
        if len(text) < 100_000:
            yield f"the file is {name}", _answering(as_json(good), text)
    for name, raw in (*_statuses(), *RAW.items()):
        yield name, partial(_plain, raw)


def _by_hand(good: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    sibling, size = ("siblings", 0), good["siblings"][0]["size"]
    for odd in (text for text in TEXTS if len(text) < 300):
        for field in ("rfilename",), ("lfs", "sha256"):
            yield f"{'.'.join(field)} = {short(odd)}", put(good, (*sibling, *field), odd)
    for names in NAMES:
        yield f"files {short(' '.join(names))}", info(size, names)
    for value in (SHA.upper(), SHA[:-1], None, 7):
        yield f"sha256 {short(value)}", put(good, (*sibling, "lfs", "sha256"), value)


def _statuses() -> Iterator[tuple[str, bytes]]:
    headers = "X-Error-Message: \x1b[31mred [/x]\r\nLocation: /\r\n"
    for status in STATUSES:
        for body in (b"", f'{{"error": "token {TOKEN} \\u001b[31m is bad"}}'.encode(), b"\x1b[31m" * 50):
            yield f"HTTP {status}, {short(body)}", http(body, status, headers)


STATUSES = (
    "301 Moved", "302 Found", "401 No", "403 No", "404 No", "418 Tea", "429 Slow", "451 Law", "500 No", "503 No",
    "999 x", "abc",
)  # fmt: skip


def _plain(raw: bytes, path: str) -> bytes:
    del path
    return raw


NAMES: tuple[tuple[str, ...], ...] = (
    ("../a-Q4_K_M.gguf",), ("/a-Q4_K_M.gguf",), ("./a-Q4_K_M.gguf",), ("x//a-Q4_K_M.gguf",), ("a-Q4_K_M.gguf",
    "b-Q4_K_M.gguf"),
    ("a-Q4_K_M-00001-of-00002.gguf", "a-Q4_K_M-00003-of-00002.gguf"), ("a-Q4_K_M-00001-of-00000.gguf",),
    ("a-Q4_K_M-00000-of-00001.gguf",),
    ("a-Q4_K_M-00002-of-00002.gguf",), ("a-Q4_K_M-99999-of-99999.gguf",), ("a-UD-Q4_K_M.gguf",), ("Q4_K_M.gguf",),
    ("a-Q4_K_M.gguf",) * 2,
    ("[/red]-Q4_K_M.gguf",), ("\x1b[31m-Q4_K_M.gguf",), ("\ud800-Q4_K_M.gguf",), ("$(HF_TOKEN)-Q4_K_M.gguf",),
    ("a\n-Q4_K_M.gguf",),
    ("a\0-Q4_K_M.gguf",), ("x" * 5000 + "-Q4_K_M.gguf",), ("a-Q4_K_M.gguf ",), ("a\\b-Q4_K_M.gguf",), (),
    tuple(f"{n}-Q4_K_M.gguf" for n in range(2000)),
)  # fmt: skip
RAW = {
    "no answer at all": b"",
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "half a status": b"HTTP/1.1 20",
    "a line without end": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n{}",
    "less than promised": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}",
    "a length that is none": b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}",
    "bad chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "not gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    "another charset": b"HTTP/1.1 200 OK\r\nContent-Type: a/b; charset=x\x1b\r\nContent-Length: 3\r\n\r\n\xff\xfe{",
    "a redirect to nowhere": http(b"", "302 Found", "Location: http://[::1\r\n"),
    "a redirect with a password": http(b"", "302 Found", f"Location: http://user:{PASSWORD}@127.0.0.1:1/\r\n"),
    "a redirect to a file": http(b"", "302 Found", "Location: file:///etc/passwd\r\n"),
    "a redirect without a place": http(b"", "302 Found"),
    "an escape in a header": http(b"", "404 \x1b[31mred", "X-Error-Code: \x1b[31m\r\n"),
}


def _environments() -> Iterator[tuple[str, dict[str, str]]]:
    for odd in (
        f"{TOKEN} ",
        f" {TOKEN}",
        f"{TOKEN}\n",
        f"{TOKEN}\r\nX: y",
        f"{TOKEN}\x1b",
        f"{TOKEN}é",
        f"{TOKEN}\t{TOKEN}",
        f"{TOKEN}\udcff",
    ):
        yield f"HF_TOKEN with {short(odd.replace(TOKEN, '...'))}", {"HF_TOKEN": odd}


def _lock(place: Place, here: Path, reply: Reply, environment: dict[str, str] | None = None) -> None:
    """`ops lock`; what it refuses leaves the lock as it was, and what it writes every command reads."""
    place.server.reply = reply
    lock = here / "models.lock.yaml"
    lock.unlink(missing_ok=True)
    kept = {name: os.environ[name] for name in environment or {}}
    os.environ.update(environment or {})
    try:
        place.ops("lock", inside=here)
    except BaseException:
        if lock.exists():
            raise WrongError("it was refused after the lock was written") from None
        raise
    finally:
        os.environ.update(kept)
    place.ops("lock", "--check", inside=here)


def _directories(content: bytes) -> Iterator[tuple[str, Files]]:
    cache, place = f"models--{REPO.replace('/', '--')}", f"{REPO}/.cache/huggingface/download"
    note = f"{COMMIT}\n{SHA}\n1.0\n".encode()
    for names in NAMES:
        if names and not any("\0" in name or len(name) > 200 or name.startswith(("/", "..")) for name in names):
            yield f"files {short(' '.join(names[:3]))}", {f"{REPO}/{name}": content for name in names[:30]}
    for name, text in WHOLE.items():
        if len(text) < 100_000:
            yield f"the file is {name}", {f"{REPO}/{NAME}": text}
            yield f"the note is {name}", {f"{REPO}/{NAME}": content, f"{place}/{NAME}.metadata": text}
    yield "a good note of another file", {f"{REPO}/{NAME}": content, f"{place}/{NAME}.metadata": note}
    for ref in (b"", b"../../../secret", COMMIT.encode(), b"\xff\xfe", b"\x1b[31m", b"x" * 5000, b"a\0b", b"."):
        yield f"a ref {short(ref)}", {f"{cache}/refs/main": ref, f"{cache}/snapshots/{COMMIT}/{NAME}": content}
    for snapshot in ("\x1b[31m", "[/red]", "é", COMMIT[:-1], f"{COMMIT}x", "a b"):
        yield f"a snapshot {short(snapshot)}", {f"{cache}/snapshots/{snapshot}/{NAME}": content}


def _pipe(directory: Path) -> None:
    (directory / NAME).unlink()
    os.mkfifo(directory / NAME)


def _out_of_it(directory: Path) -> None:
    outside = directory.parent / "outside.gguf"
    (directory / NAME).rename(outside)
    (directory / NAME).symlink_to(outside)


def _dangling(directory: Path) -> None:
    (directory / NAME).unlink()
    (directory / NAME).symlink_to("nowhere.gguf")


def _circle(directory: Path) -> None:
    (directory / NAME).unlink()
    (directory / NAME).symlink_to(NAME)


def _folder(directory: Path) -> None:
    (directory / NAME).unlink()
    (directory / NAME).mkdir()


def _device(directory: Path) -> None:
    (directory / NAME).unlink()
    (directory / NAME).symlink_to("/dev/zero")


SPOILT = {
    "a pipe": _pipe,
    "a link out of it": _out_of_it,
    "a link to nothing": _dangling,
    "a link to itself": _circle,
    "a folder": _folder,
    "a link to a device": _device,
}


def _from(place: Place, files: Files, spoil: Any = None) -> None:
    here = _desk(place)
    root = here / "files"
    for name, content in files.items():
        file = root / os.fsdecode(name.encode("utf-8", "surrogatepass"))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    if spoil:
        spoil(root)
    arguments = [] if "snapshots" in json.dumps(list(files)) else ["--commit", COMMIT]
    place.ops("lock", "--from", "files", *arguments, inside=here)
    place.ops("lock", "--check", inside=here)
