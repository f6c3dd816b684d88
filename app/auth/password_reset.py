"""A password reset by an admin: a private link, behind which the account's owner fetches a new password once."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, LargeBinary, delete, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.auth.user import User
from app.clock import UtcDateTime, now
from app.extensions import Base, db

WITHIN = timedelta(days=7)
AGAIN_WITHIN = timedelta(seconds=60)  # a double click must not lose the password


class NotRevealable(Exception):
    """The password was revealed already, or cannot be any more."""


class PasswordReset(Base):
    """One link for one account; a later one replaces it. The link is stored only as a hash, the password never."""

    __tablename__ = "password_reset"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True, comment="SHA-256 of the link's token")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revealed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revealed_to: Mapped[bytes | None] = mapped_column(
        LargeBinary(32), comment="SHA-256 of a random value in that browser's cookie"
    )

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)

    @classmethod
    def offer(cls, user: User) -> str:
        """Make a link for ``user``; returns its token, which exists nowhere else. Former links die."""
        token = secrets.token_urlsafe(32)
        cancel(user.id)
        db.session.add(cls(account_id=user.id, token_hash=_hash(token), expires_at=now() + WITHIN))
        db.session.flush()
        return token

    @classmethod
    def of(cls, user: User) -> PasswordReset | None:
        """The latest link of ``user``."""
        return db.session.scalar(select(cls).where(cls.account_id == user.id))

    @classmethod
    def with_token(cls, token: str) -> PasswordReset | None:
        """The reset of a private link."""
        return db.session.scalar(select(cls).where(cls.token_hash == _hash(token)))

    @property
    def is_over(self) -> bool:
        """Whether nobody fetched the password in time."""
        return self.revealed_at is None and now() >= self.expires_at

    def can_reveal(self, browser: str | None) -> bool:
        """Whether a password may be made and shown now, to the browser that holds ``browser`` in its cookie."""
        if self.user.is_disabled or now() >= self.expires_at:
            return False
        if self.revealed_at is None:
            return True
        again = browser is not None and hmac.compare_digest(self.revealed_to or b"", _hash(browser))
        signed_in = self.user.last_signed_in_at
        unused = self.user.must_change_password and (signed_in is None or signed_in < self.revealed_at)
        return again and unused and now() - self.revealed_at < AGAIN_WITHIN

    def reveal(self, password_hash: str, browser: str) -> User:
        """Give the account the password that is being shown. Raises NotRevealable."""
        if not self.can_reveal(browser):
            raise NotRevealable
        mine = PasswordReset.revealed_to == _hash(browser)
        taken = db.session.execute(  # of two browsers that ask at once, one gets it
            update(PasswordReset)
            .where(PasswordReset.token_hash == self.token_hash, or_(PasswordReset.revealed_at.is_(None), mine))
            .values(revealed_at=self.revealed_at or now(), revealed_to=_hash(browser))
            .returning(PasswordReset.account_id)
        )
        if taken.first() is None:
            raise NotRevealable
        self.user.set_password(password_hash, must_change=True)
        return self.user


def cancel(account_id: int) -> None:
    """Let the account's link, if there is one, open nothing any more."""
    db.session.execute(delete(PasswordReset).where(PasswordReset.account_id == account_id))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
