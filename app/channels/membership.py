"""Who belongs to a channel: its members, and the moderators its streamer trusts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.auth.user import User
from app.clock import UtcDateTime, now
from app.extensions import Base, db

MEMBER, MODERATOR = "member", "moderator"


class Membership(Base):
    """One account's place in one channel. The owner has none: owning is on the channel."""

    __tablename__ = "channel_member"

    channel_id: Mapped[int] = mapped_column(ForeignKey("channel.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(9), default=MEMBER)
    added_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    account: Mapped[User] = relationship(lazy="joined", innerjoin=True)

    __table_args__ = (CheckConstraint("role IN ('member', 'moderator')", name="role"),)

    @classmethod
    def of(cls, channel_id: int, account_id: int) -> Membership | None:
        """The place of an account in a channel."""
        return db.session.get(cls, (channel_id, account_id))

    @classmethod
    def channels_of(cls, account_id: int) -> set[int]:
        """The channels that an account belongs to."""
        return set(db.session.scalars(select(cls.channel_id).where(cls.account_id == account_id)))

    @classmethod
    def listed(cls, channel_id: int, role: str) -> list[Membership]:
        """Everybody with ``role`` in a channel, by name."""
        found = select(cls).where(cls.channel_id == channel_id, cls.role == role)
        return list(db.session.scalars(found.join(cls.account).order_by(User.username_key)))
