"""Where a command runs, and with what surroundings its `pulumi` is started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dev.commands import current
from dev.machine import instance, postgres
from dev.machine.instance import Instance
from dev.machine.steps import DevError
from dev.pulumi import cli
from dev.pulumi.cli import PulumiCli
from dev.pulumi.stackfile import ROOT

MINE = Instance("t-commands")
STUB = '#!/bin/sh\n[ "$1" = preview ] && exit 7\nenv\n'


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `pulumi` that prints its environment; its preview fails."""
    program = tmp_path / "pulumi"
    program.write_text(STUB)
    program.chmod(0o755)
    monkeypatch.setattr(cli.tools, "path", lambda _: tmp_path)
    monkeypatch.setattr(instance, "STATE", tmp_path / "state")
    return program


def surroundings(of: PulumiCli) -> dict[str, str]:
    lines = of.run("about", quiet=True).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.mark.usefixtures("pulumi")
def test_a_shell_that_leads_to_the_operators_state_does_not_lead_ours_there(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = {
        "PGSERVICE": "production",
        "PGHOST": "db.home",
        "PGHOSTADDR": "192.0.2.1",
        "PGPASSFILE": "/root/.pgpass",
        "PULUMI_BACKEND_URL": "postgres://db.home/",
        "PULUMI_CONFIG_PASSPHRASE": "theirs",
    }
    for name, value in theirs.items():
        monkeypatch.setenv(name, value)

    ours = cli.local(MINE, "prod")
    seen = surroundings(ours)

    assert {name: value for name, value in seen.items() if name.startswith("PG")} == postgres.environment(MINE)
    assert seen["PULUMI_BACKEND_URL"] == "postgres:///?connect_timeout=10"
    assert "PULUMI_CONFIG_PASSPHRASE" not in seen, (
        "it would win over the file, and lock the state for every other shell"
    )
    assert ours.misleading() == ["PGHOSTADDR", "PGPASSFILE", "PGSERVICE", "PULUMI_CONFIG_PASSPHRASE"]


@pytest.mark.usefixtures("pulumi")
def test_on_the_operators_cluster_their_state_and_passphrase_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSERVICE", "production")
    monkeypatch.setenv("PULUMI_BACKEND_URL", "postgres:///")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "theirs")

    seen = surroundings(PulumiCli(MINE, "prod", Path("/kubeconfig"), {"PGSERVICE": "production"}, operators=True))

    assert seen["PGSERVICE"] == "production"
    assert seen["PULUMI_BACKEND_URL"] == "postgres:///"
    assert seen["PULUMI_CONFIG_PASSPHRASE"] == "theirs"


@pytest.mark.parametrize("cluster", ["embedded", "engine", "current"])
def test_env_writes_and_starts_nothing_and_shows_no_secret(tmp_path: Path, cluster: str) -> None:
    (tmp_path / "kubeconfig").touch()
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "tools").symlink_to(instance.STATE / "tools")  # programs of this machine
    argv = [sys.executable, "-m", "dev", "--instance", MINE.name, "--cluster", cluster, "env"]
    env = {**os.environ, "LOCAL_LLM_STATE": str(tmp_path / "state"), "KUBECONFIG": str(tmp_path / "kubeconfig")}
    env |= {"PGHOST": "db.home", "PGPASSWORD": "hunter2"}
    env.pop("PULUMI_CONFIG_PASSPHRASE", None), env.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)

    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=True)

    assert [path.name for path in (tmp_path / "state").iterdir()] == ["tools"]
    assert not MINE.run.exists()
    assert f"{ROOT / 'bin'}{os.pathsep}" in done.stdout, "local-llm is on the PATH"
    assert f"PULUMI_CONFIG_PASSPHRASE_FILE={tmp_path}/state/passphrases.d/{MINE.name}\n" in done.stdout
    assert "`make preview" in done.stderr, "there is no such file yet, and pulumi would say so in its own words"


@pytest.mark.parametrize(
    ("theirs", "state", "leads_to"),
    [
        ({"PGHOST": "db.home", "PGUSER": "me"}, "", {"PGHOST": "db.home", "PGUSER": "me"}),
        ({"PGSERVICE": "production"}, "", {"PGSERVICE": "production"}),
        ({"PULUMI_BACKEND_URL": "file:///srv/state"}, "", {}),
        ({}, "embedded", {**postgres.environment(MINE), "PULUMI_BACKEND_URL": "postgres:///?connect_timeout=10"}),
        (
            {"PGHOST": "db.home"},
            "embedded",
            {**postgres.environment(MINE), "PULUMI_BACKEND_URL": "postgres:///?connect_timeout=10"},
        ),
        ({}, "", None),
        ({"PGUSER": "me"}, "", None),
        ({"PGHOST": ""}, "", None),
    ],
)
def test_the_state_of_an_operators_cluster_is_where_they_say(
    monkeypatch: pytest.MonkeyPatch, theirs: dict[str, str], state: str, leads_to: dict[str, str] | None
) -> None:
    for name in [name for name in os.environ if name.startswith(("PG", "PULUMI"))]:
        monkeypatch.delenv(name)
    for name, value in theirs.items():
        monkeypatch.setenv(name, value)

    if leads_to is not None:
        assert current.environment(MINE, state) == leads_to
    else:
        with pytest.raises(DevError, match="nothing says where the state lies") as refused:
            current.environment(MINE, state)
        assert "export PGHOST=" in refused.value.fix
        assert "STATE=embedded" in refused.value.fix


@pytest.mark.usefixtures("pulumi")
def test_a_preview_ends_as_pulumis_does() -> None:
    assert cli.local(MINE, "prod").preview() == 7


@pytest.mark.parametrize(
    ("arguments", "cluster"),
    [
        ("up", "embedded"),
        ("preview", "embedded"),
        ("engine", "engine"),
        ("preview STACK=prod", "engine"),
        ("up STACK=prod", "engine"),
        ("up STACK=prod CLUSTER=current", "current"),
        ("down CLUSTER=engine", "engine"),
    ],
)
def test_another_stack_than_dev_is_played_unless_a_person_says_where(arguments: str, cluster: str) -> None:
    argv = ["make", "--dry-run", "--no-print-directory", *arguments.split()]

    said = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert f"--cluster {cluster} " in said, "real models on a machine without their card, or somebody's real cluster"
