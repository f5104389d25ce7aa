"""Prometheus and nvidia-smi answering nonsense, and stack files of every editor."""

import json
from typing import Any

import pytest

from tests import stacks
from tests.ops.calibrate.measured import HEAD, NODE, vector
from tests.ops.inside import SECRET, Inside
from tests.ops.odd_server import answering


def row(value: Any, **labels: Any) -> dict[str, Any]:
    return {"metric": {"namespace": "frigate", "pod": "frigate-0", **labels}, "value": value}


ODD: dict[str, tuple[bytes, str]] = {
    "a portal's page": (b"<html>", "this is not JSON"),
    "null": (b"null", "it is a single value, not an object"),
    "a list": (b"[]", "it is a list, not an object"),
    "no keys": (b"{}", "status: the key is missing"),
    "null in place of data": (b'{"status": "success", "data": null}', "a value of no type"),
    "a list in place of data": (b'{"status": "success", "data": []}', "data: got []"),
    "null in place of a result": (vector([None]), "data.result.0: got nothing"),
    "null in place of labels": (vector([{"metric": None, "value": [1, "5"]}]), "metric: got nothing"),
    "a label that is a list": (vector([row([1, "5"], pod=["a"])]), "metric.pod: got ['a']"),
    "null in place of a value": (vector([row(None)]), "value: got nothing"),
    "one number in place of a value": (vector([row([1])]), "data.result.0.value.1: the key is missing"),
    "no number": (vector([row([1, "many"])]), "says 'many' of"),
    "400 digits": (vector([row([1, "7" * 400])]), "says '777"),
    "400 digits without quotes": (vector([row([0, "5"])]).replace(b"[0,", b"[" + b"7" * 400 + b","), "64 digits"),
    "a negative size": (vector([row([1, "-5"])]), "says '-5' of"),
    "more than any card": (vector([row([1, "1e300"])]), "says '1e300' of"),
    "superscripts": (vector([row([1, "²³"])]), "says '²³' of"),
    "20000 levels": (b'{"status": ' + b"[" * 20000, "nested more than 64 levels deep"),
    "a key twice": (b'{"status": "success", "status": "error"}', "the key 'status' is there twice"),
    "Latin-1": (b'{"status": "\xe9"}', "byte 0xe9 of it is not UTF-8"),
    "an escape sequence in its error": (json.dumps({"status": "error", "error": "\x1b[1m"}).encode(), r"\x1b[1m"),
    "an escape sequence in its type": (vector([], "\x1b[1m"), r"answered with a \x1b[1m"),
    "an escape sequence in a pod": (vector([row([1, "5"], pod="\x1b[1m[/red]")]), r"\x1b[1m[/red]"),
}


@pytest.mark.parametrize("case", ODD)
def test_a7_prometheuss_odd_answer_is_a_sentence_that_says_who_answered_what(inside: Inside, case: str) -> None:
    body, said = ODD[case]
    with answering(body) as server:
        printed = inside.run("calibrate", "--stack", "t4", "--prometheus", server.url, "--write", code=2)

    assert said in printed
    assert server.url in printed or "\x1b" not in printed
    assert (inside.directory / "Pulumi.t4.yaml").read_bytes() == (stacks.EXAMPLE / "Pulumi.t4.yaml").read_bytes()


@pytest.mark.parametrize(
    ("listing", "said"),
    [
        (f"{HEAD}\n4711, /app/llama-server, ²³ MiB\n".encode(), "not a line of nvidia-smi's list"),
        (f"{HEAD}\n²³, /app/llama-server, 23 MiB\n".encode(), "not a line of nvidia-smi's list"),
        (f"{HEAD}\n4711, /app/llama-server, ٣ MiB\n".encode(), "not a line of nvidia-smi's list"),
        (f"{HEAD}\n4711, /app/llama-server, {'7' * 400} MiB\n".encode(), "not a line of nvidia-smi's list"),
        (f"{HEAD}\n{'7' * 5000}, /app/llama-server, 5 MiB\n".encode(), "not a line of nvidia-smi's list"),
        (f"{HEAD}\n4711, \x1b[31m, [N/A]\n".encode(), r"does not say how much \x1b[31m holds"),
        (f"{HEAD}\n4711, a[/red]\x1b[1m, 5 MiB\n".encode(), r"a[/red]\x1b[1m"),
        (b"\xff\xfe\x00", "the list of processes, line 1"),
        (b"\xe9\n", "byte 0xe9 of it is not UTF-8"),
        (b"\x1b[31mpid", r"'\x1b[31mpid'"),
        (b"", "from nvidia-smi: nothing"),
        (b"x" * 10**6, "from nvidia-smi: 'xxx"),
    ],
    ids=lambda it: repr(it)[:40],
)
def test_a7_nvidia_smis_odd_list_is_a_sentence(inside: Inside, listing: bytes, said: str) -> None:
    (inside.directory / "list").write_bytes(listing)

    printed = inside.run("calibrate", "--stack", "t4", "--nvidia-smi", "list", "--model", "qwen3-8b", code=2)

    assert said in printed


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("before", ["frigate: {peak_mib: 1950}", "frigate:\n          peak_mib: 1950"])
def test_a4_a_file_keeps_its_line_ends_and_its_encoding(
    inside: Inside, encoding: str, line_end: str, before: str
) -> None:
    """Every line of a CRLF file was written anew."""
    file = inside.directory / "Pulumi.t4.yaml"
    text = file.read_text().replace("frigate: {peak_mib: 1950}", before)
    (inside.directory / "list").write_text(NODE)
    wanted = ("--tenant", "frigate", "--tenant", "immich-ml=ffmpeg", "--write")
    file.write_text(text)
    inside.run("calibrate", "--stack", "t4", "--nvidia-smi", "list", *wanted, code=0)
    expected = file.read_text()
    file.write_bytes(text.replace("\n", line_end).encode(encoding))

    inside.run("calibrate", "--stack", "t4", "--nvidia-smi", "list", *wanted, code=0)

    assert file.read_bytes() == expected.replace("\n", line_end).encode(encoding)
    assert expected.count("measured") == text.count("measured") + 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a4_a_list_of_processes_from_windows_is_read(inside: Inside, encoding: str) -> None:
    (inside.directory / "list").write_bytes(NODE.replace("\n", "\r\n").encode(encoding))

    printed = inside.run("calibrate", "--stack", "t4", "--nvidia-smi", "list", "--model", "qwen3-8b", code=0)

    assert "6996 MiB" in printed


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--prometheus", "http://a..b"), "with one dot between them"),
        (("--prometheus", "http://[::1"), "stands in brackets"),
        (("--prometheus", "prometheus:9090"), "begins with http:// or https://"),
        (("--prometheus", "http://h", "--metric", 'x"}[1d]'), "--metric"),
        (("--prometheus", "http://h", "--metric", ""), "--metric"),
        (("--prometheus", "http://h", "--pod-label", "a:b"), "--pod-label"),
        (("--prometheus", "http://h", "--pod-label", "[/red]"), "'[/red]' is no name of Prometheus"),
        (("--prometheus", "http://h", "--days", "10000000000"), "Invalid value"),
        (("--nvidia-smi", "list", "--build", "10000000000"), "Invalid value"),
        (("--nvidia-smi", "nowhere"), "nowhere: No such file"),
        (("--nvidia-smi", "/dev/zero"), "more than 16 MiB"),
        (("--nvidia-smi", "/"), "Is a directory"),
        (("--nvidia-smi", "x" * 300), "File name too long"),
    ],
    ids=lambda it: repr(it)[:60],
)
def test_a8_options_that_cannot_be_are_refused_in_words(inside: Inside, options: tuple[str, ...], said: str) -> None:
    assert said in inside.run("calibrate", "--stack", "t4", *options, code=2)


@pytest.mark.parametrize(
    "url", ["http://user:{}@127.0.0.1:1", "http://{}@h", "http://u:{}@[::1", "u:{}@h", "http://u:{} @h", "http://h:1/?{}"]
)  # fmt: skip
def test_b2_a_password_of_prometheus_is_refused_and_not_repeated(inside: Inside, url: str) -> None:
    inside.run("calibrate", "--stack", "t4", "--prometheus", url.format(SECRET), code=2)
