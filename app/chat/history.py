"""What was said in a channel, read page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, and_, select
from sqlalchemy.engine import Row
from sqlalchemy.orm import aliased

from app.audit.actor import Actor
from app.audit.event import AuditEvent, record
from app.auth.user import User
from app.channels.channel import Channel, badges
from app.channels.membership import Membership
from app.chat.line import REMOVED, UNVERIFIED, wire
from app.chat.message import Message, open_body
from app.encryption.data_key import data_keys
from app.encryption.keyring import EncryptionKeyError
from app.extensions import db

PAGE = 50


def newest(channel: Channel, limit: int = PAGE) -> tuple[list[dict[str, Any]], bool]:
    """The newest messages, oldest first, and whether there are older ones."""
    return before(channel, None, limit)


def before(channel: Channel, message_id: int | None, limit: int) -> tuple[list[dict[str, Any]], bool]:
    """Up to ``limit`` messages before ``message_id`` (None: the newest), oldest first; whether there are older ones."""
    query = _readable(channel).order_by(Message.id.desc()).limit(limit + 1)
    if message_id is not None:
        query = query.where(Message.id < message_id)
    rows = db.session.execute(query).all()
    return _wire(channel, rows[:limit][::-1]), len(rows) > limit


def after(channel: Channel, message_id: int, limit: int) -> tuple[list[dict[str, Any]], bool]:
    """The oldest ``limit`` messages after ``message_id``, oldest first, and whether more follow."""
    rows = db.session.execute(
        _readable(channel).where(Message.id > message_id).order_by(Message.id).limit(limit + 1)
    ).all()
    return _wire(channel, rows[:limit]), len(rows) > limit


def gone_among(channel: Channel, up_to: int, most: int) -> list[int]:
    """Which of the ``most`` messages up to the id ``up_to`` are not there any more: who was away still shows them."""
    up_to = min(up_to, channel.last_message_id)
    here = select(Message.id).where(
        Message.channel_id == channel.id,
        Message.id <= up_to,
        Message.id > up_to - most,
        Message.deleted_at.is_(None),
    )
    return sorted(set(range(max(1, up_to - most + 1), up_to + 1)).difference(db.session.scalars(here)))


def quoted(channel: Channel, message_id: int) -> dict[str, Any] | None:
    """The snippet that a reply to ``message_id`` shows, or None when there is no such message (any more)."""
    rows = db.session.execute(_readable(channel).where(Message.id == message_id)).all()
    if not rows:
        return None
    shown = _wire(channel, rows)[0]
    return {"id": shown["id"], "username": shown["author"]["username"], "text": shown["text"][:SNIPPET]}


SNIPPET = 120

Quoted = aliased(Message)
QuotedAuthor = aliased(User)


def _readable(channel: Channel) -> Select[*tuple[Any, ...]]:
    # Columns, not objects: an identity map of fifty messages costs more than decrypting them.
    return (
        select(
            Message.id,
            Message.random_id,
            Message.author_id,
            Message.kind,
            Message.body,
            Message.data_key_id,
            Message.reply_to,
            Message.sent_at,
            User.username,
            User.role,
            Membership.role.label("channel_role"),
            Quoted.random_id.label("quoted_random_id"),
            Quoted.author_id.label("quoted_author_id"),
            Quoted.body.label("quoted_body"),
            Quoted.data_key_id.label("quoted_data_key_id"),
            QuotedAuthor.username.label("quoted_username"),
        )
        .join(User, User.id == Message.author_id)
        .outerjoin(
            Membership, and_(Membership.channel_id == Message.channel_id, Membership.account_id == Message.author_id)
        )
        .outerjoin(
            Quoted,
            and_(Quoted.channel_id == Message.channel_id, Quoted.id == Message.reply_to, Quoted.deleted_at.is_(None)),
        )
        .outerjoin(QuotedAuthor, QuotedAuthor.id == Quoted.author_id)
        .where(Message.channel_id == channel.id, Message.deleted_at.is_(None))
    )


def _wire(channel: Channel, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    return [_wire_of(channel, row) for row in rows]


def _wire_of(channel: Channel, row: Row[Any]) -> dict[str, Any]:
    text = _opened(row.data_key_id, row.id, row.random_id, channel.id, row.author_id, row.body)
    reply = None
    if row.reply_to is not None and row.quoted_body is not None:
        quoted_text = _opened(
            row.quoted_data_key_id,
            row.reply_to,
            row.quoted_random_id,
            channel.id,
            row.quoted_author_id,
            row.quoted_body,
        )
        reply = {"id": row.reply_to, "username": row.quoted_username, "text": (quoted_text or UNVERIFIED)[:SNIPPET]}
    elif row.reply_to is not None:
        reply = {"id": row.reply_to, "username": "", "text": REMOVED}
    author_badges = badges(row.role, "streamer" if row.author_id == channel.owner_id else row.channel_role)
    shown = wire(row.id, channel.slug, row.username, author_badges, row.kind, text or UNVERIFIED, row.sent_at, reply)
    if text is None:
        shown["unverified"] = True
        _record_unverified(channel, row.id)
    return shown


def _record_unverified(channel: Channel, message_id: int) -> None:
    """Put it on record, once however often the page is opened. The door that reads commits."""
    which = f"{channel.slug}/{message_id}"
    known = select(AuditEvent.id).where(AuditEvent.event == "message.unverified", AuditEvent.target_name == which)
    if db.session.scalar(known.limit(1)) is None:
        record(
            "message.unverified", Actor(name="streamzy"), target_kind="message", target_id=message_id, target_name=which
        )


def _opened(key_id: int, message_id: int, random_id: bytes, channel_id: int, author_id: int, body: bytes) -> str | None:
    try:
        key = data_keys().fernet(key_id)
    except EncryptionKeyError:  # its master key was dropped while we serve: one message, not the page
        key = None
    return open_body(key, message_id, random_id, channel_id, author_id, body)
