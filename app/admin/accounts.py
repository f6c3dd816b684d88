"""What the pages about accounts show: a list that costs the same whatever is in it, and one account."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select

from app.admin import listing
from app.admin.listing import Choice, Listing
from app.applications.streamer_application import StreamerApplication
from app.audit import history
from app.audit.actor import coarse
from app.auth import lockout, two_factor
from app.auth.account_recovery import AccountRecovery
from app.auth.lockout import SignInTries
from app.auth.name import key
from app.auth.password_reset import PasswordReset
from app.auth.session import UserSession
from app.auth.user import ROLES, User
from app.channels.channel import Channel
from app.clock import now
from app.extensions import db

HISTORY = timedelta(days=90)
STATES = ("active", "locked", "disabled", "deleted")


ROLE = Choice("role", "Role", {"": "Any", **{role: role.capitalize() for role in ROLES}})
STATE = Choice("state", "State", {"": "Any but deleted", **{state: state.capitalize() for state in STATES}})


def asked(arguments: Any) -> Listing | None:
    """Which accounts the query of the page's address asks for, or None when it makes no sense."""
    return listing.asked("admin.users", arguments, ROLE, STATE)


def listed(which: Listing) -> dict[str, Any]:
    """One page of accounts: as many statements, however many accounts there are and whatever they are."""
    lock = _lock()
    rows = _matching(select(User, lock.label("locked_until"), Channel.slug.label("slug")), which)
    found = which.found(rows.order_by(User.username_key), _matching(select(func.count()).select_from(User), which))
    accounts = [
        {"user": row.User, "state": state_of(row.User, row.locked_until), "channel_slug": row.slug}
        for row in found["rows"]
    ]
    return {**found, "accounts": accounts}


def locked() -> list[tuple[int, str, str]]:
    """Accounts that are closed to guessing now, as (id, name, role), in one statement."""
    query = select(User.id, User.username, User.role).where(*_state("locked")).order_by(User.username_key)
    return [(row.id, row.username, row.role) for row in db.session.execute(query)]


def one(user: User) -> dict[str, Any]:
    """One account: what it is, where it is signed in, what happened to it."""
    locked = lockout.locked_until(user.id)
    events, more = history.of_account(user.id, since=now() - HISTORY)
    return {
        "user": user,
        "state": state_of(user, locked),
        "locked_until": locked,
        "second_factor": two_factor.is_on(user.id),
        "recovery": AccountRecovery.of(user),
        "reset": PasswordReset.of(user),
        "channel": Channel.of(user),
        "applications": StreamerApplication.of_account(user.id),
        "sessions": [_session(session) for session in UserSession.living_of(user)],
        "events": events,
        "more": more,
        "days": HISTORY.days,
        "last_admin": user.is_last_admin(),
    }


def state_of(user: User, locked_until: datetime | None) -> str:
    """One of STATES."""
    if user.is_deleted or user.is_disabled:
        return "deleted" if user.is_deleted else "disabled"
    return "locked" if locked_until else "active"


def _session(session: UserSession) -> dict[str, Any]:
    # As coarse as its owner sees it: enough to recognise a stranger, not to find out where somebody lives.
    return {"device": session.device, "ip": coarse(session.ip), "last_seen_at": session.last_seen_at}


def _lock() -> Any:
    running = select(func.max(SignInTries.locked_until)).where(
        SignInTries.account_id == User.id, SignInTries.locked_until > now(), lockout.of_the_account()
    )
    return running.correlate(User).scalar_subquery()


def _matching(query: Select[Any], which: Listing) -> Select[Any]:
    query = query.outerjoin(Channel, Channel.owner_id == User.id).where(*_state(which["state"]))
    if which["role"]:
        query = query.where(User.role == which["role"])
    if which.text:
        said = key(which.text)
        query = query.where(
            or_(User.username_key.contains(said, autoescape=True), Channel.slug.contains(said, autoescape=True))
        )
    return query


def _state(state: str) -> list[ColumnElement[bool]]:
    open_, kept = User.disabled_at.is_(None), User.deleted_at.is_(None)
    conditions: dict[str, list[ColumnElement[bool]]] = {
        "": [kept],
        "active": [kept, open_, _lock().is_(None)],
        "locked": [kept, open_, _lock().is_not(None)],
        "disabled": [kept, User.disabled_at.is_not(None)],
        "deleted": [User.deleted_at.is_not(None)],
    }
    return conditions[state]
