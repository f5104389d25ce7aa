"""The passphrase of the state's secrets: an operator's counts, a generated one is kept, and it is never shown."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dev.machine import instance
from dev.machine.instance import Instance
from dev.machine.steps import DevError
from dev.pulumi import cli, passphrase
from dev.pulumi.cli import PulumiCli
from dev.pulumi.stackfile import ROOT

MINE = Instance("t-passphrase")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for all instances; no passphrase of the person who runs the tests counts."""
    monkeypatch.setattr(instance, "STATE", tmp_path)
    for name in (passphrase.PHRASE, passphrase.FILE):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `pulumi` that notes its arguments and cannot open the secrets."""
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$@" >> "$0.asked"\necho "error: incorrect passphrase" >&2\nexit 255\n')
    program.chmod(0o755)
    monkeypatch.setattr(cli.tools, "path", lambda _: program.parent)
    return program


def of_operator(stack: str = "prod") -> PulumiCli:
    return PulumiCli(MINE, stack, Path("kubeconfig"), {"PGHOST": "db.home"}, operators=True)


def old() -> Path:
    """The passphrase of an instance that an older release made."""
    path = MINE.state / "passphrase"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("of old")
    return path


def secrets_of(of: PulumiCli) -> dict[str, str]:
    return {name: value for name, value in of.environment().items() if "PASSPHRASE" in name}


def test_one_of_an_older_release_is_moved_out_of_what_clean_removes_and_never_made_anew() -> None:
    path = old()

    passphrase.keep(MINE)
    passphrase.keep(MINE)
    passphrase.require(MINE, "dev", in_use=True, shared=True)

    assert MINE.passphrase.read_text() == "of old"
    assert MINE.passphrase.stat().st_mode & 0o777 == 0o600
    assert not MINE.passphrase.is_relative_to(MINE.state)
    assert path.read_text() == "of old", "shells that ran `make env` before know this place"


def test_until_it_is_moved_the_old_place_counts_and_reading_moves_nothing() -> None:
    path = old()

    assert passphrase.generated(MINE) == {passphrase.FILE: str(path)}
    passphrase.require(MINE, "dev", in_use=False, shared=False)

    assert not MINE.passphrase.exists()


def test_a_different_one_that_lies_there_already_is_set_aside_and_not_lost() -> None:
    MINE.passphrase.parent.mkdir(parents=True)
    MINE.passphrase.write_text("of a state elsewhere")
    old()

    passphrase.keep(MINE)

    aside = [path.read_text() for path in MINE.passphrase.parent.iterdir() if path != MINE.passphrase]
    assert (MINE.passphrase.read_text(), aside) == ("of old", ["of a state elsewhere"])


def test_clean_removes_the_instance_and_keeps_its_passphrase(state: Path) -> None:
    old()

    argv = [sys.executable, "-m", "dev", "--instance", MINE.name, "clean"]
    subprocess.run(argv, cwd=ROOT, env={**os.environ, "LOCAL_LLM_STATE": str(state)}, check=True)

    assert not MINE.state.exists()
    assert MINE.passphrase.read_text() == "of old"


@pytest.mark.parametrize(("shared", "told"), [(True, "keep a copy"), (False, "nothing to do")])
def test_a_generated_one_is_told_once_by_its_path_and_never_by_its_value(
    capsys: pytest.CaptureFixture[str], shared: bool, told: str
) -> None:
    for _ in range(2):
        passphrase.require(MINE, "dev", in_use=False, shared=shared)
        passphrase.require(MINE, "dev", in_use=True, shared=shared)

    said = capsys.readouterr().out
    assert said.count("made a passphrase") == 1
    assert str(MINE.passphrase) in said
    assert told in said
    assert len(MINE.passphrase.read_text()) >= 32
    assert MINE.passphrase.read_text() not in said


def test_another_machine_is_told_where_the_passphrase_is_and_makes_none() -> None:
    with pytest.raises(DevError, match="a passphrase that this machine does not have") as refused:
        passphrase.require(MINE, "prod", in_use=True, shared=True)

    assert str(MINE.passphrase) in refused.value.fix
    assert passphrase.FILE in refused.value.fix
    assert not MINE.passphrase.exists(), "a new one would be the wrong one, and hide that one is wanted"


@pytest.mark.parametrize(
    ("theirs", "counts"),
    [
        ({passphrase.PHRASE: "theirs"}, {}),
        ({passphrase.PHRASE: ""}, {}),  # an empty one is one, as in Pulumi
        ({passphrase.FILE: "/etc/hostname"}, {passphrase.FILE: "/etc/hostname"}),
        ({passphrase.FILE: "README.md"}, {passphrase.FILE: str(Path("README.md").absolute())}),
        ({passphrase.FILE: ""}, None),  # as good as unset, as in Pulumi
        ({}, None),
    ],
)
@pytest.mark.usefixtures("pulumi")
def test_the_operators_passphrase_counts_on_their_cluster_and_on_no_other(
    monkeypatch: pytest.MonkeyPatch, theirs: dict[str, str], counts: dict[str, str] | None
) -> None:
    for name, value in theirs.items():
        monkeypatch.setenv(name, value)
    generated = {passphrase.FILE: str(MINE.passphrase)}

    assert secrets_of(of_operator()) == (generated if counts is None else counts)
    assert secrets_of(cli.local(MINE, "prod")) == generated


@pytest.mark.parametrize("provider", ["hashivault://local-llm", "awskms://alias/pulumi?region=eu-central-1"])
def test_with_another_secrets_provider_no_passphrase_is_wanted_and_init_is_told_of_it(
    pulumi: Path, provider: str
) -> None:
    MINE.state.mkdir()
    (MINE.state / "Pulumi.prod.yaml").write_text(f"secretsprovider: {provider}\nconfig: {{local-llm:stack: {{}}}}\n")
    theirs = of_operator()

    assert secrets_of(theirs) == {}
    with pytest.raises(DevError):
        theirs._init()  # pyright: ignore[reportPrivateUsage]
    assert f"--secrets-provider {provider}" in Path(f"{pulumi}.asked").read_text(), "else it would become a passphrase"


@pytest.mark.usefixtures("pulumi")
def test_a_wrong_passphrase_is_refused_with_the_variable_or_file_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DevError, match=f"another passphrase than the one in {MINE.passphrase}") as refused:
        of_operator()._unlock()  # pyright: ignore[reportPrivateUsage]
    assert passphrase.FILE in refused.value.fix

    monkeypatch.setenv(passphrase.FILE, "/etc/hostname")
    with pytest.raises(DevError, match=f"than the one in {passphrase.FILE}"):
        of_operator()._unlock()  # pyright: ignore[reportPrivateUsage]

    monkeypatch.setenv(passphrase.PHRASE, "hunter2")
    with pytest.raises(DevError, match=f"than the one in {passphrase.PHRASE}") as last:
        of_operator()._unlock()  # pyright: ignore[reportPrivateUsage]
    assert "hunter2" not in str(last.value)


def test_a_shell_that_ran_make_env_before_the_first_run_gets_a_generated_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in (MINE.passphrase, MINE.state / "passphrase", MINE.passphrase.with_name("another-instance")):
        monkeypatch.setenv(passphrase.FILE, str(place))

        passphrase.require_readable(MINE)

        assert passphrase.supplied(MINE) is None


def test_a_file_that_cannot_be_read_is_refused_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(passphrase.FILE, "/nowhere/passphrase")
    with pytest.raises(DevError, match=f"{passphrase.FILE}=/nowhere/passphrase cannot be read"):
        passphrase.require_readable(MINE)
