"""D12: whose certificates a fetch believes, and what it says of the others."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pods.bench import Bench
from tests.pods.egress import authority as authorities
from tests.pods.egress.authority import Authority
from tests.pods.egress.front import Front
from tests.pods.pythons import pythons
from tests.serving import serving


@pytest.fixture
def direct(bench: Bench, front: Front) -> Bench:
    """A fetch that reaches the hub's TLS without a proxy."""
    bench.manifest |= {"endpoint": f"https://127.0.0.1:{front.server_port}", "attempts": 2}
    bench.offer("a-Q4_K_M.gguf", 512)
    return bench


def test_d12_an_authority_of_the_network_is_trusted_besides_the_images(direct: Bench, authority: Authority) -> None:
    direct.manifest["ca_file"] = str(authority.ca)
    assert direct.fetch()[0] == 0


def test_d12_without_it_the_fetch_ends_at_once_and_says_which_key_is_missing(direct: Bench) -> None:
    assert direct.fetch()[0] == 77
    said = direct.termination.read_text()
    assert f"nobody trusted here vouches for {direct.manifest['endpoint'][8:]}" in said
    assert "fetch.ca_configmap" in said
    assert direct.hub.log == [], "and no token was sent"


def test_d12_an_authority_that_the_image_brings_counts_and_the_stacks_is_added(
    direct: Bench, authority: Authority, tmp_path: Path
) -> None:
    direct.environment = {"SSL_CERT_FILE": str(authority.ca)}
    assert direct.fetch()[0] == 0
    (other := tmp_path / "other").mkdir()
    direct.manifest |= {"ca_file": str(authorities.make(other, "other.test").ca), "verify": "always"}
    direct.blob().unlink()
    assert direct.fetch()[0] == 0, "added, not in place of it"


def test_d12_another_authority_is_not_enough(direct: Bench, tmp_path: Path) -> None:
    direct.manifest["ca_file"] = str(authorities.make(tmp_path, "hub.test").ca)
    assert direct.fetch()[0] == 77


def test_d12_a_bundle_of_several_with_remarks_between_them_is_read(
    direct: Bench, authority: Authority, tmp_path: Path
) -> None:
    (other := tmp_path / "other").mkdir()
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(f"# ours\n{authorities.make(other, 'a.test').ca.read_text()}\n# ä\n{authority.ca.read_text()}")
    direct.manifest["ca_file"] = str(bundle)
    assert direct.fetch()[0] == 0


@pytest.mark.parametrize("content", [b"", b"no certificate", b"\x30\x82\x01\x0a", b"-----BEGIN CERTIFICATE-----\nx"])
def test_d12_a_bundle_that_is_none_is_refused_before_anything_is_asked(
    direct: Bench, tmp_path: Path, content: bytes
) -> None:
    (bundle := tmp_path / "bundle.pem").write_bytes(content)
    direct.manifest["ca_file"] = str(bundle)
    assert direct.fetch()[0] == 78
    assert f"{bundle} holds no certificate" in direct.termination.read_text()
    assert direct.hub.log == []


def test_d12_a_key_that_the_configmap_lacks_is_said_so(direct: Bench, tmp_path: Path) -> None:
    direct.manifest["ca_file"] = str(tmp_path / "ca.crt")
    assert direct.fetch()[0] == 78
    assert "fetch.ca_configmap names a key that the ConfigMap lacks" in direct.termination.read_text()


@pytest.fixture
def misnamed(bench: Bench, tmp_path: Path) -> Iterator[Bench]:
    """A hub whose certificate is of another name."""
    made = authorities.make(tmp_path, "other.test")
    front = Front(bench.hub, made)
    with serving(front):
        endpoint = f"https://127.0.0.1:{front.server_port}"
        bench.manifest |= {"endpoint": endpoint, "ca_file": str(made.ca), "attempts": 2}
        bench.offer("a-Q4_K_M.gguf", 512)
        yield bench


def test_d12_a_certificate_of_another_name_is_refused_in_openssls_words(misnamed: Bench) -> None:
    assert misnamed.fetch()[0] == 69
    assert "IP address mismatch" in misnamed.termination.read_text()


@pytest.mark.parametrize("python", pythons())
def test_d12_an_authority_as_companies_have_them_is_trusted_by_every_python(
    bench: Bench, tmp_path: Path, python: str
) -> None:
    """Python 3.13 refuses an authority whose basicConstraints are not critical, unless it is told otherwise."""
    made = authorities.make(tmp_path, "127.0.0.1", strict=False)
    front = Front(bench.hub, made)
    with serving(front):
        bench.manifest |= {"endpoint": f"https://127.0.0.1:{front.server_port}", "ca_file": str(made.ca), "attempts": 2}
        bench.offer("a-Q4_K_M.gguf", 512)
        code, printed = bench.fetch(via=[python])
    assert code == 0, printed
