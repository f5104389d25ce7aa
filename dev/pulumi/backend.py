"""Pulumi's state, in Postgres as a rule: is it usable, what locks a stack's secrets, and locks of dead processes.

It reads Pulumi's table, or its files, itself, because the CLI reports a missing database late and in unclear words.
"""

import base64
import gzip
import json
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, LiteralString
from urllib.parse import parse_qs, urlsplit

import yaml

from dev.machine.steps import DevError, say
from dev.pulumi import state_table
from dev.pulumi.stackfile import ROOT

URL = "PULUMI_BACKEND_URL"
_TABLE = "pulumi_state"
_PROJECT = "local-llm"
_OWNER = (
    "select tableowner, pg_has_role(current_user, tableowner::name, 'member') from pg_tables "
    "where tablename = 'pulumi_state' and schemaname = current_schema()"
)
_SPELLING = "postgres:///?connect_timeout=10"


def committed_url() -> str:
    """The backend that Pulumi.yaml names."""
    return yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["backend"]["url"]


def check(environment: Mapping[str, str]) -> None:
    """Refuse an unusable backend before Pulumi starts; raises DevError with the next command."""
    url = _url(environment)
    check_url(url)
    if urlsplit(url).scheme == "file":
        return
    if _query(environment, "select current_schema()") == [(None,)]:
        raise DevError("this role's search_path names no schema", "ALTER ROLE ... SET search_path = pulumi")
    tables = _query(environment, _OWNER)
    if tables and not tables[0][1]:
        owner, role = tables[0][0], environment.get("PGUSER", "your role")
        raise DevError(
            f"the table {_TABLE} belongs to the role {owner}; Pulumi must own it even to preview",
            f"connect as {owner}, or GRANT {owner} TO {role}",
        )
    if not tables and not _query(environment, "select has_schema_privilege(current_schema(), 'create')")[0][0]:
        raise DevError(
            "this role may not create Pulumi's table in its schema",
            "create a schema that the role owns, and name it in the role's search_path",
        )


def check_url(url: str) -> None:
    """Accept only `postgres:///?...` and file URLs; raises DevError for a path or a password in the URL."""
    parts = urlsplit(url)
    passwords = [*parse_qs(parts.query).get("password", []), *([parts.password] if parts.password else [])]
    shown = f"{parts.scheme}://***" if passwords else url
    if parts.scheme == "file":
        return
    if parts.scheme != "postgres":
        raise DevError(f"backend URL {shown!r}: the scheme is not postgres", f"write {_SPELLING}")
    if passwords:
        raise DevError(
            f"backend URL {shown!r} holds a password, which Pulumi stores and prints",
            "take it out; use PGPASSFILE or PGSERVICEFILE",
        )
    if parts.path not in ("", "/"):
        raise DevError(
            f"backend URL {shown!r} has the path {parts.path!r}: a prefix of every key, so the stack would look empty",
            f"write {_SPELLING} and name the database in PGDATABASE",
        )


def secrets_provider(environment: Mapping[str, str], stack: str) -> str | None:
    """What locks the secrets of the stack in the state, `passphrase` or `cloud`; None where there is no such stack."""
    prefix = f".pulumi/stacks/{_PROJECT}/{stack}."
    for key in _keys(environment, prefix):
        if key.removeprefix(prefix) in {"json", "json.gz"}:
            latest: Any = _read(environment, key)["checkpoint"].get("latest")
            return latest["secrets_providers"]["type"] if latest and latest.get("secrets_providers") else "passphrase"
    return None


def clear_dead_locks(environment: Mapping[str, str], stack: str, cancel: Callable[[], object]) -> None:
    """Cancel the stack's locks when no process of this machine holds them; raises DevError while one is alive.

    A lock of another machine is left alone, because this machine cannot see whether its owner is alive.
    """
    keys = _keys(environment, f".pulumi/locks/organization/{_PROJECT}/{stack}/")
    if not keys:
        return
    for key in keys:
        holder = _read(environment, key)
        where, pid = holder.get("hostname", "?"), holder.get("pid", 0)
        if where != socket.gethostname() or Path(f"/proc/{pid}").exists():
            raise DevError(
                f"the stack {stack} is being changed by process {pid} on {where}, since {holder.get('timestamp')}",
                f'wait for it; if it is dead: eval "$(make -s env)" && pulumi cancel --stack {stack}',
            )
    say("an earlier run was cut off and left its lock; clearing it")
    cancel()


def _url(environment: Mapping[str, str]) -> str:
    return environment.get(URL) or os.environ.get(URL) or committed_url()


def _directory(environment: Mapping[str, str]) -> Path | None:
    """Where the state is files."""
    url = _url(environment)
    return Path(url.removeprefix("file://")).expanduser() if url.startswith("file:") else None


def _keys(environment: Mapping[str, str], prefix: str) -> list[str]:
    if where := _directory(environment):
        found = (str(path.relative_to(where)) for path in sorted(where.glob(".pulumi/**/*")) if path.is_file())
        return [key for key in found if key.startswith(prefix)]
    if _query(environment, "select to_regclass(%s)", _TABLE) == [(None,)]:
        return []
    sql = "select key from pulumi_state where starts_with(key, %s) order by key"
    return [key for (key,) in _query(environment, sql, prefix)]


def _read(environment: Mapping[str, str], key: str) -> dict[str, Any]:
    if where := _directory(environment):
        content = (where / key).read_bytes()
    else:
        ((row,),) = _query(environment, "select data::text from pulumi_state where key = %s", key)
        content = base64.b64decode(json.loads(row)["data"])
    return json.loads(gzip.decompress(content) if key.endswith(".gz") else content)


def _of_url(url: str) -> dict[str, str]:
    """What a URL names itself, as libpq's variables: libpq would not know Pulumi's own parameters in it."""
    parts = urlsplit(url)
    said = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    said |= {key: str(value) for key in ("hostname", "port", "username") if (value := getattr(parts, key))}
    named = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE", "sslmode": "PGSSLMODE"}
    named |= {"hostname": "PGHOST", "username": "PGUSER"}
    return {named[key]: value for key, value in said.items() if key in named}


def _query(environment: Mapping[str, str], sql: LiteralString, *values: str) -> list[tuple[Any, ...]]:
    return state_table.rows({**environment, **_of_url(_url(environment))}, sql, *values)
