"""An account: a viewer, a streamer or an admin."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, String, func, select
from sqlalchemy.orm import Mapped, mapped_column

from app.auth import name as names
from app.clock import UtcDateTime, now
from app.extensions import Base, db

ROLES = ("viewer", "streamer", "admin")


class LastAdmin(ValueError):
    """It would leave the instance without an admin who can sign in."""


class User(Base):
    """An account. A streamer is the account that owns a channel; an admin may own one too."""

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(32), unique=True)
    username_key: Mapped[str] = mapped_column(
        String(64), unique=True, comment="the name in lower case: signing in minds no case"
    )
    password_hash: Mapped[str | None] = mapped_column(String(60), comment="bcrypt; NULL until a password was revealed")
    must_change_password: Mapped[bool] = mapped_column(default=False)
    password_changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    role: Mapped[str] = mapped_column(String(8), default="viewer")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    last_signed_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (CheckConstraint("role IN ('viewer', 'streamer', 'admin')", name="role"),)

    @classmethod
    def create(
        cls, username: str, password_hash: str | None, *, role: str = "viewer", must_change_password: bool = False
    ) -> User:
        """Add an account and take its name. Raises NameRefused when the name is taken."""
        names.take(username, "account")
        return cls.with_held_name(username, password_hash, role=role, must_change_password=must_change_password)

    @classmethod
    def with_held_name(cls, username: str, password_hash: str | None, *, role: str, must_change_password: bool) -> User:
        """Add an account whose name the caller already holds (an application reserved it)."""
        user = cls(
            username=username,
            username_key=username.casefold(),
            password_hash=password_hash,
            role=role,
            must_change_password=must_change_password,
        )
        db.session.add(user)
        db.session.flush()
        return user

    @classmethod
    def named(cls, username: str) -> User | None:
        """The account of that name, whatever the case."""
        if "\0" in username:  # PostgreSQL answers NUL with an error where SQLite finds nobody
            return None
        return db.session.scalar(select(cls).where(cls.username_key == username.casefold()))

    @classmethod
    def admins_exist(cls) -> bool:
        """Whether there is any admin, disabled ones included: a disabled admin must not be replaced by a fresh one."""
        return db.session.scalar(select(cls.id).where(cls.role == "admin").limit(1)) is not None

    @property
    def is_admin(self) -> bool:
        """Whether this account may use the dashboard."""
        return self.role == "admin"

    @property
    def is_disabled(self) -> bool:
        """Whether this account may no longer sign in."""
        return self.disabled_at is not None

    def set_password(self, password_hash: str, *, must_change: bool) -> None:
        """Replace the password; the caller ends the sessions."""
        self.password_hash = password_hash
        self.must_change_password = must_change
        self.password_changed_at = now()

    def become_streamer(self) -> None:
        """Raise a viewer to streamer; an admin stays an admin."""
        if self.role == "viewer":
            self.role = "streamer"

    def disable(self) -> None:
        """Shut the account. Raises LastAdmin when it is the last admin that can sign in."""
        if self.is_admin and not self.is_disabled:
            # Lock every admin row first: two admins who disable each other at once must not both succeed.
            active = db.session.scalars(
                select(User).where(User.role == "admin", User.disabled_at.is_(None)).with_for_update()
            ).all()
            if len(active) <= 1:
                raise LastAdmin("this is the last admin who can sign in")
        self.disabled_at = self.disabled_at or now()

    def enable(self) -> None:
        """Open the account again."""
        self.disabled_at = None

    @classmethod
    def count(cls) -> int:
        """How many accounts there are."""
        return db.session.scalar(select(func.count()).select_from(cls)) or 0
