"""What `make preview` and `make up` print before anything changes, and what they leave to Pulumi."""

import dataclasses
import json
from pathlib import Path

import pytest

from dev.cluster import kubectl
from dev.commands import verdict
from dev.machine.instance import Instance
from dev.machine.steps import DevError
from dev.pulumi.cli import PulumiCli
from plan.text.errors import TextError
from plan.verdict import notes
from tests.plan.verdict.pages import PREVIEWS
from tests.plan.verdict.prepared import changed

CLI = PulumiCli(Instance("t-verdict"), "prod", Path("kubeconfig"), {})


class Said:
    """What Pulumi answers and was asked, beside a cluster whose pods say `log`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, log: str = "") -> None:
        self.whole: list[str] = []
        self.output, self.code, self.log = (PREVIEWS / f"{name}.json").read_text(), 0, log
        monkeypatch.setattr(PulumiCli, "previewed", lambda _: (self.code, self.output))
        monkeypatch.setattr(PulumiCli, "preview", lambda cli: self._preview(cli))
        monkeypatch.setattr(verdict, "_planned", lambda _: changed(name).plan())
        monkeypatch.setattr(kubectl, "run", self._kubectl)

    def _preview(self, cli: PulumiCli) -> int:
        self.whole.append(cli.told)
        return 0

    def _kubectl(self, _: Path, *arguments: str) -> str:
        assert arguments[0] == "logs"
        if not self.log:
            raise DevError("kubectl logs failed: not found", "look")
        return self.log


def test_the_verdict_comes_first_then_the_diff_then_the_notes_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = Said(monkeypatch, "context-of-a-model")
    code, quiet = verdict.told(CLI)
    text = capsys.readouterr().out

    assert (code, said.whole) == (0, [])
    order = ("pulumi preview of the stack prod ...", "restarts ", "+- ConfigMap", "Notes:")
    assert sorted(order, key=text.index) == list(order)
    noted = text[text.index("Notes:") :].splitlines()[1:-1]
    assert notes.untold([line.strip() for line in noted if line.strip()], quiet.told) == ()
    assert quiet.environment()[notes.TOLD] == quiet.told
    assert notes.TOLD not in CLI.environment()


def test_diff_1_leaves_the_diff_to_pulumi_which_repeats_no_note(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = Said(monkeypatch, "context-of-a-model")
    monkeypatch.setenv("DIFF", "1")
    verdict.told(CLI)
    text = capsys.readouterr().out

    assert "restarts " in text
    assert "+- ConfigMap" not in text
    assert len(said.whole) == 1
    assert said.whole[0]


@pytest.mark.parametrize("diff", ["", "1"])
def test_a_note_that_the_page_cuts_is_left_for_the_next_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], diff: str
) -> None:
    said, many = Said(monkeypatch, "context-of-a-model"), [f"Note {number}" for number in range(20)]
    digest = json.loads(said.output)
    digest["diagnostics"] = [{"message": "\n".join(many), "severity": "info"}]
    said.output = json.dumps(digest)
    monkeypatch.setenv("DIFF", diff)
    _, quiet = verdict.told(CLI)
    shown = [line.strip() for line in capsys.readouterr().out.splitlines()]

    assert notes.untold(many, quiet.told) == tuple(note for note in many if note not in shown)
    assert ("Note 19" in shown) is bool(diff)
    assert any("more lines; DIFF=1 shows all" in line for line in shown) is not bool(diff)


@pytest.mark.parametrize("diff", ["", "0"])
def test_without_it_pulumi_is_asked_once(monkeypatch: pytest.MonkeyPatch, diff: str) -> None:
    said = Said(monkeypatch, "context-of-a-model")
    monkeypatch.setenv("DIFF", diff)
    verdict.told(CLI)
    assert said.whole == []


def test_the_last_download_tells_how_long_the_next_one_takes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Said(monkeypatch, "first-preview", '2026-11-29T04:00:01Z {"event": "progress", "mib_s": 20}')
    verdict.told(CLI)
    assert "some 16 minutes at the rate" in " ".join(capsys.readouterr().out.split())


def test_a_preview_that_fails_keeps_its_exit_code_and_ends_an_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = Said(monkeypatch, "path-of-the-volume")
    said.code = 255
    assert verdict.told(CLI)[0] == 255
    with pytest.raises(DevError, match="nothing was changed"):
        verdict.require(CLI)
    assert "This is refused, and nothing is changed." in capsys.readouterr().out


@pytest.mark.parametrize("output", ["", "error: no stack\n"])
def test_what_ends_before_there_is_a_preview_is_left_to_speak_for_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], output: str
) -> None:
    said = Said(monkeypatch, "nothing")
    said.code, said.output = 1, output
    assert verdict.told(CLI) == (1, CLI)
    assert capsys.readouterr().out.endswith(output)


def test_an_answer_that_is_no_preview_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    said = Said(monkeypatch, "nothing")
    said.output = "<html>"
    with pytest.raises(TextError, match="Pulumi's preview in JSON"):
        verdict.told(dataclasses.replace(CLI))
