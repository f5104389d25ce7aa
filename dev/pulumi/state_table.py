"""Asks the Postgres that has Pulumi's state, as libpq's variables name it, over TLS where they say so.

The psql that comes with the embedded Postgres knows no TLS.
"""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg.pq import Conninfo

from dev.machine.steps import DevError

_CONNECT_S = 10


def rows(variables: Mapping[str, str], sql: LiteralString, *values: str) -> list[tuple[Any, ...]]:
    """What a query answers, `values` in place of its `%s`; of the caller's variables none counts that is not given.

    Raises DevError with what libpq or Postgres says.
    """
    names = {option.keyword.decode(): (option.envvar or b"").decode() for option in Conninfo.get_defaults()}
    named = {keyword: variables[name] for keyword, name in names.items() if variables.get(name)}
    try:
        with _without_the_callers():
            database = psycopg.connect(**{"connect_timeout": _CONNECT_S, **named}, autocommit=True)  # pyright: ignore[reportArgumentType]
        with database:
            return database.execute(sql, values).fetchall()
    except psycopg.Error as error:
        said = (str(error).strip().splitlines() or ["no answer"])[0]
        raise DevError(
            f"Postgres does not answer: {said}",
            "check PGHOST, PGUSER, PGDATABASE and PGSSLMODE; `make up CLUSTER=embedded` starts one of its own",
        ) from None


@contextmanager
def _without_the_callers() -> Generator[None]:
    """A PGSERVICE or PGHOSTADDR of a shell would win over the database that is named."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("PG")}
    try:
        yield
    finally:
        os.environ.update(kept)
