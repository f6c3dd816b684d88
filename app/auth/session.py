"""Sessions on the server: who is signed in, since when, and until when. A cookie alone proves nothing."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import ForeignKey, LargeBinary, String, select, update
from sqlalchemy.orm import Mapped, mapped_column, relationship
from ua_parser import parse

from app.audit.actor import Actor
from app.auth.announcement import announce
from app.auth.user import User
from app.clock import UtcDateTime, now
from app.extensions import Base, db

TOKEN_BYTES = 64
# last_seen_at is written at most this often: a row written at every request would be the busiest in the database.
WRITE_EVERY = timedelta(seconds=30)
CONFIRMED_FOR = timedelta(minutes=5)  # how long a password just given is good for risky acts


class UserSession(Base):
    """One sign-in in one browser. The cookie holds the token; the database only its hash."""

    __tablename__ = "user_session"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True, comment="SHA-256 of the 64-byte token")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, comment="last request or socket event")
    last_active_at: Mapped[datetime] = mapped_column(
        UtcDateTime, default=now, comment="last sign of the person, pings not counted"
    )
    confirmed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, comment="when the password was last given")
    ip: Mapped[str] = mapped_column(String(64), default="")
    user_agent: Mapped[str] = mapped_column(String(256), default="")
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    end_reason: Mapped[str] = mapped_column(String(20), default="")

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)

    @classmethod
    def start(cls, user: User, actor: Actor) -> tuple[UserSession, str]:
        """Open a session for ``user``; returns it and the token for the cookie, which exists nowhere else."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        session = cls(account_id=user.id, token_hash=_hash(token), ip=actor.ip, user_agent=actor.user_agent)
        session.user = user
        user.last_signed_in_at = now()
        db.session.add(session)
        db.session.flush()
        return session, token

    @classmethod
    def with_token(cls, token: object) -> UserSession | None:
        """The session of a cookie's token while it lives. One found past its limits is ended: the caller commits."""
        if not isinstance(token, str):
            return None
        session = db.session.scalar(select(cls).where(cls.token_hash == _hash(token)))
        if session is None or session.ended_at is not None or session.user.is_disabled:
            return None
        if reason := session.past_its_limits():
            session.end(reason)
            return None
        return session

    @classmethod
    def has_ended(cls, token: object) -> bool:
        """Whether there was such a session, and it is over."""
        ended = select(cls.id).where(cls.token_hash == _hash(str(token)), cls.ended_at.is_not(None))
        return db.session.scalar(ended) is not None

    @classmethod
    def timed_out_account(cls, token: object) -> int | None:
        """Whose session it was that ended by itself; None for one that somebody ended, or that never was."""
        if not isinstance(token, str):
            return None
        ended_by_itself = (cls.token_hash == _hash(token)) & cls.end_reason.in_(("expired", "idle"))
        return db.session.scalar(select(cls.account_id).where(ended_by_itself))

    def past_its_limits(self) -> str | None:
        """Why this session is over by now: 'expired', 'idle', or None.

        Everybody's session ends SESSION_LIFETIME_MINUTES after its last request or event; an admin's or a
        streamer's also ACTIVITY_TIMEOUT_MINUTES after the last sign of the person, whatever tabs go on polling.
        """
        settings = current_app.config["STREAMZY"]
        if now() - self.last_seen_at >= timedelta(minutes=settings.session_lifetime_minutes):
            return "expired"
        return "idle" if self.person_is_silent() and self.user.role in ("admin", "streamer") else None

    def patience_left(self) -> timedelta:
        """How long the person may go on doing nothing; zero or less once ACTIVITY_TIMEOUT_MINUTES are over."""
        limit = timedelta(minutes=current_app.config["STREAMZY"].activity_timeout_minutes)
        return self.last_active_at + limit - now()

    def person_is_silent(self) -> bool:
        """Whether the person did nothing for ACTIVITY_TIMEOUT_MINUTES: their sockets are cut then."""
        return self.patience_left() <= timedelta(0)

    def touch(self, *, person: bool) -> bool:
        """Note a request or event; ``person``: somebody did it, not a timer. True when there is something to commit."""
        moment = now()
        due = moment - self.last_seen_at >= WRITE_EVERY or (person and moment - self.last_active_at >= WRITE_EVERY)
        if due:
            self.last_seen_at = moment
            if person:
                self.last_active_at = moment
        return due

    def is_confirmed(self) -> bool:
        """Whether the person proved a moment ago to be the account's owner: an open screen alone is no proof."""
        return now() - self.confirmed_at < CONFIRMED_FOR

    def confirm(self) -> str:
        """The person just proved it. Returns the token under which the session goes on; the former one is worth
        nothing any more, so that whoever holds a copy of the cookie gains nothing by the proof."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self.token_hash, self.confirmed_at = _hash(token), now()
        return token

    def end(self, reason: str) -> None:
        """End this session now; its sockets are cut as soon as the caller commits."""
        if self.ended_at is None:
            self.ended_at, self.end_reason = now(), reason
            announce("session_ended", account_id=self.account_id, session_id=self.id, reason=reason)

    @classmethod
    def end_all_of(cls, user: User, reason: str, *, except_session: UserSession | None = None) -> None:
        """End every session of ``user``, but for the one that acts."""
        statement = update(cls).where(cls.account_id == user.id, cls.ended_at.is_(None))
        if except_session is not None:
            statement = statement.where(cls.id != except_session.id)
        ended = db.session.scalars(statement.values(ended_at=now(), end_reason=reason).returning(cls.id)).all()
        for session_id in ended:  # by id: whoever hears of it late must not end a session that began since
            announce("session_ended", account_id=user.id, session_id=session_id, reason=reason)

    @classmethod
    def living_of(cls, user: User) -> list[UserSession]:
        """Where ``user`` is signed in, newest first."""
        sessions = db.session.scalars(
            select(cls).where(cls.account_id == user.id, cls.ended_at.is_(None)).order_by(cls.last_seen_at.desc())
        )
        return [session for session in sessions if session.past_its_limits() is None]

    @property
    def device(self) -> str:
        """The browser in words, such as 'Firefox on Linux'."""
        result = parse(self.user_agent)
        browser = result.user_agent.family if result.user_agent else "Unknown browser"
        return f"{browser} on {result.os.family}" if result.os else browser


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
