"""Doors: the recovery code for a forgotten password, shown once after registering, or made anew."""

from __future__ import annotations

from flask import flash, redirect, render_template, session, url_for
from werkzeug.wrappers import Response

from app.account.routes import account
from app.audit.event import record
from app.auth.account_recovery import AccountRecovery
from app.auth.permissions import current_actor, next_page, recently_confirmed, signed_in_only, the_user
from app.auth.routes import RECOVERY
from app.extensions import db


@account.get("/recovery-code")
@signed_in_only
def recovery_code() -> str | Response:
    """The code that registering made, this once: its ticket came in this browser's cookie, and goes here."""
    code = AccountRecovery.shown_for(the_user(), session.pop(RECOVERY, None))
    if code is None:
        flash("The code was shown before. Is it lost? You can make a new one here.", "info")
        return redirect(url_for("account.password"))
    return render_template("account/recovery_code.html", code=code, next=next_page(), is_new_account=True)


@account.post("/recovery-code/renew")
@signed_in_only
@recently_confirmed
def renew_recovery_code() -> str:
    """Make the code anew; the former one ends."""
    user = the_user()
    code, _ = AccountRecovery.renew(user)
    session.pop(RECOVERY, None)
    record("recovery.code_renewed", current_actor(), target_kind="account", target_id=user.id)
    db.session.commit()
    return render_template(
        "account/recovery_code.html", code=code, next=url_for("account.password"), is_new_account=False
    )
