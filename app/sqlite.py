"""SQLite as Streamzy uses it: WAL, durable commits, and waiting for another writer without stopping the event loop."""

from __future__ import annotations

import logging
import random
import sqlite3
import time
from typing import Any

import gevent
from gevent.event import Event
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

# SQLite's own busy handler sleeps inside C and would stop every socket of the process: it gets 50 ms,
# then we wait cooperatively. In one process writers never meet: nobody yields between first write and commit.
BUSY_MILLISECONDS = 50
GIVE_UP_SECONDS = 10
CHECKPOINT_SECONDS = 2
log = logging.getLogger(__name__)

# Set while the log may hold what is to be gone: from the start, since whoever was killed may have left some.
_owed = Event()
_owed.set()

# Reads run outside transactions and hold no lock; the first write takes the write lock at once, so that
# two processes cannot both read, then both want to write, and deadlock into "database is locked".
CONNECT_ARGS = {"isolation_level": "IMMEDIATE"}


def prepare(engine: Engine) -> None:
    """Set up every connection of ``engine`` for concurrent, durable use."""
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "do_execute", _execute)
    event.listen(engine, "do_executemany", _executemany)


def checkpoint_in_the_background(engine: Engine) -> None:
    """Move the write-ahead log into the database file from a native thread, for the rest of this process.

    SQLite's own checkpoint runs inside whatever commit happens to come a thousand pages after the last one, and its
    disk syncs would stop every socket of the process for as long.
    """
    event.listen(engine, "connect", lambda connection, _record: connection.execute("PRAGMA wal_autocheckpoint=0"))
    engine.dispose()  # connections made before this moment would still checkpoint by themselves
    gevent.spawn(_keep_checkpointing, engine.url.database)


def hurry(engine: Engine) -> None:
    """For the rest of this process commit without waiting for the disk, and move the log only by ``move_the_log``.

    For long work that can be done again. After a power cut its newest commits may be missing, never one before another:
    the next commit of anybody that waits, or a checkpoint, puts all of them on disk. What waits for the disk meanwhile
    holds the write lock, and with it everybody who chats.
    """
    event.listen(engine, "connect", _in_a_hurry)
    engine.dispose()


def _in_a_hurry(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in ("synchronous=NORMAL", "wal_autocheckpoint=0"):
        connection.execute(f"PRAGMA {pragma}")


def holds_the_lock(session: Session) -> bool:
    """Whether ``session`` wrote what it has not committed: on SQLite every other writer waits for that."""
    if not session.in_transaction() or session.get_bind().dialect.name != "sqlite":
        return False
    try:
        connection: Any = session.connection().connection.driver_connection
    except SQLAlchemyError:  # it failed, and is not rolled back yet: who knows
        return True
    return bool(connection.in_transaction)


def journal_mode(path: str) -> str:
    """The journal mode of the database at ``path``, such as "wal"; the file is not changed by asking.

    Only SQLite may open a database's file in a process that uses it. Whoever opens it in another way and closes it
    drops, so POSIX has it, every lock that this process has on it: the next process to leave believes that it is the
    last, deletes the write-ahead log, and what is committed from then on goes into a file that is gone.
    """
    connection = sqlite3.connect(path, timeout=1)
    try:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])
    finally:
        connection.close()


def empty_the_log(engine: Engine) -> bool:
    """Move the write-ahead log into the database file and cut it to nothing: what was overwritten is then gone.

    Returns whether nothing is left there, as on any other database. A reader in the middle of a query holds it up: we
    wait for it a quarter of a second, as writers wait for us; a process that serves tries again until it is done.
    Blocks only a native thread.
    """
    if engine.dialect.name != "sqlite":
        return True
    emptied = bool(gevent.get_hub().threadpool.apply(_empty, (engine.url.database, 0.25)))
    if not emptied:
        owe_an_empty_log()
    return emptied


def owe_an_empty_log() -> None:
    """Have this process, if it serves, empty the log with its next checkpoint, or once no reader is in the way."""
    _owed.set()


def _empty(path: str, patience: float) -> bool:
    move_the_log(path)  # most of it, while others write: only for the rest do they wait
    connection = sqlite3.connect(path, timeout=patience)
    try:
        connection.execute("PRAGMA synchronous=FULL")
        blocked: int = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        return not blocked
    finally:
        connection.close()


def _keep_checkpointing(path: str) -> None:
    while True:
        gevent.sleep(CHECKPOINT_SECONDS)
        try:
            checkpoint(path)
        except sqlite3.Error:
            log.exception("the write-ahead log could not be moved into the database; it grows until it can")


def checkpoint(path: str) -> None:
    """Move what can be moved of the log into the database at ``path``; cut it to nothing where that is owed."""
    owed = _owed.is_set()
    _owed.clear()  # before we begin: what is owed from now on comes too late for this time
    if not owed:
        gevent.get_hub().threadpool.apply(move_the_log, (path,))
    elif not gevent.get_hub().threadpool.apply(_empty, (path, BUSY_MILLISECONDS / 1000)):
        _owed.set()


def move_the_log(path: str) -> None:
    """Move of the log of the database at ``path`` what readers allow. Stops no writer, but this thread."""
    connection = sqlite3.connect(path, timeout=1)
    try:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    finally:
        connection.close()


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    for pragma in (
        f"busy_timeout={BUSY_MILLISECONDS}",
        "journal_mode=WAL",
        "synchronous=FULL",  # "acknowledged" means on disk, a power cut included
        "foreign_keys=ON",
        "secure_delete=ON",  # what is deleted is overwritten
    ):
        connection.execute(f"PRAGMA {pragma}")


def _execute(cursor: sqlite3.Cursor, statement: str, parameters: Any, _context: object) -> bool:
    _patiently(cursor, cursor.execute, statement, parameters)
    return True


def _executemany(cursor: sqlite3.Cursor, statement: str, parameters: Any, _context: object) -> bool:
    _patiently(cursor, cursor.executemany, statement, parameters)
    return True


def _patiently(cursor: sqlite3.Cursor, run: Any, statement: str, parameters: Any) -> None:
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while True:
        try:
            run(statement, parameters)
            return
        except sqlite3.OperationalError as error:
            # Only the statement that begins a transaction may be tried again: nothing was done before it.
            if "locked" not in str(error) or cursor.connection.in_transaction or time.monotonic() > deadline:
                raise
        gevent.sleep(random.uniform(0.005, 0.02))  # noqa: S311 - spreads waiters, decides nothing secret
