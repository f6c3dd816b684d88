"""Doors to the audit log: look through it, and take it along. Nothing here changes a row."""

from __future__ import annotations

from flask import Response as FlaskResponse
from flask import abort, current_app, flash, redirect, render_template, request, stream_with_context, url_for
from werkzeug.wrappers import Response

from app.admin import record as log
from app.admin.routes import admin
from app.admin.under_way import audit_verification
from app.audit import export, verification
from app.audit.event import record
from app.auth.permissions import admins_only, current_actor, in_the_background, recently_confirmed
from app.clock import now
from app.extensions import db
from app.security.page_limits import limited


@admin.get("/audit")
@admins_only
def audit_log() -> str:
    """Newest first."""
    which = log.asked(request.args)
    if which is None:
        abort(400, "There is no such list.")
    return render_template("admin/audit.html", **log.listed(which), **audit_verification())


@admin.post("/audit/verify")
@admins_only
@limited("exports")
def verify_audit_log() -> Response:
    """Begin to verify the whole chain, in the background; the page shows how far it is, and how it ended."""
    work = verification.begin()
    if work is None:
        flash("The log is being verified already.")
    else:
        db.session.commit()
        verification.start(current_app._get_current_object(), work.id, current_actor())  # type: ignore[attr-defined]
    return redirect(url_for("admin.audit_log"), 303)


@admin.get("/audit/under-way")
@admins_only
@in_the_background
def audit_verification_under_way() -> str:
    """What the page asks for by itself until the verification is done."""
    return render_template("admin/_audit_verification.html", **audit_verification())


@admin.post("/audit/export")
@admins_only
@limited("exports")
@recently_confirmed
def export_audit_log() -> Response:
    """What the list shows, all pages of it, as JSON Lines or CSV; that it was taken is in the log itself."""
    which, suffix = log.asked(request.form), request.form.get("format", "jsonl")
    if which is None or suffix not in export.FORMATS:
        abort(400, "There is no such list.")
    mimetype, as_format = export.FORMATS[suffix]
    record("audit.exported", current_actor(), narrowed_by=which.query(), format=suffix)
    db.session.commit()
    return FlaskResponse(
        stream_with_context(as_format(*log.conditions(which))),
        mimetype=mimetype,
        headers={
            "Content-Disposition": f'attachment; filename="audit-{now():%Y-%m-%d}.{suffix}"',
            "Cache-Control": "no-store",
        },
    )
