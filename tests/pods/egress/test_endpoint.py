"""C14, D12: where a hub is: below a path, behind redirects that lead nowhere, with an address that is none."""

import pytest

from dev.hub import Rule
from tests.pods.bench import SECRET, Bench
from tests.pods.egress.front import BESIDE, Front
from tests.serving import serving

PATH = "/artifactory/api/huggingfaceml/y"


@pytest.mark.parametrize("path", [PATH, "/hub", "/a/b%20c/d.e", "/~mirror", "/x:y,z"])
def test_c14_a_hub_below_a_path_is_fetched_from(bench: Bench, path: str) -> None:
    content = bench.offer("a b-Q4_K_M.gguf", 512)
    front = Front(bench.hub, path=path)
    with serving(front) as url:
        bench.manifest["endpoint"] = f"{url}{path}"
        assert bench.fetch()[0] == 0
    assert bench.blob().read_bytes() == content
    expected = f"{path}/{bench.manifest['repo']}/resolve/{bench.manifest['commit']}/a%20b-Q4_K_M.gguf"
    of_hub = [seen for seen in front.seen if not seen[":path"].startswith(BESIDE)]
    assert {(seen[":path"], seen["authorization"]) for seen in of_hub} == {(expected, f"Bearer {SECRET}")}


def test_c14_a_hub_without_its_path_names_the_address_that_it_asked(bench: Bench) -> None:
    bench.offer("a-Q4_K_M.gguf", 512)
    with serving(Front(bench.hub, path=PATH)) as url:
        bench.manifest["endpoint"] = url
        assert bench.fetch()[0] == 66
    assert f"{url}/{bench.manifest['repo']}/resolve/" in bench.termination.read_text()


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://user:pw@hub.test",
        "http://hub.test/x@y",
        "http://hub.test/",
        "http://hub.test?x=1",
        "http://hub.test/a//b",
        "ftp://hub.test",
        "http://",
    ],
)
def test_c14_an_endpoint_that_no_plan_writes_is_refused(bench: Bench, endpoint: str) -> None:
    bench.offer("a-Q4_K_M.gguf", 512)
    bench.manifest["endpoint"] = endpoint
    assert bench.fetch()[0] == 78


@pytest.mark.parametrize(
    "location",
    ["http://[::1", "http://:80/x", "http://h:99999/x", "https://", "//[x", "http://user:secretpw@[::1/x"],
)
def test_d12_a_redirect_that_leads_nowhere_is_told_and_no_traceback(bench: Bench, location: str) -> None:
    bench.offer("a-Q4_K_M.gguf")
    bench.hub.faults.set(Rule("api", status=302, headers={"Location": location}))

    code, printed = bench.fetch()

    assert code == 69, printed
    assert "secretpw" not in printed
    assert "is no address of a web server" in bench.termination.read_text()


def test_d12_a_redirect_with_a_password_is_followed_and_its_password_never_shown(bench: Bench) -> None:
    bench.offer("a-Q4_K_M.gguf")
    bench.manifest["attempts"] = 2
    bench.hub.faults.set(Rule("api", status=302, headers={"Location": "http://user:secretpw@127.0.0.1:9/x"}))

    code, printed = bench.fetch()

    assert code == 69
    assert "secretpw" not in printed + bench.termination.read_text()
    assert "http://127.0.0.1:9/x" in printed
