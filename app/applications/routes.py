"""Doors: apply, and the private page that shows how it goes."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Blueprint, abort, current_app, flash, jsonify, redirect, render_template, request, session, url_for
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.wrappers import Response

from app.applications import applicant, turnaround
from app.applications import reveal as reveals
from app.applications.contact import network_hash
from app.applications.forms import ApplicationForm
from app.applications.refusal import NotRevealable, StaleDecision
from app.applications.streamer_application import StreamerApplication
from app.audit.event import record
from app.auth import password as passwords
from app.auth.name import LONGEST, NameRefused
from app.auth.permissions import ask_to_sign_in, current_actor, current_user, open_to_everyone
from app.encryption.data_key import data_keys
from app.extensions import db
from app.security.rate_limits import address_key, limited, spend

applications = Blueprint("applications", __name__, url_prefix="/apply")


@applications.route("", methods=["GET", "POST"])
@open_to_everyone
@limited("applications")
def apply() -> str | tuple[str, int] | Response:
    """Apply; the answer holds the private link, the only way back."""
    if request.method == "POST" and "as_account" in request.form and current_user() is None:
        return ask_to_sign_in()  # or it would go out as a stranger's, and make a second account
    form = ApplicationForm()
    if not form.validate_on_submit():
        _record_blocks(form)
        return _form_page(form), 400 if form.is_submitted() else 200
    try:
        application, token = StreamerApplication.submit(
            email=form.email.data or "",
            channel_name=form.channel_name.data or "",
            slug=form.slug.data or "",
            about=form.about.data or "",
            links=form.link_list(),
            applicant=current_user(),
            network=network_hash(request.remote_addr or ""),
        )
    except NameRefused as refused:
        db.session.rollback()
        form.slug.errors = [str(refused)]
        return _form_page(form), 409
    record("application.submitted", current_actor("applicant"), **application.target())
    db.session.commit()
    return render_template(
        "applications/submitted.html",
        application=application,
        status_url=url_for("applications.status", token=token, _external=True),
    )


@applications.get("/address")
@open_to_everyone
def check_address() -> Response:
    """Whether ``slug`` could be had just now, in the words that the form itself would use; asked while one types."""
    spend("address_checks", address_key(request.remote_addr))
    slug = request.args.get("slug", "").strip().lower()
    try:
        StreamerApplication.check_wish(slug[: 2 * LONGEST], current_user())
    except NameRefused as refused:
        return jsonify(slug=slug, free=False, message=str(refused))
    return jsonify(slug=slug, free=True, message="This address is free.")


@applications.get("/status/<token>")
@open_to_everyone
def status(token: str) -> str:
    """Where the application stands. Opening it changes nothing: link previews and prefetching open links too."""
    return _status_page(_find(token), token)


@applications.post("/status/<token>/reveal")
@open_to_everyone
@limited("reveals")
def reveal(token: str) -> str | tuple[str, int]:
    """Generate the password and show it, this once."""
    application = _find(token)
    browser = session.setdefault("browser", secrets.token_urlsafe(16))
    if not reveals.can_reveal(application, browser):
        return _status_page(application, token), 409
    generated = passwords.generate()
    db.session.rollback()  # no transaction stays open while bcrypt works
    hashed = passwords.hash_password(generated, current_app.config["STREAMZY"].bcrypt_rounds)
    application = _find(token)
    try:
        account = reveals.reveal(application, hashed, browser, current_actor("applicant"))
        db.session.commit()
    except (NotRevealable, StaleDataError):
        db.session.rollback()
        return _status_page(_find(token), token), 409
    return _status_page(application, token, username=account.username, password=generated)


@applications.post("/status/<token>/withdraw")
@open_to_everyone
def withdraw(token: str) -> Response | tuple[str, int]:
    """Take the application back."""
    application = _find(token)
    try:
        applicant.withdraw(application, current_actor("applicant"))
        db.session.commit()
    except StaleDecision:
        db.session.rollback()
        flash(_find(token).what_became_of_it(), "error")
        return _status_page(_find(token), token), 409
    flash("Your application is withdrawn.", "success")
    return redirect(url_for("applications.status", token=token))


def _form_page(form: ApplicationForm) -> str:
    return render_template(
        "applications/apply.html",
        form=form,
        usual_wait=turnaround.in_words(turnaround.usual()),
        retention_days=current_app.config["STREAMZY"].application_retention_days,
    )


def _find(token: str) -> StreamerApplication:
    application = StreamerApplication.with_token(token)
    if application is None:
        abort(404)
    return application


def _status_page(application: StreamerApplication, token: str, **revealed: Any) -> str:
    return render_template(
        "applications/status.html",
        application=application,
        token=token,
        can_reveal=reveals.can_reveal(application, session.get("browser")),
        just_revealed="password" in revealed,
        username=revealed.get("username"),
        password=revealed.get("password"),
    )


@applications.after_request
def _keep_private(response: Response) -> Response:
    # The link is the applicant's only credential: no cache, no index, no referrer may carry it away.
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _record_blocks(form: ApplicationForm) -> None:
    for field, rule in form.blocked_rules.items():
        text = str(form[field].data)
        record(
            "input.blocked",
            current_actor("applicant"),
            target_kind="application",
            rule=rule,
            field=field,
            length=len(text),
            text_hash=data_keys().lookup_hash(text).hex(),
        )
    db.session.commit()
