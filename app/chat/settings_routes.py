"""Doors: a channel's settings, for its streamer and admins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.audit.event import record
from app.auth import password as passwords
from app.auth.permissions import channel_keepers_only, current_actor, the_user
from app.channels import settings as channel_settings
from app.channels.channel import Channel
from app.channels.forms import (
    ChannelForm,
    ChannelPasswordForm,
    ClearForm,
    MemberForm,
    ModeratorForm,
    SanctionForm,
)
from app.channels.membership import MEMBER, MODERATOR, Membership
from app.channels.policy import Acting, NotAllowed, may, standing
from app.channels.sanction import Sanction
from app.chat import moderation
from app.chat.moderation import finish
from app.encryption.data_key import data_keys
from app.extensions import db
from app.security.rate_limits import address_key, spend, worth_recording

settings_pages = Blueprint("settings", __name__, url_prefix="/c/<slug>/settings")

MOST_SANCTIONS = 100


def setting_up(slug: str) -> Acting:
    """The person of this request, acting in a channel whose settings are theirs. Anybody else gets 403 or 404."""
    user, channel = the_user(), Channel.at(slug)
    if channel is None or channel.disabled_at is not None:
        abort(404)
    acting = Acting(user, channel, current_actor())
    if not may("settings", standing(user, channel)):
        if not channel.may_read(user):
            abort(404)  # for them it does not exist
        # Who only looked is on record once a minute, who tried to change something each time.
        if request.method == "POST" or worth_recording("denied", address_key(request.remote_addr)):
            refuse(NotAllowed(acting, "settings", None))
        abort(403)
    if request.method == "POST":
        spend("moderation", f"account:{user.id}")
    return acting


def refuse(attempt: NotAllowed) -> None:
    """Put a refused attempt on record, and say no."""
    db.session.rollback()
    attempt.put_on_record()
    db.session.commit()
    abort(403, "That is not yours to do here. Nobody acts on themselves, on their equals or on those above them.")


def carry_out(verb: Callable[[], object]) -> None:
    """Do one act and commit it. Whatever else ``verb`` raises leaves nothing done."""
    try:
        done = verb()
        db.session.commit()
    except NotAllowed as attempt:
        refuse(attempt)
    except Exception:
        db.session.rollback()
        raise
    else:
        finish(done if isinstance(done, Iterator) else None)


@settings_pages.route("", methods=["GET", "POST"])
@channel_keepers_only
def page(slug: str) -> str | tuple[str, int] | Response:
    """The settings; sending the form changes what differs."""
    acting = setting_up(slug)
    form = ChannelForm(acting.channel)
    if request.method == "GET":
        form.seen.data = channel_settings.seen(acting.channel)
        return settings_page(acting, form=form)
    if not form.validate():
        for name, rule in form.blocked_rules.items():
            _record_block(acting, rule, form[name].data or "")
        db.session.commit()
        return settings_page(acting, form=form), 400
    try:
        carry_out(lambda: channel_settings.change(acting, form.wanted(), form.seen.data or ""))
    except channel_settings.ChangedMeanwhile:
        form.seen.data = channel_settings.seen(acting.channel)
        form.seen.raw_data = None
        return settings_page(acting, form=form, conflict=True), 409
    flash("Saved. Whoever is in the chat sees it already.", "success")
    return back(slug)


@settings_pages.post("/live")
@channel_keepers_only
def live(slug: str) -> Response:
    """Say that the stream is on, or over."""
    acting, state = setting_up(slug), request.form.get("state")
    if state not in ("live", "over"):
        abort(400)
    carry_out(lambda: channel_settings.set_live(acting, state == "live"))
    flash("You are live." if state == "live" else "The stream is over.", "success")
    return back(slug)


@settings_pages.post("/introduced")
@channel_keepers_only
def introduced(slug: str) -> Response:
    """The first steps are done, or skipped."""
    acting = setting_up(slug)
    carry_out(lambda: channel_settings.introduced(acting))
    return redirect(url_for("chat.channel_page", slug=slug), 303)


@settings_pages.post("/password")
@channel_keepers_only
def password(slug: str) -> tuple[str, int] | Response:
    """Set the password that makes people members of a private channel, or remove it."""
    acting, form = setting_up(slug), ChannelPasswordForm()
    if "remove" in request.form:
        carry_out(lambda: channel_settings.set_password(acting, None))
        flash("The password is gone. Who is a member stays one.", "success")
        return back(slug, "password")
    if not form.validate_on_submit():
        return settings_page(acting, password_form=form), 400
    rounds = current_app.config["STREAMZY"].bcrypt_rounds
    db.session.rollback()  # no transaction stays open while bcrypt works
    hashed = passwords.hash_password(form.password.data or "", rounds)
    acting = setting_up(slug)
    carry_out(lambda: channel_settings.set_password(acting, hashed))
    flash("The password is set. Give people the address below and the password.", "success")
    return back(slug, "password")


@settings_pages.post("/clear")
@channel_keepers_only
def clear(slug: str) -> tuple[str, int] | Response:
    """Remove everything that was said."""
    acting, form = setting_up(slug), ClearForm()
    if not form.validate_on_submit():
        return settings_page(acting, clear_form=form), 400
    carry_out(lambda: moderation.clear(acting))
    flash("The chat is empty.", "success")
    return back(slug)


def back(slug: str, section: str | None = None) -> Response:
    """To the settings, where one was."""
    return redirect(url_for("settings.page", slug=slug, _anchor=section), 303)


def settings_page(acting: Acting, *, conflict: bool = False, **forms: Any) -> str:
    """The page, with the forms that were sent wrong and fresh ones for the rest."""
    channel = acting.channel
    fresh: dict[str, Any] = {
        "member_form": MemberForm,
        "moderator_form": ModeratorForm,
        "sanction_form": SanctionForm,
        "password_form": ChannelPasswordForm,
        "clear_form": ClearForm,
    }
    if "form" not in forms:
        forms["form"] = ChannelForm(channel)
        forms["form"].seen.data = channel_settings.seen(channel)
    looking_for = {name: request.args.get(name, "").replace("\0", "")[:64] for name in ("name", "by")}
    past = request.args.get("past") == "1"
    return render_template(
        "channels/settings.html",
        channel=channel,
        conflict=conflict,
        owns=acting.user.id == channel.owner_id,
        members=Membership.listed(channel.id, MEMBER),
        moderators=Membership.listed(channel.id, MODERATOR),
        sanctions=Sanction.listed(channel.id, **looking_for, past=past, most=MOST_SANCTIONS + 1),
        most_sanctions=MOST_SANCTIONS,
        looking_for=looking_for | {"past": past},
        instance_days=current_app.config["STREAMZY"].message_retention_days,
        stream_hosts=_named(current_app.config["STREAMZY"].stream_hosts),
        join_url=url_for("entry.join", slug=channel.slug, _external=True),
        **{name: made(formdata=None) for name, made in fresh.items() if name not in forms},
        **forms,
    )


def _named(hosts: tuple[str, ...]) -> list[str]:
    names = {"youtube": "YouTube", "twitch": "Twitch", "vimeo": "Vimeo"}
    return [names.get(host) or host.partition(":")[2] for host in hosts]


def _record_block(acting: Acting, rule: str, text: str) -> None:
    # The text itself is kept nowhere in clear: a keyed hash shows whether two blocks were of one text.
    record(
        "input.blocked",
        acting.actor,
        target_kind="channel",
        target_id=acting.channel.id,
        target_name=acting.channel.slug,
        rule=rule,
        length=len(text),
        text_hash=data_keys().lookup_hash(text).hex(),
    )
