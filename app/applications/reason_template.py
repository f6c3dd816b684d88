"""Texts that admins begin an answer with. They are said to many, so they are not sealed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String, Text, select
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.orm.exc import StaleDataError

from app.applications.refusal import StaleDecision
from app.applications.streamer_application import StreamerApplication
from app.audit.actor import Actor
from app.audit.event import record
from app.auth.user import User
from app.clock import UtcDateTime, now
from app.extensions import Base, db

DECISIONS = ("approve", "reject", "ask")
LONGEST_TITLE, LONGEST_TEXT = 80, 2000
# What stands in braces in a text, and what it becomes.
PLACES = ("channel_name", "slug", "reference")


class ReasonTemplate(Base):
    """One such text, for one kind of decision."""

    __tablename__ = "reason_template"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(comment="counts changes: of two who edit at once, the second is told")
    decision: Mapped[str] = mapped_column(String(7), comment="approve, reject or ask")
    title: Mapped[str] = mapped_column(String(LONGEST_TITLE))
    text: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), comment="NULL: came with Streamzy")

    __table_args__ = (
        CheckConstraint("decision IN ({})".format(", ".join(f"'{one}'" for one in DECISIONS)), name="decision"),
    )
    __mapper_args__ = {"version_id_col": version}

    @classmethod
    def all(cls, decision: str | None = None) -> list[ReasonTemplate]:
        """Every template, or those for one kind of decision, by title."""
        query = select(cls).order_by(cls.decision, cls.title, cls.id)
        return list(db.session.scalars(query.where(cls.decision == decision) if decision else query))

    @classmethod
    def add(cls, by: User, actor: Actor, *, decision: str, title: str, text: str) -> ReasonTemplate:
        """Add one."""
        template = cls(decision=decision, title=title, text=text, changed_by_id=by.id)
        db.session.add(template)
        db.session.flush()
        template._put_on_record("added", actor)
        return template

    def change(self, by: User, actor: Actor, *, version: int, decision: str, title: str, text: str) -> None:
        """Replace it. Raises StaleDecision when another admin changed it since it was opened."""
        self.decision, self.title, self.text = decision, title, text
        self.changed_at, self.changed_by_id = now(), by.id
        if self.version != version:
            raise StaleDecision
        try:
            db.session.flush()
        except StaleDataError:
            raise StaleDecision from None
        self._put_on_record("changed", actor)

    def remove(self, actor: Actor) -> None:
        """Remove it; answers that began with it stay as they are."""
        self._put_on_record("removed", actor)
        db.session.delete(self)

    def filled(self, application: StreamerApplication) -> str:
        """The text with ``{channel_name}``, ``{slug}`` and ``{reference}`` replaced; other braces stay as they are."""
        text = self.text
        for place in PLACES:
            text = text.replace(f"{{{place}}}", str(getattr(application, place)))
        return text

    def _put_on_record(self, what: str, actor: Actor) -> None:
        record(
            f"reason_template.{what}", actor, target_kind="reason_template", target_id=self.id, target_name=self.title
        )
