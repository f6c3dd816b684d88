"""Bodies sealed anew take the place of those that were read, a batch in one statement: each only if it is still there.

A batch is written by a native thread, while the caller encrypts the next one. The statement is the whole transaction:
no Python runs while it holds SQLite's one write lock, and it does not wait for the disk either. After a power cut a
message may be under its old key again: that key is destroyed by a later commit, which is never there without this one.
"""

from __future__ import annotations

import time
from collections import deque
from types import TracebackType
from typing import Any

from gevent.event import AsyncResult
from gevent.threadpool import ThreadPool
from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    LargeBinary,
    Text,
    Update,
    bindparam,
    cast,
    column,
    func,
    select,
    update,
)
from sqlalchemy.engine import Engine

from app import sqlite
from app.chat.message import Message

CHECKPOINT_SECONDS = 1.0
MOST_WAITING = 4  # a slow moment of the disk must not stop the encrypting
Swapped = tuple[int, int, str, str, int]  # channel, message, body that was read, body sealed anew, id of its data key


class Swap:
    """One connection, and the batches on their way to it. Use it as a context manager: its end waits for the last."""

    def __init__(self, engine: Engine) -> None:
        self._last = self.longest = 0.0  # seconds that a write took
        self._sqlite = str(engine.url.database) if engine.dialect.name == "sqlite" else ""
        self._statement = _statement(on_sqlite=bool(self._sqlite))
        self._writer, self._mover = ThreadPool(1), ThreadPool(1)
        self._writing: deque[AsyncResult[float]] = deque()
        self._moving: AsyncResult[None] | None = None
        self._moved_at = time.monotonic()
        self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._connection.detach()  # what is set on it now must not come back to the pool
        if not self._sqlite:
            # Row by row over the primary key, whatever PostgreSQL guesses of a table that it has not looked at yet.
            for setting in ("synchronous_commit", "enable_seqscan", "enable_hashjoin", "enable_mergejoin"):
                self._connection.execute(select(func.set_config(setting, "off", False)))

    def __enter__(self) -> Swap:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            while self._writing:
                self._finish()
        finally:
            self._mover.join()
            self._connection.close()

    def put(self, batch: list[Swapped]) -> float:
        """Have ``batch`` written; returns how many seconds the newest finished write took, 0 when none has yet.

        Waits while too many are on their way. Raises what went wrong with an earlier one.
        """
        while self._writing and (len(self._writing) >= MOST_WAITING or self._writing[0].ready()):
            self._finish()
        self._writing.append(self._writer.spawn(self._write, _json(batch)))
        return self._last

    def _finish(self) -> None:
        self._last = self._writing.popleft().get()
        self.longest = max(self.longest, self._last)
        if self._sqlite and time.monotonic() - self._moved_at > CHECKPOINT_SECONDS:
            if self._moving is None or self._moving.ready():
                self._moving = self._mover.spawn(sqlite.move_the_log, self._sqlite)
            self._moved_at = time.monotonic()

    def _write(self, batch: str) -> float:
        began = time.monotonic()
        self._connection.execute(self._statement, {"batch": batch})
        return time.monotonic() - began


def _json(batch: list[Swapped]) -> str:
    # By hand, in a third of the time: numbers, and tokens that were verified and have no character to escape.
    rows = (f'[{channel},{which},"{was}","{fresh}",{under}]' for channel, which, was, fresh, under in batch)
    return f"[{','.join(rows)}]"


def _statement(on_sqlite: bool) -> Update:
    given = bindparam("batch", type_=Text)
    elements = func.json_each(given) if on_sqlite else func.json_array_elements(cast(given, JSON))
    batch = elements.table_valued(column("value", JSON), name="batch")
    table: Any = Message.__table__

    def number(place: int) -> ColumnElement[int]:
        return cast(batch.c.value[place].as_string(), BigInteger)

    def body(place: int) -> ColumnElement[bytes]:
        # Tokens are ASCII without a backslash: PostgreSQL takes them as they are.
        return cast(batch.c.value[place].as_string(), LargeBinary)

    return (
        update(table)
        .where(table.c.channel_id == number(0), table.c.id == number(1), table.c.body == body(2))
        .values(body=body(3), data_key_id=number(4))
    )
