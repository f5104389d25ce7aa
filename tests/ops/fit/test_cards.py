"""`ops fit --card`: a model is held against any card by its name, and all cards are listed with their sources."""

import contextlib
import io
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from ops.base.errors import OpsError
from ops.fit import any_gguf
from plan.catalogue.cards import CARDS
from plan.vram.estimate import Serving
from tests.ops.command import fit as run
from tests.ops.fit.test_fit_gguf import tiny, told
from tests.ops.inside import Inside


def asked(file: Path, card: str) -> dict[str, Any]:
    """The same in this process: 37 of another take too long."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        any_gguf.run(any_gguf.Wish(str(file), None, 4096, Serving(4096), card), as_json=True)
    return json.loads(out.getvalue())


@pytest.mark.parametrize("card", CARDS)
def test_a_file_is_held_against_every_card_by_its_name(tmp_path: Path, card: str) -> None:
    (file,) = tiny(tmp_path)

    said = asked(file, card)

    assert said["card"]["name"] == card
    assert said["card"]["capacity_mib"] == CARDS[card].capacity_mib
    assert said["fits"] is True
    assert any("not measured" in note for note in said["notes"]) == bool(CARDS[card].bounded)


@pytest.mark.parametrize(
    ("card", "next_step"),
    [
        ("t5", "next: pass another --card"), ("RTX 3060", "pass one of rtx-3060-12gb"),
        ("A100", "a100-40gb, a100-80gb"),
        ("RX 7900 XTX", "is described in a stack"), ("other", "`gpu.model` other, amd or intel"), ("", "shows all"),
    ],
)  # fmt: skip
def test_a_card_that_is_not_built_in_is_refused_with_those_that_are_called_alike(
    tmp_path: Path, card: str, next_step: str
) -> None:
    (file,) = tiny(tmp_path)

    with pytest.raises(OpsError) as caught:
        asked(file, card)

    assert f"there is no card {card!r}" in str(caught.value)
    assert next_step in str(caught.value)


@pytest.mark.parametrize("as_json", [True, False])
def test_what_nobody_measured_of_a_stacks_card_is_said(inside: Inside, as_json: bool) -> None:
    file = inside.directory / "Pulumi.t4.yaml"
    file.write_text(file.read_text().replace("model: t4", "model: NVIDIA-RTX-A4000"))

    printed = inside.run("fit", "--stack", "t4", "--offline", *(["--json"] if as_json else []), code=0)

    assert "of gpu.model rtx-a4000 is bounded to 819 MiB, not measured" in printed
    assert "on gpu.model rtx-a4000 is bounded to 372 MiB, not measured" in printed


def test_the_list_of_cards_has_each_with_its_figures_and_sources() -> None:
    listed = {row["name"]: row for row in told("--card", "list")}

    assert listed.keys() == CARDS.keys()
    assert listed["t4"]["capacity_mib"] == 14912
    text = run("--card", "list")
    for name, row in listed.items():
        (line,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
        assert line.endswith(row["sources"])
        assert ("~" in line) == bool(row["bounded"])


@pytest.mark.parametrize(
    ("way", "option", "said"),
    [
        ("--stack t4", "--card 'RTX 3090'", "--card belongs to --gguf"),
        ("--stack t4", "--card t4", "the card of a stack is `gpu.model` of its file"),
        ("--stack t4", "--kv-type q8_0", "--kv-type belongs to --gguf"),
        ("--stack t4", "--context 4096", "leave --context out"),
        ("--stack t4", "--cpu-moe 4", "--cpu-moe belongs to --gguf"),
        ("--stack t4", "--image-max-tokens 64", "--image-max-tokens belongs to --gguf"),
        ("--gguf x.gguf", "--offline", "--offline belongs to --stack"),
        ("--gguf x.gguf", "--html card.html", "--html belongs to --stack"),
    ],
)
def test_an_option_that_would_say_nothing_is_refused(inside: Inside, way: str, option: str, said: str) -> None:
    assert said in inside.run("fit", *shlex.split(f"{way} {option}"), code=2)
    assert not (inside.directory / "card.html").exists()
