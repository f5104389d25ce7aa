"""The pod that advertises GPU memory, before API servers that are none: a sentence, another try, and no token shown."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pods.advertise.cluster_api import ApiError, ClusterApi
from pods.core import metrics
from pods.core.report import ExitError
from tests.pods.advertise.advertising import BOTH, RESOURCE, Advertiser
from tests.pods.advertise.api_server import TOKEN, ApiServer, Fault
from tests.pods.bench import until


@pytest.fixture
def api() -> Iterator[ApiServer]:
    server = ApiServer()
    server.register("k8s-node1", **{"nvidia.com_gpu.present": "true"})
    yield server
    server.close()


@pytest.fixture
def asked(api: ApiServer, tmp_path: Path) -> ClusterApi:
    (tmp_path / "token").write_text(TOKEN)
    return ClusterApi(api.url, str(tmp_path), 600)


def says(status: int, body: bytes = b"", **headers: str) -> Fault:
    def fault(handler: Any, *_: str) -> bool:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        return True

    return fault


def trickle(head: bool) -> Fault:
    """A byte now and then, of the headers or of the body, until whoever asks has had enough."""

    def fault(handler: Any, *_: str) -> bool:
        pause = threading.Event()
        if not head:
            handler.send_response(200)
            handler.end_headers()
        else:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        while not pause.wait(0.02):
            handler.wfile.write(b"x")
        return True

    return fault


ODD: dict[str, tuple[Fault, int, str]] = {
    "a page": (says(200, b"<html><title>Sign in</title>", Content_Type="text/html"), 0, "line 1 is not JSON"),
    "null": (says(200, b"null"), 0, "it is a single value, not an object"),
    "a list": (says(200, b"[]"), 0, "it is a list, not an object"),
    "nothing": (says(200), 0, "is not JSON"),
    "ten megabytes": (says(200, b'{"items": ["' + b"x" * (10 << 20) + b'"]}'), 0, "it has more than 4 MiB"),
    "deep lists": (says(200, b'{"items": ' + b"[" * 9000), 0, "nested more than 64 levels"),
    "a key twice": (says(200, b'{"items": [], "items": []}'), 0, "'items' is there twice"),
    "another encoding": (says(200, b"\xff\xfe\x00"), 0, "no usable answer"),
    "a number of 400 digits": (says(200, b'{"items": ' + b"9" * 400 + b"}"), 0, "more than 64 digits"),
    "410": (says(410, b'{"message": "too old resource version"}'), 410, "too old resource version"),
    "429": (says(429, b'{"message": "slow down"}', Retry_After="7"), 429, "slow down"),
    "503 with a page": (says(503, b"<html>", Retry_After="99999999999"), 503, "Service Unavailable"),
    "503 with a date": (says(503, b"{}", Retry_After="Wed, 21 Oct 2026 07:28:00 GMT"), 503, "Service Unavailable"),
    "500 with null": (says(500, b"null"), 500, "Internal Server Error"),
    "500 with another message": (says(500, b'{"message": {"a": "\\u001b[31m"}}'), 500, "{'a': '\\x1b[31m'}"),
    "500 that repeats the token": (says(500, f'{{"message": "no {TOKEN} here"}}'.encode()), 500, "no ... here"),
    "an escape sequence": (says(500, b'{"message": "\\u001b[31mred\\u202e"}'), 500, "\\x1b[31mred"),
    "a message of a megabyte": (says(500, b'{"message": "' + b"y" * (1 << 20) + b'"}'), 500, "Internal Server Error"),
    "no content": (says(204), 0, "is not JSON"),
    "not modified": (says(304), 304, "it redirects, which is not followed"),
}


@pytest.mark.parametrize(("fault", "code", "words"), ODD.values(), ids=ODD)
def test_an_odd_answer_is_a_sentence(api: ApiServer, asked: ClusterApi, fault: Fault, code: int, words: str) -> None:
    api.fault = fault
    with pytest.raises(ApiError) as caught:
        asked.request("GET", "/api/v1/nodes?labelSelector=a")
    said = str(caught.value)
    assert (caught.value.code, words in said) == (code, True), said
    assert said.isprintable()
    assert len(said) < 600
    assert TOKEN not in said
    rests = {"429": 7, "503 with a page": 60}
    assert caught.value.rest_s == next((rests[name] for name in rests if ODD[name][0] is fault), 0)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_no_redirect_takes_the_token_along(api: ApiServer, asked: ClusterApi, status: int, method: str) -> None:
    other = ApiServer()
    try:
        api.fault = says(status, Location=f"{other.url}/api/v1/nodes")
        with pytest.raises(ApiError, match="it redirects, which is not followed: the token would go along") as caught:
            asked.request(method, "/api/v1/nodes?labelSelector=a", {} if method == "PATCH" else None)
        assert caught.value.code == status
        assert other.asked == []
        assert len(api.asked) == 1
    finally:
        other.close()


@pytest.mark.parametrize("head", [True, False], ids=["headers", "a body"])
def test_a_trickle_ends_after_the_time_for_a_whole_answer(api: ApiServer, tmp_path: Path, head: bool) -> None:
    """Each byte started the time limit anew, and the pod asked nobody any more."""
    (tmp_path / "token").write_text(TOKEN)
    api.fault = trickle(head)
    with pytest.raises(ApiError, match=r"no usable answer from http://127\.0\.0\.1:\d+: none within 0\.5 s"):
        ClusterApi(api.url, str(tmp_path), 0.5).request("GET", "/x")


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (None, "cannot be read"),
        (b"", "has nothing in it"),
        (b" \n", "has nothing in it"),
        (b"a b", "a space in its middle"),
        (b"a\nb", "a line break in its middle"),
        (b"\xff\xfe", "a character beyond ASCII"),
        (b"a\0b", "a control character"),
    ],
)
def test_a_token_that_cannot_be_sent_is_said_and_never_shown(
    api: ApiServer, tmp_path: Path, token: bytes | None, words: str
) -> None:
    if token is not None:
        (tmp_path / "token").write_bytes(token)
    with pytest.raises(ApiError) as caught:
        ClusterApi(api.url, str(tmp_path), 600).request("GET", "/x")
    assert words in str(caught.value)
    assert api.asked == []


def test_the_token_is_read_again_for_each_request(api: ApiServer, asked: ClusterApi, tmp_path: Path) -> None:
    """The kubelet replaces a bound token within its hour, by a link to another directory."""
    assert asked.request("GET", "/api/v1/nodes?labelSelector=nvidia.com/gpu.present%3Dtrue")["items"]
    (tmp_path / "token").unlink()
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "token").write_text("the-next-one")
    (tmp_path / "token").symlink_to("..data/token")
    api.token = "the-next-one"
    assert asked.request("GET", "/api/v1/nodes?labelSelector=nvidia.com/gpu.present%3Dtrue")["items"]


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        ("", "443", "KUBERNETES_SERVICE_HOST is not set"),
        ("127.0.0.1", "port", "no usable answer from https://127.0.0.1:port"),
        ("127.0.0.1", "99999", "no usable answer from https://127.0.0.1:99999"),
        ("a b", "443", "no usable answer from https://a b:443"),
        ("::1", "1", "no usable answer from https://[::1]:1"),
        ("127.0.0.1", "", "no usable answer from https://127.0.0.1:"),
    ],
)
def test_an_environment_that_is_no_pod_s_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, port: str, words: str
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT_HTTPS", port)
    (tmp_path / "token").write_text(TOKEN)
    with pytest.raises(ApiError) as caught:
        ClusterApi("", str(tmp_path), 5).request("GET", "/x")
    assert words in str(caught.value)


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "", "A", "x" * 300, None, 5, "a\x1b", "a?b"])
def test_a_node_whose_name_is_none_is_no_path(api: ApiServer, tmp_path: Path, name: Any) -> None:
    api.nodes["k8s-node1"]["metadata"]["name"] = name
    advertiser = Advertiser(api, tmp_path)
    advertiser.start()
    try:
        advertiser.wait("waiting", "the API server's list of nodes is unusable")
        assert not [method for method, _ in api.asked if method == "PATCH"]
        api.register("k8s-node1", **{"nvidia.com_gpu.present": "true"})
        advertiser.wait("ready")
        assert api.offered("k8s-node1", RESOURCE) == BOTH
    finally:
        assert advertiser.process
        advertiser.process.kill()
        advertiser.process.wait()


def test_it_rests_as_long_as_the_api_server_asks_and_then_goes_on(api: ApiServer, tmp_path: Path) -> None:
    api.fault = says(429, json.dumps({"message": "slow down"}).encode(), Retry_After="2")
    advertiser = Advertiser(api, tmp_path)
    advertiser.start()
    try:
        advertiser.wait("waiting", "HTTP 429, slow down")
        assert len(api.asked) == 1, "it would ask twenty times a second"
        api.fault = None
        advertiser.wait("ready")
        until(lambda: advertiser.get("/readyz")[0] == 200, "being ready")
        assert TOKEN not in advertiser.log.read_text()
    finally:
        assert advertiser.process
        advertiser.process.kill()
        advertiser.process.wait()


def test_a_port_that_is_taken_is_said(api: ApiServer) -> None:
    port = int(api.url.rpartition(":")[2])
    with pytest.raises(ExitError, match=f"port {port} cannot be listened on: Address already in use") as caught:
        metrics.serve(port, str)
    assert caught.value.code == 78
