"""When a channel's stream was on, so that one can tell how far into it something was said."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Index, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import UtcDateTime
from app.extensions import Base, db


class StreamTime(Base):
    """One stream, from "go live" to "end the stream"."""

    __tablename__ = "stream_time"

    id: Mapped[int] = mapped_column(primary_key=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("channel.id", ondelete="CASCADE"))
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="NULL: it is on, or nobody said when it ended")

    __table_args__ = (Index("ix_stream_time_channel_id_since", "channel_id", "since"),)

    @classmethod
    def begin(cls, channel_id: int, moment: datetime) -> None:
        """The stream is on."""
        db.session.add(cls(channel_id=channel_id, since=moment))

    @classmethod
    def end(cls, channel_id: int, moment: datetime) -> None:
        """It is over."""
        db.session.execute(update(cls).where(cls.channel_id == channel_id, cls.until.is_(None)).values(until=moment))


class Streams:
    """A channel's streams so far, read once."""

    def __init__(self, channel_id: int) -> None:
        times = select(StreamTime.since, StreamTime.until).where(StreamTime.channel_id == channel_id)
        self._times = [(row.since, row.until) for row in db.session.execute(times.order_by(StreamTime.since))]
        self._begins = [since for since, _ in self._times]

    def into(self, moment: datetime) -> timedelta | None:
        """How far into a stream ``moment`` was; None between two streams."""
        before = bisect_right(self._begins, moment)
        if not before:
            return None
        since, until = self._times[before - 1]
        return moment - since if until is None or moment < until else None
