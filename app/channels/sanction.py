"""Sanctions: who may not write in a channel, until when, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, String, or_, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.auth.user import User
from app.clock import UtcDateTime, now
from app.encryption.sealed import Sealed, SealedText, sealed_text
from app.extensions import Base, db

TIMEOUT, BAN = "timeout", "ban"


class Sanction(Base):
    """One timeout or ban. It ends by itself when ``until`` has passed: every look compares with the clock."""

    __tablename__ = "sanction"

    id: Mapped[int] = mapped_column(primary_key=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("channel.id", ondelete="CASCADE"))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(7))
    until: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="NULL: for good")
    seal_id: Mapped[str | None] = mapped_column(String(32), comment="binds the sealed reason to this row")
    reason_sealed: Mapped[SealedText | None] = mapped_column(Sealed("notes"), comment="the person reads it too")
    by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    lifted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lifted_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id", ondelete="SET NULL"))

    account: Mapped[User] = relationship(foreign_keys=[account_id])
    by: Mapped[User | None] = relationship(foreign_keys=[by_id])

    __table_args__ = (
        CheckConstraint("kind IN ('timeout', 'ban')", name="kind"),
        CheckConstraint("(kind = 'ban') = (until IS NULL)", name="until"),
        Index("ix_sanction_channel_id_account_id", "channel_id", "account_id"),
    )

    stated_reason = sealed_text("reason_sealed")

    @classmethod
    def holding(cls, channel_id: Any, moment: Any = None) -> tuple[ColumnElement[bool], ...]:
        """Conditions for the sanctions that hold in a channel, now unless another ``moment`` is given."""
        still = cls.until > (now() if moment is None else moment)
        return (cls.channel_id == channel_id, cls.lifted_at.is_(None), or_(cls.until.is_(None), still))

    @classmethod
    def in_force(cls, channel_id: int, account_id: int) -> Sanction | None:
        """What keeps an account from writing in a channel now: a ban before a timeout."""
        found = select(cls).where(*cls.holding(channel_id), cls.account_id == account_id)
        return db.session.scalar(found.order_by(cls.until.is_not(None), cls.id.desc()).limit(1))

    @classmethod
    def bans(cls, channel_id: int, account_id: int) -> bool:
        """Whether an account is banned from a channel."""
        found = select(cls.id).where(*cls.holding(channel_id), cls.account_id == account_id, cls.kind == BAN)
        return db.session.scalar(found.limit(1)) is not None

    @classmethod
    def banned_from(cls, account_id: int) -> set[int]:
        """The channels that an account is banned from."""
        found = select(cls.channel_id).where(cls.account_id == account_id, cls.kind == BAN, cls.lifted_at.is_(None))
        return set(db.session.scalars(found))

    @classmethod
    def impose(cls, channel_id: int, target: User, by: User, *, until: datetime | None, reason: str) -> Sanction:
        """Add a ban (``until`` None) or a timeout; it takes the place of what held before."""
        cls.lift_all(channel_id, target, by)
        kind = BAN if until is None else TIMEOUT
        sanction = cls(channel_id=channel_id, account_id=target.id, kind=kind, until=until, by_id=by.id)
        sanction.stated_reason = reason or None
        db.session.add(sanction)
        return sanction

    @classmethod
    def lift_all(cls, channel_id: int, target: User, by: User) -> list[str]:
        """End what holds; returns its kinds."""
        held = db.session.scalars(select(cls).where(*cls.holding(channel_id), cls.account_id == target.id)).all()
        for sanction in held:
            sanction.lifted_at, sanction.lifted_by_id = now(), by.id
        return [sanction.kind for sanction in held]

    @classmethod
    def listed(cls, channel_id: int, *, name: str = "", by: str = "", past: bool = False, most: int = 100) -> list[Any]:
        """The newest sanctions of a channel: on names that hold ``name``, by the moderator ``by``; ended ones too?"""
        found = select(cls).join(cls.account)
        found = found.where(cls.channel_id == channel_id) if past else found.where(*cls.holding(channel_id))
        if name:
            found = found.where(User.username_key.contains(name.casefold(), autoescape=True))
        if by:
            found = found.where(
                cls.by_id == select(User.id).where(User.username_key == by.casefold()).scalar_subquery()
            )
        return list(db.session.scalars(found.order_by(cls.id.desc()).limit(most)))

    @property
    def holds(self) -> bool:
        """Whether it keeps the person from writing now."""
        return self.lifted_at is None and (self.until is None or self.until > now())
