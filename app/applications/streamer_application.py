"""A streamer application: submitted, decided once, and its sign-in revealed once."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String, func, or_, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.auth import name as names
from app.auth.announcement import announce
from app.auth.session import UserSession
from app.auth.user import User
from app.channels.channel import Channel
from app.clock import UtcDateTime, now
from app.encryption.data_key import data_keys
from app.encryption.sealed import Sealed, SealedText, sealed_text
from app.extensions import Base, db

PENDING, APPROVED, REJECTED, WITHDRAWN = "pending", "approved", "rejected", "withdrawn"
STATES = (PENDING, "needs_information", APPROVED, REJECTED, WITHDRAWN, "expired")
UNDECIDED = (PENDING, "needs_information")
REVEAL_WITHIN = timedelta(days=7)
REVEAL_AGAIN_WITHIN = timedelta(seconds=60)  # a double click must not lose the password
REFERENCE_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


class StaleDecision(Exception):
    """The application is not in the state that was looked at; ``str()`` says what became of it."""


class OwnApplication(Exception):
    """Nobody decides their own application."""


class CannotApprove(Exception):
    """Approving is impossible; ``str()`` says why."""


class NotRevealable(Exception):
    """The sign-in was revealed already, or cannot be any more."""


class StreamerApplication(Base):
    """One request to become a streamer. Its texts are sealed; the link to it is stored only as a hash."""

    __tablename__ = "streamer_application"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(comment="counts changes: a decision names the state it looked at")
    reference: Mapped[str] = mapped_column(
        String(13), unique=True, comment="what people say on the phone: APP-7Q4M-2K9X"
    )
    token_hash: Mapped[bytes] = mapped_column(
        LargeBinary(32), unique=True, comment="SHA-256 of the status link's token"
    )
    seal_id: Mapped[str] = mapped_column(String(32), comment="binds the sealed texts to this row")
    status: Mapped[str] = mapped_column(String(17), default=PENDING, index=True)
    slug: Mapped[str] = mapped_column(String(32))
    channel_name: Mapped[str] = mapped_column(String(80))
    email_sealed: Mapped[SealedText] = mapped_column(Sealed("applications"))
    email_lookup: Mapped[bytes] = mapped_column(
        LargeBinary(32), index=True, comment="keyed hash: finds other applications of a contact"
    )
    about_sealed: Mapped[SealedText] = mapped_column(Sealed("applications"))
    links_sealed: Mapped[SealedText | None] = mapped_column(Sealed("applications"))
    reason_sealed: Mapped[SealedText | None] = mapped_column(Sealed("applications"))
    note_sealed: Mapped[SealedText | None] = mapped_column(Sealed("notes"))
    applicant_id: Mapped[int | None] = mapped_column(
        ForeignKey("account.id"), comment="who was signed in when applying"
    )
    submitted_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), comment="the streamer that approval made")
    reveal_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revealed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revealed_to: Mapped[bytes | None] = mapped_column(
        LargeBinary(32), comment="SHA-256 of a random value in that browser's cookie"
    )

    decided_by: Mapped[User | None] = relationship(foreign_keys=[decided_by_id])
    account: Mapped[User | None] = relationship(foreign_keys=[account_id])

    __table_args__ = (
        CheckConstraint("status IN ({})".format(", ".join(f"'{state}'" for state in STATES)), name="status"),
    )
    __mapper_args__ = {"version_id_col": version}

    email = sealed_text("email_sealed")
    about = sealed_text("about_sealed")
    links_text = sealed_text("links_sealed")
    public_reason = sealed_text("reason_sealed")
    note = sealed_text("note_sealed")

    @classmethod
    def submit(
        cls, *, email: str, channel_name: str, slug: str, about: str, links: list[str], applicant: User | None
    ) -> tuple[StreamerApplication, str]:
        """Add an application and reserve its slug; returns it and the token of its private link.

        Raises NameRefused when the slug is taken. A second application of one contact is taken like any other.
        """
        if applicant is None or names.appearance(slug) != names.appearance(applicant.username):
            names.take(slug, "application")
        token = secrets.token_urlsafe(32)
        letters = "".join(secrets.choice(REFERENCE_LETTERS) for _ in range(8))
        application = cls(
            reference=f"APP-{letters[:4]}-{letters[4:]}",
            token_hash=_hash(token),
            seal_id=secrets.token_hex(16),
            slug=slug,
            channel_name=channel_name,
            email_lookup=contact_hash(email),
            applicant_id=applicant.id if applicant else None,
        )
        application.email, application.about = email, about
        application.links_text = "\n".join(links) if links else None
        db.session.add(application)
        db.session.flush()
        return application, token

    @classmethod
    def with_token(cls, token: str) -> StreamerApplication | None:
        """The application of a private link."""
        return db.session.scalar(select(cls).where(cls.token_hash == _hash(token)))

    @classmethod
    def queue(cls, which: str = PENDING, limit: int = 50) -> list[StreamerApplication]:
        """Applications to show: 'pending' (undecided, oldest first), 'decided' (newest first) or 'all'."""
        query = select(cls).limit(limit)
        if which == PENDING:
            return list(db.session.scalars(query.where(cls.status.in_(UNDECIDED)).order_by(cls.submitted_at)))
        if which == "decided":
            return list(
                db.session.scalars(
                    query.where(cls.status.not_in(UNDECIDED)).order_by(cls.decided_at.desc(), cls.id.desc())
                )
            )
        return list(db.session.scalars(query.order_by(cls.submitted_at.desc())))

    @classmethod
    def count(cls, *states: str) -> int:
        """How many applications are in one of ``states`` (all, if none is given)."""
        query = select(func.count()).select_from(cls)
        return db.session.scalar(query.where(cls.status.in_(states)) if states else query) or 0

    @classmethod
    def of_account(cls, account_id: int) -> list[StreamerApplication]:
        """Applications that the account sent, or that made it, oldest first."""
        theirs = or_(cls.applicant_id == account_id, cls.account_id == account_id)
        return list(db.session.scalars(select(cls).where(theirs).order_by(cls.submitted_at, cls.id)))

    @classmethod
    def that_made(cls, account_id: int) -> StreamerApplication | None:
        """The application whose approval made this account a streamer."""
        return db.session.scalar(select(cls).where(cls.account_id == account_id))

    def erase(self) -> None:
        """Its account is deleted: what the applicant told goes, and the private link; how it was decided stays."""
        if self.is_undecided:
            self.withdraw()
        self.email, self.about, self.links_text, self.note = "", "", None, None
        self.email_lookup, self.token_hash = secrets.token_bytes(32), secrets.token_bytes(32)
        self.channel_name, self.revealed_to = "deleted", None

    def others_of_contact(self) -> int:
        """How many more applications the same contact sent."""
        query = select(func.count()).select_from(StreamerApplication)
        same = StreamerApplication.email_lookup == self.email_lookup
        if self.applicant_id is not None:
            same = or_(same, StreamerApplication.applicant_id == self.applicant_id)
        return db.session.scalar(query.where(same, StreamerApplication.id != self.id)) or 0

    @property
    def links(self) -> list[str]:
        """The links, as they were typed."""
        text: str | None = self.links_text
        return text.split("\n") if text else []

    @property
    def is_undecided(self) -> bool:
        """Whether an admin may still decide."""
        return self.status in UNDECIDED

    @property
    def creates_account(self) -> bool:
        """Whether approval makes an account: an applicant who was signed in keeps theirs, and nothing is revealed."""
        return self.applicant_id is None

    def is_own_of(self, admin: User) -> bool:
        """Whether ``admin`` sent it."""
        return self.applicant_id == admin.id

    def approve(self, by: User, reason: str, note: str, version: int) -> Channel:
        """Open channel and account. Raises StaleDecision, OwnApplication or CannotApprove: then nothing happened."""
        self._decide(APPROVED, by, reason, note, version)
        if self.applicant_id is None:
            streamer = User.with_held_name(self.slug, None, role="streamer", must_change_password=True)
            names.keep(self.slug, "account")
            self.reveal_until = now() + REVEAL_WITHIN
        else:
            streamer = db.session.get_one(User, self.applicant_id)
            if Channel.of(streamer) is not None:
                raise CannotApprove(f"{streamer.username} owns a channel already.")
            names.keep(self.slug, "channel")
            # Rights changed: whoever holds one of the old sessions must show the password again.
            UserSession.end_all_of(streamer, "role_changed")
            announce("account_changed", account_id=streamer.id)
        self.account_id = streamer.id
        return Channel.open(self.slug, self.channel_name, streamer, name_is_held=True)

    def reject(self, by: User, reason: str, note: str, version: int) -> None:
        """Say no; the slug is free again. Raises StaleDecision or OwnApplication."""
        self._decide(REJECTED, by, reason, note, version)
        names.release_reservation(self.slug)

    def withdraw(self) -> None:
        """The applicant thinks better of it. Raises StaleDecision once it is decided."""
        if not self.is_undecided:
            raise StaleDecision(self.what_became_of_it())
        self.status, self.decided_at = WITHDRAWN, now()
        names.release_reservation(self.slug)

    def _decide(self, status: str, by: User, reason: str, note: str, version: int) -> None:
        if self.is_own_of(by):
            raise OwnApplication
        if self.version != version or not self.is_undecided:
            raise StaleDecision(self.what_became_of_it())
        self.status, self.decided_at, self.decided_by_id = status, now(), by.id
        self.public_reason = reason or None
        self.note = note or None
        # Before anything is made for it: of two who decide at once, the second fails here, on the version it looked at,
        # and not on a name that the first has just taken.
        db.session.flush()

    def what_became_of_it(self) -> str:
        """One sentence for whoever comes too late."""
        if self.is_undecided:
            return "This application changed since you opened it."
        who = f" by {self.decided_by.username}" if self.decided_by else ""
        when = f" on {self.decided_at:%d %B %Y at %H:%M} UTC" if self.decided_at else ""
        return f"This application was {self.status}{who}{when}."

    def can_reveal(self, browser: str | None) -> bool:
        """Whether the sign-in may be generated and shown now, to the browser that holds ``browser`` in its cookie."""
        if (
            self.status != APPROVED
            or self.account_id is None
            or self.reveal_until is None
            or now() >= self.reveal_until
        ):
            return False
        if self.revealed_at is None:
            return True
        again = (
            browser is not None
            and self.revealed_to is not None
            and hmac.compare_digest(self.revealed_to, _hash(browser))
        )
        unused = self.account is not None and self.account.last_signed_in_at is None
        return again and unused and now() - self.revealed_at < REVEAL_AGAIN_WITHIN

    @property
    def reveal_expired(self) -> bool:
        """Whether nobody revealed the sign-in in time."""
        return (
            self.status == APPROVED
            and self.revealed_at is None
            and self.reveal_until is not None
            and now() >= self.reveal_until
        )

    def reveal(self, password_hash: str, browser: str) -> User:
        """Give the account the password that is being shown. Raises NotRevealable."""
        if not self.can_reveal(browser) or self.account is None:
            raise NotRevealable
        self.account.set_password(password_hash, must_change=True)
        self.revealed_at = self.revealed_at or now()
        self.revealed_to = _hash(browser)
        return self.account

    def allow_reveal_again(self) -> None:
        """An operator issues the sign-in anew: it may be revealed once more, within 7 days."""
        self.revealed_at, self.revealed_to, self.reveal_until = None, None, now() + REVEAL_WITHIN


def contact_hash(email: str) -> bytes:
    """The keyed hash by which applications of one contact find each other."""
    return data_keys().lookup_hash(f"email:{email.strip().casefold()}")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
