"""Removing messages: they vanish from every page, and what they said from the database.

The row stays, since ids are dense, and says when it was removed and by whom. Its body is sealed anew with no text, so
that it can still be verified and moved to another key like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.engine import Row

from app.auth.user import User
from app.channels.channel import Channel
from app.chat.message import Message, seal_body
from app.clock import now
from app.encryption.data_key import data_keys
from app.extensions import db

BATCH = 500


def erase(channel: Channel, rows: Sequence[Row[Any]], by: User) -> None:
    """Remove messages, given as rows of ``candidates``. The caller holds the channel's row, and commits."""
    if not rows:
        return
    key_id, key = data_keys().for_messages(channel.id, now())
    table = Message.__table__
    statement = (
        update(table)  # type: ignore[arg-type]  # declared as FromClause, is a Table
        .where(table.c.channel_id == channel.id, table.c.id == bindparam("which"))
        .values(body=bindparam("blank"), data_key_id=key_id, deleted_at=now(), deleted_by_id=by.id)
    )
    blanks = [
        {"which": row.id, "blank": seal_body(key, row.id, row.random_id, channel.id, row.author_id, "")} for row in rows
    ]
    db.session.execute(statement, blanks)


def candidates(channel: Channel, *, up_to: int, author: User | None = None, most: int = BATCH) -> list[Row[Any]]:
    """The newest ``most`` messages up to an id that are still there, of one author or all."""
    query = select(Message.id, Message.random_id, Message.author_id).where(
        Message.channel_id == channel.id, Message.id <= up_to, Message.deleted_at.is_(None)
    )
    if author is not None:
        query = query.where(Message.author_id == author.id)
    return list(db.session.execute(query.order_by(Message.id.desc()).limit(most)))


def erase_all(channel_id: int, by_id: int, *, up_to: int, author_id: int | None = None) -> Iterator[int]:
    """Remove messages batch by batch, newest first; yields how many before each commit, which is the caller's.

    A long history takes a while: between two batches the chat goes on.
    """
    while True:
        channel, by = db.session.get(Channel, channel_id), db.session.get_one(User, by_id)
        if channel is None:
            return  # it was deleted meanwhile, with all of them
        author = db.session.get_one(User, author_id) if author_id is not None else None
        rows = candidates(channel, up_to=up_to, author=author)
        if not rows:
            return
        erase(channel, rows, by)
        yield len(rows)
        if len(rows) < BATCH:
            return
