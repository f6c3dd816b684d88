"""Doors: what is known about me. The account's history, all of its data, what I had not sent, and the way out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from flask import Response as FlaskResponse
from flask import (
    flash,
    g,
    redirect,
    render_template,
    request,
    session,
    stream_with_context,
    url_for,
)
from werkzeug.wrappers import Response

from app.account import own_data
from app.account.forms import DeleteForm
from app.account.leaving import leave
from app.account.routes import account
from app.audit import history as histories
from app.audit.event import record
from app.auth import own_password, unsent_form
from app.auth.own_password import WrongPassword
from app.auth.permissions import current_actor, recently_confirmed, signed_in_only, the_session, the_user
from app.auth.unsent_form import UnsentForm
from app.auth.user import LastAdmin
from app.channels.channel import Channel
from app.chat.authorship import written_by
from app.clock import now
from app.extensions import db
from app.security.page_limits import limited

HISTORY = timedelta(days=90)


@account.get("/history")
@signed_in_only
def history() -> str:
    """Sign-ins, failures and changes of the last 90 days."""
    before = request.args.get("before", type=int)
    events, more = histories.of_account(
        the_user().id, since=now() - HISTORY, before=before if before and 0 < before < 2**62 else None
    )
    return render_template("account/history.html", events=events, more=more, days=HISTORY.days)


@account.get("/data")
@signed_in_only
def data() -> str:
    """What is kept about me, how to take it along, and how to leave."""
    return _data_page(DeleteForm(formdata=None))


@account.post("/data/download")
@signed_in_only
@recently_confirmed
@limited("exports")
def download() -> Response:
    """Everything about this account as JSON, written while it is read."""
    user = the_user()
    record("account.exported", current_actor(), target_kind="account", target_id=user.id)
    db.session.commit()
    about, account_id = own_data.collected(user), user.id
    db.session.rollback()
    return FlaskResponse(
        stream_with_context(_as_json(about, written_by(account_id))),
        mimetype="application/json",
        headers={"Content-Disposition": 'attachment; filename="streamzy-my-data.json"', "Cache-Control": "no-store"},
    )


@account.post("/delete")
@signed_in_only
@limited("passwords")
def delete() -> Response | tuple[str, int]:
    """Delete this account; the password is asked for."""
    form, user = DeleteForm(), the_user()
    if not form.validate_on_submit():
        return _data_page(form), 400
    user_id, session_id = user.id, the_session().id
    try:
        hashed = own_password.check(user, form.password.data or "", current_actor(), "account.confirmation_failed")
    except WrongPassword as wrong:
        form.password.errors = [str(wrong)]
        return _data_page(form), 400
    user, _ = own_password.hold(user_id, session_id, hashed)
    try:
        leave(user, delete_messages=form.messages.data == "delete")
    except LastAdmin:
        db.session.rollback()
        form.form_errors.append("You are the last admin who can sign in. Make somebody else an admin first.")
        return _data_page(form), 409
    session.clear()
    g.user = g.user_session = None
    flash("Your account is deleted.", "info")
    response = redirect(url_for("chat.home"))
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@account.get("/unsent")
@signed_in_only
def unsent() -> str:
    """What I typed when my session had ended, ready to be sent."""
    kept = UnsentForm.of(the_user().id)
    return render_template("account/unsent.html", path=kept.path if kept else "", fields=kept.fields if kept else [])


@account.post("/unsent/discard")
@signed_in_only
def discard_unsent() -> Response:
    """I don't want to send it any more."""
    unsent_form.forget(the_user().id)
    db.session.commit()
    flash("What you had typed is thrown away.", "info")
    return redirect(url_for("chat.home"))


def _data_page(form: DeleteForm) -> str:
    user = the_user()
    return render_template(
        "account/data.html", form=form, channel=Channel.of(user), last_admin=user.is_last_admin(), days=HISTORY.days
    )


def _as_json(about: dict[str, Any], messages: Iterable[dict[str, Any]]) -> Iterator[str]:
    yield json.dumps(about, ensure_ascii=False, indent=2).removesuffix("\n}") + ',\n  "messages": ['
    comma = "\n    "
    for message in messages:
        yield comma + json.dumps(message, ensure_ascii=False)
        comma = ",\n    "
    yield "\n  ]\n}\n"
