"""Signing in: one answer and one price for every way it can fail."""

from __future__ import annotations

from typing import Any, NamedTuple

import gevent
from flask import current_app

from app.audit.actor import Actor
from app.audit.event import record
from app.auth import device, lockout, password, two_factor
from app.auth.session import UserSession
from app.auth.user import User
from app.extensions import db

GIVE_WAY_SECONDS = 0.05


class SignInRefused(Exception):
    """Unknown name, wrong password, locked or disabled: the caller cannot tell which, and neither can the guesser."""


class Checked(NamedTuple):
    """Whose password was right, and the hash it was compared with: if that is another by the time of entering, no."""

    user: User
    password_hash: str


def check(username: str, candidate: str, device_cookie: str | None, actor: Actor) -> Checked:
    """The account whose name and password these are. Raises SignInRefused or HashingBusy.

    Commits in between, unlike other verbs: the try must be counted for good before its password is compared, and
    comparing takes a quarter of a second, in which no transaction may be open.
    """
    rounds = current_app.config["STREAMZY"].bcrypt_rounds
    password.hashing.require_room()
    give_way()
    user = User.named(username)
    user_id, hashed = (user.id, user.password_hash) if user else (None, None)
    set_at = user.password_changed_at if user else None
    disabled = user is None or user.is_disabled
    known_device = device.known(device_cookie, user_id) if user_id is not None else ""
    number = lockout.take_a_try(user_id, known_device) if user_id is not None else None
    db.session.commit()

    right = password.matches(candidate, hashed if number is not None else None, rounds)
    if user_id is None or disabled or not right:
        _record_refusal(user_id, username, number, disabled, actor)
        db.session.commit()
        raise SignInRefused
    renewed = password.hash_password(candidate, rounds) if password.is_weaker(hashed, rounds) else None

    user = db.session.get_one(User, user_id, populate_existing=True)
    if user.is_disabled or user.password_changed_at != set_at:  # while bcrypt worked: it is the right one no longer
        _record_refusal(user_id, username, number, user.is_disabled, actor)
        db.session.commit()
        raise SignInRefused
    lockout.forget(user_id, known_device)
    if renewed and user.password_hash == hashed:
        user.password_hash = hashed = renewed
    db.session.commit()
    give_way()
    return Checked(user, hashed or "")


def open_session(account_id: int, actor: Actor, how: str, password_hash: str | None) -> tuple[UserSession, str]:
    """Open a session for an account whose owner has proved to be it; returns it and the token for the cookie. Commits.

    ``password_hash``: what the password was compared with, None where none was asked for. Between that proof and this
    moment the account may have been shut, or got another password or a second factor: asked once more, in the
    transaction that opens the session. Raises SignInRefused.
    """
    user = User.held(account_id)
    if user is None or not _may_enter(user, how, password_hash):
        if user is not None:
            _record_refusal(user.id, user.username, None, user.is_disabled, actor)
            db.session.commit()
        raise SignInRefused
    session, token = UserSession.start(user, actor)
    signed_in = Actor(user.username, user.id, session.id, actor.ip, actor.user_agent)
    on: dict[str, Any] = {"target_kind": "account", "target_id": user.id, "target_name": user.username}
    record("login.succeeded", signed_in, **on, how=how)
    db.session.commit()
    give_way()
    return session, token


def give_way() -> None:
    """Let everybody go first who waits: a sign-in is long work in one piece, and somebody's message may be on its way.

    Outside transactions only. Where the process never rests, after 50 ms all the same.
    """
    with gevent.Timeout(GIVE_WAY_SECONDS, False):
        gevent.idle()


def _may_enter(user: User, how: str, password_hash: str | None) -> bool:
    same_password = password_hash is None or user.password_hash == password_hash
    return not user.is_disabled and same_password and not (how == "password" and two_factor.is_on(user.id))


def _record_refusal(user_id: int | None, username: str, number: int | None, disabled: bool, actor: Actor) -> None:
    on: dict[str, Any] = {"target_kind": "account", "target_id": user_id, "target_name": username}
    if user_id is not None and (number is None or disabled):
        record("login.refused", actor, **on)
        return
    record("login.failed", actor, **on)
    settings = current_app.config["STREAMZY"]
    if number is not None and number >= settings.lockout_failures:
        record("login.locked", actor, **on, minutes=settings.lockout_minutes)
