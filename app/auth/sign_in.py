"""Signing in: one answer and one price for every way it can fail."""

from __future__ import annotations

from typing import Any

from flask import current_app

from app.audit.actor import Actor
from app.audit.event import record
from app.auth import lockout, password
from app.auth.session import UserSession
from app.auth.user import User
from app.extensions import db


class SignInRefused(Exception):
    """Unknown name, wrong password, locked or disabled: the caller cannot tell which, and neither can the guesser."""


def sign_in(username: str, candidate: str, actor: Actor) -> tuple[UserSession, str]:
    """Open a session; returns it and its token. Raises SignInRefused or HashingBusy.

    Commits twice, unlike other verbs: the try must be counted for good before its password is compared, and
    comparing takes a quarter of a second, in which no transaction may be open.
    """
    settings = current_app.config["STREAMZY"]
    password.hashing.require_room()
    user = User.named(username)
    hashed = user.password_hash if user else None
    user_id = user.id if user else None
    disabled = user is None or user.is_disabled
    number = lockout.take_a_try(user_id) if user_id is not None else None
    db.session.commit()

    right = password.matches(candidate, hashed if number is not None else None, settings.bcrypt_rounds)

    if right and not disabled and user_id is not None:
        return _open(user_id, actor)
    on: dict[str, Any] = {"target_kind": "account", "target_id": user_id, "target_name": username}
    if user_id is not None and (number is None or disabled):
        record("login.refused", actor, **on)
    else:
        record("login.failed", actor, **on)
        if number is not None and number >= settings.lockout_failures:
            record("login.locked", actor, **on, minutes=settings.lockout_minutes)
    db.session.commit()
    raise SignInRefused


def _open(user_id: int, actor: Actor) -> tuple[UserSession, str]:
    user = db.session.get_one(User, user_id)
    lockout.forget(user.id, device="")
    session, token = UserSession.start(user, actor)
    record(
        "login.succeeded",
        Actor(user.username, user.id, session.id, actor.ip, actor.user_agent),
        target_kind="account",
        target_id=user.id,
    )
    db.session.commit()
    return session, token
