"""Announcements: acts that change rights or keys, told to every worker through the database.

Sign-out must cut sockets, but this room may not know the chat; the command line and other workers act too. So the
act adds a row in its own transaction. This process hears of it the moment it commits, the others within half a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from blinker import Signal
from flask import current_app
from sqlalchemy import JSON, BigInteger, Integer, String, delete, event, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.clock import UtcDateTime, now
from app.extensions import Base, db

# Commits overlap: a row with a lower id may appear after one with a higher. Readers look back this far and
# remember what they have seen.
LOOK_BACK = timedelta(seconds=60)
KEEP = timedelta(hours=1)

announced: Signal = Signal()
# Sent once for each commit that held news, for whoever can make other processes look before their time.
committed: Signal = Signal()


@dataclass(frozen=True)
class News:
    """What was announced.

    ``kind`` is session_ended, account_changed (with a channel: what the account may do there), channel_changed,
    channel_deleted, keys_changed, message_deleted, messages_cleared or application_changed. ``details`` are the kind's
    own, and never hold what was said.
    """

    id: int
    kind: str
    account_id: int | None
    session_id: int | None
    channel_id: int | None
    reason: str
    details: dict[str, Any]
    at: datetime


class Announcement(Base):
    """One piece of news, kept for an hour."""

    __tablename__ = "announcement"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    account_id: Mapped[int | None]
    session_id: Mapped[int | None]
    channel_id: Mapped[int | None]
    reason: Mapped[str] = mapped_column(String(20), default="")
    details: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)

    def news(self) -> News:
        """This row as a value that outlives its session."""
        about = (self.account_id, self.session_id, self.channel_id)
        return News(self.id, self.kind, *about, self.reason, self.details or {}, self.created_at)


def announce(kind: str, **about: Any) -> None:
    """Add news to the caller's transaction; it is heard once that commits, and not at all if it does not."""
    row = Announcement(kind=kind, **about)
    db.session.add(row)
    db.session.flush()
    db.session.info.setdefault("news", []).append(row.news())


def since(moment: datetime) -> list[News]:
    """What was announced since ``moment``, with the look-back that overlapping commits need."""
    rows = db.session.scalars(
        select(Announcement).where(Announcement.created_at > moment - LOOK_BACK).order_by(Announcement.id)
    )
    return [row.news() for row in rows]


def prune() -> None:
    """Delete news that every worker has long heard."""
    db.session.execute(delete(Announcement).where(Announcement.created_at < now() - KEEP))


def heard() -> dict[int, datetime]:
    """Ids of the news that this process has acted on, and when: its own are not acted on again when they are read."""
    found: dict[int, datetime] = current_app.extensions.setdefault("heard_news", {})
    return found


@event.listens_for(Session, "after_commit")
def _hear(session: Session) -> None:
    new = session.info.pop("news", [])
    for news in new:
        heard()[news.id] = now()
        announced.send(news)
    if new:
        committed.send()


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop("news", None)
