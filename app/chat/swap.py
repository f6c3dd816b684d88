"""Bodies sealed anew take the place of those that were read, a batch in one statement: each only if it is still there.

A row is what was read as long as it is under the retired key that it was read under: whatever else touches a body, a
deletion, say, seals with an active one. So the old bodies need not travel a second time to be compared.

The statement is the whole transaction, which on SQLite begins by waiting for the one write lock. What is done while
that is held is what others wait for: it is timed, and it does not wait for the disk. After a power cut a message may be
under its old key again: that key is destroyed by a later commit, which is never there without this one.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

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
    false,
    func,
    select,
    update,
)
from sqlalchemy.engine import Engine

from app import sqlite
from app.chat.message import Message

CHECKPOINT_SECONDS = 1.0
TAKE_THE_LOCK = update(Message).where(false()).values(kind=Message.kind)  # SQLite has it from the first write on
Swapped = tuple[int, int, int, str, int]  # channel, message, its retired data key, body sealed anew, new data key


class Swap:
    """One connection that writes. Use it as a context manager."""

    def __init__(self, engine: Engine) -> None:
        self._on_sqlite = engine.dialect.name == "sqlite"
        self._engine, self._statement, self._moved_at = engine, _statement(self._on_sqlite), time.monotonic()
        self._connection = engine.connect()
        if not self._on_sqlite:
            self._connection.execution_options(isolation_level="AUTOCOMMIT")
        self._connection.detach()  # what is set on it now must not come back to the pool
        if not self._on_sqlite:
            # Row by row over the primary key, whatever PostgreSQL guesses of a table that it has not looked at yet.
            for setting in ("synchronous_commit", "enable_seqscan", "enable_hashjoin", "enable_mergejoin"):
                self._connection.execute(select(func.set_config(setting, "off", False)))

    def __enter__(self) -> Swap:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def put(self, batch: list[Swapped]) -> float:
        """Write ``batch``, and commit; returns for how many seconds others had to wait for it."""
        given = {"batch": _json(batch)}
        if self._on_sqlite:
            self._connection.execute(TAKE_THE_LOCK)
        began = time.monotonic()
        self._connection.execute(self._statement, given)
        self._connection.commit()
        return time.monotonic() - began

    def move_the_log(self) -> None:
        """Once a second, move SQLite's log into its file. A server does that by itself."""
        if self._on_sqlite and time.monotonic() - self._moved_at > CHECKPOINT_SECONDS:
            sqlite.move_the_log(str(self._engine.url.database))
            self._moved_at = time.monotonic()


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
