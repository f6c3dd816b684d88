"""An admin's side of an application, without the pages: the verbs as the dashboard calls them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.applications import decision
from app.applications.streamer_application import StreamerApplication
from app.audit.actor import Actor
from app.auth.user import User
from app.extensions import db
from tests.applications.wishes import apply, private_link
from tests.people import People, Person


@dataclass
class Desk:
    """One admin at work."""

    admin: User

    @property
    def actor(self) -> Actor:
        """The admin, for the record."""
        return Actor(self.admin.username, self.admin.id)

    def decide(self, verb: Callable[..., Any], application: StreamerApplication, **words: str) -> None:
        """Do ``verb`` (of ``decision``) on the application as it stands, and commit."""
        verb(application, self.admin, self.actor, version=application.version, **words)
        db.session.commit()

    def ask(self, application: StreamerApplication, question: str = "How often?") -> None:
        """Ask the applicant something."""
        self.decide(decision.ask, application, reason=question)

    def approve(self, application: StreamerApplication, reason: str = "Welcome.") -> None:
        """Open the channel."""
        self.decide(decision.approve, application, reason=reason)

    def reject(self, application: StreamerApplication, reason: str = "Too many stars.", note: str = "") -> None:
        """Say no."""
        self.decide(decision.reject, application, reason=reason, note=note)


def desk(people: People, name: str = "ada") -> Desk:
    """The desk of a new admin."""
    return Desk(people.account(name, role="admin"))


def sent(people: People, person: Person | None = None, **changed: Any) -> tuple[StreamerApplication, str]:
    """An application that was just sent through the form, and the path of its private link."""
    link = private_link(apply(person or people.visitor(), **changed))
    return newest(), link


def newest() -> StreamerApplication:
    """The application that came last, as it stands in the database."""
    db.session.rollback()
    rows = select(StreamerApplication).order_by(StreamerApplication.id.desc())
    found = db.session.scalars(rows.execution_options(populate_existing=True)).first()
    assert found is not None
    return found
