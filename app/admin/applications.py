"""What the pages about applications show: the queue, which costs the same however long it is, and one application."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import joinedload, load_only

from app.admin import listing
from app.admin.listing import Choice, Listing
from app.admin.lookup import number_in
from app.applications import claim, flag, letter, reveal, timeline
from app.applications.claim import ApplicationClaim
from app.applications.contact import contact_hash
from app.applications.reason_template import ReasonTemplate
from app.applications.state import PENDING, STATES, UNDECIDED
from app.applications.streamer_application import StreamerApplication
from app.auth.user import User
from app.clock import now
from app.extensions import db

TABS = {
    "pending": "Waiting",
    "needs_information": "Asked",
    "approved": "Approved",
    "rejected": "Not approved",
    "withdrawn": "Withdrawn",
    "expired": "Expired",
    "archived": "Archived",
    "all": "All",
}
STATE = Choice("state", "State", TABS)
AGE = Choice("age", "Sent", {"": "Any time", "1": "Over a day ago", "3": "Over 3 days ago", "7": "Over a week ago"})
NOBODY = "nobody"
# What an application that still waits may have gone through meanwhile.
SAID = {"asked": "asked for more on ", "answered": "answered on ", "reopened": "opened it again on "}
# No sealed text is read for a list, let alone opened.
SHOWN = load_only(
    StreamerApplication.version,
    StreamerApplication.reference,
    StreamerApplication.status,
    StreamerApplication.slug,
    StreamerApplication.channel_name,
    StreamerApplication.email_lookup,
    StreamerApplication.network_lookup,
    StreamerApplication.applicant_id,
    StreamerApplication.submitted_at,
    StreamerApplication.archived_at,
    StreamerApplication.decided_at,
)


def asked(arguments: Any) -> Listing | None:
    """Which applications the query of the page's address asks for, or None when it makes no sense."""
    return listing.asked("admin.applications", arguments, STATE, AGE, _reviewers(), _network(arguments))


def listed(which: Listing) -> dict[str, Any]:
    """One page of the queue: as many statements, however many applications there are and whatever is the matter."""
    cls = StreamerApplication
    rows = _matching(select(cls), which).options(SHOWN, joinedload(cls.decided_by)).order_by(*_order(which["state"]))
    found = which.found(rows, _matching(select(func.count(cls.id)), which))
    return {**found, **about([row for (row,) in found["rows"]]), "counts": counts()}


def waiting() -> dict[str, Any]:
    """The first page of what waits, to stand beside one application."""
    cls = StreamerApplication
    rows = select(cls).where(cls.status == PENDING).options(SHOWN).order_by(cls.submitted_at, cls.id)
    return about(list(db.session.scalars(rows.limit(listing.PAGE))))


def about(applications: list[StreamerApplication]) -> dict[str, Any]:
    """What a list says of each beside what it is: what to look at twice, and who has it open."""
    claims = claim.of_all(application.id for application in applications)
    return {"applications": applications, "flags": flag.of_all(applications), "claims": claims}


def counts() -> dict[str, int]:
    """How many applications are behind each tab, in one statement."""
    cls = StreamerApplication
    archived = cls.archived_at.is_not(None)
    found = dict.fromkeys(TABS, 0)
    for status, out_of_sight, number in db.session.execute(
        select(cls.status, archived, func.count()).group_by(cls.status, archived)
    ):
        found["archived" if out_of_sight else status] += number
        found["all"] += number
    return found


def _reviewers() -> Choice:
    admins = select(User.id, User.username).where(User.role == "admin", User.deleted_at.is_(None))
    named = {str(id_): name for id_, name in db.session.execute(admins.order_by(User.username_key))}
    return Choice("reviewer", "Reviewer", {"": "Anybody", NOBODY: "Nobody yet", **named})


def _network(arguments: Any) -> Choice:
    # The address names an application, and never the hash of a network.
    values, said = {"": "Any"}, arguments.get("network", "")
    if (number := number_in(said)) is not None:
        reference = db.session.scalar(select(StreamerApplication.reference).where(StreamerApplication.id == number))
        values |= {said: f"Of {reference}"} if reference else {}
    return Choice("network", "Network", values)


def _order(state: str) -> tuple[Any, ...]:
    cls = StreamerApplication
    if state in UNDECIDED:
        return cls.submitted_at, cls.id
    return (cls.submitted_at.desc(), cls.id.desc()) if state == "all" else (cls.decided_at.desc(), cls.id.desc())


def _matching(query: Select[Any], which: Listing) -> Select[Any]:
    cls = StreamerApplication
    query = query.where(*_state(which["state"]))
    if which["age"]:
        query = query.where(cls.submitted_at < now() - timedelta(days=int(which["age"])))
    if which["reviewer"]:
        query = query.where(_reviewed_by(which["reviewer"]))
    if which["network"]:
        same = select(cls.network_lookup).where(cls.id == int(which["network"])).scalar_subquery()
        query = query.where(cls.network_lookup == same)
    if which.text:
        query = query.where(_said(which.text))
    return query


def _said(text: str) -> ColumnElement[bool]:
    """By what an application is found.

    What the applicant told is sealed, and a search in it would open every application for a page that shows fifty:
    with 5,000 that is most of a second in which the chat stands still, and personal data opened for nothing. So a text
    is looked for in reference, address and channel name; an e-mail address is found whole, by its keyed hash.
    """
    cls = StreamerApplication
    parts = [column.icontains(text, autoescape=True) for column in (cls.reference, cls.slug, cls.channel_name)]
    return or_(*parts, cls.email_lookup == contact_hash(text)) if "@" in text else or_(*parts)


def _state(state: str) -> list[ColumnElement[bool]]:
    cls = StreamerApplication
    if state in STATES:
        return [cls.status == state, cls.archived_at.is_(None)]
    return [cls.archived_at.is_not(None)] if state == "archived" else []


def _reviewed_by(who: str) -> ColumnElement[bool]:
    """Who decided it, or has it open now."""
    cls = StreamerApplication
    living = and_(ApplicationClaim.application_id == cls.id, ApplicationClaim.until > now())
    if who == NOBODY:
        return and_(cls.decided_by_id.is_(None), ~select(ApplicationClaim.admin_id).where(living).exists())
    theirs = select(ApplicationClaim.admin_id).where(living, ApplicationClaim.admin_id == int(who)).exists()
    return or_(cls.decided_by_id == int(who), theirs)


def one(application: StreamerApplication, me: User) -> dict[str, Any]:
    """One application: what was told, what happened, what to look at twice, who has it open."""
    own = application.is_own_of(me)
    return {
        "application": application,
        "own": own,
        "user_name": application.slug if application.creates_account else _applicant_name(application),
        "warnings": flag.of_all([application])[application.id],
        "lost_letters": letter.lost(application),
        "others": application.others_of_contact(),
        "steps": timeline.of(application),
        "held": claim.of(application) if application.is_undecided else None,
        "can_reissue": not own and reveal.can_reissue(application),
        "reason_templates": ReasonTemplate.all(),
        **{f"queue_{name}": value for name, value in waiting().items()},
    }


def what_became_of_it(application: StreamerApplication) -> str:
    """One sentence for the admin who comes too late: who did what, and when."""
    if not application.is_undecided:
        return application.what_became_of_it()
    last = next((step for step in reversed(timeline.of(application)) if step.step in SAID), None)
    if last is None:
        return "This application changed since you opened it."
    who = last.by.username if last.by else "the applicant"
    return f"This application changed since you opened it: {who} {SAID[last.step]}{last.at:%d %B %Y at %H:%M} UTC."


def _applicant_name(application: StreamerApplication) -> str:
    applicant = db.session.get(User, application.applicant_id)
    return applicant.username if applicant else ""
