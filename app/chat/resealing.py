"""Rotation of the messages' own keys: a channel gets new data keys, and what was said there is encrypted anew.

It runs while people chat, and may be killed at any moment: a message is under its old key or its new one, and whoever
starts it again goes on. First the channel's keys retire, under the channel's row that the writer holds while it stores:
whatever is said afterwards is under a new key already. Then pages of what is under the old ones are encrypted outside
any transaction and swapped in short ones, each row only if it is still what was read: a deletion meanwhile wins. Old
keys under which nothing is left are destroyed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import ColumnElement, bindparam, func, select, update

from app.channels.channel import Channel
from app.chat.message import Message, reseal_body
from app.encryption import key_work
from app.encryption.data_key import MESSAGES, DataKey, data_keys, destroy, period_of
from app.encryption.key_work import KeyWork
from app.extensions import db
from app.workers.worker import Worker

# A write transaction keeps everybody else's waiting on SQLite: pages are cut so that it lasts about this long.
WRITE_SECONDS = 0.005
SMALLEST_PAGE, LARGEST_PAGE = 20, 1000
LOOK_FOR_WORKERS_SECONDS = 2


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


def run(work: KeyWork) -> Iterator[int]:
    """Encrypt everything anew, committing page by page; yields how many messages were in each."""
    since, chosen = work.started_at, work.channel_id
    ids = list(db.session.scalars(select(Channel.id).order_by(Channel.id)))
    db.session.rollback()
    pace = _Pace()
    for channel_id in ids if not chosen else [chosen]:
        old = _retire(channel_id, since)
        if old:
            yield from _reseal_channel(channel_id, old, pace)


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


def _retire(channel_id: int, since: datetime) -> dict[int, Fernet]:
    """Seal nothing any more with the keys made before ``since``; returns those that are retired, by id."""
    keys = (DataKey.purpose == MESSAGES, DataKey.channel_id == channel_id)
    _lock(channel_id)
    older = update(DataKey).where(*keys, DataKey.state == "active", DataKey.created_at < since)
    db.session.execute(older.values(state="retired"), execution_options={"synchronize_session": False})
    db.session.commit()
    retired = list(db.session.scalars(select(DataKey.id).where(*keys, DataKey.state == "retired")))
    opening = {key_id: key for key_id in retired if (key := data_keys().fernet(key_id)) is not None}
    db.session.rollback()
    return opening


def _reseal_channel(channel_id: int, old: dict[int, Fernet], pace: _Pace) -> Iterator[int]:
    columns = (Message.id, Message.random_id, Message.author_id, Message.body, Message.data_key_id, Message.sent_at)
    query = select(*columns).where(Message.channel_id == channel_id, Message.data_key_id.in_(old)).order_by(Message.id)
    anew: dict[str, tuple[int, Fernet]] = {}  # by month
    after = 0
    while page := db.session.execute(query.where(Message.id > after).limit(pace.page)).all():
        db.session.rollback()  # no transaction stays open while we compute
        after = page[-1].id
        began = time.monotonic()
        for moment in {period_of(row.sent_at): row.sent_at for row in page}.values():
            if period_of(moment) not in anew:
                _lock(channel_id)
                anew[period_of(moment)] = data_keys().for_messages(channel_id, moment)
                db.session.commit()
        swapped = _resealed(channel_id, page, old, anew)
        ready = time.monotonic()
        if swapped:
            db.session.execute(SWAP, swapped)
            db.session.commit()
        pace.adjust(computed=ready - began, wrote=time.monotonic() - ready)
        yield len(page)


def _resealed(
    channel_id: int, page: Any, old: dict[int, Fernet], anew: dict[str, tuple[int, Fernet]]
) -> list[dict[str, Any]]:
    found = []
    for message_id, random_id, author_id, body, key_id, sent_at in page:
        new_id, new = anew[period_of(sent_at)]
        fresh = reseal_body(old[key_id], new, message_id, random_id, channel_id, author_id, body)
        if fresh is not None:  # what cannot be verified stays as it is, for `flask keys verify` to name
            found.append({"c": channel_id, "i": message_id, "was": body, "fresh": fresh, "under": new_id})
    return found


_table = Message.__table__
SWAP = (
    update(_table)  # type: ignore[arg-type]  # declared as FromClause, is a Table
    .where(_table.c.channel_id == bindparam("c"), _table.c.id == bindparam("i"), _table.c.body == bindparam("was"))
    .values(body=bindparam("fresh"), data_key_id=bindparam("under"))
)


class _Pace:
    """How many messages a page has, and how long to rest after it: nothing is in a hurry beside people who chat."""

    def __init__(self) -> None:
        self.page = 100
        self._looked_at = 0.0
        self._somebody_serves = False

    def adjust(self, *, computed: float, wrote: float) -> None:
        """Take the next page so that its write lasts about 5 ms; rest, where somebody serves, as long as we worked."""
        wanted = self.page * min(2.0, WRITE_SECONDS / max(wrote, 0.0001))
        self.page = int(min(LARGEST_PAGE, max(SMALLEST_PAGE, wanted)))
        if time.monotonic() - self._looked_at > LOOK_FOR_WORKERS_SECONDS:
            self._somebody_serves, self._looked_at = bool(Worker.living()), time.monotonic()
            db.session.rollback()
        if self._somebody_serves:
            time.sleep(computed + wrote)
