"""Doors: change the password, give it again; see and end the sessions one is signed in with."""

from __future__ import annotations

import math

from flask import Blueprint, abort, current_app, flash, jsonify, redirect, render_template, session, url_for
from werkzeug.wrappers import Response

from app.account.forms import PasswordForm
from app.audit.actor import coarse
from app.audit.event import record
from app.auth import own_password
from app.auth import password as passwords
from app.auth.account_recovery import AccountRecovery
from app.auth.forms import ConfirmForm
from app.auth.own_password import WrongPassword
from app.auth.permissions import (
    before_password_change,
    before_second_factor,
    current_actor,
    in_the_background,
    next_page,
    recently_confirmed,
    signed_in_only,
    the_session,
    the_user,
)
from app.auth.routes import put_in_cookie
from app.auth.session import UserSession
from app.channels.channel import Channel
from app.extensions import db
from app.security.page_limits import limited

account = Blueprint("account", __name__, url_prefix="/account")


@account.route("/password", methods=["GET", "POST"])
@signed_in_only
@before_password_change
@limited("passwords")
def password() -> str | tuple[str, int] | Response:
    """Change the password; every other session ends, and this one goes on under a new token."""
    form, user = PasswordForm(), the_user()
    forced, user_id, session_id = user.must_change_password, user.id, the_session().id
    if not form.validate_on_submit():
        return _password_page(form), 400 if form.is_submitted() else 200
    actor = current_actor()
    try:
        hashed = own_password.check(user, form.current_password.data or "", actor, "password.refused")
    except WrongPassword as wrong:
        form.current_password.errors = [str(wrong)]
        return _password_page(form), 400
    chosen = passwords.hash_password(form.new_password.data or "", current_app.config["STREAMZY"].bcrypt_rounds)
    user, _ = own_password.hold(user_id, session_id, hashed)
    user.set_password(chosen, must_change=False)
    UserSession.end_all_of(user, "password_changed")
    _, token = UserSession.start(user, actor)
    record("password.changed", actor, target_kind="account", target_id=user.id)
    db.session.commit()
    put_in_cookie(token)
    flash("Your password is changed. Every other browser is signed out.", "success")
    own = Channel.of(user) if forced else None
    return redirect(
        url_for("chat.channel_page", slug=own.slug)
        if own
        else url_for("admin.overview" if user.is_admin else "account.sessions")
    )


def _password_page(form: PasswordForm) -> str:
    user = the_user()
    return render_template(
        "account/password.html", form=form, forced=user.must_change_password, recovery=AccountRecovery.of(user)
    )


@account.route("/confirm", methods=["GET", "POST"])
@signed_in_only
@before_second_factor
@limited("passwords")
def confirm() -> str | tuple[str, int] | Response:
    """Take the password again before a risky act: whoever sits down at an open screen does not know it."""
    form, then = ConfirmForm(), next_page()
    if not form.validate_on_submit():
        return render_template("account/confirm.html", form=form, next=then), 400 if form.is_submitted() else 200
    user_id, session_id, actor = the_user().id, the_session().id, current_actor()
    try:
        hashed = own_password.check(the_user(), form.password.data or "", actor, "account.confirmation_failed")
    except WrongPassword as wrong:
        form.password.errors = [str(wrong)]
        return render_template("account/confirm.html", form=form, next=then), 400
    _, confirmed = own_password.hold(user_id, session_id, hashed)
    token = confirmed.confirm()
    record("account.confirmed", actor, target_kind="account", target_id=user_id)
    db.session.commit()
    session["token"] = token  # the rest of the cookie stays: forms in other tabs can still be sent
    return redirect(then)


@account.post("/away")
@signed_in_only
@before_password_change
@in_the_background
def away() -> Response:
    """A page that saw nobody for ACTIVITY_TIMEOUT_MINUTES asks how many seconds are left. None: the session ends.

    Not the page decides: its person may be active in another tab, or on an open socket.
    """
    left = max(0, math.ceil(the_session().patience_left().total_seconds()))
    if not left:
        the_session().end("idle")
        db.session.commit()
    return jsonify(seconds=left)


@account.get("/sessions")
@signed_in_only
def sessions() -> str:
    """Where am I signed in."""
    current = the_session()
    shown = [
        {
            "id": session.id,
            "device": session.device,
            "ip": coarse(session.ip),
            "created_at": session.created_at,
            "last_seen_at": session.last_seen_at,
            "is_current": session.id == current.id,
        }
        for session in UserSession.living_of(the_user())
    ]
    return render_template("account/sessions.html", sessions=shown)


@account.post("/sessions/<int:id>/revoke")
@signed_in_only
@recently_confirmed
def revoke_session(id: int) -> Response:
    """Sign one of my browsers out."""
    mine = {session.id: session for session in UserSession.living_of(the_user())}
    if id not in mine:  # somebody else's session does not exist for me
        abort(404)
    mine[id].end("revoked")
    record("session.revoked", current_actor(), target_kind="session", target_id=id)
    db.session.commit()
    flash("That browser is signed out.", "success")
    return redirect(url_for("account.sessions"))


@account.post("/sessions/revoke-others")
@signed_in_only
@recently_confirmed
def revoke_other_sessions() -> Response:
    """Sign all my other browsers out."""
    UserSession.end_all_of(the_user(), "revoked", except_session=the_session())
    record("session.revoked", current_actor(), target_kind="account", target_id=the_user().id, which="all others")
    db.session.commit()
    flash("Every other browser is signed out.", "success")
    return redirect(url_for("account.sessions"))
