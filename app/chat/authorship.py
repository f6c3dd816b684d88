"""What one account wrote: handed to its owner, or deleted at its owner's wish."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gevent
from sqlalchemy import delete, select, update
from sqlalchemy.orm import aliased

from app.audit.actor import Actor
from app.audit.event import record
from app.auth.announcement import announce
from app.channels.channel import Channel
from app.chat.line import UNVERIFIED
from app.chat.message import Message, open_body
from app.encryption.data_key import MESSAGES, DataKey, data_keys, destroy
from app.extensions import db

PAGE = 500  # decrypted, or deleted, before the others in this process have their turn


def written_by(account_id: int) -> Iterator[dict[str, Any]]:
    """Every message of the account, channel by channel, oldest first. Ends the transaction after each page."""
    for channel_id, slug in _channels():
        for page in _pages(channel_id, account_id):
            yield from (_exported(slug, channel_id, account_id, row) for row in page)


def delete_all_of(account_id: int, username: str) -> int:
    """Delete every message of the account, in batches that it commits; returns how many there were.

    The rows go, not only their text: who wrote when, and where, is personal too. Ids of others stay as they are. With
    the last message of a month goes the month's key. ``username`` is whose messages the open screens drop.
    """
    deleted = 0
    for channel_id, slug in _channels():
        for page in _pages(channel_id, account_id):
            ids = [row.id for row in page]
            # The writer holds this row while it stores: nothing is said under a key that is being destroyed.
            db.session.execute(update(Channel).where(Channel.id == channel_id).values(slug=Channel.slug))
            db.session.execute(delete(Message).where(Message.channel_id == channel_id, Message.id.in_(ids)))
            what = {"channel": slug, "up_to": ids[-1], "username": username}
            announce("messages_cleared", channel_id=channel_id, details=what)
            _destroy_keys_of_empty_months(channel_id, slug)
            db.session.commit()
            deleted += len(ids)
    return deleted


def _destroy_keys_of_empty_months(channel_id: int, slug: str) -> None:
    # Of months, not of keys: what a rotation is moving stands under one key of its month and will under another. A key
    # of the first version has no month, and may hold messages of any.
    ours, other = DataKey.__table__, aliased(DataKey)
    same_month = (other.channel_id == channel_id, other.period.in_([ours.c.period, ""]))
    there = select(Message.id).join(other, other.id == Message.data_key_id).where(*same_month)
    empty = (DataKey.purpose == MESSAGES, DataKey.channel_id == channel_id, ~there.exists())
    if keys := destroy(*empty):
        record(
            "keys.destroyed",
            Actor(name="streamzy"),
            target_kind="channel",
            target_id=channel_id,
            target_name=slug,
            data_keys=keys,
            why="every message of their months was removed with its author's account",
        )
        announce("keys_changed")


def _channels() -> list[tuple[int, str]]:
    found = [(row.id, row.slug) for row in db.session.execute(select(Channel.id, Channel.slug).order_by(Channel.id))]
    db.session.rollback()
    return found


def _pages(channel_id: int, account_id: int) -> Iterator[list[Any]]:
    # By channel: the key that keeps a sender's nonces apart then finds the rows, and no index of its own is needed.
    columns = (Message.id, Message.kind, Message.random_id, Message.body, Message.data_key_id, Message.reply_to)
    query = select(*columns, Message.sent_at, Message.deleted_at).where(
        Message.channel_id == channel_id, Message.author_id == account_id
    )
    after = 0
    while page := list(db.session.execute(query.where(Message.id > after).order_by(Message.id).limit(PAGE))):
        db.session.rollback()
        yield page
        after = page[-1].id
        gevent.sleep(0)


def _exported(slug: str, channel_id: int, account_id: int, row: Any) -> dict[str, Any]:
    key = data_keys().fernet(row.data_key_id)
    text = open_body(key, row.id, row.random_id, channel_id, account_id, bytes(row.body))
    return {
        "channel": slug,
        "id": row.id,
        "sent_at": row.sent_at.isoformat(),
        "kind": row.kind,
        "text": UNVERIFIED if text is None else text,
        "reply_to": row.reply_to,
        "deleted_at": row.deleted_at.isoformat() if row.deleted_at else None,
    }
