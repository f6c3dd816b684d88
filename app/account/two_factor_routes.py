"""Doors: the second factor: an app, passkeys, recovery codes."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.account.forms import PasskeyForm
from app.audit.event import record
from app.auth import challenge, two_factor
from app.auth.forms import CodeForm
from app.auth.passkey import Passkey, PasskeyRefused
from app.auth.permissions import (
    ask_to_confirm,
    before_second_factor,
    current_actor,
    recently_confirmed,
    signed_in_only,
    the_session,
    the_user,
)
from app.auth.recovery_code import RecoveryCode
from app.auth.two_factor import NotInTheOrder, WrongCode
from app.auth.verify_routes import CHALLENGE, as_json, spend_challenge, this_site
from app.extensions import db
from app.security.page_limits import limited

two_factor_pages = Blueprint("two_factor", __name__, url_prefix="/account/two-factor")

OFF = "Your second factor is off: the password alone signs in again. Every other browser is signed out."


@two_factor_pages.route("", methods=["GET", "POST"])
@signed_in_only
@before_second_factor
@limited("passwords")
def page() -> str | tuple[str, int] | AnyResponse:
    """What there is, and how to add to it; a first code, sent here, lets a waiting app count.

    The waiting secret is shown to whoever just proved to be the owner, not to anybody at an open screen.
    """
    waits = two_factor.factors_of(the_user()).pending is not None
    if (waits or request.method == "POST") and not the_session().is_confirmed():
        return ask_to_confirm()
    return _confirm_app(CodeForm()) if request.method == "POST" else _page(CodeForm(formdata=None))


@two_factor_pages.post("/app")
@signed_in_only
@before_second_factor
@recently_confirmed
def begin_app() -> AnyResponse:
    """Make a secret for an app to scan."""
    try:
        two_factor.begin_app(the_user())
    except NotInTheOrder:
        abort(409, "You have an app already. Remove it first if you want another one.")
    db.session.commit()
    return redirect(url_for("two_factor.page"))


@two_factor_pages.get("/qr.svg")
@signed_in_only
@before_second_factor
@recently_confirmed
def qr_code() -> Response:
    """The waiting secret for a phone's camera. Once confirmed it is never shown again."""
    pending = two_factor.factors_of(the_user()).pending
    if pending is None:
        abort(404)
    drawn = pending.qr_code(the_user().username, this_site().name)
    return Response(drawn, mimetype="image/svg+xml", headers={"Cache-Control": "no-store"})


@two_factor_pages.post("/app/remove")
@signed_in_only
@before_second_factor
@recently_confirmed
def remove_app() -> AnyResponse:
    """Forget the app, or stop setting one up."""
    confirmed = two_factor.factors_of(the_user()).app is not None
    off = two_factor.remove_app(the_user(), the_session())
    if confirmed:
        _record("two_factor.app_removed")
    return _removed(off, "app", "The app is removed." if confirmed else "Nothing was set up.")


@two_factor_pages.post("/codes")
@signed_in_only
@before_second_factor
@recently_confirmed
def renew_codes() -> str | AnyResponse:
    """Ten new recovery codes, shown in this answer and never again."""
    try:
        codes = two_factor.renew_codes(the_user())
    except NotInTheOrder:
        flash("Recovery codes come with a second factor: add an app or a passkey first.", "info")
        return redirect(url_for("two_factor.page"))
    _record("two_factor.codes_renewed")
    db.session.commit()
    return _show(codes, first=False)


@two_factor_pages.post("/codes/download")
@signed_in_only
@before_second_factor
@recently_confirmed
def download_codes() -> Response:
    """The codes as a file. The page that shows them sends them along: they are nowhere else any more."""
    codes = request.form.get("codes", "")[:1024].split()
    if not RecoveryCode.all_unused(the_user().id, codes):  # nobody else's text comes back as a file of this site
        abort(409, "These recovery codes are not your newest ones. Make new ones, then save them.")
    site = this_site()
    lines = [f"Recovery codes of {the_user().username} at {site.origin}", "Each signs in once, after the password.", ""]
    return Response(
        "\r\n".join([*lines, *codes, ""]),
        mimetype="text/plain",
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": 'attachment; filename="streamzy-recovery-codes.txt"',
        },
    )


@two_factor_pages.post("/passkeys/options")
@signed_in_only
@before_second_factor
@recently_confirmed
def passkey_options() -> Response:
    """What the browser needs to make a passkey."""
    value, session[CHALLENGE] = challenge.fresh(f"register {the_user().id}")
    return as_json(Passkey.registration_options(the_user(), this_site(), value))


@two_factor_pages.post("/passkeys")
@signed_in_only
@before_second_factor
@recently_confirmed
def add_passkey() -> str | tuple[str, int] | AnyResponse:
    """Add the passkey that the browser made."""
    form, user, was_on = PasskeyForm(), the_user(), two_factor.is_on(the_user().id)
    if not form.validate_on_submit():
        flash(next(iter(form.errors.values()))[0], "error")
        return _page(CodeForm(formdata=None)), 400
    try:
        passkey, codes = two_factor.add_passkey(
            user,
            this_site(),
            spend_challenge(f"register {user.id}"),
            form.credential.data or "",
            form.name.data or the_session().device,
            the_session(),
        )
    except PasskeyRefused:
        db.session.commit()  # the challenge is spent all the same
        flash("This passkey could not be added. Press the button again to make another.", "error")
        return _page(CodeForm(formdata=None)), 400
    _record("passkey.added", passkey=passkey.name)
    return _added(codes, was_on, "passkey", f"The passkey {passkey.name} is added.")


@two_factor_pages.post("/passkeys/<int:id>/remove")
@signed_in_only
@before_second_factor
@recently_confirmed
def remove_passkey(id: int) -> AnyResponse:
    """Forget one of my passkeys."""
    mine = {passkey.id: passkey for passkey in Passkey.of(the_user().id)}
    if id not in mine:  # somebody else's does not exist for me
        abort(404)
    name = mine[id].name
    off = two_factor.remove_passkey(the_user(), mine[id], the_session())
    _record("passkey.removed", passkey=name)
    return _removed(off, "passkey", f"The passkey {name} is removed. Delete it on your device as well.")


def _confirm_app(form: CodeForm) -> str | tuple[str, int] | AnyResponse:
    if not form.validate_on_submit():
        return _page(form), 400
    was_on = two_factor.is_on(the_user().id)
    try:
        codes = two_factor.confirm_app(the_user(), form.code.data or "", the_session())
    except WrongCode:
        form.code.errors = ["That is not the code the app shows now. Is the phone's clock right?"]
        return _page(form), 400
    except NotInTheOrder:
        flash("There is no app to confirm.", "info")
        return redirect(url_for("two_factor.page"))
    _record("two_factor.app_added")
    return _added(codes, was_on, "app", "The app counts from now on.")


def _page(form: CodeForm) -> str:
    factors = two_factor.factors_of(the_user())
    return render_template("account/two_factor.html", form=form, factors=factors, device=the_session().device)


def _show(codes: list[str], *, first: bool) -> str:
    return render_template("account/recovery_codes.html", codes=codes, first=first)


def _added(codes: list[str], was_on: bool, which: str, said: str) -> str | AnyResponse:
    if not was_on:
        _record("two_factor.enabled", which=which)
    db.session.commit()
    if codes:
        flash(f"{said} Every other browser is signed out.", "success")
        return _show(codes, first=True)
    flash(said, "success")
    return redirect(url_for("two_factor.page"))


def _removed(off: bool, which: str, said: str) -> AnyResponse:
    if off:
        _record("two_factor.disabled", which=which)
    db.session.commit()
    flash(f"{said} {OFF}" if off else said, "success")
    return redirect(url_for("two_factor.page"))


def _record(event: str, **details: Any) -> None:
    record(event, current_actor(), target_kind="account", target_id=the_user().id, **details)


@two_factor_pages.after_request
def _keep_private(response: AnyResponse) -> AnyResponse:
    # Secrets and codes stand on these pages: no cache keeps them, and no address of them goes to another site.
    response.headers["Cache-Control"] = "no-store"
    return response
