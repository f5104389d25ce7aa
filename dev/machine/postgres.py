"""The instance's Postgres, which holds Pulumi's state where the operator has no database.

It runs as a user of its own and listens on a unix socket only. Only that user and root may enter its directory, so no
password is needed. This module makes role, database and schema `pulumi`; Pulumi makes the tables in it.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from dev.machine import daemons
from dev.machine.daemons import Daemon
from dev.machine.instance import STATE, Instance
from dev.machine.steps import DevError, step
from dev.tools import tools

NAME = "postgres"
# A user without an entry in /etc/passwd, so that none has to be created. 30000 to 59999 are free (Debian policy 9.2.2).
UID = 55432
_NOBODY = 65534  # initdb insists on a user with a name; the server does not
_PORT = "5432"  # part of the socket's name; set, so that a PGPORT of the caller does not count
_SERVER = """
CREATE ROLE pulumi LOGIN;
CREATE DATABASE pulumi OWNER pulumi;
ALTER ROLE pulumi IN DATABASE pulumi SET search_path = pulumi;
"""
# The owner of a database owns its schema public too (pg_database_owner, since Postgres 15): revoking is not enough.
_DATABASE = """
ALTER SCHEMA public OWNER TO postgres;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA pulumi AUTHORIZATION pulumi;
"""


def start(instance: Instance, *, fsync: bool = True) -> None:
    """Start Postgres and wait until it answers; does nothing when it runs. It recovers from a crash by itself.

    `fsync=False` is for tests: it is faster. A power failure may then lose the database; a killed process does not.
    Raises DevError.
    """
    if os.geteuid() != 0:
        raise DevError("the embedded Postgres needs root, to run as a user of its own", "run the command as root")
    server = _server(instance, fsync)
    server.start()
    probe = [programs() / "pg_isready", "-q", "-h", _sockets(instance), "-p", _PORT, "-U", "postgres", "-d", "postgres"]

    def answers() -> bool:
        return subprocess.run(probe, env=without_libpq(), check=False).returncode == 0

    daemons.wait_for("Postgres", answers, server)


def stop(instance: Instance) -> None:
    """Stop Postgres: it closes its connections and finishes its writes. Does nothing when it does not run."""
    if pid := daemons.pid_of(instance, NAME):
        # SIGTERM, which daemons.stop sends, would wait for every client to go (postgres(1), "smart shutdown").
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
    daemons.stop(instance, NAME, timeout_s=120.0)  # a checkpoint takes its time on a busy disk


def environment(instance: Instance) -> dict[str, str]:
    """The variables with which libpq and lib/pq reach the database as `pulumi`; other PG* variables must be unset."""
    return {
        "PGHOST": str(_sockets(instance)),
        "PGPORT": _PORT,
        "PGUSER": "pulumi",
        "PGDATABASE": "pulumi",
        "PGSSLMODE": "disable",
    }


def without_libpq() -> dict[str, str]:
    """The caller's environment without PG*: a PGSERVICE or PGHOSTADDR in it would win over the database we name."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PG")}


def psql(instance: Instance, sql: str, user: str = "postgres") -> str:
    """Run `sql` in the database `pulumi`; returns its rows, fields parted by `|`. Raises DevError with the refusal."""
    done = subprocess.run(
        [str(programs() / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1"],
        input=sql,
        env={**without_libpq(), **environment(instance), "PGUSER": user},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"psql exited {done.returncode}"]
        refusal = next((line for line in lines if "ERROR:" in line or "FATAL:" in line), lines[0])
        raise DevError(f"Postgres refused: {refusal}", f"read {daemons.log(instance, NAME)}")
    return done.stdout.strip()


def programs() -> Path:
    """The directory of psql, pg_dump and the other programs of this Postgres."""
    return tools.ensure("postgres")["postgres"] / "bin"


def _server(instance: Instance, fsync: bool) -> Daemon:
    settings = {"listen_addresses": "", "unix_socket_directories": str(_sockets(instance)), "shared_buffers": "32MB"}
    if not fsync:
        settings |= {"fsync": "off", "full_page_writes": "off"}
    options = [f"--{key}={value}" for key, value in settings.items()]
    data = _data(instance)
    argv = [*_as_user(UID), programs() / "postgres", "-D", data, "-p", _PORT, *options]
    return Daemon(instance, NAME, argv, cwd=data, prepare=lambda: _prepare(instance, fsync))


def _prepare(instance: Instance, fsync: bool) -> None:
    """Make the data directory where there is none, and clear away what a dead server left."""
    data, sockets = _data(instance), _sockets(instance)
    for directory in (instance.state, instance.run, STATE / "tools"):
        _passable(directory)
    if not data.exists():
        with step("creating the state database"):
            _create(instance, data, [] if fsync else ["--no-sync"])
    _end_leftovers(data)
    shutil.rmtree(sockets, ignore_errors=True)  # a dead server's socket comes with a lock file as well
    sockets.mkdir(mode=0o700)
    os.chown(sockets, UID, UID)


def _create(instance: Instance, data: Path, how: list[str]) -> None:
    """Make the data directory under another name and rename it when it is complete."""
    fresh = data.with_name("postgres.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    os.chown(fresh, _NOBODY, _NOBODY)
    how = [*how, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions", "--username=postgres"]
    _run(instance, "initdb", *how, "-D", str(fresh))
    # Single-user mode: no server to wait for, and the directory is complete before anyone can connect.
    for database, sql in (("postgres", _SERVER), ("pulumi", _DATABASE)):
        _run(instance, "postgres", "--single", "-D", str(fresh), "-c", "exit_on_error=on", database, sql=sql)
    for directory, _, files in os.walk(fresh):
        for path in (directory, *(os.path.join(directory, name) for name in files)):
            os.chown(path, UID, UID)
    fresh.rename(data)


def _run(instance: Instance, program: str, *arguments: str, sql: str = "") -> None:
    instance.logs.mkdir(parents=True, exist_ok=True)
    log = daemons.log(instance, NAME)
    argv = [*_as_user(_NOBODY), str(programs() / program), *arguments]
    with log.open("ab") as out:
        done = subprocess.run(argv, input=sql.encode(), stdout=out, stderr=out, cwd="/", check=False)
    if done.returncode:
        last = log.read_text(errors="replace").splitlines()[-1:] or ["(nothing printed)"]
        raise DevError(f"the state database cannot be created: {last[0]}", f"read {log}")


def _end_leftovers(data: Path) -> None:
    """After a crash, end what still works in `data` and remove the lock file; its pid may be another process by now."""
    deadline = time.monotonic() + 60.0
    while (left := [pid for pid in _pids() if _works_in(pid, data)]) and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    (data / "postmaster.pid").unlink(missing_ok=True)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _works_in(pid: int, data: Path) -> bool:
    """Whether it is a Postgres of `data`: it works in that directory as our user; a person's shell has another user."""
    process = Path(f"/proc/{pid}")
    try:
        return process.stat().st_uid == UID and (process / "cwd").readlink() == data
    except OSError:
        return False


def _as_user(uid: int) -> list[str]:
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--no-new-privs"]


def _passable(directory: Path) -> None:
    """Let other users enter our directories, whatever the umask was when they were made."""
    directory.mkdir(parents=True, exist_ok=True)
    for path in (directory, directory.parent):
        path.chmod(path.stat().st_mode | 0o011)


def _data(instance: Instance) -> Path:
    return instance.state / "postgres"


def _sockets(instance: Instance) -> Path:
    return instance.run / "pg"
