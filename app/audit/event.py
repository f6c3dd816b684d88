"""Audit events: the row, and the one way to write it."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, LargeBinary, String, bindparam, update
from sqlalchemy.orm import Mapped, mapped_column

from app.audit.actor import Actor, one_line
from app.audit.vocabulary import EVENTS
from app.clock import UtcDateTime, now
from app.encryption.data_key import data_keys
from app.extensions import Base, db

GENESIS = bytes(32)


class AuditHead(Base):
    """The end of the chain, one row: appending takes its lock, so that writers never fork the chain.

    ``last_hash`` is the newest row's end mark. Rows hold only its SHA-256, so somebody without the key who cuts off
    the end finds nowhere what the head would have to say.
    """

    __tablename__ = "audit_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last_id: Mapped[int] = mapped_column(BigInteger, default=0)
    last_hash: Mapped[bytes] = mapped_column(LargeBinary(32), default=GENESIS)


class AuditEvent(Base):
    """One row of the log. It has no foreign keys: the record outlives what it speaks of."""

    __tablename__ = "audit_event"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
        comment="counts up by one: a hole is a deletion",
    )
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    event: Mapped[str] = mapped_column(String(40))
    actor_id: Mapped[int | None]
    session_id: Mapped[int | None]
    target_kind: Mapped[str] = mapped_column(String(20), default="")
    target_id: Mapped[int | None] = mapped_column(BigInteger)
    actor_name: Mapped[str | None] = mapped_column(String(64), comment="personal: may be erased")
    ip: Mapped[str | None] = mapped_column(String(64), comment="personal: may be erased")
    user_agent: Mapped[str | None] = mapped_column(String(256), comment="personal: may be erased")
    target_name: Mapped[str | None] = mapped_column(String(64), comment="personal: may be erased")
    details: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True), comment="personal: may be erased")
    salt: Mapped[bytes | None] = mapped_column(
        LargeBinary(16), comment="of the personal fields' digest; NULL once they are erased"
    )
    personal_digest: Mapped[bytes] = mapped_column(
        LargeBinary(32), comment="SHA-256 of salt and personal fields: stays when they go"
    )
    data_key_id: Mapped[int] = mapped_column(BigInteger, comment="the key of the chain's HMAC")
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    hash: Mapped[bytes] = mapped_column(LargeBinary(32), comment="HMAC-SHA256 over this row and the hash before it")

    __table_args__ = (
        Index("ix_audit_event_at", "at"),
        Index("ix_audit_event_event_at", "event", "at"),
        Index("ix_audit_event_actor_id", "actor_id"),
        Index("ix_audit_event_target_kind_target_id", "target_kind", "target_id"),
    )

    @property
    def description(self) -> str:
        """What happened, for a person."""
        return EVENTS.get(self.event, self.event)

    def expected_personal_digest(self) -> bytes:
        """What ``personal_digest`` must be while the personal fields are there."""
        return hashlib.sha256((self.salt or b"") + _canonical(self._personal())).digest()

    def expected_hash(self) -> bytes:
        """What ``hash`` must be."""
        row = [
            self.id,
            self.at.isoformat(timespec="microseconds"),
            self.event,
            self.actor_id,
            self.session_id,
            self.target_kind,
            self.target_id,
            self.personal_digest.hex(),
            self.previous_hash.hex(),
        ]
        return data_keys().mac(self.data_key_id, _canonical(row))

    def end_mark(self) -> bytes:
        """What the head must say while this row is the newest."""
        return data_keys().mac(self.data_key_id, b"end:" + self.hash)

    def is_as_written(self) -> bool:
        """Whether the row is what was recorded. What is personal may have been erased, but not replaced."""
        try:
            return self.hash == self.expected_hash()
        except LookupError:  # it names a key that does not exist
            return False

    def personal_is_as_written(self) -> bool:
        """Whether the personal fields are what was recorded, or erased altogether."""
        if self.salt is None:  # without it their digest proves nothing: then nothing may stand there
            return all(value is None for value in self._personal())
        return self.personal_digest == self.expected_personal_digest()

    def _personal(self) -> list[Any]:
        return [self.actor_name, self.ip, self.user_agent, self.target_name, self.details]


def link(end_mark: bytes) -> bytes:
    """What the next row holds of the one before it."""
    return hashlib.sha256(end_mark).digest()


def _canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":")).encode()


# Built once: SQLAlchemy takes longer to build these than the database to answer them, and every act waits for them.
TAKE_A_NUMBER = (
    update(AuditHead)
    .where(AuditHead.id == 1)
    .values(last_id=AuditHead.last_id + 1)
    .returning(AuditHead.last_id, AuditHead.last_hash)
    .execution_options(synchronize_session=False)
)
MOVE_THE_END = (
    update(AuditHead)
    .where(AuditHead.id == 1)
    .values(last_hash=bindparam("mark"))
    .execution_options(synchronize_session=False)
)


def record(
    event: str,
    actor: Actor,
    *,
    target_kind: str = "",
    target_id: int | None = None,
    target_name: str = "",
    **details: Any,
) -> AuditEvent:
    """Append one event in the caller's transaction: an act that cannot be recorded does not happen.

    Raises KeyError for an event that is not in the vocabulary.
    """
    EVENTS[event]  # a misspelt event must fail in tests, not vanish in production
    last_id, end_mark = db.session.execute(TAKE_A_NUMBER).one()
    row = AuditEvent(
        id=last_id,
        at=now(),
        event=event,
        actor_id=actor.account_id,
        session_id=actor.session_id,
        target_kind=target_kind,
        target_id=target_id,
        actor_name=actor.name,
        ip=actor.ip,
        user_agent=actor.user_agent,
        target_name=one_line(target_name, 64),
        details=details or None,
        salt=secrets.token_bytes(16),
        data_key_id=data_keys().current_id("audit"),
        previous_hash=link(end_mark),
    )
    row.personal_digest = row.expected_personal_digest()
    row.hash = row.expected_hash()
    db.session.add(row)
    db.session.execute(MOVE_THE_END, {"mark": row.end_mark()})
    return row
