"""Which state backends are refused, in whose words, and which locks are cleared."""

import base64
import gzip
import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.machine import daemons, postgres
from dev.machine.instance import Instance
from dev.machine.steps import DevError
from dev.pulumi import backend
from dev.tools import tools

Environment = dict[str, str]
TABLE = "create table pulumi_state (key text primary key, data json, updated_at timestamptz)"


@pytest.fixture(scope="module")
def machine() -> Iterator[Instance]:
    instance = Instance("t-backend")
    _remove(instance)
    tools.ensure("postgres")
    postgres.start(instance, fsync=False)
    postgres.psql(instance, "create role other login; create role member login; grant pulumi to member")
    yield instance
    _remove(instance)


@pytest.fixture
def database(machine: Instance) -> Iterator[Environment]:
    """libpq's variables of a database without Pulumi's table."""
    yield postgres.environment(machine)
    postgres.psql(machine, "drop table if exists pulumi.pulumi_state")


def _remove(instance: Instance) -> None:
    daemons.stop_all(instance)
    for directory in (instance.state, instance.run):
        shutil.rmtree(directory, ignore_errors=True)


def _lock(machine: Instance, pid: int, host: str = socket.gethostname()) -> None:
    holder = base64.b64encode(json.dumps({"pid": pid, "hostname": host, "timestamp": "2026-01-02"}).encode()).decode()
    data = json.dumps({"data": holder})
    key = ".pulumi/locks/organization/local-llm/dev/1.json"
    rows = f"{TABLE}; insert into pulumi_state values ('{key}', '{data}', now())"  # noqa: S608 - the test's own text
    postgres.psql(machine, rows, user="pulumi")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgres:///state?connect_timeout=10", "the path '/state': a prefix of every key"),
        ("postgres://db.home/pulumi", "the path '/pulumi'"),
        ("postgresql:///", "the scheme is not postgres"),
        ("https://api.pulumi.com", "the scheme is not postgres"),
    ],
)
def test_a_backend_url_in_another_spelling_is_refused(url: str, said: str) -> None:
    with pytest.raises(DevError, match=said) as refusal:
        backend.check_url(url)
    assert "write postgres:///?connect_timeout=10" in refusal.value.fix


@pytest.mark.parametrize(
    "url",
    [
        "postgres://pulumi:hunter2@db.home/?connect_timeout=10",
        "postgres:///?password=hunter2",
        "postgresql://pulumi:hunter2@db.home/",
        "postgres://pulumi:hunter%32@db.home/state",
    ],
)
def test_a_password_in_the_url_is_refused_and_never_echoed(url: str) -> None:
    with pytest.raises(DevError) as refusal:
        backend.check_url(url)

    assert "hunter" not in str(refusal.value)


def test_the_spelling_that_a_refusal_names_is_accepted() -> None:
    with pytest.raises(DevError) as refusal:
        backend.check_url("postgres://db.home/state")

    named = re.findall(r"postgres:\S+", refusal.value.fix)
    assert len(named) == 1
    backend.check_url(named[0])


def test_a_postgres_that_is_down_is_told_with_the_variables_to_check(database: Environment) -> None:
    with pytest.raises(DevError, match=r"Postgres does not answer: .*No such file") as refusal:
        backend.check({**database, "PGHOST": "/nowhere"})

    assert "PGHOST" in refusal.value.fix


def test_a_postgres_that_accepts_and_never_answers_is_given_up(database: Environment) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = {"PGHOST": "127.0.0.1", "PGPORT": str(silent.getsockname()[1]), "PGCONNECT_TIMEOUT": "2"}
        with pytest.raises(DevError, match="timeout expired"):
            backend.check({**database, **where})


def test_a_table_of_another_role_is_refused_with_the_grant_that_mends_it(
    machine: Instance, database: Environment
) -> None:
    postgres.psql(machine, f"{TABLE.replace('pulumi_state', 'pulumi.pulumi_state')}")
    postgres.psql(machine, "alter table pulumi.pulumi_state owner to other")

    with pytest.raises(DevError, match="belongs to the role other") as refusal:
        backend.check(database)

    assert "GRANT other TO pulumi" in refusal.value.fix
    postgres.psql(machine, "grant other to pulumi")
    backend.check(database)
    postgres.psql(machine, "revoke other from pulumi")


def test_a_role_that_may_not_create_the_table_is_refused(machine: Instance, database: Environment) -> None:
    postgres.psql(machine, "alter role other in database pulumi set search_path = pulumi")
    postgres.psql(machine, "grant usage on schema pulumi to other")

    with pytest.raises(DevError, match="may not create Pulumi's table"):
        backend.check({**database, "PGUSER": "other"})


def test_a_role_without_a_schema_is_refused(machine: Instance, database: Environment) -> None:
    postgres.psql(machine, "alter role member in database pulumi set search_path = nowhere")

    with pytest.raises(DevError, match="search_path names no schema"):
        backend.check({**database, "PGUSER": "member"})


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("postgres:///?connect_timeout=10", {}),
        ("postgres://db.home/", {"PGHOST": "db.home"}),
        ("postgres://me@db.home:6432/?dbname=state&sslmode=verify-full", {
            "PGHOST": "db.home", "PGPORT": "6432", "PGUSER": "me", "PGDATABASE": "state", "PGSSLMODE": "verify-full"}),
        ("postgres:///?host=/run/pg&table=mine&user=me", {"PGHOST": "/run/pg", "PGUSER": "me"}),
    ],
)  # fmt: skip
def test_what_a_url_names_counts_for_the_checks_too(url: str, found: dict[str, str]) -> None:
    assert backend._of_url(url) == found  # pyright: ignore[reportPrivateUsage]


def test_a_url_alone_leads_to_the_database(database: Environment) -> None:
    url = f"postgres://{database['PGUSER']}@/?host={database['PGHOST']}&dbname={database['PGDATABASE']}"

    backend.check({backend.URL: url, "PGPORT": database["PGPORT"]})


@pytest.mark.parametrize("suffix", ["json", "json.gz"])
def test_a_state_of_files_is_read_as_files(tmp_path: Path, suffix: str) -> None:
    latest = {"secrets_providers": {"type": "cloud"}}
    content = json.dumps({"checkpoint": {"latest": latest}}).encode()
    place = tmp_path / ".pulumi" / "stacks" / "local-llm"
    place.mkdir(parents=True)
    (place / f"prod.{suffix}").write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    (place / "prod.json.bak").touch()
    environment = {backend.URL: f"file://{tmp_path}"}

    backend.check(environment)
    assert backend.secrets_provider(environment, "prod") == "cloud"
    assert backend.secrets_provider(environment, "pro") is None
    backend.clear_dead_locks(environment, "prod", lambda: pytest.fail("there is nothing to cancel"))


def test_before_pulumis_first_run_there_are_no_stacks_and_no_locks(database: Environment) -> None:
    backend.check(database)
    assert backend.secrets_provider(database, "dev") is None
    backend.clear_dead_locks(database, "dev", lambda: pytest.fail("there is nothing to cancel"))


def test_the_lock_of_a_dead_process_is_cleared(machine: Instance, database: Environment) -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    _lock(machine, gone.pid)
    cancelled: list[str] = []

    backend.clear_dead_locks(database, "dev-2", lambda: cancelled.append("dev-2"))
    assert cancelled == [], "another stack's lock"
    backend.clear_dead_locks(database, "dev", lambda: cancelled.append("dev"))
    assert cancelled == ["dev"]


def test_the_lock_of_a_living_process_or_another_machine_is_refused(machine: Instance, database: Environment) -> None:
    _lock(machine, os.getpid())
    with pytest.raises(DevError, match=f"changed by process {os.getpid()} on {socket.gethostname()}, since 2026"):
        backend.clear_dead_locks(database, "dev", lambda: pytest.fail("it is alive"))

    postgres.psql(machine, "drop table pulumi.pulumi_state")
    _lock(machine, 1 << 23, host="elsewhere")
    with pytest.raises(DevError, match="on elsewhere"):
        backend.clear_dead_locks(database, "dev", lambda: pytest.fail("nobody here knows whether it lives"))
