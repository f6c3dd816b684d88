"""SQLite: a copy of one moment while others write, and a file back in its place."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine, create_engine, update
from sqlalchemy.pool import NullPool

from app.backup import key_file
from app.backup.key_file import Rows
from app.backup.refusal import BackupRefused
from app.backup.rows import counted
from app.encryption.data_key import DataKey

FILE = "database.sqlite"
STEP = 1024  # pages between two breaths
BREATH_SECONDS = 0.002  # for the disk, which the chat's commits wait for
WAIT_SECONDS = 10

Progress = Callable[[int, int], None]


def take(path: Path, folder: Path, progress: Progress) -> tuple[Path, Rows, dict[str, int]]:
    """Copy the database at ``path`` into ``folder`` without its wrapped keys; returns file, keys and rows by table.

    ``progress`` is called with pages done and pages in all.
    """
    copy, packed = folder / "copy", folder / FILE
    for file in (copy, packed):
        file.touch(0o600)
    _copy(path, copy, progress)
    engine = open_(copy)
    with engine.begin() as connection:
        rows, keys = counted(connection), key_file.read(connection)
        connection.execute(update(DataKey).values(wrapped=None))
    engine.dispose()
    # Built anew, and not only emptied: no page of the copy, used or free, may go on holding what was wrapped.
    with closing(sqlite3.connect(copy)) as connection_:
        connection_.execute("VACUUM INTO ?", (str(packed),))
    copy.unlink()
    return packed, keys, rows


def open_(path: Path) -> Engine:
    """An engine on a copy that nobody else uses. Foreign keys are not enforced: keys are taken out and put in."""
    return create_engine(f"sqlite:///{path}", poolclass=NullPool)


def in_use(path: Path) -> bool:
    """Whether another process has the database open: only the last one to use it can end WAL mode."""
    if not path.exists():
        return False
    with closing(sqlite3.connect(path, timeout=0.5)) as connection:
        try:
            connection.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                return True
            raise
    return False


def put_in_place(built: Path, path: Path) -> None:
    """Make ``built`` the database at ``path``, in one step that a power cut cannot halve."""
    if in_use(path):  # and its log is moved into it and gone, or it would be played into the new one
        raise BackupRefused(f"{path} is in use: stop Streamzy first.")
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    with built.open("rb") as file:
        os.fsync(file.fileno())
    built.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _copy(path: Path, copy: Path, progress: Progress) -> None:
    def breathe(_status: int, remaining: int, total: int) -> None:
        progress(total - remaining, total)
        time.sleep(BREATH_SECONDS)

    with (
        closing(sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        # A read transaction pins the moment. Without it every commit of the chat would begin the copy anew, and
        # beside a busy one it would never end.
        source.execute("BEGIN")
        source.execute("PRAGMA schema_version")
        source.backup(target, pages=STEP, progress=breathe)
