"""Letters to applicants: each says that there is something to read, and carries a private link.

A letter that waits holds neither address nor link. The address stands, sealed, with the application; the link is made
while the mail server listens. So whoever reads the database, even with its keys, finds no link in it, and what was
erased in the meantime is written to nobody.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from flask import current_app
from sqlalchemy import ForeignKey, String, delete, func, select, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.applications import link
from app.applications.contact import contact_hash
from app.clock import UtcDateTime, now
from app.extensions import Base, db
from app.security.rate_limits import RateLimited, spend

if TYPE_CHECKING:
    from app.applications.streamer_application import StreamerApplication

RECEIPT, QUESTION, DECISION = "receipt", "question", "decision"
AFTER = {"asked": QUESTION, "approved": DECISION, "rejected": DECISION}  # the steps that are written about
MOST_TRIES = 8
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)
KEPT = timedelta(days=30)  # how long one that was given up is shown to admins


class Letter(Base):
    """One letter that waits, or was given up. It is deleted once it is sent."""

    __tablename__ = "letter"

    id: Mapped[int] = mapped_column(primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("streamer_application.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(8), comment="receipt, question or decision")
    written_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=now, index=True, comment="NULL: given up")
    tries: Mapped[int] = mapped_column(default=0, comment="begun, not only failed: one may have been killed")
    problem: Mapped[str] = mapped_column(String(60), default="", comment="what the last try met; never an address")
    given_up_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)

    application: Mapped[StreamerApplication] = relationship(lazy="joined")


class Ready(NamedTuple):
    """What goes out."""

    kind: str
    recipient: str
    token: str


def may_be_sent_to(email: str) -> bool:
    """Whether a receipt may go to this address: strangers type it, and must not fill somebody's mailbox through us.

    Counted at once, and over all processes: to be asked before anything is written.
    """
    if not current_app.config["STREAMZY"].mail_server:
        return False
    try:
        spend("letters", contact_hash(email).hex())
    except RateLimited:
        return False
    return True


def write(application: StreamerApplication, kind: str) -> None:
    """Add a letter to the caller's transaction; nothing where no mail is sent."""
    if current_app.config["STREAMZY"].mail_server:
        db.session.add(Letter(application_id=application.id, kind=kind))


def take() -> int | None:
    """Take the letter that is due the longest, for one try; its id. The caller commits before it tries.

    The pause before the next try begins here. So of two workers one takes it, and of one that is killed in the middle
    it is known that it tried.
    """
    moment = now()
    due = select(Letter.id, Letter.tries).where(Letter.due_at <= moment).order_by(Letter.due_at, Letter.id).limit(1)
    found = db.session.execute(due).first()
    if found is None:
        return None
    pause = min(FIRST_PAUSE * 4 ** min(found.tries, MOST_TRIES), LONGEST_PAUSE)
    mine = (Letter.id == found.id, Letter.tries == found.tries, Letter.due_at <= moment)
    taken = update(Letter).where(*mine).values(tries=found.tries + 1, due_at=moment + pause)
    return db.session.scalar(taken.returning(Letter.id))


def make_ready(letter_id: int) -> Ready | None:
    """Give the letter a link of its own, for no earlier one can be known again. None: it was erased. Caller commits."""
    letter = db.session.get(Letter, letter_id, populate_existing=True)
    if letter is None:
        return None
    # The row is locked: erasing either comes first, and is seen here, or comes later and revokes this link, too.
    application = letter.application
    db.session.refresh(application, with_for_update=True)
    if application.erased_at is not None:
        return None
    return Ready(letter.kind, application.email, link.issue(application))


def sent(letter_id: int) -> None:
    """Nothing of it is kept."""
    db.session.execute(delete(Letter).where(Letter.id == letter_id))


def failed(letter_id: int, problem: str, *, for_good: bool = False) -> StreamerApplication | None:
    """Note what a try met. The application whose letter is given up by that: after eight tries, or ``for_good``."""
    letter = db.session.get(Letter, letter_id, populate_existing=True)
    if letter is None:
        return None
    letter.problem = problem[:60]
    if not for_good and letter.tries < MOST_TRIES:
        return None
    letter.due_at, letter.given_up_at = None, now()
    return letter.application


def forget(application: StreamerApplication) -> None:
    """Write nothing more about ``application``."""
    db.session.execute(delete(Letter).where(Letter.application_id == application.id))


def forget_old() -> None:
    """Delete those that were given up a month ago."""
    db.session.execute(delete(Letter).where(Letter.given_up_at <= now() - KEPT))


def in_trouble() -> list[Letter]:
    """The newest 50 that were tried and did not go: for admins."""
    tried = select(Letter).where(Letter.problem != "").order_by(Letter.id.desc()).limit(50)
    return list(db.session.scalars(tried))


def lost(application: StreamerApplication) -> list[Letter]:
    """Those about ``application`` that were given up, oldest first."""
    mine = (Letter.application_id == application.id, Letter.given_up_at.is_not(None))
    return list(db.session.scalars(select(Letter).where(*mine).order_by(Letter.id)))


def given_up() -> int:
    """How many were given up."""
    return db.session.scalar(select(func.count()).where(Letter.given_up_at.is_not(None))) or 0


def waiting() -> int:
    """How many are yet to be sent."""
    return db.session.scalar(select(func.count()).where(Letter.due_at.is_not(None))) or 0


def try_again() -> int:
    """Let all that did not go be tried anew at once; how many."""
    again = update(Letter).where(Letter.problem != "").values(due_at=now(), tries=0, given_up_at=None)
    return len(db.session.scalars(again.returning(Letter.id)).all())


def drop_given_up() -> int:
    """Forget those that were given up; how many. Their applicants' pages say the same."""
    return len(db.session.scalars(delete(Letter).where(Letter.given_up_at.is_not(None)).returning(Letter.id)).all())
