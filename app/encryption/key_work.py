"""How far the long work on keys has come: a row that the command line, the admin page and a resumed run read."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Float, Index, Integer, String, select
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import UtcDateTime, now
from app.extensions import Base, db

MASTER, MESSAGES, VERIFICATION, AUDIT = "master", "messages", "verification", "audit"


class KeyWork(Base):
    """One rotation of the master key or of messages, or one verification of messages or of the audit log."""

    __tablename__ = "key_work"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(12), comment="master, messages or verification")
    channel_id: Mapped[int] = mapped_column(default=0, comment="0: all of them")
    total: Mapped[int] = mapped_column(default=0, comment="data keys, or messages")
    done: Mapped[int] = mapped_column(default=0)
    unreadable: Mapped[int] = mapped_column(default=0, comment="messages that could not be verified")
    rate: Mapped[float] = mapped_column(Float, default=0.0, comment="done in a second, lately")
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_key_work_kind_id", "kind", "id"),)

    @property
    def seconds_left(self) -> float | None:
        """At its present rate; None when that is not known, or nothing is left."""
        return (self.total - self.done) / self.rate if self.rate and self.finished_at is None else None

    @classmethod
    def latest(cls, kind: str, *, finished: bool = False) -> KeyWork | None:
        """The newest of this kind: the one under way, else the last one. ``finished``: the last one that ended."""
        query = select(cls).where(cls.kind == kind).order_by(cls.id.desc()).limit(1)
        return db.session.scalar(query.where(cls.finished_at.is_not(None)) if finished else query)

    @classmethod
    def begin(cls, kind: str, total: int, channel_id: int = 0) -> KeyWork:
        """Add one to the session; the caller commits."""
        work = cls(kind=kind, total=total, channel_id=channel_id)
        db.session.add(work)
        db.session.flush()
        return work

    def note(self, done: int, rate: float) -> None:
        """How far it has come; the caller commits."""
        self.done, self.rate, self.updated_at = done, rate, now()

    def finish(self) -> None:
        """It is done; the caller commits."""
        self.finished_at = self.updated_at = now()
