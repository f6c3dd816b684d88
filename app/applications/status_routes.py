"""Doors: the private page of an application. Whoever has its link is the applicant; there is no other credential."""

from __future__ import annotations

import secrets
from typing import Any

from flask import abort, current_app, flash, redirect, render_template, request, session, url_for
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.wrappers import Response

from app.applications import applicant, erasure, timeline, turnaround
from app.applications import reveal as reveals
from app.applications.forms import AnswerForm
from app.applications.refusal import NotRevealable, StaleDecision
from app.applications.routes import applications, record_blocks
from app.applications.state import PENDING
from app.applications.streamer_application import StreamerApplication
from app.auth import password as passwords
from app.auth.permissions import current_actor, open_to_everyone
from app.extensions import db
from app.security.page_limits import limited

LINK_FILE = """Your application at Streamzy, {reference}

{address}

This link is the only way back to it. Whoever has it can read the answer and take the sign-in: keep it like a password.
"""


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


@applications.get("/status/<token>/link.txt")
@open_to_everyone
def link_file(token: str) -> Response:
    """The private link as a file to keep."""
    reference = _find(token).reference
    address = url_for("applications.status", token=token, _external=True)
    response = Response(LINK_FILE.format(reference=reference, address=address), mimetype="text/plain")
    response.headers.set("Content-Disposition", "attachment", filename=f"streamzy-{reference}.txt")
    return response


@applications.post("/status/<token>/answer")
@open_to_everyone
@limited("applications")
def answer(token: str) -> str | Response | tuple[str, int]:
    """Answer what the admins asked."""
    application, form = _find(token), AnswerForm()
    if application.allows("answer") and not form.validate_on_submit():
        record_blocks(form)
        return _status_page(_find(token), token, form=form), 400
    try:
        applicant.answer(application, current_actor("applicant"), form.answer.data or "")
        db.session.commit()
    except StaleDecision:
        db.session.rollback()
        flash("Nothing is asked any more: your answer was not sent. It is still in the box below.", "error")
        return _status_page(_find(token), token, form=form, unsent=form.answer.data), 409
    flash("Your answer is sent. The admins look at your application again.", "success")
    return redirect(url_for("applications.status", token=token))


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
        flash(_find(token).what_became_of_it(told_to="applicant"), "error")
        return _status_page(_find(token), token), 409
    flash("Your application is withdrawn.", "success")
    return redirect(url_for("applications.status", token=token))


@applications.post("/status/<token>/erase")
@open_to_everyone
def erase(token: str) -> Response | tuple[str, int]:
    """Forget the application, once its box is ticked; every link to it is dead then."""
    application = _find(token)
    if request.form.get("confirm") != "y":
        flash("Tick the box first: what is erased does not come back.", "error")
        return _status_page(application, token), 400
    if not erasure.may_be_erased(application):
        flash("Your sign-in waits on this page. Fetch it first, then erase.", "error")
        return _status_page(application, token), 409
    try:
        erasure.erase(application, current_actor("applicant"))
        db.session.commit()
    except (StaleDecision, StaleDataError):
        db.session.rollback()
        flash(_find(token).what_became_of_it(told_to="applicant"), "error")
        return _status_page(_find(token), token), 409
    flash("Your application is erased, and the link to it opens nothing any more.", "success")
    return redirect(url_for("applications.apply"))


def _find(token: str) -> StreamerApplication:
    application = StreamerApplication.with_token(token)
    if application is None:
        abort(404)
    return application


def _status_page(
    application: StreamerApplication,
    token: str,
    form: AnswerForm | None = None,
    unsent: str | None = None,
    **revealed: Any,
) -> str:
    return render_template(
        "applications/status.html",
        application=application,
        steps=timeline.seen_by_the_applicant(application),
        form=form or AnswerForm(),
        unsent=unsent,
        usual_wait=turnaround.in_words(turnaround.usual()) if application.status == PENDING else None,
        may_be_erased=erasure.may_be_erased(application),
        retention_days=current_app.config["STREAMZY"].application_retention_days,
        token=token,
        can_reveal=reveals.can_reveal(application, session.get("browser")),
        just_revealed="password" in revealed,
        username=revealed.get("username"),
        password=revealed.get("password"),
    )
