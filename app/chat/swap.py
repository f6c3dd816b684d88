"""Bodies sealed anew take the place of those that were read, a batch in one statement: each only if it is still there.

A row is what was read as long as it is under the retired key that it was read under: whatever else touches a body, a
deletion, say, seals with an active one. So the old bodies need not travel a second time to be compared.

A batch is written by a native thread, while the caller encrypts the next one. The statement is the whole transaction:
no Python runs while it holds SQLite's one write lock, and it does not wait for the disk either. After a power cut a
message may be under its old key again: that key is destroyed by a later commit, which is never there without this one.
"""

from __future__ import annotations

import time
from collections import deque
from types import TracebackType
from typing import Any, NamedTuple

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
Swapped = tuple[int, int, int, str, int]  # channel, message, its retired data key, body sealed anew, new data key


class Written(NamedTuple):
    """How many messages one write held, and how many seconds it took."""

    messages: int
    seconds: float


class Swap:
    """One connection, and the batches on their way to it. Use it as a context manager: its end waits for the last."""

    def __init__(self, engine: Engine) -> None:
        self._last, self.longest = Written(0, 0.0), 0.0
        self._sqlite = str(engine.url.database) if engine.dialect.name == "sqlite" else ""
        self._statement = _statement(on_sqlite=bool(self._sqlite))
        self._writer, self._mover = ThreadPool(1), ThreadPool(1)
        self._writing: deque[AsyncResult[Written]] = deque()
        self._moving: AsyncResult[None] | None = None
        self._moved_at = time.monotonic()
        for pool in (self._writer, self._mover):
            pool.spawn(int).get()  # its thread is there now, as urgent as we still are
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

    def put(self, batch: list[Swapped]) -> Written:
        """Have ``batch`` written; returns the newest write that is finished.

        Waits while too many are on their way. Raises what went wrong with an earlier one.
        """
        while self._writing and (len(self._writing) >= MOST_WAITING or self._writing[0].ready()):
            self._finish()
        self._writing.append(self._writer.spawn(self._write, len(batch), _json(batch)))
        return self._last

    def _finish(self) -> None:
        self._last = self._writing.popleft().get()
        self.longest = max(self.longest, self._last.seconds)
        if self._sqlite and time.monotonic() - self._moved_at > CHECKPOINT_SECONDS:
            if self._moving is None or self._moving.ready():
                self._moving = self._mover.spawn(sqlite.move_the_log, self._sqlite)
            self._moved_at = time.monotonic()

    def _write(self, messages: int, batch: str) -> Written:
        began = time.monotonic()
        self._connection.execute(self._statement, {"batch": batch})
        return Written(messages, time.monotonic() - began)


def _json(batch: list[Swapped]) -> str:
    # By hand, in a third of the time: numbers, and fresh tokens, which have no character to escape.
    rows = [f'[{channel},{which},{was},"{fresh}",{under}]' for channel, which, was, fresh, under in batch]
    return f"[{','.join(rows)}]"


def _statement(on_sqlite: bool) -> Update:
    given = bindparam("batch", type_=Text)
    elements = func.json_each(given) if on_sqlite else func.json_array_elements(cast(given, JSON))
    batch = elements.table_valued(column("value", JSON), name="batch")
    table: Any = Message.__table__

    def number(place: int) -> ColumnElement[int]:
        return cast(batch.c.value[place].as_string(), BigInteger)

    # Tokens are ASCII without a backslash: PostgreSQL takes them as they are.
    body: ColumnElement[bytes] = cast(batch.c.value[3].as_string(), LargeBinary)
    still_there = (table.c.channel_id == number(0), table.c.id == number(1), table.c.data_key_id == number(2))
    return update(table).where(*still_there).values(body=body, data_key_id=number(4))
