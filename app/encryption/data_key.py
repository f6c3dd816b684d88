"""Data keys: what messages and texts are sealed with, kept in the database wrapped by a master key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import UTC, datetime
from typing import cast

from cryptography.fernet import Fernet
from flask import current_app
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    Connection,
    Index,
    String,
    Text,
    bindparam,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import UtcDateTime, now
from app.encryption.keyring import KeyRing
from app.encryption.master_key import MasterKey
from app.extensions import Base, db

# One key for the instance and each of these; messages have one for each channel.
INSTANCE_PURPOSES = ("applications", "notes", "two_factor", "lookup", "audit", "device")
MESSAGES = "messages"


def _random_id() -> int:
    # Random, not counted: an id that a rolled-back transaction used must never come to mean another key in a cache.
    return secrets.randbits(52) + 1


class DataKey(Base):
    """A Fernet key, wrapped. The instance's own keys have channel 0 and period ''; messages have a key a month."""

    __tablename__ = "data_key"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False, default=_random_id)
    purpose: Mapped[str] = mapped_column(
        String(20), comment="what is sealed with it: messages, applications, audit, ..."
    )
    channel_id: Mapped[int] = mapped_column(
        default=0, comment="0: the instance's own. No foreign key: a key may outlive a channel"
    )
    period: Mapped[str] = mapped_column(String(7), default="", comment="YYYY-MM, or '' for all time")
    wrapped: Mapped[str | None] = mapped_column(Text, comment="under the master key; NULL once destroyed")
    master_key_id: Mapped[str] = mapped_column(String(8), comment="first 8 hex digits of the master key's SHA-256")
    state: Mapped[str] = mapped_column(
        String(9), default="active", comment="active seals and opens, retired opens, destroyed does neither"
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    __table_args__ = (
        CheckConstraint("state IN ('active', 'retired', 'destroyed')", name="state"),
        Index(
            "uq_data_key_active",
            "purpose",
            "channel_id",
            "period",
            unique=True,
            sqlite_where=text("state = 'active'"),
            postgresql_where=text("state = 'active'"),
        ),
        Index("ix_data_key_master_key_id", "master_key_id"),
    )


# Built once: SQLAlchemy takes longer to build it than the database to answer it, and every act on record asks.
ACTIVE = select(DataKey.id).where(
    DataKey.purpose == bindparam("purpose"),
    DataKey.channel_id == bindparam("channel"),
    DataKey.period == bindparam("period"),
    DataKey.state == "active",
)


class DataKeys:
    """The data keys of one app, unwrapped once each and kept in memory."""

    def __init__(self, ring: KeyRing) -> None:
        self.ring = ring
        self._unwrapped: dict[int, bytes] = {}
        self._fernets: dict[int, Fernet] = {}

    def create(self, purpose: str, channel_id: int = 0, period: str = "", connection: Connection | None = None) -> int:
        """Add a new active key, and return its id; the caller commits."""
        key_id = _random_id()
        master_key_id, wrapped = self.ring.wrap(Fernet.generate_key())
        place = {"id": key_id, "purpose": purpose, "channel_id": channel_id, "period": period}
        new = insert(DataKey).values(**place, wrapped=wrapped, master_key_id=master_key_id)
        (connection or db.session.connection()).execute(new)
        return key_id

    def ensure_instance_keys(self) -> None:
        """Create the instance's own keys that are not there yet, and note the master keys; the caller commits."""
        MasterKey.note(self.ring.ids)
        there = set(
            db.session.scalars(select(DataKey.purpose).where(DataKey.channel_id == 0, DataKey.state == "active"))
        )
        for purpose in INSTANCE_PURPOSES:
            if purpose not in there:
                self.create(purpose)

    def current_id(self, purpose: str) -> int:
        """Id of the instance's active key. Raises LookupError when there is none: never a throw-away key."""
        found = self._active(purpose, 0, "", db.session.connection())
        if found is None:
            raise LookupError(f"no active data key for {purpose}")
        return found

    def for_messages(
        self, channel_id: int, moment: datetime, connection: Connection | None = None
    ) -> tuple[int, Fernet]:
        """Id and key that seal a channel's messages of the month of ``moment``; made when there is none yet.

        The caller holds the channel's row, and commits. Asked inside the transaction that seals, which is the session's
        or that of ``connection``: a rotation may have retired the key that was used a moment ago, and a deletion have
        destroyed it.
        """
        connection = connection or db.session.connection()
        key_id = self._active(MESSAGES, channel_id, period_of(moment), connection)
        if key_id is None:
            key_id = self.create(MESSAGES, channel_id, period_of(moment), connection)
        key = self.fernet(key_id, connection)
        assert key is not None  # noqa: S101 - an active key is never destroyed
        return key_id, key

    @staticmethod
    def _active(purpose: str, channel_id: int, period: str, connection: Connection) -> int | None:
        which = {"purpose": purpose, "channel": channel_id, "period": period}
        found: int | None = connection.scalar(ACTIVE, which)
        return found

    def fernet(self, key_id: int, connection: Connection | None = None) -> Fernet | None:
        """The key to seal and open with, or None when it is unknown or destroyed.

        Raises EncryptionKeyError when the master key that wrapped it is missing.
        """
        known = self._fernets.get(key_id)
        if known is None and (raw := self.raw(key_id, connection)) is not None:
            known = self._fernets[key_id] = Fernet(raw)
        return known

    def mac(self, key_id: int, message: bytes) -> bytes:
        """HMAC-SHA256 of ``message`` under key ``key_id`` (32 bytes), for look-ups and the audit chain."""
        raw = self.raw(key_id)
        if raw is None:
            raise LookupError("the data key is unknown or destroyed")
        return mac_under(raw, message)

    def lookup_hash(self, text: str) -> bytes:
        """A keyed hash by which a sealed text can be found again (32 bytes)."""
        return self.mac(self.current_id("lookup"), text.encode())

    def forget(self) -> None:
        """Drop what is cached: keys were rotated or destroyed."""
        self._unwrapped.clear()
        self._fernets.clear()

    def raw(self, key_id: int, connection: Connection | None = None) -> bytes | None:
        """The unwrapped key itself, or None when it is unknown or destroyed. Never to be shown, logged or stored."""
        if key_id not in self._unwrapped:
            wrapped = select(DataKey.master_key_id, DataKey.wrapped).where(DataKey.id == key_id)
            row = (connection or db.session.connection()).execute(wrapped).first()
            if row is None or row.wrapped is None:
                return None
            self._unwrapped[key_id] = self.ring.unwrap(row.master_key_id, row.wrapped)
        return self._unwrapped[key_id]

    def __repr__(self) -> str:
        return f"<DataKeys {len(self._unwrapped)} in memory>"


def period_of(moment: datetime) -> str:
    """The month of ``moment`` in UTC, as YYYY-MM."""
    return moment.astimezone(UTC).strftime("%Y-%m")


def destroy(*which: ColumnElement[bool]) -> int:
    """Destroy the data keys of these conditions; returns how many. What is sealed with them opens never again.

    The caller commits, announces keys_changed, and then has SQLite's log emptied: the row stays, its key does not.
    """
    gone = update(DataKey).where(DataKey.wrapped.is_not(None), *which).values(wrapped=None, state="destroyed")
    return len(db.session.scalars(gone.returning(DataKey.id), execution_options={"synchronize_session": False}).all())


def mac_under(data_key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256 of ``message`` under an unwrapped data key (32 bytes)."""
    return hmac.digest(base64.urlsafe_b64decode(data_key), message, hashlib.sha256)


def data_keys() -> DataKeys:
    """The data keys of the current app. Raises EncryptionKeyError when ENCRYPTION_KEY cannot be used."""
    extension = current_app.extensions["data_keys"]
    if isinstance(extension, Exception):
        raise extension
    return cast(DataKeys, extension)
