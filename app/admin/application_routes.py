"""Doors of the dashboard to applications: the queue, one application, the decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.admin import applications as lists
from app.admin.forms import DecisionForm
from app.admin.routes import admin
from app.applications import decision
from app.applications.reason_template import ReasonTemplate
from app.applications.refusal import CannotDecide, OwnApplication, StaleDecision
from app.applications.streamer_application import StreamerApplication
from app.audit.event import record
from app.auth.permissions import admins_only, current_actor, the_user
from app.extensions import db


@admin.get("/applications")
@admins_only
def applications() -> str:
    """The queue: what waits, the oldest first; or whatever else the address asks for."""
    which = lists.asked(request.args)
    if which is None:
        abort(404)
    return render_template("admin/applications.html", **lists.listed(which))


@admin.get("/applications/<int:id>")
@admins_only
def application(id: int) -> str:
    """One application on one screen. Opening it is recorded: it shows personal data."""
    found = _find(id)
    record("application.viewed", current_actor(), **found.target())
    db.session.commit()
    return _page(found, DecisionForm(formdata=None, version=found.version))


@admin.post("/applications/<int:id>/approve")
@admins_only
def approve(id: int) -> Response | tuple[str, int]:
    """Open the channel and the account."""
    return _decide(id, decision.approve, "The channel is open.")


@admin.post("/applications/<int:id>/reject")
@admins_only
def reject(id: int) -> Response | tuple[str, int]:
    """Say no, and why."""
    return _decide(id, decision.reject, "The application is rejected.")


def _decide(application_id: int, verb: Callable[..., Any], done: str) -> Response | tuple[str, int]:
    found, form = _find(application_id), DecisionForm()
    if form.validate_on_submit() and verb is decision.reject and not form.reason.data:
        form.reason.errors = ["Tell the applicant why."]
    if form.errors:
        return _page(found, form), 400
    try:
        words = {"reason": form.reason.data or "", "note": form.note.data or ""}
        verb(found, the_user(), current_actor(), version=form.seen_version(), **words)
        db.session.commit()
    except OwnApplication:
        abort(403, "Nobody decides their own application. Ask another admin.")
    except (StaleDecision, CannotDecide) as late:
        db.session.rollback()
        found = _find(application_id)
        form.version.data = str(found.version)
        why = str(late) if isinstance(late, CannotDecide) else found.what_became_of_it()
        return _page(found, form, conflict=why), 409
    flash(done, "success")
    return redirect(url_for("admin.application", id=application_id))


def _page(found: StreamerApplication, form: DecisionForm, conflict: str | None = None) -> str:
    return render_template(
        "admin/application.html",
        application=found,
        form=form,
        checks=lists.checks(found),
        reason_templates=ReasonTemplate.all(),
        **lists.waiting(),
        own=found.is_own_of(the_user()),
        conflict=conflict,
    )


def _find(application_id: int) -> StreamerApplication:
    found = db.session.get(StreamerApplication, application_id) if application_id < 2**31 else None
    if found is None:
        abort(404)
    return found
