"""Rotation of the messages' own keys: a channel gets new data keys, and what was said there is encrypted anew.

It runs while people chat, and may be killed at any moment: a message is under its old key or its new one, and whoever
starts it again goes on. First the channel's keys retire, under the channel's row that the writer holds while it stores:
whatever is said afterwards is under a new key already. Then pages of what is under the old ones are encrypted outside
any transaction and swapped in short ones, each row only if it is still what was read: a deletion meanwhile wins. Old
keys under which nothing is left are destroyed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from cryptography.fernet import Fernet
from sqlalchemy import ColumnElement, Row, Select, bindparam, func, null, select, type_coerce, update
from sqlalchemy.types import NullType

from app import sqlite
from app.channels.channel import Channel
from app.chat.message import Message, reseal_body
from app.chat.pace import Pace, giving_way
from app.chat.swap import Swap, Swapped
from app.encryption import key_work
from app.encryption.data_key import MESSAGES, DataKey, data_keys, destroy, period_of
from app.encryption.key_work import KeyWork
from app.extensions import db

PAGE = 1000
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


def run(work: KeyWork, *, nice: int = 0) -> Iterator[int]:
    """Encrypt everything anew, committing batch by batch; yields how many messages were in each.

    Takes that many steps back behind whoever serves, for the rest of this thread.
    """
    since, chosen = work.started_at, work.channel_id
    ids = [chosen] if chosen else list(db.session.scalars(select(Channel.id).order_by(Channel.id)))
    db.session.rollback()
    if db.engine.dialect.name == "sqlite":
        sqlite.hurry(db.engine)
    with Swap(db.engine) as swap, giving_way(nice):
        pace = Pace()
        for channel_id in ids:
            if keys := _retire(channel_id, since):
                yield from _reseal_channel(channel_id, keys, swap, pace)


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


class _Keys(NamedTuple):
    """What opens the messages of a channel that are under one retired key, and its month: '' for all time."""

    opens: Fernet
    period: str


def _retire(channel_id: int, since: datetime) -> dict[int, _Keys]:
    """Seal nothing any more with the keys made before ``since``; returns those that are retired, by id."""
    keys = (DataKey.purpose == MESSAGES, DataKey.channel_id == channel_id)
    _lock(channel_id)
    older = update(DataKey).where(*keys, DataKey.state == "active", DataKey.created_at < since)
    db.session.execute(older.values(state="retired"), execution_options={"synchronize_session": False})
    db.session.commit()
    retired = db.session.execute(select(DataKey.id, DataKey.period).where(*keys, DataKey.state == "retired")).all()
    opening = {key_id: _Keys(key, period) for key_id, period in retired if (key := data_keys().fernet(key_id))}
    db.session.rollback()
    return opening


class _NewKeys(dict[str, tuple[int, Fernet]]):
    """Id and key that seal what was said in a month, by YYYY-MM: looked up, or made, once."""

    def __init__(self, channel_id: int) -> None:
        self.channel_id = channel_id

    def __missing__(self, period: str) -> tuple[int, Fernet]:
        _lock(self.channel_id)
        self[period] = data_keys().for_messages(self.channel_id, datetime.strptime(f"{period} +0000", "%Y-%m %z"))
        db.session.commit()
        return self[period]


def _reseal_channel(channel_id: int, old: dict[int, _Keys], swap: Swap, pace: Pace) -> Iterator[int]:
    anew, after = _NewKeys(channel_id), 0
    while page := _page(channel_id, old, after):
        after = page[-1].id
        while page:
            batch, page = page[: pace.batch], page[pace.batch :]
            began = time.monotonic()
            resealed = _resealed(channel_id, batch, old, anew)
            if resealed:
                pace.wrote(*swap.put(resealed))
            yield len(batch)
            pace.rest(time.monotonic() - began)


def _page(channel_id: int, old: dict[int, _Keys], after: int) -> Sequence[Row[Any]]:
    asked = {"channel": channel_id, "keys": list(old), "after": after}
    query = UNDER_KEYS_OF_MONTHS if all(key.period for key in old.values()) else UNDER_ANY_KEYS
    page = db.session.connection().execute(query, asked).all()
    db.session.rollback()  # no transaction stays open while we compute
    return page


def _resealed(channel_id: int, page: Sequence[Row[Any]], old: dict[int, _Keys], anew: _NewKeys) -> list[Swapped]:
    found = []
    row: Any
    for row in page:
        message_id, random_id, author_id, body, key_id, sent_at = row
        opens, period = old[key_id]
        new_id, seals = anew[period or period_of(sent_at)]
        fresh = reseal_body(opens, seals, message_id, random_id, channel_id, author_id, body)
        if fresh is not None:  # what cannot be verified stays as it is, for `flask keys verify` to name
            found.append((channel_id, message_id, key_id, fresh.decode(), new_id))
    return found
