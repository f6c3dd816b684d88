"""The second factor: an app's codes or a passkey beside the password, with recovery codes for the day both are gone."""

from __future__ import annotations

import re
from typing import NamedTuple

from flask import current_app
from sqlalchemy import delete, exists, or_, select

from app.auth.announcement import announce
from app.auth.passkey import Passkey, Site
from app.auth.recovery_code import RecoveryCode
from app.auth.session import UserSession
from app.auth.totp import Totp
from app.auth.user import User
from app.clock import now
from app.extensions import db


class WrongCode(ValueError):
    """The code is not the app's, or was used before."""


class NotInTheOrder(ValueError):
    """The act does not fit the state: nothing to confirm, an app that is there already, no factor to have codes for."""


class Factors(NamedTuple):
    """What an account has. ``pending`` is an app that a first code has yet to confirm: it counts for nothing."""

    app: Totp | None
    pending: Totp | None
    passkeys: list[Passkey]
    codes_left: int

    @property
    def is_on(self) -> bool:
        """Whether signing in asks for more than the password."""
        return self.app is not None or bool(self.passkeys)


def factors_of(user: User) -> Factors:
    """The second factors of ``user``."""
    app = db.session.get(Totp, user.id)
    confirmed = app is not None and app.is_confirmed
    return Factors(
        app if confirmed else None,
        None if confirmed else app,
        Passkey.of(user.id),
        RecoveryCode.left(user.id),
    )


def is_on(account_id: int) -> bool:
    """Whether signing in to the account asks for more than the password."""
    app = exists().where(Totp.account_id == account_id, Totp.confirmed_at.is_not(None))
    passkey = exists().where(Passkey.account_id == account_id)
    return bool(db.session.scalar(select(or_(app, passkey))))


def must_be_set_up(user: User) -> bool:
    """Whether ``user`` may open nothing else before: an admin without one, where REQUIRE_ADMIN_TWO_FACTOR is on."""
    required = current_app.config["STREAMZY"].require_admin_two_factor
    return bool(required and user.is_admin and not is_on(user.id))


def begin_app(user: User) -> Totp:
    """Make a secret for an app to scan. Raises NotInTheOrder when there is an app already."""
    _one_at_a_time(user)
    if factors_of(user).app:
        raise NotInTheOrder("there is an app already")
    return Totp.begin(user.id)


def confirm_app(user: User, code: str, acting: UserSession) -> list[str]:
    """Let the app count from now on; returns recovery codes if this was the first factor. Raises WrongCode.

    Raises NotInTheOrder when no app waits to be confirmed.
    """
    _one_at_a_time(user)
    before = factors_of(user)
    if before.pending is None:
        raise NotInTheOrder("no app waits to be confirmed")
    if not before.pending.spend(_bare(code)):
        raise WrongCode
    before.pending.confirmed_at = now()
    return _added(user, before, acting)


def remove_app(user: User, acting: UserSession) -> bool:
    """Forget the app, confirmed or not; True if that was the last factor."""
    _one_at_a_time(user)
    before = factors_of(user)
    db.session.execute(delete(Totp).where(Totp.account_id == user.id))
    return _removed(user, before, acting)


def add_passkey(
    user: User, site: Site, challenge: bytes, answer: str, name: str, acting: UserSession
) -> tuple[Passkey, list[str]]:
    """Add a passkey; with recovery codes if this was the first factor. Raises PasskeyRefused."""
    _one_at_a_time(user)
    before = factors_of(user)
    passkey = Passkey.register(user, site, challenge, answer, name)
    return passkey, _added(user, before, acting)


def remove_passkey(user: User, passkey: Passkey, acting: UserSession) -> bool:
    """Forget a passkey of ``user``; True if that was the last factor."""
    _one_at_a_time(user)
    before = factors_of(user)
    db.session.execute(delete(Passkey).where(Passkey.id == passkey.id, Passkey.account_id == user.id))
    return _removed(user, before, acting)


def renew_codes(user: User) -> list[str]:
    """Ten new recovery codes; the former ones die. Raises NotInTheOrder when there is no factor to recover from."""
    _one_at_a_time(user)
    if not is_on(user.id):
        raise NotInTheOrder("there is no second factor")
    return RecoveryCode.renew(user.id)


def accept(user: User, typed: str) -> str | None:
    """Use up a code: 'totp' or 'recovery' says what it was, None that it is wrong or was used before."""
    app = factors_of(user).app
    if app and app.spend(_bare(typed)):
        return "totp"
    return "recovery" if RecoveryCode.spend(user.id, typed) else None


def reset(user: User) -> bool:
    """Take every factor and code away, for somebody who lost them all, and sign them out everywhere.

    Whoever calls it has made sure that it is them. False when there was nothing.
    """
    _one_at_a_time(user)
    before = factors_of(user)
    for model in (Totp, Passkey, RecoveryCode):
        db.session.execute(delete(model).where(model.account_id == user.id))
    if before.is_on:
        UserSession.end_all_of(user, "revoked")
        announce("account_changed", account_id=user.id)
    return before.is_on


def _added(user: User, before: Factors, acting: UserSession) -> list[str]:
    announce("account_changed", account_id=user.id)
    if before.is_on:
        return []
    # A thief of the password who is signed in already would otherwise stay in, past the new lock.
    UserSession.end_all_of(user, "revoked", except_session=acting)
    return RecoveryCode.renew(user.id)


def _removed(user: User, before: Factors, acting: UserSession) -> bool:
    announce("account_changed", account_id=user.id)
    if not before.is_on or is_on(user.id):
        return False
    RecoveryCode.forget(user.id)
    UserSession.end_all_of(user, "revoked", except_session=acting)
    return True


def _bare(code: str) -> str:
    return re.sub(r"[\s-]", "", code[:64])


def _one_at_a_time(user: User) -> None:
    # Two tabs that each add the first factor would each make recovery codes, and one of them show dead ones.
    User.held(user.id)
