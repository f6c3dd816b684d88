"""Doors of the dashboard to the texts that answers begin with: read, add, change, remove."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from app.admin.forms import ReasonTemplateForm
from app.admin.lookup import row_or_404
from app.admin.routes import admin
from app.applications.reason_template import ReasonTemplate
from app.applications.refusal import StaleDecision
from app.auth.permissions import admins_only, current_actor, the_user
from app.extensions import db


@admin.get("/texts")
@admins_only
def texts() -> str:
    """Every text, and the way to add one."""
    return _page()


@admin.post("/texts/add")
@admins_only
def add_text() -> Response | tuple[str, int]:
    """Add one."""
    form = ReasonTemplateForm()
    if not form.validate_on_submit():
        return _page(form), 400
    ReasonTemplate.add(the_user(), current_actor(), **form.said())
    db.session.commit()
    return _back(f"“{form.title.data}” is added.")


@admin.post("/texts/<int:id>/change")
@admins_only
def change_text(id: int) -> Response | tuple[str, int]:
    """Replace one."""
    found, form = row_or_404(ReasonTemplate, id), ReasonTemplateForm()
    if not form.validate_on_submit():
        return _page(form, changing=id), 400
    try:
        found.change(the_user(), current_actor(), version=form.seen_version(), **form.said())
        db.session.commit()
    except StaleDecision:
        db.session.rollback()
        form.version.data = str(row_or_404(ReasonTemplate, id).version)
        form.text.errors = ["Another admin changed this text since you opened it. It stands above; yours is here."]
        return _page(form, changing=id), 409
    return _back(f"“{form.title.data}” is changed.")


@admin.post("/texts/<int:id>/remove")
@admins_only
def remove_text(id: int) -> Response:
    """Remove one."""
    found = row_or_404(ReasonTemplate, id)
    found.remove(current_actor())
    db.session.commit()
    return _back(f"“{found.title}” is removed.")


def _back(said: str) -> Response:
    flash(said, "success")
    return redirect(url_for("admin.texts"))


def _page(form: ReasonTemplateForm | None = None, changing: int | None = None) -> str:
    return render_template(
        "admin/texts.html",
        texts=ReasonTemplate.all(),
        form=form or ReasonTemplateForm(formdata=None),
        changing=changing,
    )
