"""A channel: one streamer's chat room, and who may read and write there."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, Text, and_, false, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.auth import name as names
from app.auth.user import User
from app.channels.membership import Membership
from app.channels.sanction import Sanction
from app.clock import UtcDateTime, now
from app.encryption.data_key import data_keys
from app.extensions import Base, db


class Channel(Base):
    """One streamer's chat room, at /c/<slug>."""

    __tablename__ = "channel"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(32), unique=True)
    title: Mapped[str] = mapped_column(String(80))
    description: Mapped[str] = mapped_column(Text, default="")
    rules: Mapped[str] = mapped_column(Text, default="", comment="one house rule a line")
    owner_id: Mapped[int] = mapped_column(ForeignKey("account.id"), unique=True)
    access: Mapped[str] = mapped_column(
        String(8), default="public", comment="who may read: public, accounts or private"
    )
    members_only: Mapped[bool] = mapped_column(default=False, comment="only members may write")
    slow_mode_seconds: Mapped[int] = mapped_column(default=0)
    unique_messages: Mapped[bool] = mapped_column(
        default=False, server_default=false(), comment="nobody says the same twice within 30 s"
    )
    password_hash: Mapped[str | None] = mapped_column(
        String(60), comment="bcrypt; who knows it becomes a member of the private channel"
    )
    stream_url: Mapped[str | None] = mapped_column(
        String(300), comment="where the stream plays, as its streamer typed it"
    )
    retention_days: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="messages older than this are deleted; 0: the instance's rule alone"
    )
    introduced_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="when its streamer was through with the first steps, or skipped them"
    )
    live_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_message_id: Mapped[int] = mapped_column(
        BigInteger, default=0, comment="messages are counted by the transaction that inserts them"
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="its keys are destroyed and its rows are being removed, this one last"
    )

    owner: Mapped[User] = relationship(lazy="joined", innerjoin=True)

    __table_args__ = (CheckConstraint("access IN ('public', 'accounts', 'private')", name="access"),)

    @classmethod
    def open(cls, slug: str, title: str, owner: User, *, description: str = "", name_is_held: bool = False) -> Channel:
        """Add a channel with a data key of its own, and make its owner a streamer.

        Unless the caller already holds the name, takes it; raises NameRefused when somebody else has it.
        """
        if names.appearance(slug) == names.appearance(owner.username):
            names.hand_over(slug, "account")  # a channel that was deleted here may have left it to nobody
        elif not name_is_held:
            names.take(slug, "channel")
        channel = cls(slug=slug, title=title, owner_id=owner.id, description=description)
        channel.owner = owner
        db.session.add(channel)
        db.session.flush()
        data_keys().for_messages(channel.id, now())
        owner.become_streamer()
        return channel

    @classmethod
    def at(cls, slug: str) -> Channel | None:
        """The channel at /c/<slug>, disabled ones included."""
        if "\0" in slug:  # PostgreSQL answers NUL with an error where SQLite finds nothing
            return None
        return db.session.scalar(select(cls).where(cls.slug == slug))

    @classmethod
    def of(cls, owner: User) -> Channel | None:
        """The channel ``owner`` owns."""
        return db.session.scalar(select(cls).where(cls.owner_id == owner.id))

    @classmethod
    def readable_by(cls, user: User | None, slug: str) -> Channel | None:
        """The channel at ``slug`` if ``user`` (None: a visitor) may read it. To anybody else it does not exist."""
        channel = cls.at(slug)
        return channel if channel and channel.may_read(user) else None

    @classmethod
    def listed_for(cls, user: User | None) -> list[Channel]:
        """The channels ``user`` may read, live ones first, then by title."""
        channels = db.session.scalars(select(cls).where(cls.disabled_at.is_(None)).order_by(cls.title)).all()
        if user is None:
            readable = [channel for channel in channels if channel.access == "public"]
        else:
            mine, closed = Membership.channels_of(user.id), Sanction.banned_from(user.id)
            readable = [
                channel
                for channel in channels
                if channel.access == "public"
                or (channel.id not in closed)
                and (channel.access == "accounts" or channel.id in mine or channel.owner_id == user.id)
            ]
        return sorted(readable, key=lambda channel: channel.live_since is None)

    def matches(self, looked_for: str) -> bool:
        """Whether title, address or streamer have every word of ``looked_for`` in them, in any case."""
        name = f"{self.title} {self.slug} {self.owner.username}".casefold()
        return all(word in name for word in looked_for.casefold().split())

    def may_read(self, user: User | None) -> bool:
        """Whether ``user`` may read here. A private channel is its members', not the admins'.

        A ban is about writing: it shuts only what needs an account to read, since anybody reads the rest signed out.
        """
        if self.disabled_at is not None:
            return False
        if self.access == "public":
            return True
        if user is None or Sanction.bans(self.id, user.id):
            return False
        return self.access == "accounts" or self.role_of(user) is not None

    def shuts_out(self, user: User) -> bool:
        """Whether a ban is all that keeps ``user`` from reading a channel that they know is there."""
        return self.disabled_at is None and self.access == "accounts" and Sanction.bans(self.id, user.id)

    def readers_among(self, account_ids: set[int]) -> set[int]:
        """Which of these accounts may read here: asked once, however many there are."""
        if self.disabled_at is not None or not account_ids:
            return set()
        if self.access == "public":
            return account_ids
        if self.access == "private":
            members = select(Membership.account_id).where(Membership.channel_id == self.id)
            account_ids = account_ids & {*db.session.scalars(members), self.owner_id}
        banned = select(Sanction.account_id).where(*Sanction.holding(self.id), Sanction.kind == "ban")
        return account_ids - set(db.session.scalars(banned))

    def may_write(self, user: User) -> bool:
        """Whether ``user``, who may read here, may also write."""
        return not self.members_only or user.is_admin or self.role_of(user) is not None

    def close_for_good(self) -> None:
        """Its owner deleted their account: nobody reads or writes here, and no words of theirs stay in clear.

        The address stays taken: nobody else can pass for it.
        """
        self.disabled_at = self.disabled_at or now()
        self.title, self.description, self.rules, self.live_since = "Closed", "", "", None

    def role_of(self, user: User) -> str | None:
        """'streamer', 'moderator', 'member' or None. A ban takes nothing of it away: it outweighs it while it holds."""
        if user.id == self.owner_id:
            return "streamer"
        membership = Membership.of(self.id, user.id)
        return membership.role if membership else None

    def badges_of(self, user: User) -> list[str]:
        """What stands beside the name of ``user`` here: from roles only, never from anything they typed."""
        return badges(user.role, self.role_of(user))

    def with_badges(self, account_ids: list[int]) -> list[tuple[User, list[str]]]:
        """These accounts with their badges here: asked once, however many there are."""
        belongs = and_(Membership.account_id == User.id, Membership.channel_id == self.id)
        rows = db.session.execute(
            select(User, Membership.role).outerjoin(Membership, belongs).where(User.id.in_(account_ids))
        )
        return [(user, badges(user.role, "streamer" if user.id == self.owner_id else role)) for user, role in rows]


def badges(account_role: str, channel_role: str | None) -> list[str]:
    """Badges of an account with these roles."""
    shown = [channel_role] if channel_role in ("streamer", "moderator") else []
    if account_role == "admin":
        shown.append("admin")
    return shown
