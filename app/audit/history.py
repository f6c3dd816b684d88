"""What the log says about one account: its sign-ins, its failures and its changes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select, update

from app.audit.event import AuditEvent
from app.audit.vocabulary import EVENTS
from app.extensions import db

# What applicants do: where they came from, and by which browser, is theirs to have erased.
BY_APPLICANTS = ("submitted", "answered", "withdrawn", "revealed")
NOTHING = dict.fromkeys(("actor_name", "ip", "user_agent", "target_name", "details", "salt"))

# What concerns the safety of an account; what its owner does in the chat or as an admin stands elsewhere.
KINDS = ("account", "login", "logout", "passkey", "password", "recovery", "session", "token", "two_factor")
SHOWN = [event for event in EVENTS if event.partition(".")[0] in KINDS]


def of_account(
    account_id: int, *, since: datetime, before: int | None = None, limit: int = 50
) -> tuple[list[AuditEvent], bool]:
    """Events on or of the account, newest first, from before row ``before``; and whether there are older ones."""
    query = select(AuditEvent).where(_about(account_id), AuditEvent.event.in_(SHOWN), AuditEvent.at >= since)
    if before is not None:
        query = query.where(AuditEvent.id < before)
    rows = list(db.session.scalars(query.order_by(AuditEvent.id.desc()).limit(limit + 1)))
    return rows[:limit], len(rows) > limit


def erase_personal(account_id: int, application_ids: list[int]) -> None:
    """Empty the personal fields of every event of or on the account, and of the applications it sent.

    What happened and when stays, and so does the chain: it runs over a salted digest of these fields, and with the
    salt gone nobody can find out from it what they were.
    """
    applied = and_(AuditEvent.target_kind == "application", AuditEvent.target_id.in_(application_ids))
    theirs = or_(AuditEvent.actor_id == account_id, _on(account_id), applied)
    db.session.execute(update(AuditEvent).where(theirs).values(NOTHING).execution_options(synchronize_session=False))


def erase_applicant(application_id: int) -> None:
    """Empty the personal fields of what the applicant did with one application; who decided it stays."""
    theirs = and_(
        AuditEvent.target_kind == "application",
        AuditEvent.target_id == application_id,
        AuditEvent.event.in_([f"application.{act}" for act in BY_APPLICANTS]),
    )
    db.session.execute(update(AuditEvent).where(theirs).values(NOTHING).execution_options(synchronize_session=False))


def _on(account_id: int) -> ColumnElement[bool]:
    return and_(AuditEvent.target_kind == "account", AuditEvent.target_id == account_id)


def _about(account_id: int) -> ColumnElement[bool]:
    own = and_(AuditEvent.actor_id == account_id, AuditEvent.target_kind.in_(("", "session")))
    return or_(_on(account_id), own)
