"""`ops fit --gguf`: any model from the bytes of its header, on disk or behind a server, and never more of it."""

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dev.hub import Rule
from ops.gguf import facts
from ops.gguf import header as gguf_header
from plan.catalogue.cards import CARDS
from plan.vram.estimate import Serving, estimate
from tests.ops import ggufs
from tests.ops.command import fit as run
from tests.ops.desk import REPO, SECRET, Desk
from tests.serving import serving

HEADS = {"head_count": 4, "head_count_kv": 2, "key_length": 64, "value_length": 64}
PAIRS = {
    "context_length": 32768,
    "block_count": 2,
    "embedding_length": 256,
    "feed_forward_length": 512,
    **{f"llama.attention.{key}": value for key, value in HEADS.items()},
}
LARGE = {**ggufs.DENSE, "blk.1.ffn_up.weight": ((4096, 9_000_000), ggufs.Type.Q4_K)}
MIDDLE = {**ggufs.DENSE, "blk.1.ffn_up.weight": ((4096, 40_000), ggufs.Type.Q4_K)}  # of which the hub makes a sha256
CONTEXT = ("--context", 4096)


def tiny(directory: Path, name: str = "tiny-Q4_K_M.gguf", **changes: Any) -> list[Path]:
    directory.mkdir(parents=True, exist_ok=True)
    return ggufs.write(directory / name, pairs=PAIRS, **changes)


def told(*arguments: object, code: int = 0, **env: str) -> dict[str, Any]:
    return json.loads(run(*arguments, "--json", code=code, **env))


def offer(desk: Desk, **changes: Any) -> str:
    """A model at the local hub; its URL."""
    files = tiny(desk.hub.repos.root / REPO, **changes)
    return f"{desk.endpoint}/{REPO}/resolve/main/{files[0].name}"


def test_a_files_header_gives_the_figures_of_the_same_model_in_a_stack(tmp_path: Path) -> None:
    (file,) = tiny(tmp_path)

    said = told("--gguf", file, *CONTEXT)

    header = gguf_header.read_header(lambda start, end: file.read_bytes()[start:end], file.stat().st_size)
    sizes = {"model": file.stat().st_size}
    expected = estimate(facts.facts([header], None), sizes, Serving(4096), CARDS["t4"])
    assert said["upper_mib"] == round(expected.upper_mib, 2)
    assert said["kv_mib"] == 2 * 4096 * 2 * (64 + 64) * 2 / 2**20
    assert said["fits"] is True
    assert said["largest_context"] == 32768, "so small a model can have all that it was trained for"


def test_flags_of_the_server_reach_the_estimate(tmp_path: Path) -> None:
    (file,) = tiny(tmp_path)
    one, two = (told("--gguf", file, *CONTEXT, "--parallel", slots)["kv_mib"] for slots in (1, 2))

    assert two == 2 * one, "a context is of one request, and every slot has its own"
    assert told("--gguf", file, *CONTEXT, "--card", "rtx-3070")["card"]["name"] == "rtx-3070"


def test_experts_that_stay_off_the_card_are_told(tmp_path: Path) -> None:
    experts = {f"blk.{n}.ffn_up_exps.weight": ((256, 4096, 64), ggufs.Type.Q4_K) for n in range(2)}
    (file,) = tiny(tmp_path, tensors={**ggufs.DENSE, **experts})
    mib = 256 * 4096 * 64 * 144 / 256 / 2**20
    whole, one = (told("--gguf", file, *CONTEXT, "--cpu-moe", layers) for layers in (0, 1))

    assert (whole["host_experts_mib"], one["host_experts_mib"]) == (0, mib)
    assert whole["weights_mib"] - one["weights_mib"] == pytest.approx(mib)
    said = run("--gguf", file, *CONTEXT, "--cpu-moe", 2)
    assert f"the experts of all its layers, {2 * mib:.0f} MiB, stay in the machine's memory" in " ".join(said.split())
    (dense,) = tiny(tmp_path, "dense.gguf")
    assert "leave --cpu-moe out" in run("--gguf", dense, *CONTEXT, "--cpu-moe", 1, code=2)


def test_a_projector_is_counted_with_its_model(tmp_path: Path) -> None:
    (file,) = tiny(tmp_path)
    projector = tmp_path / "mmproj.gguf"
    tensors = {"v.blk.0.ffn_up.weight": ((1024, 1024), ggufs.Type.F16)}
    pairs = {
        "clip.projector_type": "resampler", "clip.minicpmv_version": 6, "clip.vision.image_size": 448,
        "clip.vision.patch_size": 14, "clip.vision.embedding_length": 1152, "clip.vision.block_count": 27,
        "clip.vision.feed_forward_length": 4304, "clip.vision.attention.head_count": 16,
        "clip.vision.projection_dim": 256,
    }  # fmt: skip
    ggufs.write(projector, "clip", pairs, tensors, vocabulary=0)

    said = told("--gguf", file, "--mmproj", projector, *CONTEXT)

    assert said["mmproj_weights_mib"] >= 2.0
    assert "is not a language model" in run("--gguf", projector, *CONTEXT, code=2), "the two were swapped"
    assert "its mmproj is not a projector" in run("--gguf", file, "--mmproj", file, *CONTEXT, code=2)


@pytest.mark.parametrize(("pooling", "mode"), [(0, "chat"), (1, "embedding"), (3, "embedding"), (4, "rerank")])
def test_c8_a_model_is_computed_as_what_it_serves(tmp_path: Path, pooling: int, mode: str) -> None:
    ggufs.write(tmp_path / "x.gguf", pairs={**PAIRS, "pooling_type": pooling}, vocabulary=9000)
    ggufs.write(tmp_path / "plain.gguf", pairs=PAIRS, vocabulary=9000)

    said, plain = (told("--gguf", tmp_path / name, *CONTEXT) for name in ("x.gguf", "plain.gguf"))

    assert said["mode"] == mode
    assert (said["compute_mib"] > plain["compute_mib"]) == (mode != "chat"), "logits of every token are reserved"
    assert (f", {mode}, context" in run("--gguf", tmp_path / "x.gguf", *CONTEXT)) == (mode != "chat")


def test_c7_a_projector_of_another_model_is_refused_with_both_widths(tmp_path: Path) -> None:
    (file,) = tiny(tmp_path)
    tensors = {"mm.input_projection.weight": ((2560, 1152), ggufs.Type.F16)}
    ggufs.write(tmp_path / "mmproj.gguf", "clip", {"clip.projector_type": "gemma3"}, tensors, vocabulary=0)

    said = run("--gguf", file, "--mmproj", tmp_path / "mmproj.gguf", *CONTEXT, code=2)

    assert "the model takes 256 numbers a token (its embedding)" in said
    assert "2560" in said


@pytest.mark.parametrize("kind", ["adapter", "imatrix", "vocab", "mmproj"])
def test_c8_a_file_that_is_no_model_is_told_by_what_it_says_it_is(tmp_path: Path, kind: str) -> None:
    ggufs.write(tmp_path / "x-Q4_K_M.gguf", pairs={"general.type": kind})

    assert f"its general.type is '{kind}'" in run("--gguf", tmp_path / "x-Q4_K_M.gguf", *CONTEXT, code=2)


def test_a_model_larger_than_the_card_ends_with_3_and_the_breakdown(tmp_path: Path) -> None:
    (file,) = tiny(tmp_path, tensors=LARGE)

    said = run("--gguf", file, *CONTEXT, code=3)

    assert "does not fit alone on a t4" in said
    assert "none would fit" in said
    assert told("--gguf", file, *CONTEXT, code=3)["largest_context"] is None


@pytest.mark.parametrize("part", [0, 2])
def test_all_parts_of_a_split_model_are_found_by_the_name_of_one(tmp_path: Path, part: int) -> None:
    parts = tiny(tmp_path / "split", split=2)
    (whole,) = tiny(tmp_path / "whole")
    assert len(parts) > 2

    said = told("--gguf", parts[part], *CONTEXT)

    assert said["weights_mib"] == told("--gguf", whole, *CONTEXT)["weights_mib"]
    parts[1].unlink()
    assert f"{parts[1]}: No such file" in run("--gguf", parts[0], *CONTEXT, code=2)


def test_a_renamed_part_is_not_taken_for_a_small_model(tmp_path: Path) -> None:
    parts = tiny(tmp_path, split=2)
    alone = parts[0].rename(tmp_path / "alone.gguf")

    assert "its split.count is" in run("--gguf", alone, *CONTEXT, code=2)


def test_behind_a_url_only_the_header_is_fetched(desk: Desk) -> None:
    url = offer(desk, tensors=MIDDLE)

    said = told("--gguf", url, *CONTEXT, HF_ENDPOINT=desk.endpoint, HF_TOKEN=SECRET)

    assert said["weights_mib"] > 80
    sent = [row for row in desk.hub.log if row["origin"] == "cdn"]
    assert sum(row["bytes"] for row in sent) <= gguf_header.FIRST_READ_BYTES, "not what is behind it"
    assert [row["authorization"] for row in desk.hub.log] == [True, False], "the token is for the hub alone"


def test_a_header_that_goes_on_is_asked_for_by_further_ranges(desk: Desk) -> None:
    url = offer(desk, vocabulary=500_000, tensors=MIDDLE)

    told("--gguf", url, *CONTEXT)

    ranges = [row["range"] for row in desk.hub.log if row["origin"] == "cdn"]
    first = gguf_header.FIRST_READ_BYTES
    assert ranges[:2] == [f"bytes=0-{first - 1}", f"bytes={first}-{2 * first - 1}"], "nothing is fetched twice"


def test_a_split_model_behind_a_url_is_found_whole(desk: Desk) -> None:
    url = offer(desk, split=2)

    assert told("--gguf", f"{url}?download=true", *CONTEXT)["fits"] is True
    assert len([row for row in desk.hub.log if row["origin"] == "cdn"]) > 2


def test_the_token_is_given_to_no_other_server(desk: Desk) -> None:
    url = offer(desk)

    run("--gguf", url, *CONTEXT, HF_ENDPOINT="http://other.invalid", HF_TOKEN=SECRET)

    assert not any(row["authorization"] for row in desk.hub.log)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (Rule("api", status=404), "HTTP 404\n  next: correct the name"),
        (Rule("api", token="hf_other"), "HTTP 401\n  next: set HF_TOKEN"),
        (Rule("api", status=503), "HTTP 503\n  next: try again"),
        (Rule("cdn", ignore_range=True), "is not sent in parts (HTTP 200)"),
    ],
)
def test_a_server_that_refuses_is_told_with_the_next_step(desk: Desk, rule: Rule, said: str) -> None:
    url = offer(desk, tensors=MIDDLE)
    desk.hub.faults.set(rule)

    printed = run("--gguf", f"{url}?sig=secret", *CONTEXT, code=2)

    assert said in printed
    assert url in printed
    assert "secret" not in printed, "a signed URL is a credential"
    assert sum(row["bytes"] for row in desk.hub.log) < 20 * 2**20, "a server without ranges is left at once"


class _Odd(BaseHTTPRequestHandler):
    """Answers ranges in ways that no model's file may be computed from; the path says which."""

    def do_GET(self) -> None:
        head, body = {
            "/page.gguf": ("bytes 0-12/13", b"<!DOCTYPE htm"),
            "/other.gguf": ("bytes 5-9/10", b"GGUF\x03"),
            "/unsized.gguf": ("bytes 0-9/*", b"GGUF\x03" * 2),
            "/cut.gguf": ("bytes 0-9/1000000", b"GGUF\x03\x00\x00\x00ab"),
        }.get(self.path, ("", b""))
        self.send_response(206)
        self.send_header("Content-Range", head)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object, **__: object) -> None:
        """Nothing to print."""


@pytest.fixture
def odd() -> Iterator[str]:
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), _Odd)) as url:
        yield url


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("page", "it begins with '<!DO'"),
        ("other", "sends another part than it was asked for"),
        ("unsized", "sends another part than it was asked for"),
        ("cut", "the header is not complete"),
        ("none", "sends another part than it was asked for"),
    ],
)
def test_what_a_server_sends_is_not_believed(odd: str, name: str, said: str) -> None:
    assert said in run("--gguf", f"{odd}/{name}.gguf", *CONTEXT, code=2)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("nowhere.gguf", "nowhere.gguf: No such file or directory"),
        (".", ".: Is a directory"),
        ("http://127.0.0.1:9/x.gguf", "cannot be reached"),
        ("http://[/x.gguf", "is not usable: an IPv6 address stands in brackets"),
        ("models.lock.yaml", "it begins with"),
    ],
)
def test_a_place_without_a_model_is_told_by_name(place: str, said: str) -> None:
    assert said in run("--gguf", place, *CONTEXT, code=2)


def test_what_cannot_be_computed_is_refused_and_not_guessed(tmp_path: Path) -> None:
    (file,) = tiny(tmp_path, architecture="newer-than-this")

    printed = run("--gguf", file, *CONTEXT, code=2)

    assert re.search(r"next: measure it", printed)


def test_a_context_beyond_the_trained_one_is_told(tmp_path: Path) -> None:
    (file,) = tiny(tmp_path)

    assert "trained for 32768 tokens" in run("--gguf", file, "--context", 65536)
