"""A Postgres with PGSSLMODE=verify-full, as in the README: here a door with a certificate before a plain one."""

import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.machine import daemons, postgres
from dev.machine.instance import Instance
from dev.machine.steps import DevError
from dev.pulumi import backend, state_table
from dev.tools import tools
from tests.pods.egress import authority
from tests.pods.egress.authority import Authority

INSTANCE = Instance("t-state-tls")


@pytest.fixture(scope="module")
def plain() -> Iterator[dict[str, str]]:
    _remove()
    tools.ensure("postgres")
    postgres.start(INSTANCE, fsync=False)
    yield postgres.environment(INSTANCE)
    _remove()


def _remove() -> None:
    daemons.stop_all(INSTANCE)
    for directory in (INSTANCE.state, INSTANCE.run):
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority.make(tmp_path_factory.mktemp("authority"), "localhost")


@pytest.fixture
def behind_tls(plain: dict[str, str], trusted: Authority) -> Iterator[dict[str, str]]:
    """libpq's variables of the door."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(trusted.certificate, trusted.key)
    with socket.create_server(("127.0.0.1", 0)) as door:
        at = Path(plain["PGHOST"]) / f".s.PGSQL.{plain['PGPORT']}"
        threading.Thread(target=_let_in, args=(door, at, context), daemon=True).start()
        port = str(door.getsockname()[1])
        yield {
            **plain,
            "PGHOST": "localhost",
            "PGPORT": port,
            "PGSSLMODE": "verify-full",
            "PGSSLROOTCERT": str(trusted.ca),
        }
        door.shutdown(socket.SHUT_RDWR)


def _let_in(door: socket.socket, at: Path, context: ssl.SSLContext) -> None:
    while True:
        try:
            caller, _ = door.accept()
        except OSError:  # it is shut
            return
        with caller:
            caller.recv(8)  # SSLRequest of Postgres' protocol
            caller.sendall(b"S")
            try:
                inside = context.wrap_socket(caller, server_side=True)
            except (ssl.SSLError, OSError):
                continue  # it does not trust us
            with inside, socket.socket(socket.AF_UNIX) as behind:
                behind.connect(str(at))
                back = threading.Thread(target=_pass_on, args=(behind, inside))
                back.start()
                _pass_on(inside, behind)
                back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(1 << 16):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def test_a_state_is_read_over_tls(behind_tls: dict[str, str]) -> None:
    assert state_table.rows(behind_tls, "select current_user::text, %s::text", "it's") == [("pulumi", "it's")]
    backend.check(behind_tls)


def test_a_certificate_of_another_authority_is_refused(behind_tls: dict[str, str], tmp_path: Path) -> None:
    other = authority.make(tmp_path, "localhost")
    with pytest.raises(DevError, match=r"Postgres does not answer: .*certificate verify failed"):
        backend.check({**behind_tls, "PGSSLROOTCERT": str(other.ca)})


def test_a_certificate_for_another_name_is_refused(behind_tls: dict[str, str]) -> None:
    with pytest.raises(DevError, match="does not match host name"):
        backend.check({**behind_tls, "PGHOST": "127.0.0.1"})


def test_the_shells_own_variables_do_not_count(plain: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGHOSTADDR": "192.0.2.1", "PGSERVICE": "none", "PGOPTIONS": "-c no.such"}.items():
        monkeypatch.setenv(name, value)
    assert state_table.rows(plain, "select 1") == [(1,)]
