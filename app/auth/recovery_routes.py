"""Doors for people who cannot sign in: the recovery code, and an admin's link to a new password."""

from __future__ import annotations

import secrets

from flask import Blueprint, abort, current_app, flash, render_template, request, session
from werkzeug.wrappers import Response

from app.audit.event import record
from app.auth import device, lockout, password_reset
from app.auth import password as passwords
from app.auth.account_recovery import AccountRecovery
from app.auth.forms import ForgottenForm
from app.auth.password_reset import NotRevealable, PasswordReset
from app.auth.permissions import current_actor, open_to_everyone, visitors_only
from app.auth.session import UserSession
from app.auth.user import User
from app.extensions import db
from app.security.page_limits import limited

recovery = Blueprint("recovery", __name__)

TRIES = "recovery"  # a counter of its own: guessing at codes does not shut the sign-in, nor the other way round
REFUSAL = "This name and this code do not belong together, or there were too many tries. A lock ends after {} minutes."


@recovery.route("/forgot", methods=["GET", "POST"])
@visitors_only
@limited("login")
def forgot() -> str | tuple[str, int]:
    """Set the password anew with the recovery code; or read how to ask an admin."""
    form = ForgottenForm()
    if not form.validate_on_submit():
        return render_template("auth/forgot.html", form=form), 400 if form.is_submitted() else 200
    settings = current_app.config["STREAMZY"]
    # Hashed first, whoever asks: what takes a quarter of a second must not tell that the name is known.
    hashed = passwords.hash_password(form.new_password.data or "", settings.bcrypt_rounds)
    name, typed = form.username.data or "", form.recovery_code.data or ""
    user = User.named(name)
    # Strangers who try a name lock out strangers: in a browser where the owner was before they have their own counter.
    tries = device.counter(TRIES, request.cookies.get(device.COOKIE), user.id) if user else TRIES
    number = lockout.take_a_try(user.id, tries) if user else None
    db.session.commit()  # counted for good before the code is compared
    code = AccountRecovery.spend(user.id, typed) if user and number is not None and not user.is_disabled else None
    if user is None or code is None:
        record(
            "recovery.refused",
            current_actor(name),
            target_kind="account",
            target_id=user.id if user else None,
            target_name=name,
            locked=user is not None and number is None,
        )
        db.session.commit()
        flash(REFUSAL.format(settings.lockout_minutes), "error")
        return render_template("auth/forgot.html", form=form), 401
    _let_in_with(user, hashed)
    record("recovery.used", current_actor(user.username), target_kind="account", target_id=user.id, target_name=name)
    db.session.commit()
    return render_template("auth/recovered.html", username=user.username, code=code)


def _let_in_with(user: User, password_hash: str) -> None:
    user.set_password(password_hash, must_change=False)
    lockout.forget(user.id)
    password_reset.cancel(user.id)
    UserSession.end_all_of(user, "password_changed")


@recovery.route("/reveal/<token>", methods=["GET", "POST"])
@open_to_everyone
@limited("reveals")
def reveal(token: str) -> str | tuple[str, int]:
    """Show whether a new password waits behind this link; pressed, generate it and show it, this once.

    Opening the link changes nothing: previews and prefetching open links too.
    """
    if request.method == "GET":
        return _page(_find(token), token)
    browser = session.setdefault("browser", secrets.token_urlsafe(16))
    if not _find(token).can_reveal(browser):
        return _page(_find(token), token), 409
    db.session.rollback()  # no transaction stays open while bcrypt works
    generated = passwords.generate()
    hashed = passwords.hash_password(generated, current_app.config["STREAMZY"].bcrypt_rounds)
    try:
        user = _find(token).reveal(hashed, browser)
    except NotRevealable:
        db.session.rollback()
        return _page(_find(token), token), 409
    UserSession.end_all_of(user, "password_changed")
    actor = current_actor(user.username)
    record("password.reset_revealed", actor, target_kind="account", target_id=user.id, target_name=user.username)
    db.session.commit()
    return _page(_find(token), token, generated)


def _find(token: str) -> PasswordReset:
    found = PasswordReset.with_token(token)
    if found is None:
        abort(404)
    return found


def _page(reset: PasswordReset, token: str, password: str | None = None) -> str:
    return render_template(
        "auth/reveal.html",
        reset=reset,
        token=token,
        can_reveal=reset.can_reveal(session.get("browser")),
        password=password,
    )


@recovery.after_request
def _keep_private(response: Response) -> Response:
    # Codes, passwords and the link that leads to one: no cache, no index, no referrer may carry them away.
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
