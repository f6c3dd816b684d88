"""Doors of the dashboard to letters that were not mailed: look, have them tried again, forget them."""

from __future__ import annotations

from flask import current_app, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from app.admin.routes import admin
from app.applications import letter
from app.audit.event import record
from app.auth.permissions import admins_only, current_actor
from app.extensions import db


@admin.get("/letters")
@admins_only
def letters() -> str:
    """What did not go, and why."""
    return render_template(
        "admin/letters.html",
        letters=letter.in_trouble(),
        waiting=letter.waiting(),
        given_up=letter.given_up(),
        most_tries=letter.MOST_TRIES,
        server=current_app.config["STREAMZY"].mail_server,
    )


@admin.post("/letters/retry")
@admins_only
def retry_letters() -> Response:
    """Try all of them again, from the beginning."""
    return _done("letter.retried", letter.try_again(), "tried again within half a minute")


@admin.post("/letters/drop")
@admins_only
def drop_letters() -> Response:
    """Forget those that were given up."""
    return _done("letter.dropped", letter.drop_given_up(), "forgotten")


def _done(event: str, number: int, what: str) -> Response:
    if number:
        record(event, current_actor(), number=number)
        db.session.commit()
        flash(f"{number} {'letter is' if number == 1 else 'letters are'} {what}.", "success")
    else:
        flash("There was none.", "error")
    return redirect(url_for("admin.letters"))
