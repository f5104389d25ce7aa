"""The embedded Postgres: whose the tables are, who may reach them, and what a crash leaves."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from dev.machine import daemons, postgres
from dev.machine.instance import Instance
from dev.machine.steps import DevError

AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    """A machine of its own, made under a strict umask and although an earlier attempt was killed halfway."""
    machine = Instance("t-postgres")
    _remove(machine)
    before = os.umask(0o077)
    try:
        (machine.state / "postgres.new" / "base").mkdir(parents=True)
        postgres.start(machine, fsync=False)
    finally:
        os.umask(before)
    yield machine
    _remove(machine)


def _remove(machine: Instance) -> None:
    daemons.stop_all(machine)
    for directory in (machine.state, machine.run):
        shutil.rmtree(directory, ignore_errors=True)


def _kill(machine: Instance) -> None:
    pid = daemons.pid_of(machine, postgres.NAME)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while daemons.pid_of(machine, postgres.NAME):
        time.sleep(0.01)


def test_a_table_made_without_a_schema_lands_in_the_schema_of_pulumi(instance: Instance) -> None:
    postgres.psql(instance, "CREATE TABLE state (key text)", user="pulumi")

    assert postgres.psql(instance, "SELECT schemaname FROM pg_tables WHERE tablename = 'state'") == "pulumi"


@pytest.mark.parametrize(
    "sql", ["CREATE TABLE public.t (x int)", "GRANT CREATE ON SCHEMA public TO pulumi; CREATE TABLE public.t (x int)"]
)
def test_pulumi_owns_the_database_and_still_creates_nothing_in_public(instance: Instance, sql: str) -> None:
    with pytest.raises(DevError, match="permission denied for schema public"):
        postgres.psql(instance, sql, user="pulumi")


def test_pulumi_is_no_superuser(instance: Instance) -> None:
    assert postgres.psql(instance, "SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = 'pulumi'") == "f|f"


def test_a_second_start_leaves_the_running_server_alone(instance: Instance) -> None:
    before = daemons.pid_of(instance, postgres.NAME)

    postgres.start(instance, fsync=False)

    assert daemons.pid_of(instance, postgres.NAME) == before


def test_a_killed_server_starts_again_with_what_was_written(instance: Instance) -> None:
    postgres.psql(instance, "CREATE TABLE kept AS SELECT 42 AS x", user="pulumi")
    _kill(instance)

    postgres.start(instance, fsync=False)

    assert postgres.psql(instance, "SELECT x FROM pulumi.kept") == "42"


def test_a_lock_file_whose_pid_is_another_process_by_now_does_not_prevent_a_start(instance: Instance) -> None:
    _kill(instance)
    lock = instance.state / "postgres" / "postmaster.pid"
    lines = lock.read_text().splitlines()
    user = [f"--reuid={postgres.UID}", f"--regid={postgres.UID}", "--clear-groups"]
    with subprocess.Popen(["setpriv", *user, "sleep", "600"], cwd="/") as other:
        lock.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
        postgres.start(instance, fsync=False)
        survived = other.poll() is None
        other.kill()

    assert survived, "a process that only has the pid is not ours to end"
    assert postgres.psql(instance, "SELECT 1") == "1"


def test_stopping_cuts_an_idle_client_and_shuts_down_cleanly(instance: Instance) -> None:
    psql = [str(postgres.programs() / "psql"), "-XAtq"]
    environment = {**os.environ, **postgres.environment(instance)}
    with subprocess.Popen(
        psql, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write("SELECT 'connected';\n")
        client.stdin.flush()
        assert client.stdout.readline() == "connected\n"
        postgres.stop(instance)
        client.kill()

    control = subprocess.run(
        [str(postgres.programs() / "pg_controldata"), str(instance.state / "postgres")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Database cluster state:               shut down\n" in control.stdout
    postgres.stop(instance)  # again: nothing to stop
    postgres.start(instance, fsync=False)


def test_another_user_reaches_neither_the_sockets_nor_the_data(instance: Instance) -> None:
    for directory in (instance.run / "pg", instance.state / "postgres"):
        listed = subprocess.run([*AS_NOBODY, "ls", str(directory)], capture_output=True, text=True, check=False)
        assert "Permission denied" in listed.stderr
    environment = {**os.environ, **postgres.environment(instance)}
    connected = subprocess.run(
        [*AS_NOBODY, str(postgres.programs() / "psql"), "-c", "SELECT 1"],
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert connected.returncode != 0
    assert "Permission denied" in connected.stderr


def test_the_callers_own_libpq_settings_lead_nowhere_else(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSERVICE", "somewhere")
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    monkeypatch.setenv("PGPORT", "6543")
    postgres.stop(instance)

    postgres.start(instance, fsync=False)

    assert postgres.psql(instance, "SELECT current_user", user="pulumi") == "pulumi"


def test_without_root_it_says_so(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(DevError, match="root"):
        postgres.start(instance)
