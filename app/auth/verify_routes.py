"""Doors: the second step of signing in, and signing in by passkey alone."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.audit.event import record
from app.auth import challenge, device, half_signed_in, lockout, two_factor
from app.auth.forms import CodeForm, SignInForm
from app.auth.half_signed_in import HalfSignedIn
from app.auth.passkey import Passkey, PasskeyCloned, PasskeyRefused, Site
from app.auth.permissions import (
    current_actor,
    half_signed_in_only,
    half_signed_in_person,
    next_page,
    visitors_only,
)
from app.auth.routes import enter
from app.auth.sign_in import SignInRefused
from app.auth.user import User
from app.extensions import db
from app.security.origins import own_origin
from app.security.page_limits import limited

verify = Blueprint("verify", __name__, url_prefix="/login")

TRIES = "second-factor"  # its own counter of wrong tries, beside the password's
CHALLENGE = "challenge"
REFUSAL = (
    "That was not it: wrong, used already, or there were too many tries. "
    "A lock ends after {} minutes; one that follows it lasts twice as long."
)
REFUSED_PASSKEY = "This passkey was not accepted. Try again, or use your password."


@verify.route("/verify", methods=["GET", "POST"])
@half_signed_in_only
@limited("login")
def code() -> str | tuple[str, int] | AnyResponse:
    """Take a code from the app, or a recovery code, from somebody whose password was right."""
    form, half = CodeForm(), _half()
    if not form.validate_on_submit():
        return _page(half, form), 400 if form.is_submitted() else 200
    number = lockout.take_a_try(half.user.id, _tries(half.user), growing=True)
    db.session.commit()  # counted for good before the code is compared
    how = two_factor.accept(half.user, form.code.data or "") if number is not None else None
    if how is None:
        _record_refusal(half.user, number)
        db.session.commit()
        form.code.errors = [REFUSAL.format(current_app.config["STREAMZY"].lockout_minutes)]
        return _page(half, form), 401
    return _go_in(half, how)


@verify.post("/verify/passkey/options")
@half_signed_in_only
def second_step_options() -> Response:
    """What the browser needs to sign with one of this person's passkeys."""
    user = _half().user
    value, session[CHALLENGE] = challenge.fresh(f"second step {user.id}")
    return as_json(Passkey.sign_in_options(this_site(), value, user))


@verify.post("/verify/passkey")
@half_signed_in_only
@limited("login")
def second_step() -> str | tuple[str, int] | AnyResponse:
    """Take a passkey's signature as the second factor. Nobody guesses one: it counts no tries, and minds no lock."""
    half = _half()
    try:
        _signed(f"second step {half.user.id}", half.user)
    except PasskeyRefused as refused:
        _record_passkey("login.second_factor_failed", refused, half.user)
        flash(REFUSED_PASSKEY, "error")
        return _page(half, CodeForm(formdata=None)), 401
    return _go_in(half, "passkey")


@verify.post("/passkey/options")
@visitors_only
def options() -> Response:
    """What the browser needs to sign with any passkey that its device has for this site."""
    value, session[CHALLENGE] = challenge.fresh("sign in")
    return as_json(Passkey.sign_in_options(this_site(), value, None))


@verify.post("/passkey")
@visitors_only
@limited("login")
def passkey() -> tuple[str, int] | AnyResponse:
    """Sign in by passkey alone: something the person has, which they unlocked by something they are or know."""
    try:
        user = db.session.get_one(User, _signed("sign in", None).account_id)
        return enter(user, next_page(), how="passkey", password_hash=None)
    except PasskeyRefused as refused:
        _record_passkey("passkey.refused", refused, None)
    except SignInRefused:
        pass  # the account is shut: on record already, and answered like every other refusal
    flash(REFUSED_PASSKEY, "error")
    return render_template("auth/sign_in.html", form=SignInForm(formdata=None), next=next_page()), 401


def this_site() -> Site:
    """Which site passkeys are for here."""
    return Site(own_origin())


def as_json(options: str) -> Response:
    """Options for ``navigator.credentials``, which no cache may keep: their challenge is good for one answer."""
    return Response(options, mimetype="application/json", headers={"Cache-Control": "no-store"})


def spend_challenge(purpose: str) -> bytes:
    """The challenge this browser was given for ``purpose``. Raises PasskeyRefused when there is none to answer."""
    value = challenge.spend(session.pop(CHALLENGE, None), purpose)
    if value is None:
        raise PasskeyRefused("the challenge is missing, too old, or was answered before")
    return value


def _signed(purpose: str, user: User | None) -> Passkey:
    value = spend_challenge(purpose)
    return Passkey.signed(this_site(), value, request.form.get("credential", ""), user)


def _tries(user: User) -> str:
    # A thief of the password who guesses at codes locks out thieves: the owner's browsers count for themselves.
    return device.counter(TRIES, request.cookies.get(device.COOKIE), user.id)


def _half() -> HalfSignedIn:
    half = half_signed_in_person()
    assert half is not None  # noqa: S101 - the gate stands before
    return half


def _page(half: HalfSignedIn, form: CodeForm) -> str:
    return render_template(
        "auth/verify.html",
        form=form,
        username=half.user.username,
        factors=two_factor.factors_of(half.user),
    )


def _go_in(half: HalfSignedIn, how: str) -> AnyResponse:
    lockout.forget(half.user.id, _tries(half.user))
    left = two_factor.factors_of(half.user).codes_left
    User.held(half.user.id)  # before anything is recorded: everybody takes the account first, then the log
    if how == "recovery":
        record("two_factor.recovery_used", current_actor(half.user.username), **_on(half.user), left=left)
    try:
        response = enter(half.user, half.then, how=f"password+{how}", password_hash=half.password_hash)
    except SignInRefused:  # shut, or given another password, since this request began
        session.pop(half_signed_in.KEY, None)
        return redirect(url_for("auth.sign_in"))
    if how == "recovery":
        flash(f"That recovery code is used up: {left} left. On your account's page you can make new ones.", "info")
    return response


def _record_refusal(user: User, number: int | None) -> None:
    settings, app = current_app.config["STREAMZY"], two_factor.factors_of(user).app
    actor = current_actor(user.username)
    why = "locked" if number is None else "code" if app is None or app.is_readable else "sealed secret not verified"
    record("login.second_factor_failed", actor, **_on(user), why=why)
    if number is not None and number >= settings.lockout_failures:
        record("login.locked", actor, **_on(user), minutes=lockout.minutes_of(number))


def _record_passkey(event: str, refused: PasskeyRefused, user: User | None) -> None:
    actor = current_actor(user.username if user else None)
    if isinstance(refused, PasskeyCloned):
        owner = db.session.get_one(User, refused.passkey.account_id)
        record("passkey.cloned", actor, **_on(owner), passkey=refused.passkey.name)
    record(event, actor, **(_on(user) if user else {}), why=str(refused)[:200])
    db.session.commit()


def _on(user: User) -> dict[str, Any]:
    return {"target_kind": "account", "target_id": user.id, "target_name": user.username}
