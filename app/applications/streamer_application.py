"""A streamer application: one request to become a streamer, from the form on."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, func, or_, select
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.orm.exc import StaleDataError

from app.applications import address, letter, link, news, state, timeline
from app.applications.contact import contact_hash
from app.applications.refusal import StaleDecision
from app.applications.state import APPROVED, EXPIRED, PENDING, STATES, UNDECIDED
from app.auth.user import User
from app.clock import UtcDateTime, now
from app.encryption.sealed import Sealed, SealedText, sealed_text
from app.extensions import Base, db

REFERENCE_SIGNS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


class Waiting(NamedTuple):
    """What waits for an admin."""

    number: int
    since: datetime | None
    late: int


class StreamerApplication(Base):
    """One request to become a streamer. Its texts are sealed; the links to it are stored only as hashes."""

    __tablename__ = "streamer_application"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(comment="counts changes: a decision names the state it looked at")
    reference: Mapped[str] = mapped_column(
        String(13), unique=True, comment="what people say on the phone: APP-7Q4M-2K9X"
    )
    seal_id: Mapped[str] = mapped_column(String(32), comment="binds the sealed texts to this row")
    status: Mapped[str] = mapped_column(String(17), default=PENDING)
    slug: Mapped[str] = mapped_column(String(32))
    channel_name: Mapped[str] = mapped_column(String(80))
    email_sealed: Mapped[SealedText] = mapped_column(Sealed("applications"))
    email_lookup: Mapped[bytes] = mapped_column(
        LargeBinary(32), index=True, comment="keyed hash: finds other applications of a contact"
    )
    network_lookup: Mapped[bytes | None] = mapped_column(
        LargeBinary(32), index=True, comment="keyed hash: finds others from the same network"
    )
    about_sealed: Mapped[SealedText] = mapped_column(Sealed("applications"))
    links_sealed: Mapped[SealedText | None] = mapped_column(Sealed("applications"))
    reason_sealed: Mapped[SealedText | None] = mapped_column(Sealed("applications"))
    note_sealed: Mapped[SealedText | None] = mapped_column(Sealed("notes"))
    applicant_id: Mapped[int | None] = mapped_column(
        ForeignKey("account.id"), comment="who was signed in when applying"
    )
    submitted_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), comment="the streamer that approval made")
    reveal_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revealed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revealed_to: Mapped[bytes | None] = mapped_column(
        LargeBinary(32), comment="SHA-256 of a random value in that browser's cookie"
    )
    archived_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="out of the queue's sight")
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="the row then says only that it was")

    decided_by: Mapped[User | None] = relationship(foreign_keys=[decided_by_id])
    account: Mapped[User | None] = relationship(foreign_keys=[account_id])

    __table_args__ = (
        CheckConstraint("status IN ({})".format(", ".join(f"'{one}'" for one in STATES)), name="status"),
        Index("ix_streamer_application_submitted_at", "submitted_at"),
        # The queue is counted and put in order by it alone: the rows themselves are wide, for they hold sealed texts.
        Index("ix_streamer_application_queue", "status", "archived_at", "submitted_at", "id"),
    )
    __mapper_args__ = {"version_id_col": version}

    email = sealed_text("email_sealed")
    about = sealed_text("about_sealed")
    links_text = sealed_text("links_sealed")
    public_reason = sealed_text("reason_sealed")  # what the applicant was told last: why it was decided, or a question
    note = sealed_text("note_sealed")  # the decision's, among admins

    @classmethod
    def submit(
        cls,
        *,
        email: str,
        channel_name: str,
        slug: str,
        about: str,
        links: list[str],
        applicant: User | None,
        network: bytes | None = None,
    ) -> tuple[StreamerApplication, str]:
        """Add an application and reserve its slug; returns it and the token of its private link.

        Raises NameRefused when the slug is taken. A second application of one contact is taken like any other.
        ``network`` is a ``contact.network_hash``.
        """
        address.check_free(slug, applicant)  # before the receipt is counted: what is refused has none
        to_be_mailed = letter.may_be_sent_to(email)
        signs = "".join(secrets.choice(REFERENCE_SIGNS) for _ in range(8))
        application = cls(
            reference=f"APP-{signs[:4]}-{signs[4:]}",
            seal_id=secrets.token_hex(16),
            slug=slug,
            channel_name=channel_name,
            email_lookup=contact_hash(email),
            network_lookup=network,
            applicant_id=applicant.id if applicant else None,
        )
        address.reserve(application)
        application.email, application.about = email, about
        application.links_text = "\n".join(links) if links else None
        db.session.add(application)
        db.session.flush()
        timeline.add(application, "received")
        news.tell(application, "received")
        if to_be_mailed:
            letter.write(application, letter.RECEIPT)
        return application, link.issue(application)

    @classmethod
    def with_token(cls, token: str) -> StreamerApplication | None:
        """The application of a private link."""
        opened = select(link.ApplicationLink.application_id).where(
            link.ApplicationLink.token_hash == link.hashed(token)
        )
        return db.session.scalar(select(cls).where(cls.id == opened.scalar_subquery()))

    @classmethod
    def waiting(cls, late: datetime) -> Waiting:
        """How many wait for an admin, since when the first of them, and how many since ``late`` or longer."""
        counted = select(func.count(), func.min(cls.submitted_at), func.count().filter(cls.submitted_at <= late))
        return Waiting(*db.session.execute(counted.where(cls.status == PENDING)).one())

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

    def others_of_contact(self) -> list[StreamerApplication]:
        """What else the same contact sent, newest first."""
        cls = StreamerApplication
        same = cls.email_lookup == self.email_lookup
        if self.applicant_id is not None:
            same = or_(same, cls.applicant_id == self.applicant_id)
        others = select(cls).where(same, cls.id != self.id).order_by(cls.submitted_at.desc(), cls.id.desc())
        return list(db.session.scalars(others))

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
        """Whether ``admin`` sent it, or is the account that it made."""
        return admin.id in (self.applicant_id, self.account_id)

    def allows(self, verb: str) -> bool:
        """Whether ``verb`` may be done with it in its state, see ``state.WAYS``."""
        return state.allows(self.status, verb)

    def move(self, verb: str) -> None:
        """Go where ``verb`` leads, on the version that was read. Raises StaleDecision when somebody was faster.

        Everything that hangs on the state comes after this: the row is the lock under which one of many wins.
        """
        if not self.allows(verb):
            raise StaleDecision
        self.status = state.after(self.status, verb)
        try:
            db.session.flush()
        except StaleDataError:
            raise StaleDecision from None

    @property
    def reveal_expired(self) -> bool:
        """Whether nobody revealed the sign-in in time."""
        late = self.reveal_until is not None and now() >= self.reveal_until
        return self.status == EXPIRED or (self.status == APPROVED and self.revealed_at is None and late)

    @property
    def shown_status(self) -> str:
        """Its state as the applicant sees it: a sign-in expires on time, whenever the clockwork comes round."""
        return EXPIRED if self.reveal_expired else self.status

    def what_became_of_it(self, told_to: str = "admin") -> str:
        """One sentence for whoever comes too late. Who decided is told to admins only."""
        if self.is_undecided:
            return "This application changed since you opened it."
        who = f" by {self.decided_by.username}" if self.decided_by and told_to == "admin" else ""
        when = f" on {self.decided_at:%d %B %Y at %H:%M} UTC" if self.decided_at else ""
        return f"This application was {self.status}{who}{when}."

    def target(self) -> dict[str, Any]:
        """What an audit event about it names."""
        return {"target_kind": "application", "target_id": self.id, "target_name": self.reference}
