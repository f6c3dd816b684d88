"""When a master key was seen here for the first time. The key itself is only in ENCRYPTION_KEY."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import UtcDateTime, now
from app.extensions import Base, db
from app.upsert import insert


class MasterKey(Base):
    """The id of a key that ENCRYPTION_KEY held once."""

    __tablename__ = "master_key"

    id: Mapped[str] = mapped_column(String(8), primary_key=True, comment="first 8 hex digits of its SHA-256")
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @classmethod
    def note(cls, ids: Iterable[str]) -> None:
        """Remember those that are new; the caller commits."""
        known = set(db.session.scalars(select(cls.id)))
        if fresh := [{"id": key_id, "first_seen_at": now()} for key_id in ids if key_id not in known]:
            db.session.execute(insert(cls).values(fresh).on_conflict_do_nothing())

    @classmethod
    def first_seen(cls) -> dict[str, datetime]:
        """Of each key that was ever here."""
        return {key_id: at for key_id, at in db.session.execute(select(cls.id, cls.first_seen_at))}
