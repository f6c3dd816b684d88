"""Doors of the dashboard to applications: the queue, one application, and whatever is done about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.admin import applications as lists
from app.admin.forms import DecisionForm
from app.admin.lookup import number_in, row_or_404
from app.admin.routes import admin
from app.applications import claim, decision
from app.applications import reveal as reveals
from app.applications.reason_template import ReasonTemplate
from app.applications.refusal import CannotDecide, OwnApplication, StaleDecision
from app.applications.streamer_application import StreamerApplication
from app.audit.actor import Actor
from app.audit.event import record
from app.auth.permissions import admins_only, current_actor, in_the_background, the_user
from app.auth.user import User
from app.extensions import db

OWN = "Nobody decides their own application. Ask another admin."


@admin.get("/applications")
@admins_only
def applications() -> str:
    """The queue: what waits, the oldest first; or whatever else the address asks for."""
    return _queue()


@admin.get("/applications/live")
@admins_only
@in_the_background
def live_applications() -> str:
    """The queue as its page asks for it anew by itself; ``beside`` is the application that the list stands beside."""
    return _queue(request.args.get("beside", type=int))


def _queue(beside: int | None = None) -> str:
    which = lists.asked(request.args)
    if which is None:
        abort(404)
    said: dict[str, Any] = request.args.to_dict()
    live = url_for("admin.live_applications", **said)
    mailed = bool(current_app.config["STREAMZY"].mail_server)
    return render_template("admin/applications.html", beside=beside, live=live, mailed=mailed, **lists.listed(which))


@admin.get("/applications/<int:id>")
@admins_only
def application(id: int) -> str:
    """One application on one screen. Opening it is recorded, it shows personal data, and seen by the other admins."""
    found = row_or_404(StreamerApplication, id)
    record("application.viewed", current_actor(), **found.target())
    claim.claim(found, the_user())
    db.session.commit()
    return _page(found, DecisionForm(formdata=None, version=found.version))


@admin.post("/applications/<int:id>/take-over")
@admins_only
def take_over(id: int) -> Response:
    """Review it from now on, in place of whoever had it open."""
    claim.claim(row_or_404(StreamerApplication, id), the_user(), take_over=True)
    db.session.commit()
    return redirect(url_for("admin.application", id=id))


@admin.post("/applications/<int:id>/preview")
@admins_only
def preview(id: int) -> str | tuple[str, int]:
    """Show what the applicant would read. A text to begin with is put into the answer first; nothing is stored."""
    found, form = row_or_404(StreamerApplication, id), DecisionForm()
    if form.template.data and (begun := _template(form.template.data)):
        typed = (form.reason.data or "").strip()
        form.reason.data = f"{typed}\n\n{begun.filled(found)}" if typed else begun.filled(found)
    if not form.validate():
        return _page(found, form), 400
    return _page(found, form, previewed=True)


@admin.post("/applications/<int:id>/approve")
@admins_only
def approve(id: int) -> Response | tuple[str, int]:
    """Open the channel and the account."""
    return _decide(id, decision.approve, "The channel is open.")


@admin.post("/applications/<int:id>/reject")
@admins_only
def reject(id: int) -> Response | tuple[str, int]:
    """Say no, and why."""
    return _decide(id, decision.reject, "The application is rejected.", needs="Tell the applicant why.")


@admin.post("/applications/<int:id>/ask")
@admins_only
def ask(id: int) -> Response | tuple[str, int]:
    """Ask the applicant for more."""
    return _decide(id, decision.ask, "The question stands on the applicant's page.", needs="Type the question.")


@admin.post("/applications/<int:id>/reopen")
@admins_only
def reopen(id: int) -> Response | tuple[str, int]:
    """Take a rejection back."""
    return _decide(id, decision.reopen, "It waits again.")


@admin.post("/applications/<int:id>/reissue")
@admins_only
def reissue(id: int) -> Response | tuple[str, int]:
    """Let the applicant fetch the sign-in once more."""

    def verb(found: StreamerApplication, *who: Any, version: int, **_: str) -> None:
        reveals.reissue(found, *who, version=version)

    return _decide(id, verb, "The sign-in can be fetched again, within 7 days.")


@admin.post("/applications/<int:id>/archive")
@admins_only
def archive(id: int) -> Response | tuple[str, int]:
    """Put a decided one out of sight."""

    def verb(found: StreamerApplication, *who: Any, version: int, **_: str) -> None:
        decision.archive(found, *who, version=version)

    return _decide(id, verb, "It is in the archive.")


@admin.post("/applications/<int:id>/note")
@admins_only
def add_note(id: int) -> Response | tuple[str, int]:
    """Leave a note for the other admins. Nobody's decision goes stale by it."""

    def verb(found: StreamerApplication, by: User, actor: Actor, note: str, **_: Any) -> None:
        decision.add_note(found, by, actor, note)

    return _decide(id, verb, "The note is kept.", needs="Type the note.", field="note")


def _decide(
    application_id: int, verb: Callable[..., Any], done: str, needs: str = "", field: str = "reason"
) -> Response | tuple[str, int]:
    found, form = row_or_404(StreamerApplication, application_id), DecisionForm()
    if form.validate_on_submit() and needs and not form[field].data:
        form[field].errors = [needs]
    if form.errors:
        return _page(found, form), 400
    try:
        words = {"reason": form.reason.data or "", "note": form.note.data or ""}
        verb(found, the_user(), current_actor(), version=form.seen_version(), **words)
        db.session.commit()
    except OwnApplication:
        abort(403, OWN)
    except (StaleDecision, CannotDecide) as late:
        db.session.rollback()
        found = row_or_404(StreamerApplication, application_id)
        form.version.data = str(found.version)
        why = str(late) if isinstance(late, CannotDecide) else lists.what_became_of_it(found)
        return _page(found, form, conflict=why), 409
    flash(done, "success")
    return redirect(url_for("admin.application", id=application_id))


def _page(found: StreamerApplication, form: DecisionForm, conflict: str | None = None, previewed: bool = False) -> str:
    return render_template(
        "admin/application.html",
        form=form,
        conflict=conflict,
        previewed=previewed,
        **lists.one(found, the_user()),
    )


def _template(number: str) -> ReasonTemplate | None:
    id_ = number_in(number)
    return db.session.get(ReasonTemplate, id_) if id_ is not None else None
