"""An account: a viewer, a streamer or an admin."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, String, func, select, update
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
    deleted_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="the row then stands for nobody: what others wrote back to must have an author"
    )

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
            username_key=names.key(username),
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
        return db.session.scalar(select(cls).where(cls.username_key == names.key(username)))

    @classmethod
    def held(cls, account_id: int) -> User | None:
        """The account as it stands now; nobody else changes it until the caller commits.

        Writes what is there already: that takes the row on PostgreSQL, and SQLite's one write lock, which no reading
        does. So what is asked of the answer still holds when the caller acts on it.
        """
        no_change = update(cls).where(cls.id == account_id).values(role=cls.role)
        db.session.execute(no_change.execution_options(synchronize_session=False))
        return db.session.get(cls, account_id, populate_existing=True)

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

    @property
    def is_deleted(self) -> bool:
        """Whether its owner deleted the account: what is left of it stands for nobody."""
        return self.deleted_at is not None

    def set_password(self, password_hash: str, *, must_change: bool) -> None:
        """Replace the password; the caller ends the sessions."""
        self.password_hash = password_hash
        self.must_change_password = must_change
        self.password_changed_at = now()

    def become_streamer(self) -> None:
        """Raise a viewer to streamer; an admin stays an admin."""
        if self.role == "viewer":
            self.role = "streamer"

    def stop_streaming(self) -> None:
        """Its channel is gone: a streamer is a viewer again; an admin stays an admin."""
        if self.role == "streamer":
            self.role = "viewer"

    def make_admin(self) -> None:
        """Let the account use the dashboard; it owns its channel as before."""
        self.role = "admin"

    def remove_admin(self, role: str) -> None:
        """Make an admin a viewer or streamer again. Raises LastAdmin when nobody else could use the dashboard."""
        self._must_not_be_the_last_admin()
        self.role = role

    def disable(self) -> None:
        """Shut the account. Raises LastAdmin when it is the last admin that can sign in."""
        self._must_not_be_the_last_admin()
        self.disabled_at = self.disabled_at or now()

    def enable(self) -> None:
        """Open the account again."""
        self.disabled_at = None

    def rename(self, username: str, *, channel_slug: str | None) -> None:
        """Give the account another name; the former one is free for others. Raises NameRefused when it is taken.

        ``channel_slug``: of the channel it owns, whose name stays held.
        """
        own = names.appearance(channel_slug) if channel_slug else None
        before, after = names.appearance(self.username), names.appearance(username)
        if after == own:
            names.hand_over(username, "account")
        elif after != before:
            names.take(username, "account")
        if before != after and before == own:
            names.hand_over(self.username, "channel")
        elif before != after:
            names.release(self.username)
        self.username, self.username_key = username, names.key(username)

    def erase(self, *, channel_slug: str | None) -> None:
        """Empty the row, so that it stands for nobody; its name is free. Raises LastAdmin."""
        self.disable()
        if channel_slug and names.appearance(channel_slug) == names.appearance(self.username):
            names.hand_over(self.username, "channel")
        else:
            names.release(self.username)
        self.username = self.username_key = f"deleted account {self.id}"  # nobody can register it: it has spaces
        self.password_hash, self.must_change_password = None, False
        self.role, self.last_signed_in_at, self.deleted_at = "viewer", None, now()

    def is_last_admin(self) -> bool:
        """Whether nobody could use the dashboard without this account."""
        others = select(User.id).where(User.role == "admin", User.disabled_at.is_(None), User.id != self.id)
        return self.is_admin and not self.is_disabled and db.session.scalar(others.limit(1)) is None

    def _must_not_be_the_last_admin(self) -> None:
        # Two admins who disable or demote each other at once must not both succeed. PostgreSQL: lock every admin's
        # row, always in this order. SQLite: holding one of them keeps everybody else from writing.
        admins = select(User.id).where(User.role == "admin").order_by(User.id)
        db.session.execute(admins.with_for_update())
        User.held(self.id)
        if self.is_last_admin():
            raise LastAdmin("this is the last admin who can sign in")

    @classmethod
    def count(cls) -> int:
        """How many accounts there are."""
        return db.session.scalar(select(func.count()).select_from(cls)) or 0
