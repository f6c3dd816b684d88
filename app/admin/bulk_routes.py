"""The door for many applications at once: turn down or archive, each for itself. Nobody approves in bulk."""

from __future__ import annotations

from typing import NamedTuple

from flask import abort, render_template, request

from app.admin import applications as lists
from app.admin.forms import BulkForm
from app.admin.listing import PAGE
from app.admin.lookup import number_in
from app.admin.routes import admin
from app.applications import decision
from app.applications.refusal import CannotDecide, OwnApplication, StaleDecision
from app.applications.streamer_application import StreamerApplication
from app.auth.permissions import admins_only, current_actor, the_user
from app.extensions import db

DONE = {"reject": "Rejected.", "archive": "Archived."}


class Row(NamedTuple):
    """What became of one of those that were chosen."""

    id: int
    name: str
    done: bool
    said: str


@admin.post("/applications/bulk")
@admins_only
def bulk() -> str | tuple[str, int]:
    """Do one thing to each that was chosen, in a transaction of its own, and say of each how it went."""
    form, chosen, act = BulkForm(), request.form.getlist("chosen")[:PAGE], request.form.get("act")
    if act not in DONE:
        abort(400, "Choose whether to reject or to archive them. Approving is done one by one.")
    if form.validate() and act == "reject" and not form.reason.data:
        form.reason.errors = ["Tell the applicants why."]
    if not chosen:
        form.form_errors = ["Choose at least one application in the list."]
    if form.errors:
        return render_template("admin/bulk.html", form=form, act=act, chosen=chosen, rows=None), 400
    rows = [row for one in chosen if (row := _do(one, act, form)) is not None]
    return render_template("admin/bulk.html", form=form, chosen=chosen, rows=rows)


def _do(one: str, act: str, form: BulkForm) -> Row | None:
    """``one`` is ``id:version``, the version that was on the screen."""
    number, version = map(number_in, one.partition(":")[::2])
    if number is None or version is None:
        return None
    found = db.session.get(StreamerApplication, number, populate_existing=True)
    if found is None:
        return None
    name, waits = found.channel_name, found.is_undecided
    try:
        if act == "archive":
            decision.archive(found, the_user(), current_actor(), version=version)
        else:
            words = {"reason": form.reason.data or "", "note": form.note.data or ""}
            decision.reject(found, the_user(), current_actor(), version=version, **words)
        db.session.commit()
        return Row(number, name, True, DONE[act])
    except (OwnApplication, StaleDecision, CannotDecide) as refused:
        db.session.rollback()
        return Row(number, name, False, _why(refused, number, act == "archive" and waits))


def _why(refused: Exception, number: int, waits: bool) -> str:
    if isinstance(refused, OwnApplication):
        return "It is your own. Another admin has to decide."
    if isinstance(refused, CannotDecide):
        return str(refused)
    return "It still waits for a decision." if waits else lists.what_became_of_it(_again(number))


def _again(number: int) -> StreamerApplication:
    return db.session.get_one(StreamerApplication, number, populate_existing=True)
