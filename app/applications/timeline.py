"""What happened to an application, step by step, with what was said: to the applicant, and among admins."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, String, select, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.auth.user import User
from app.clock import UtcDateTime, now
from app.encryption.sealed import Sealed, SealedText, sealed_text
from app.extensions import Base, db

if TYPE_CHECKING:
    from app.applications.streamer_application import StreamerApplication

# Every step there is, and what it says to a person.
STEPS = {
    "received": "Received",
    "opened": "A person began to read it",
    "asked": "Asked for more information",
    "answered": "Answered by the applicant",
    "noted": "Note for admins",
    "approved": "Approved",
    "rejected": "Not approved",
    "reopened": "Opened again",
    "withdrawn": "Withdrawn by the applicant",
    "revealed": "Sign-in shown",
    "expired": "Sign-in not fetched in time",
    "reissued": "Sign-in issued anew",
    "archived": "Archived",
    "erased": "Erased",
}
AMONG_ADMINS = ("noted", "archived")


class ApplicationStep(Base):
    """One step. Its texts are sealed; what the applicant reads and what admins keep to themselves are two."""

    __tablename__ = "application_step"

    id: Mapped[int] = mapped_column(primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("streamer_application.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    step: Mapped[str] = mapped_column(String(10))
    by_id: Mapped[int | None] = mapped_column(
        ForeignKey("account.id"), comment="the admin; NULL: the applicant, or time"
    )
    seal_id: Mapped[str | None] = mapped_column(String(32), comment="binds the sealed texts to this row")
    told_sealed: Mapped[SealedText | None] = mapped_column(
        Sealed("applications"), comment="what the applicant was told, or answered"
    )
    remark_sealed: Mapped[SealedText | None] = mapped_column(Sealed("notes"), comment="what admins keep to themselves")

    by: Mapped[User | None] = relationship(lazy="joined")
    told_text = sealed_text("told_sealed")
    remark_text = sealed_text("remark_sealed")

    __table_args__ = (Index("ix_application_step_application_id_id", "application_id", "id"),)

    @property
    def title(self) -> str:
        """The step, for a person."""
        return STEPS[self.step]


def add(
    application: StreamerApplication, step: str, *, by: User | None = None, told: str = "", remark: str = ""
) -> ApplicationStep:
    """Add a step to the caller's transaction. Raises KeyError for one that is not in the vocabulary."""
    STEPS[step]
    row = ApplicationStep(application_id=application.id, step=step, by_id=by.id if by else None)
    row.told_text, row.remark_text = told or None, remark or None
    db.session.add(row)
    return row


def of(application: StreamerApplication) -> list[ApplicationStep]:
    """Every step, oldest first: for admins."""
    mine = ApplicationStep.application_id == application.id
    return list(db.session.scalars(select(ApplicationStep).where(mine).order_by(ApplicationStep.id)))


def seen_by_the_applicant(application: StreamerApplication) -> list[ApplicationStep]:
    """The steps that are the applicant's business, oldest first; of these, ``told_text`` only."""
    return [row for row in of(application) if row.step not in AMONG_ADMINS]


def has(application: StreamerApplication, step: str) -> bool:
    """Whether ``step`` happened."""
    mine = (ApplicationStep.application_id == application.id) & (ApplicationStep.step == step)
    return db.session.scalar(select(ApplicationStep.id).where(mine).limit(1)) is not None


def forget_texts(application: StreamerApplication) -> None:
    """Empty what was said; that something happened stays."""
    mine = ApplicationStep.application_id == application.id
    nothing = {"told_sealed": None, "remark_sealed": None, "seal_id": None}
    db.session.execute(update(ApplicationStep).where(mine).values(nothing))
