"""Doors: becoming a member of a private channel with its password."""

from __future__ import annotations

from flask import Blueprint, abort, current_app, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from app.audit.event import record
from app.auth import lockout
from app.auth import password as passwords
from app.auth.permissions import current_actor, signed_in_only, the_user
from app.auth.user import User
from app.channels import roster
from app.channels.channel import Channel
from app.channels.forms import EntryForm
from app.channels.sanction import Sanction
from app.extensions import db
from app.security.page_limits import limited
from app.security.rate_limits import spend

entry = Blueprint("entry", __name__)

WRONG = (
    "There is no such channel, or this is not its password. After {} wrong ones it takes none from you for {} minutes."
)


@entry.route("/c/<slug>/join", methods=["GET", "POST"])
@signed_in_only
@limited("channel_passwords")
def join(slug: str) -> str | tuple[str, int] | Response:
    """Join with a password. The page is the same whether or not there is such a channel, and so is the work."""
    user_id, form = the_user().id, EntryForm()
    if Channel.readable_by(the_user(), slug) is not None:
        return redirect(url_for("chat.channel_page", slug=slug))
    if not form.validate_on_submit():
        return render_template("channels/join.html", form=form, slug=slug), 400 if form.is_submitted() else 200
    spend("channel_passwords", f"account:{user_id}")  # whoever has many addresses has one account
    wanted, tries = _hash_at(slug), lockout.CHANNEL + slug[:32]
    rounds = current_app.config["STREAMZY"].bcrypt_rounds
    number = lockout.take_a_try(user_id, tries)
    db.session.commit()  # counted for good before the password is compared, and no transaction is open meanwhile
    right = passwords.matches(form.password.data or "", wanted if number is not None else None, rounds)
    user, channel = db.session.get_one(User, user_id), Channel.at(slug)
    if not right or channel is None or _hash_at(slug) != wanted:  # it was changed while bcrypt worked
        locked = number is None
        record("channel.password_refused", current_actor(), target_kind="channel", target_name=slug, locked=locked)
        db.session.commit()
        settings = current_app.config["STREAMZY"]
        form.password.errors = [WRONG.format(settings.lockout_failures, settings.lockout_minutes)]
        return render_template("channels/join.html", form=form, slug=slug), 403
    lockout.forget(user_id, tries)
    if Sanction.bans(channel.id, user.id):
        abort(403, "You are banned from this channel.")
    roster.join(channel, user)
    record(
        "member.joined", current_actor(), target_kind="channel", target_id=channel.id, target_name=slug, how="password"
    )
    db.session.commit()
    flash("You are a member now.", "success")
    return redirect(url_for("chat.channel_page", slug=slug), 303)


def _hash_at(slug: str) -> str | None:
    channel = Channel.at(slug)
    private = channel is not None and channel.access == "private" and channel.disabled_at is None
    return channel.password_hash if channel and private else None
