"""The own password, asked for once more of somebody who is signed in: counted like every other guess."""

from __future__ import annotations

from flask import current_app

from app.audit.actor import Actor
from app.audit.event import record
from app.auth import lockout, password
from app.auth.session import UserSession
from app.auth.user import User
from app.extensions import db

# One counter for every page that asks, and none of the sign-in's: an open screen is no way to guess at the password,
# nor to lock its owner out.
TRIES = "confirm"


class WrongPassword(Exception):
    """It is not the one, or there were too many tries; the message says so, for the person."""


class ChangedMeanwhile(Exception):
    """While bcrypt worked the password was changed, the account shut, or the session ended."""


def check(user: User, candidate: str, actor: Actor, event: str) -> str:
    """Compare ``candidate`` with the password of ``user``; returns its hash. Raises WrongPassword or HashingBusy.

    A wrong one is recorded as ``event``. Commits in between, unlike other verbs: the try must be counted for good
    before the password is compared, and no transaction is open while bcrypt works.
    """
    password.hashing.require_room()
    user_id, hashed, settings = user.id, user.password_hash, current_app.config["STREAMZY"]
    number = lockout.take_a_try(user_id, TRIES)
    db.session.commit()
    known = hashed if number is not None else None
    if not password.matches(candidate, known, settings.bcrypt_rounds):
        record(event, actor, target_kind="account", target_id=user_id, locked=number is None)
        db.session.commit()
        raise WrongPassword(
            f"Wrong password, or there were too many tries. A lock ends after {settings.lockout_minutes} minutes."
        )
    lockout.forget(user_id, TRIES)
    db.session.commit()
    return hashed or ""


def hold(user_id: int, session_id: int, hashed: str) -> tuple[User, UserSession]:
    """The account and the session that ``check`` found to be theirs, unchanged until the caller commits.

    Raises ChangedMeanwhile.
    """
    user = User.held(user_id)
    session = db.session.get(UserSession, session_id, populate_existing=True)
    if user is None or user.is_disabled or user.password_hash != hashed or session is None or session.ended_at:
        raise ChangedMeanwhile
    return user, session
