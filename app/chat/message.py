"""A message: how its body is bound to its row, and how pages of messages are read."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    Select,
    String,
    UniqueConstraint,
    and_,
    select,
)
from sqlalchemy.engine import Row
from sqlalchemy.orm import Mapped, aliased, mapped_column

from app.audit.actor import Actor
from app.audit.event import AuditEvent, record
from app.auth.user import User
from app.channels.channel import Channel, badges
from app.channels.membership import Membership
from app.clock import UtcDateTime
from app.encryption.data_key import data_keys
from app.encryption.keyring import EncryptionKeyError
from app.encryption.sealed import unsealed_bytes
from app.extensions import Base, db

LONGEST = 500
PAGE = 50
UNVERIFIED = "This message could not be verified."
REMOVED = "message removed"
COLOURS = 12

# How what is sealed begins: a version, the length of the place, and the place. The first version had no number in it.
PLACE, UNNUMBERED_PLACE = struct.Struct(">QQQ"), struct.Struct(">QQ")
NUMBERED, UNNUMBERED = bytes([2, 16 + PLACE.size]), bytes([1, 16 + UNNUMBERED_PLACE.size])
PLACE_BYTES = len(NUMBERED) + 16 + PLACE.size


class Message(Base):
    """One chat line. Ids count up by one within a channel, in the order of commits."""

    __tablename__ = "message"

    channel_id: Mapped[int] = mapped_column(ForeignKey("channel.id"), primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(
        BigInteger, primary_key=True, autoincrement=False, comment="from channel.last_message_id"
    )
    random_id: Mapped[bytes] = mapped_column(LargeBinary(16), comment="binds the body to this row")
    author_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    nonce: Mapped[str] = mapped_column(String(64), comment="the client's own id: a retry stores nothing")
    kind: Mapped[str] = mapped_column(String(4), default="text")
    body: Mapped[bytes] = mapped_column(
        LargeBinary, comment="Fernet token over version, random id, channel, author and text"
    )
    data_key_id: Mapped[int] = mapped_column(ForeignKey("data_key.id"), index=True)
    reply_to: Mapped[int | None] = mapped_column(BigInteger, comment="id of an earlier message of the channel")
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="its body is sealed anew, with no text")
    deleted_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    __table_args__ = (
        UniqueConstraint("channel_id", "author_id", "nonce"),
        Index("ix_message_channel_id_author_id_sent_at", "channel_id", "author_id", "sent_at"),
        Index("ix_message_channel_id_sent_at", "channel_id", "sent_at"),
        CheckConstraint("kind IN ('text', 'me')", name="kind"),
    )


def seal_body(key: Fernet, message_id: int, random_id: bytes, channel_id: int, author_id: int, text: str) -> bytes:
    """Encrypt a body together with its place: this message, under this number, here, by this author."""
    return key.encrypt(_place(message_id, random_id, channel_id, author_id) + text.encode())


def open_body(
    key: Fernet | None, message_id: int, random_id: bytes, channel_id: int, author_id: int, body: bytes
) -> str | None:
    """The text, or None when it cannot be verified: another key, changed, or moved here from elsewhere.

    The comparison defeats transplants: whoever can write to the database could otherwise make one person say what
    another wrote, or say it again, with a ciphertext that is perfectly valid.
    """
    placed = _placed(key, message_id, random_id, channel_id, author_id, body)
    return None if placed is None else placed[PLACE_BYTES:].decode()


def reseal_body(
    old: Fernet, new: Fernet, message_id: int, random_id: bytes, channel_id: int, author_id: int, body: bytes
) -> bytes | None:
    """The body under another key, its number sealed in if it was not yet; None when it cannot be verified."""
    placed = _placed(old, message_id, random_id, channel_id, author_id, body)
    return None if placed is None else new.encrypt(placed)


def _placed(
    key: Fernet | None, message_id: int, random_id: bytes, channel_id: int, author_id: int, body: bytes
) -> bytes | None:
    plain = unsealed_bytes(key, body)
    if plain is None:
        return None
    place = _place(message_id, random_id, channel_id, author_id)
    if plain.startswith(place):
        return plain
    unnumbered = UNNUMBERED + random_id + UNNUMBERED_PLACE.pack(channel_id, author_id)
    return place + plain[len(unnumbered) :] if plain.startswith(unnumbered) else None


def _place(message_id: int, random_id: bytes, channel_id: int, author_id: int) -> bytes:
    return NUMBERED + random_id + PLACE.pack(channel_id, author_id, message_id)


@lru_cache(maxsize=4096)
def colour(username: str) -> int:
    """Which of the twelve name colours (1 to 12) is this account's: the same on every screen, for ever."""
    value = 2166136261
    for byte in username.casefold().encode():  # FNV-1a: Python's own hash differs in every process
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value % COLOURS + 1


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


def wire(
    message_id: int,
    slug: str,
    username: str,
    author_badges: list[str],
    kind: str,
    text: str,
    sent_at: datetime,
    reply_to: dict[str, Any] | None,
) -> dict[str, Any]:
    """A message as clients get it, live and from history alike."""
    return {
        "id": message_id,
        "channel": slug,
        "author": {"username": username, "badges": author_badges, "colour": colour(username)},
        "kind": kind,
        "text": text,
        "sent_at": timestamp(sent_at),
        "reply_to": reply_to,
    }


def timestamp(moment: datetime) -> str:
    """A moment as clients get it: ISO 8601 in UTC, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
