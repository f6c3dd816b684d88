"""Deleting a channel: first the keys of everything that was said there, then the rows.

One short transaction destroys the keys and shuts the channel: from then on nobody reads a word of it, whatever happens
next. The rows follow in batches, the channel's own last. Whoever is killed in between is relieved by a duty.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import gevent
from sqlalchemy import ColumnElement, delete, func, select, update

from app import sqlite
from app.audit.actor import Actor
from app.audit.event import record
from app.auth import name as names
from app.auth.administration import ActRefused
from app.auth.announcement import announce
from app.auth.session import UserSession
from app.channels.channel import Channel
from app.channels.membership import Membership
from app.channels.sanction import Sanction
from app.chat.message import Message
from app.clock import now
from app.encryption.data_key import MESSAGES, DataKey, destroy
from app.extensions import db
from app.workers.duty import duty

BATCH = 500


def what_goes(channel: Channel) -> dict[str, int]:
    """How much goes with the channel: messages (none of them shown), members with moderators, bans and timeouts."""
    counts: dict[str, type[Message | Membership | Sanction]] = {
        "messages": Message,
        "members": Membership,
        "sanctions": Sanction,
    }
    return {name: _count(model, channel.id) for name, model in counts.items()}


def begin(channel: Channel, by: Actor) -> None:
    """Close every message of the channel for good, and the channel with them. Raises ActRefused if that was done.

    Its owner is a viewer again, and signed out, as with every change of role. The address stays taken, so that old
    links never lead to somebody else. The caller commits, then calls finish().
    """
    owner, slug, channel_id, last_id = channel.owner, channel.slug, channel.id, channel.last_message_id
    # The writer holds this row while it stores: what is said meanwhile is under a key destroyed here, or refused.
    shut = update(Channel).where(Channel.id == channel_id, Channel.deleted_at.is_(None))
    shut = shut.values(deleted_at=now(), disabled_at=func.coalesce(Channel.disabled_at, now()), live_since=None)
    if db.session.scalar(shut.returning(Channel.id)) is None:
        raise ActRefused(f"/c/{slug} is being deleted already.")
    keys = destroy(*_keys_of(channel_id))
    names.hand_over(slug, "channel")
    if owner.role == "streamer":
        owner.stop_streaming()
        UserSession.end_all_of(owner, "role_changed")
    record(
        "channel.deleted",
        by,
        target_kind="channel",
        target_id=channel_id,
        target_name=slug,
        owner=owner.username,
        messages=_count(Message, channel_id),
        data_keys=keys,
    )
    announce("keys_changed")
    announce("channel_deleted", channel_id=channel_id, details={"channel": slug, "up_to": last_id})
    announce("account_changed", account_id=owner.id)


def finish() -> bool:
    """Remove what is left, committing batch by batch; returns whether nothing of it is in SQLite's log any more.

    Where it is (somebody reads the whole database, such as a backup), a process that serves empties it when it can.
    """
    sqlite.empty_the_log(db.engine)  # the keys at once: a million rows take a while
    for _ in _remove_rows():
        db.session.commit()
        gevent.sleep(0)
    return sqlite.empty_the_log(db.engine)


@duty("channel_deletion", every=timedelta(minutes=5))
def go_on() -> Iterator[int]:
    """Deletions that were begun and not finished."""
    removed = False
    for count in _remove_rows():
        removed = True
        yield count
    if removed:
        sqlite.empty_the_log(db.engine)


def _remove_rows() -> Iterator[int]:
    """Remove the rows of all channels whose keys are destroyed; yields how many messages before each commit."""
    for channel_id in db.session.scalars(select(Channel.id).where(Channel.deleted_at.is_not(None))).all():
        here = Message.channel_id == channel_id
        while ids := db.session.scalars(select(Message.id).where(here).order_by(Message.id).limit(BATCH)).all():
            db.session.execute(delete(Message).where(here, Message.id <= ids[-1]))
            yield len(ids)
        destroy(*_keys_of(channel_id))  # a rotation that was at it has made new ones
        db.session.execute(delete(Channel).where(Channel.id == channel_id))
        yield 0


def _count(model: type[Message | Membership | Sanction], channel_id: int) -> int:
    return db.session.scalar(select(func.count()).where(model.channel_id == channel_id)) or 0


def _keys_of(channel_id: int) -> tuple[ColumnElement[bool], ...]:
    return (DataKey.purpose == MESSAGES, DataKey.channel_id == channel_id)
