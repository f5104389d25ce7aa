"""The local hub as a process, and the unmodified library in front of it."""

import http.client
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.hub import GEMMA_REPO, Repos, populate

ROOT = Path(__file__).parents[3]
_DOWNLOAD = f"""
import sys
from huggingface_hub import HfApi, hf_hub_download
commit = HfApi().list_repo_refs("{GEMMA_REPO}").branches[0].target_commit
tree = HfApi().list_repo_tree("{GEMMA_REPO}", revision=commit, recursive=True)
found = HfApi().get_paths_info("{GEMMA_REPO}", ["gemma-3-270m-Q4_K_M.gguf", "nowhere"], revision=commit)
for name in [entry.path for entry in tree]:
    hf_hub_download("{GEMMA_REPO}", name, revision=commit, local_dir="got")
print(found[0].lfs.sha256)
"""


def offer(root: Path, files: Path) -> None:
    populate(root, GEMMA_REPO, {f"gemma-3-270m-{quant}.gguf": files / quant for quant in ("Q4_K_M", "Q3_K_M")})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for quant in ("Q4_K_M", "Q3_K_M"):
        (tmp_path / quant).write_bytes(quant.encode() * 1000)
    offer(tmp_path / "hub", tmp_path)
    return tmp_path / "hub"


@pytest.fixture
def endpoint(root: Path) -> Iterator[str]:
    argv = [sys.executable, "-m", "dev.hub", "--port", "0", "--cdn-port", "0", "--root", str(root)]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().split()[-1]
        process.terminate()
        assert process.wait(300) == 0


def test_the_library_lists_and_downloads_everything_with_the_right_hash(
    root: Path, endpoint: str, tmp_path: Path
) -> None:
    env = {**os.environ, "HF_ENDPOINT": endpoint, "HF_TOKEN": "hf_x", "HF_HOME": str(tmp_path / "home")}
    argv = [sys.executable, "-c", _DOWNLOAD]
    ran = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr
    repo = Repos(root).get(GEMMA_REPO)
    assert repo is not None
    assert ran.stdout.strip() == repo.entries["gemma-3-270m-Q4_K_M.gguf"].sha256
    for path, entry in repo.entries.items():
        assert (tmp_path / "got" / path).read_bytes() == entry.file.read_bytes()


def test_a_commit_id_follows_the_contents_and_nothing_else(root: Path, tmp_path: Path) -> None:
    def commit() -> str:
        repo = Repos(root).get(GEMMA_REPO)
        assert repo is not None
        return repo.commit

    before = commit()
    offer(root, tmp_path)
    os.utime(tmp_path / "Q4_K_M", (1, 1))
    assert commit() == before, "another machine, another day: the same lock"
    (tmp_path / "Q3_K_M").write_bytes(b"other")
    assert commit() != before


def test_the_redirect_goes_where_the_client_came_from(endpoint: str) -> None:
    # A pair of ports forwarded to the hub's: the client knows no others.
    port = int(endpoint.rsplit(":", 1)[1])
    client = http.client.HTTPConnection("127.0.0.1", port)
    path = f"/{GEMMA_REPO}/resolve/main/gemma-3-270m-Q4_K_M.gguf"

    def location(**headers: str) -> str:
        client.request("GET", path, headers=headers)
        with client.getresponse() as answer:
            answer.read()
            return answer.headers["Location"]

    forwarded, direct = location(Host="hub.example:20002"), location()
    client.close()
    offset = int(direct.split(":")[2].split("/")[0]) - port
    assert forwarded.startswith(f"http://hub.example:{20002 + offset}/")


def test_the_cdn_refuses_a_second_kind_of_credentials(endpoint: str) -> None:
    url = f"{endpoint}/{GEMMA_REPO}/resolve/main/gemma-3-270m-Q4_K_M.gguf"
    with pytest.raises(urllib.error.HTTPError) as caught:  # urllib sends the header to wherever it is redirected
        urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": "Bearer x"}))  # noqa: S310 - http
    caught.value.close()
    assert caught.value.status == 400


def test_faults_are_ordered_and_requests_listed_over_http(endpoint: str) -> None:
    def post(rules: object) -> int:
        body = json.dumps(rules).encode()
        try:
            with urllib.request.urlopen(f"{endpoint}/_faults", data=body) as answer:  # noqa: S310 - http
                return answer.status
        except urllib.error.HTTPError as error:
            error.close()
            return error.status or 0

    assert post([{"origin": "api", "status": 418}]) == 204
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{endpoint}/api/models/{GEMMA_REPO}")  # noqa: S310 - http
    caught.value.close()
    assert caught.value.status == 418
    assert post([{"origin": "api", "state": 418}]) == 400, "a misspelt fault would make a test pass for nothing"
    with urllib.request.urlopen(f"{endpoint}/_log") as answer:  # noqa: S310 - http
        assert [row["status"] for row in json.load(answer)] == [418]
