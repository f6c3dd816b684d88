"""How long messages stay: what is older goes by itself, row and all, and a month's key with the last of its messages.

The limit is the channel's or the instance's (MESSAGE_RETENTION_DAYS), whichever is shorter. Rows leave the database one
batch after the other. Their month's data key is destroyed once the whole month is out: from then on they open in no
older copy of the database either, unless a copy of the keys is as old.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import delete, func, select

from app import sqlite
from app.audit.actor import Actor
from app.audit.event import record
from app.auth.announcement import announce
from app.channels.channel import Channel
from app.chat.message import Message
from app.clock import now
from app.encryption.data_key import MESSAGES, DataKey, destroy, period_of
from app.extensions import db
from app.workers.duty import duty

BATCH = 500
BY_ITSELF = Actor(name="streamzy")


def days_kept(of_channel: int, of_instance: int) -> int:
    """After how many days messages go, where these are the limits; 0 is none."""
    return min((days for days in (of_channel, of_instance) if days), default=0)


@duty("message_retention", every=timedelta(hours=1))
def remove_old() -> Iterator[int]:
    """What is older than it may be, in every channel, shut ones too."""
    instance = current_app.config["STREAMZY"].message_retention_days
    channels = db.session.execute(select(Channel.id, Channel.slug, Channel.retention_days).order_by(Channel.id)).all()
    removed = 0
    for channel_id, slug, of_channel in channels:
        if days := days_kept(of_channel, instance):
            for count in _remove_from(channel_id, slug, days):
                removed += count
                yield count
    if removed:
        sqlite.empty_the_log(db.engine)


def _remove_from(channel_id: int, slug: str, days: int) -> Iterator[int]:
    """Remove what is due in one channel; yields how many messages before each commit."""
    limit = now() - timedelta(days=days)
    here = Message.channel_id == channel_id
    old = (here, Message.sent_at < limit)
    due = db.session.scalar(select(func.count()).select_from(Message).where(*old)) or 0
    if due:
        # First on record and off the screens: whoever is killed at the rest has said what is being done.
        _record("messages.expired", channel_id, slug, messages=due, days=days)
        up_to = _last_before(channel_id, limit)
        announce("messages_cleared", channel_id=channel_id, details={"channel": slug, "up_to": up_to, "reason": "age"})
    by_age = select(Message.id).where(*old).order_by(Message.sent_at).limit(BATCH)
    while ids := db.session.scalars(by_age).all():
        db.session.execute(delete(Message).where(here, Message.id.in_(ids)))
        yield len(ids)
    if keys := _destroy_keys(channel_id, limit):
        _record(
            "keys.destroyed", channel_id, slug, data_keys=keys, why="every message of their months was removed by age"
        )
        announce("keys_changed")
        yield 0


def _last_before(channel_id: int, limit: datetime) -> int:
    """Id of the newest message that goes."""
    stays = select(Message.id).where(Message.channel_id == channel_id, Message.sent_at >= limit)
    oldest = db.session.scalar(stays.order_by(Message.sent_at, Message.id).limit(1))
    if oldest is not None:
        return oldest - 1
    return db.session.scalar(select(Channel.last_message_id).where(Channel.id == channel_id)) or 0


def _destroy_keys(channel_id: int, limit: datetime) -> int:
    """Destroy the keys of the months that ended before ``limit`` and under which nothing is left."""
    under_it = select(Message.id).where(Message.data_key_id == DataKey.id).exists()
    months = (DataKey.purpose == MESSAGES, DataKey.channel_id == channel_id, DataKey.period < period_of(limit))
    return destroy(*months, ~under_it)


def _record(event: str, channel_id: int, slug: str, **details: int | str) -> None:
    record(event, BY_ITSELF, target_kind="channel", target_id=channel_id, target_name=slug, **details)
