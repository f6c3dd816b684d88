"""Rotation of the messages' own keys: a channel gets new data keys, and what was said there is encrypted anew.

It runs while people chat, and may be killed at any moment: a message is under its old key or its new one, and whoever
starts it again goes on. First the channel's keys retire, under the channel's row that the writer holds while it stores:
whatever is said afterwards is under a new key already. Then pages of what is under the old ones are encrypted outside
any transaction, by processes of their own where there is much of it, and swapped in short ones, each row only if it is
still what was read: a deletion meanwhile wins. Old keys under which nothing is left are destroyed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, Select, bindparam, func, null, select, type_coerce, update
from sqlalchemy.types import NullType

from app import sqlite
from app.channels.channel import Channel
from app.chat.message import Message, place_of, reseal_body
from app.chat.pace import Pace
from app.chat.swap import Swap, Swapped
from app.encryption import key_work
from app.encryption.data_key import MESSAGES, DataKey, data_keys, destroy, period_of
from app.encryption.key_work import KeyWork
from app.encryption.resealers import Batch, Moved, Resealers
from app.extensions import db

PAGE = 1000
WORTH_PROCESSES = 2000  # messages; fewer are done before a process has started
MOST_PROCESSES = 4
table: Any = Message.__table__


def _page_under(when: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    # Core, of what is needed and no more: whatever is done for each message costs time beside encrypting it.
    raw = [type_coerce(column, NullType()) for column in (table.c.random_id, table.c.body)]  # bytes on both databases
    return (
        select(table.c.id, raw[0], table.c.author_id, raw[1], table.c.data_key_id, when)
        .where(table.c.channel_id == bindparam("channel"), table.c.id > bindparam("after"))
        .where(table.c.data_key_id.in_(bindparam("keys", expanding=True)))
        .order_by(table.c.id)
        .limit(PAGE)
    )


UNDER_KEYS_OF_MONTHS, UNDER_ANY_KEYS = _page_under(null()), _page_under(table.c.sent_at)


def begin(channel: Channel | None) -> tuple[KeyWork, bool]:
    """The work to do in one channel or all: what was begun and not finished, else a new one, which the caller commits.

    Also says whether it is new.
    """
    channel_id = channel.id if channel else 0
    work = KeyWork.latest(key_work.MESSAGES)
    if work is None or work.finished_at is not None or work.channel_id != channel_id:
        return KeyWork.begin(key_work.MESSAGES, _count(_here(channel_id)), channel_id), True
    # Its keys are those made since it began; what is under others is what is left of it.
    done = _count(_here(channel_id) + (DataKey.created_at >= work.started_at,))
    work.done, work.total = done, _count(_here(channel_id))
    return work, False


def run(work: KeyWork, pace: Pace | None = None) -> Iterator[int]:
    """Encrypt everything anew, committing batch by batch; yields how many messages were in each.

    Raises ResealerGone: what was done until then is done.
    """
    since, chosen, many = work.started_at, work.channel_id, work.total - work.done
    ids = [chosen] if chosen else list(db.session.scalars(select(Channel.id).order_by(Channel.id)))
    db.session.rollback()
    if db.engine.dialect.name == "sqlite":
        sqlite.hurry(db.engine)
    pace = pace or Pace()
    beside_chat = pace.somebody_serves
    processes = 0 if many < WORTH_PROCESSES else 1 if beside_chat else min(os.cpu_count() or 1, MOST_PROCESSES)
    with Swap(db.engine) as swap, Resealers(processes, nice=10 if beside_chat else 0) as resealers:
        for channel_id in ids:
            if keys := _retire(channel_id, since):
                yield from _reseal_channel(_Channel(channel_id, keys), swap, pace, resealers)


def clear_up(work: KeyWork) -> int:
    """Destroy the old keys under which no message is left; returns how many, and the work notes what could not be read.

    The caller commits, and announces keys_changed.
    """
    work.unreadable = _count(_here(work.channel_id) + (DataKey.state == "retired",))
    under_it = select(Message.id).where(Message.data_key_id == DataKey.id).exists()
    here = (DataKey.channel_id == work.channel_id,) if work.channel_id else ()
    return destroy(DataKey.purpose == MESSAGES, DataKey.state == "retired", ~under_it, *here)


def _here(channel_id: int) -> tuple[ColumnElement[bool], ...]:
    return (Message.channel_id == channel_id,) if channel_id else ()


def _count(conditions: tuple[ColumnElement[bool], ...]) -> int:
    query = select(func.count()).select_from(Message).join(DataKey, DataKey.id == Message.data_key_id)
    return db.session.scalar(query.where(*conditions)) or 0


def _lock(channel_id: int) -> None:
    # Writes nothing new. SQLite has no row locks, but its one write lock does the same.
    db.session.execute(update(Channel).where(Channel.id == channel_id).values(slug=Channel.slug))


class _Key(NamedTuple):
    """A data key of a channel's messages, unwrapped, and its month: '' for all time."""

    raw: bytes
    period: str


def _retire(channel_id: int, since: datetime) -> dict[int, _Key]:
    """Seal nothing any more with the keys made before ``since``; returns those that are retired, by id."""
    keys = (DataKey.purpose == MESSAGES, DataKey.channel_id == channel_id)
    _lock(channel_id)
    older = update(DataKey).where(*keys, DataKey.state == "active", DataKey.created_at < since)
    db.session.execute(older.values(state="retired"), execution_options={"synchronize_session": False})
    db.session.commit()
    retired = db.session.execute(select(DataKey.id, DataKey.period).where(*keys, DataKey.state == "retired")).all()
    opening = {key_id: _Key(raw, period) for key_id, period in retired if (raw := data_keys().raw(key_id))}
    db.session.rollback()
    return opening


class _Channel:
    """What is left to do in one channel, and the keys for it."""

    def __init__(self, channel_id: int, old: dict[int, _Key]) -> None:
        self.id, self.old = channel_id, old
        self._anew: dict[str, int] = {}
        self._keys = {key_id: key.raw for key_id, key in old.items()}

    def batches(self, pace: Pace) -> Iterator[Batch]:
        """Everything under the old keys, in batches as large as ``pace`` wants each to be."""
        query = UNDER_KEYS_OF_MONTHS if all(key.period for key in self.old.values()) else UNDER_ANY_KEYS
        asked = {"channel": self.id, "keys": list(self.old), "after": 0}
        while page := db.session.connection().execute(query, asked).all():
            db.session.rollback()  # no transaction stays open while we compute
            asked["after"] = page[-1].id
            while page:
                rows, page = page[: pace.batch], page[pace.batch :]
                yield self._batch(rows)
        db.session.rollback()

    def _batch(self, rows: Sequence[Row[Any]]) -> Batch:
        row: Any
        work = []
        for row in rows:
            message_id, random_id, author_id, body, was, sent_at = row
            anew = self._anew_of(self.old[was].period or period_of(sent_at))
            work.append((was, anew, place_of(message_id, random_id, self.id, author_id), body))
        return Batch(list(rows), self._keys, work)

    def _anew_of(self, period: str) -> int:
        """Id of the key that seals what was said in a month, YYYY-MM: looked up, or made, once."""
        if period not in self._anew:
            _lock(self.id)
            anew, _ = data_keys().for_messages(self.id, datetime.strptime(f"{period} +0000", "%Y-%m %z"))
            db.session.commit()
            raw = data_keys().raw(anew)
            assert raw  # noqa: S101 - an active key is never destroyed
            self._anew[period], self._keys[anew] = anew, raw
        return self._anew[period]

    def swapped(self, batch: Batch, moved: Moved) -> list[Swapped]:
        """What of ``batch`` can be written. What cannot be verified stays as it is, for `flask keys verify` to name."""
        found = []
        for row, (was, anew, _, body), fresh in zip(batch.rows, batch.work, moved.tokens, strict=True):
            fresh = fresh or self._of_the_first_version(row, was, anew, body)
            if fresh is not None:
                found.append((self.id, row[0], was, fresh.decode(), anew))
        return found

    def _of_the_first_version(self, row: Any, was: int, anew: int, body: bytes) -> bytes | None:
        opens, seals = data_keys().fernet(was), data_keys().fernet(anew)
        assert opens and seals  # noqa: S101 - they are in memory
        return reseal_body(opens, seals, row[0], row[1], self.id, row[2], body)


def _reseal_channel(channel: _Channel, swap: Swap, pace: Pace, resealers: Resealers) -> Iterator[int]:
    for batch, moved in resealers.through(channel.batches(pace)):
        seconds = moved.seconds
        if swapped := channel.swapped(batch, moved):
            took = swap.put(swapped)
            pace.wrote(len(swapped), took)
            seconds += took
        if not pace.somebody_serves:
            swap.move_the_log()
        yield len(batch.rows)
        pace.rest(seconds)
