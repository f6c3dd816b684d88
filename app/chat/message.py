"""A message: its row, and how its body is sealed to that row."""

from __future__ import annotations

import struct
from datetime import datetime

from cryptography.fernet import Fernet
from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import UtcDateTime
from app.encryption.fernet_token import open_token
from app.extensions import Base

LONGEST = 500

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
    return key.encrypt(place_of(message_id, random_id, channel_id, author_id) + text.encode())


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
    plain = None if key is None else open_token(key, body)
    if plain is None:
        return None
    place = place_of(message_id, random_id, channel_id, author_id)
    if plain.startswith(place):
        return plain
    unnumbered = UNNUMBERED + random_id + UNNUMBERED_PLACE.pack(channel_id, author_id)
    return place + plain[len(unnumbered) :] if plain.startswith(unnumbered) else None


def place_of(message_id: int, random_id: bytes, channel_id: int, author_id: int) -> bytes:
    """How what is sealed begins: this message, under this number, here, by this author."""
    return NUMBERED + random_id + PLACE.pack(channel_id, author_id, message_id)
