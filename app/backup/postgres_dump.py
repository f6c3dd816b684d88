"""PostgreSQL: pg_dump in one snapshot while others write, and pg_restore back."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy import Connection, Engine, MetaData, column, create_engine, func, insert, make_url, select, table
from sqlalchemy.pool import NullPool

from app.backup import key_file
from app.backup.key_file import Rows
from app.backup.refusal import BackupDamaged, BackupRefused, ToolMissing
from app.backup.rows import counted

FILE = "database.dump"
VERSION_TABLE = "alembic_version"


def take(url: str, folder: Path) -> tuple[Path, Rows, dict[str, int]]:
    """Dump the database into ``folder`` without its wrapped keys; returns file, keys and rows by table.

    Raises ToolMissing when pg_dump is not there or older than the server.
    """
    packed = folder / FILE
    engine = open_(url)
    try:
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            _require("pg_dump", _server_major(connection))
            # Others dump, count and list the keys of the very same moment.
            snapshot = connection.scalar(select(func.pg_export_snapshot()))
            rows, keys = counted(connection), key_file.read(connection)
            options = ("--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", f"--file={packed}")
            packed.touch(0o600)
            _run("pg_dump", url, *options, f"--exclude-table-data={key_file.NAME}")
    finally:
        engine.dispose()
    return packed, keys, rows


def load(url: str, dump: Path, rows: Rows, revision: str) -> None:
    """Load a dump and the keys into an empty database.

    Keys come before the constraints that ask for them. The schema's version comes last of all: what was cut off in
    the middle is no database that anybody serves. Raises BackupDamaged with what pg_restore said.
    """
    engine = open_(url)
    try:
        with engine.connect() as connection:
            _require("pg_restore", _server_major(connection))
        wanted = dump.with_suffix(".list")
        wanted.write_text(
            "".join(
                line
                for line in _run("pg_restore", None, "--list", str(dump)).splitlines(keepends=True)
                if f" TABLE DATA public {VERSION_TABLE} " not in line
            )
        )
        common = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", f"--use-list={wanted}")
        _run("pg_restore", url, *common, "--section=pre-data", "--section=data", str(dump))
        with engine.begin() as connection:
            key_file.write(connection, rows)
        _run("pg_restore", url, *common, "--section=post-data", str(dump))
        with engine.begin() as connection:
            connection.execute(insert(table(VERSION_TABLE, column("version_num"))).values(version_num=revision))
    finally:
        engine.dispose()


def empty(url: str) -> None:
    """Drop every table of the database."""
    engine = open_(url)
    with engine.begin() as connection:
        there = MetaData()
        there.reflect(connection)
        there.drop_all(connection)
    engine.dispose()


def in_use(url: str) -> bool:
    """Whether anybody else is connected to the database."""
    activity = table("pg_stat_activity", column("datname"), column("pid"), column("backend_type"))
    others = select(func.count()).where(
        activity.c.datname == func.current_database(),
        activity.c.pid != func.pg_backend_pid(),
        activity.c.backend_type == "client backend",
    )
    engine = open_(url)
    try:
        with engine.connect() as connection:
            return bool(connection.scalar(others))
    finally:
        engine.dispose()


@contextmanager
def scratch(url: str, name: str) -> Iterator[str]:
    """A database of its own beside that of ``url``, gone afterwards. Raises ToolMissing where none may be made."""
    beside = make_url(url)
    with psycopg.connect(_conninfo(url), autocommit=True) as connection:
        try:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        except psycopg.errors.InsufficientPrivilege:
            raise ToolMissing(
                f"Checking needs a scratch database, and {beside.username} may not create one: "
                f'ALTER ROLE "{beside.username}" CREATEDB, or check the backup on a machine of its own.'
            ) from None
        try:
            yield beside.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def open_(url: str) -> Engine:
    """An engine that keeps no connection."""
    return create_engine(url, poolclass=NullPool)


def _server_major(connection: Connection) -> int:
    version = connection.dialect.server_version_info
    return int(version[0]) if version else 0


def _require(tool: str, server: int) -> None:
    said = _run(tool, None, "--version")
    found = re.search(r"\) (\d+)", said)
    if not found or int(found.group(1)) < server:
        raise ToolMissing(
            f"{tool} on the PATH is too old: it says {said.strip()!r}, and the server is PostgreSQL {server}. "
            f"Install postgresql-client-{server} and put its programs first on the PATH."
        )


def _run(tool: str, url: str | None, *arguments: str) -> str:
    path = shutil.which(tool)
    if path is None:
        raise ToolMissing(
            f"{tool} is not on the PATH: install PostgreSQL's client programs (Debian, Ubuntu: apt-get install "
            "postgresql-client)."
        )
    environment, where = dict(os.environ), []
    if url:
        where = [f"--dbname={_conninfo(url, password=False)}"]
        if password := make_url(url).password:
            environment["PGPASSWORD"] = password  # other accounts can read a program's arguments, not this
    done = subprocess.run(  # noqa: S603 - a list, without a shell; arguments are ours and the settings'
        [path, *arguments[:-1], *where, *arguments[-1:]], capture_output=True, text=True, env=environment
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it ended without a word"])[0]
        refusal = BackupDamaged if tool == "pg_restore" else BackupRefused
        raise refusal(f"{tool} failed: {said.removeprefix(f'{tool}: ')}")
    return done.stdout


def _conninfo(url: str, *, password: bool = True) -> str:
    parsed = make_url(url)
    _, options = create_engine(parsed).dialect.create_connect_args(parsed)
    wanted = {name: value for name, value in options.items() if name != "context"}
    if not password:
        wanted.pop("password", None)
    return make_conninfo(**wanted)
