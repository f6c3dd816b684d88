"""Who is reviewing an application just now. A courtesy among admins: it ends by itself and forbids nothing.

It has a table of its own: on the application's row every look would make decisions of others go stale.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, delete, or_, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app import upsert
from app.applications import news, timeline
from app.applications.streamer_application import StreamerApplication
from app.auth.user import User
from app.clock import UtcDateTime, now
from app.extensions import Base, db

LASTS = timedelta(minutes=10)


class ApplicationClaim(Base):
    """One admin who has one application open."""

    __tablename__ = "application_claim"

    application_id: Mapped[int] = mapped_column(
        ForeignKey("streamer_application.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    admin_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    since: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    until: Mapped[datetime] = mapped_column(UtcDateTime)

    admin: Mapped[User] = relationship(lazy="joined", innerjoin=True)


def claim(application: StreamerApplication, admin: User, *, take_over: bool = False) -> ApplicationClaim | None:
    """Note that ``admin`` has it open, unless somebody else does; answers whose it is now. The caller commits.

    ``take_over`` takes it from whoever has it. Own and decided applications are nobody's: None.
    """
    if not application.is_undecided or application.is_own_of(admin):
        return None
    held = of(application)
    moment = now()
    mine = {"admin_id": admin.id, "until": moment + LASTS}
    since = {} if held is not None and held.admin_id == admin.id else {"since": moment}
    statement = upsert.insert(ApplicationClaim).values(application_id=application.id, since=moment, **mine)
    free = or_(ApplicationClaim.admin_id == admin.id, ApplicationClaim.until <= moment)
    db.session.execute(  # of two who open it at once, one has it
        statement.on_conflict_do_update(
            index_elements=[ApplicationClaim.application_id],
            set_={**mine, **since},
            where=None if take_over else free,
        )
    )
    if not timeline.has(application, "opened"):
        timeline.add(application, "opened", by=admin)
    if held is None or take_over and held.admin_id != admin.id:
        news.tell(application, "claimed")
    return of(application)


def of(application: StreamerApplication) -> ApplicationClaim | None:
    """Who has it open now."""
    return of_all([application.id]).get(application.id)


def of_all(application_ids: Iterable[int]) -> dict[int, ApplicationClaim]:
    """Who has which of these open now, in one query."""
    living = select(ApplicationClaim).where(
        ApplicationClaim.application_id.in_(list(application_ids)), ApplicationClaim.until > now()
    )
    rows = db.session.scalars(living.execution_options(populate_existing=True))
    return {row.application_id: row for row in rows}


def release(application: StreamerApplication, admin: User | None = None) -> None:
    """Let go of it: ``admin``'s claim, or, when it is decided, whoever's."""
    statement = delete(ApplicationClaim).where(ApplicationClaim.application_id == application.id)
    if admin is not None:
        statement = statement.where(ApplicationClaim.admin_id == admin.id)
        news.tell(application, "released")
    db.session.execute(statement)
