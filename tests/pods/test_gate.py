"""The gate: a server starts when its weights are whole, and a person learns what is missing."""

import json
import shutil
from pathlib import Path

import pytest

from tests.pods.bench import Bench


@pytest.fixture
def fetched(bench: Bench) -> Bench:
    """A volume with one whole model, and the gate's manifest for it."""
    bench.offer("a-Q4_K_M.gguf", 5000)
    assert bench.fetch()[0] == 0
    files = [{"link": file["link"], "size": file["size"]} for file in bench.manifest["files"]]
    model = {"id": bench.manifest["id"], "gen": bench.manifest["gen"], "files": files}
    gate = Bench.__new__(Bench)
    gate.__dict__ |= vars(bench)
    gate.manifest = {"root": str(bench.root), "models": [model], "timeout_s": 0, "poll_s": 0.02}
    return gate


def ready(gate: Bench) -> Path:
    return gate.root / "tiny-q4" / "0123456789ab" / "READY.json"


def test_a_whole_model_opens_the_gate(fetched: Bench) -> None:
    code, printed = fetched.fetch("gate")
    assert code == 0, printed


@pytest.mark.parametrize("damage", ["no ready", "torn ready", "other generation", "no link", "dangling", "short"])
def test_whatever_is_missing_closes_the_gate_and_is_named(fetched: Bench, damage: str) -> None:
    model, blob = ready(fetched).with_name("model.gguf"), next((fetched.root / ".blobs").glob("sha256-" + 64 * "?"))
    expected = {"no ready": "READY.json is missing", "torn ready": "unreadable", "other generation": "about generation"}
    expected |= {"no link": "model.gguf is missing", "dangling": "dangling link", "short": "has 10 bytes, not 5000"}
    match damage:
        case "no ready":
            ready(fetched).unlink()
        case "torn ready":
            ready(fetched).write_text('{"gen": "01')
        case "other generation":
            ready(fetched).write_text('{"gen": "ffffffffffff"}')
        case "no link":
            model.unlink()
        case "dangling":
            blob.unlink()
        case _:
            blob.chmod(0o644)
            blob.write_bytes(b"0123456789")

    code, printed = fetched.fetch("gate")

    assert code == 1, printed
    assert expected[damage] in fetched.termination.read_text()


@pytest.fixture
def pair(bench: Bench, fetched: Bench) -> Bench:
    """The same with a second whole model."""
    (first,) = fetched.manifest["models"]
    bench.manifest["id"] = "second"
    assert bench.fetch()[0] == 0
    fetched.manifest["models"] = [first, {**first, "id": "second"}]
    return fetched


@pytest.mark.parametrize("loss", ["withdrawn", "removed by hand"])
def test_a_model_that_lost_its_files_is_named_and_the_others_serve(pair: Bench, loss: str) -> None:
    if loss == "withdrawn":
        ready(pair).rename(ready(pair).with_name("WITHDRAWN.json"))
    else:
        shutil.rmtree(pair.root / "tiny-q4")

    code, printed = pair.fetch("gate")

    assert code == 0, printed
    rows = [json.loads(line) for line in printed.splitlines()]
    assert [row["id"] for row in rows if row["event"] == "unserved"] == ["tiny-q4"]
    assert rows[-1] == {"event": "ready", "models": ["second"]}


def test_a_model_that_has_yet_to_arrive_holds_the_server_back_even_if_others_are_there(pair: Bench) -> None:
    pair.manifest["models"].append({**pair.manifest["models"][0], "id": "third"})

    code, printed = pair.fetch("gate")

    assert code == 1, printed
    assert "third" in pair.termination.read_text()


def test_weights_that_appear_while_it_waits_open_the_gate(fetched: Bench) -> None:
    aside = ready(fetched).rename(fetched.root / "aside")
    fetched.manifest["timeout_s"] = 600
    with fetched.start("gate") as process:
        assert process.stdout
        assert "READY.json is missing" in process.stdout.readline()
        aside.rename(ready(fetched))
        process.communicate(timeout=300)
    assert process.returncode == 0


def test_a_gate_without_a_usable_manifest_says_so(fetched: Bench) -> None:
    del fetched.manifest["models"]
    assert fetched.fetch("gate")[0] == 78
