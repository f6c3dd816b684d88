"""Doors: sign in, register, sign out."""

from __future__ import annotations

from flask import Blueprint, current_app, flash, g, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from app.audit.event import record
from app.auth import device, half_signed_in, sign_in, two_factor
from app.auth import password as passwords
from app.auth.account_recovery import AccountRecovery
from app.auth.forms import RegistrationForm, SignInForm
from app.auth.name import NameRefused
from app.auth.permissions import (
    before_password_change,
    current_actor,
    next_page,
    signed_in_only,
    the_session,
    visitors_only,
)
from app.auth.session import UserSession
from app.auth.sign_in import SignInRefused
from app.auth.user import User
from app.extensions import db
from app.security.page_limits import limited

auth = Blueprint("auth", __name__)

# In the cookie of a browser that just registered: the ticket for its recovery code, until a page has shown that.
RECOVERY = "recovery"
REFUSAL = "Wrong name or password, or the account is locked for now. A lock ends after {} minutes."


@auth.route("/login", endpoint="sign_in", methods=["GET", "POST"])
@visitors_only
@limited("login")
def sign_in_page() -> str | tuple[str, int] | Response:
    """Sign in, then go where one was going."""
    form = SignInForm()
    if not form.validate_on_submit():
        return render_template("auth/sign_in.html", form=form, next=next_page()), 400 if form.is_submitted() else 200
    name = form.username.data or ""
    try:
        known = request.cookies.get(device.COOKIE)
        user, proved = sign_in.check(name, form.password.data or "", known, current_actor(name))
        if two_factor.is_on(user.id):
            return ask_for_second_factor(user, next_page())
        return enter(user, next_page(), how="password", password_hash=proved)
    except SignInRefused:
        flash(REFUSAL.format(current_app.config["STREAMZY"].lockout_minutes), "error")
        return render_template("auth/sign_in.html", form=form, next=next_page()), 401


@auth.route("/register", methods=["GET", "POST"])
@visitors_only
@limited("registration")
def register() -> str | tuple[str, int] | Response:
    """Open a viewer's account and sign in with it."""
    if current_app.config["STREAMZY"].registration == "closed":
        return render_template("auth/register.html", form=None, closed=True, next=next_page()), 403
    form = RegistrationForm()
    if not form.validate_on_submit():
        return render_template(
            "auth/register.html", form=form, closed=False, next=next_page()
        ), 400 if form.is_submitted() else 200
    hashed = passwords.hash_password(form.password.data or "", current_app.config["STREAMZY"].bcrypt_rounds)
    try:
        user = User.create(form.username.data or "", hashed)
    except NameRefused as refused:
        db.session.rollback()
        form.username.errors = [str(refused)]
        return render_template("auth/register.html", form=form, closed=False, next=next_page()), 409
    record(
        "account.registered",
        current_actor(user.username),
        target_kind="account",
        target_id=user.id,
        target_name=user.username,
    )
    _, ticket = AccountRecovery.renew(user)
    _, token = UserSession.start(user, current_actor(user.username))
    db.session.commit()
    then = next_page()
    put_in_cookie(token)
    session[RECOVERY] = ticket
    return redirect(url_for("account.recovery_code", next=then))


@auth.post("/logout")
@signed_in_only
@before_password_change
def sign_out() -> Response:
    """End this session on the server; its sockets are cut with it."""
    the_session().end("logout")
    record("logout", current_actor())
    db.session.commit()
    session.clear()
    g.user = g.user_session = None
    flash("You are signed out.", "info")
    response = redirect(url_for("chat.home"))
    response.headers["Clear-Site-Data"] = '"cache"'  # the Back button must not show what only this person may see
    return response


def ask_for_second_factor(user: User, then: str) -> Response:
    """Open no session yet: remember for five minutes that the password of ``user`` was right."""
    session.clear()
    session[half_signed_in.KEY] = half_signed_in.remember(user, then)
    return redirect(url_for("verify.code"))


def enter(user: User, then: str, *, how: str, password_hash: str | None) -> Response:
    """Sign ``user`` in, who has proved to be it, remember this browser, and go on to ``then``. Raises SignInRefused.

    ``password_hash``: what the password was compared with, None where none was asked for.
    """
    _, token = sign_in.open_session(user.id, current_actor(user.username), how, password_hash)
    put_in_cookie(token)
    response = redirect(url_for("account.password") if user.must_change_password else then)
    response.set_cookie(
        device.COOKIE,
        device.remembering(request.cookies.get(device.COOKIE), user.id),
        max_age=device.LIFETIME_SECONDS,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
    return response


def put_in_cookie(token: str) -> None:
    """Begin a new browser session: nothing a stranger put into the old cookie, its CSRF token included, lives on."""
    session.clear()
    session["token"] = token
