"""Doors of the dashboard to accounts: find one, look at it, and act on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.admin import accounts
from app.admin.forms import RenameForm
from app.admin.lookup import row_or_404
from app.admin.routes import admin
from app.audit.actor import Actor
from app.audit.event import record
from app.auth import administration
from app.auth.administration import ActRefused
from app.auth.name import NameRefused
from app.auth.permissions import admins_only, current_actor, recently_confirmed, the_user
from app.auth.user import LastAdmin, User
from app.channels.channel import Channel
from app.extensions import db
from app.security.rate_limits import worth_recording


@admin.get("/users")
@admins_only
def users() -> str:
    """Every account, searched and filtered."""
    which = accounts.asked(request.args)
    if which is None:
        abort(404)
    return render_template("admin/users.html", **accounts.listed(which))


@admin.get("/users/<int:id>")
@admins_only
def user(id: int) -> str:
    """One account on one screen. Opening it is recorded, once a minute: it shows personal data."""
    found, me = row_or_404(User, id), the_user()
    if found.id != me.id and worth_recording("viewed", f"{me.id}:{found.id}"):
        record(
            "account.viewed",
            current_actor(),
            target_kind="account",
            target_id=found.id,
            target_name=found.username,
        )
        db.session.commit()
    return _page(found, RenameForm(formdata=None, username=found.username))


@admin.post("/users/<int:id>/disable")
@admins_only
@recently_confirmed
def disable_user(id: int) -> Response | tuple[str, int]:
    """Shut the account and sign it out everywhere."""
    return _act(id, administration.disable, "{} is disabled and signed out everywhere.", "{} was disabled already.")


@admin.post("/users/<int:id>/enable")
@admins_only
def enable_user(id: int) -> Response | tuple[str, int]:
    """Open the account again."""
    return _act(id, administration.enable, "{} may sign in again.", "{} was not disabled.")


@admin.post("/users/<int:id>/unlock")
@admins_only
def unlock_user(id: int) -> Response | tuple[str, int]:
    """Let people try again after too many wrong passwords."""
    return _act(id, administration.unlock, "{} may try again.")


@admin.post("/users/<int:id>/rename")
@admins_only
def rename_user(id: int) -> Response | tuple[str, int]:
    """Give the account another name."""
    found, form = row_or_404(User, id), RenameForm()
    if not form.validate_on_submit():
        return _page(found, form), 400
    chosen, channel = form.username.data or "", Channel.of(found)
    try:
        administration.rename(found, chosen, current_actor(), channel_slug=channel.slug if channel else None)
        db.session.commit()
    except (NameRefused, ActRefused) as refused:
        db.session.rollback()
        form.username.errors = [str(refused)]
        return _page(row_or_404(User, id), form), 409
    flash(f"The account is named {chosen} now. Tell its owner: they sign in with that name.", "success")
    return redirect(url_for("admin.user", id=id))


@admin.post("/users/<int:id>/make-admin")
@admins_only
@recently_confirmed
def make_admin(id: int) -> Response | tuple[str, int]:
    """Let the account use the dashboard."""
    return _act(id, administration.make_admin, "{} is an admin now, and has to sign in again.")


@admin.post("/users/<int:id>/remove-admin")
@admins_only
@recently_confirmed
def remove_admin(id: int) -> Response | tuple[str, int]:
    """Take the dashboard away from the account."""

    def remove(found: User, by: Actor) -> None:
        administration.remove_admin(found, by, owns_channel=Channel.of(found) is not None)

    return _act(id, remove, "{} is no admin any more, and has to sign in again.")


@admin.post("/users/<int:id>/end-sessions")
@admins_only
@recently_confirmed
def end_sessions(id: int) -> Response | tuple[str, int]:
    """Sign the account out everywhere."""
    return _act(id, administration.end_sessions, "{} is signed out everywhere.")


@admin.post("/users/<int:id>/reset-second-factor")
@admins_only
@recently_confirmed
def reset_second_factor(id: int) -> Response | tuple[str, int]:
    """Take the second factor away, for somebody who lost it."""
    return _act(
        id,
        administration.reset_second_factor,
        "{} signs in with the password alone, until a new second factor is set up.",
        "{} had no second factor.",
    )


@admin.post("/users/<int:id>/reset-password")
@admins_only
@recently_confirmed
def reset_password(id: int) -> Response | tuple[str, int] | str:
    """End the password, and show the link behind which its owner fetches a new one: here, this once."""
    found = row_or_404(User, id)
    try:
        token = administration.offer_reset(found, current_actor())
        db.session.commit()
    except ActRefused as refused:
        return _refused(id, str(refused))
    link = url_for("recovery.reveal", token=token, _external=True)
    return render_template("admin/reset_link.html", user=found, link=link)


def _act(
    account_id: int, act: Callable[[User, Actor], bool | None], done: str, nothing: str = ""
) -> Response | tuple[str, int]:
    found = row_or_404(User, account_id)
    try:
        happened = act(found, current_actor())
        db.session.commit()
    except ActRefused as refused:
        return _refused(account_id, str(refused))
    except LastAdmin:
        return _refused(account_id, "This is the last admin who can sign in. Make somebody else an admin first.")
    said, kind = (nothing, "info") if happened is False else (done, "success")
    flash(said.format(found.username), kind)
    return redirect(url_for("admin.user", id=account_id))


def _refused(account_id: int, why: str) -> tuple[str, int]:
    db.session.rollback()
    found = row_or_404(User, account_id)
    return _page(found, RenameForm(formdata=None, username=found.username), conflict=why), 409


def _page(found: User, form: RenameForm, conflict: str | None = None) -> str:
    about: dict[str, Any] = accounts.one(found)
    return render_template("admin/user.html", form=form, conflict=conflict, own=found.id == the_user().id, **about)
