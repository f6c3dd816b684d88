"""Doors of a channel's settings: members, moderators, bans and timeouts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import abort, flash, request
from werkzeug.wrappers import Response

from app.auth.permissions import channel_keepers_only
from app.auth.user import User
from app.channels import roster
from app.channels.forms import MemberForm, ModeratorForm, SanctionForm
from app.channels.policy import Acting
from app.channels.roster import NoChange
from app.chat import moderation
from app.chat.moderation import Rest
from app.chat.refusal import Refused
from app.chat.settings_routes import back, carry_out, setting_up, settings_page, settings_pages
from app.security.typed_form import TypedForm


@settings_pages.post("/members")
@channel_keepers_only
def add_member(slug: str) -> tuple[str, int] | Response:
    """Add a member by name."""
    return _by_name(slug, MemberForm(), "member_form", roster.add_member, "{} is a member.", "members")


@settings_pages.post("/moderators")
@channel_keepers_only
def make_moderator(slug: str) -> tuple[str, int] | Response:
    """Make somebody a moderator by name."""
    return _by_name(slug, ModeratorForm(), "moderator_form", roster.make_moderator, "{} moderates here.", "moderators")


@settings_pages.post("/members/remove")
@channel_keepers_only
def remove_member(slug: str) -> Response:
    """Take somebody out of the channel."""
    return _from_list(slug, roster.remove_member, "{} is out.", "members")


@settings_pages.post("/moderators/remove")
@channel_keepers_only
def unmake_moderator(slug: str) -> Response:
    """Take moderating away from somebody; they stay a member."""
    return _from_list(
        slug, roster.unmake_moderator, "{} does not moderate any more, and is still a member.", "moderators"
    )


@settings_pages.post("/bans")
@channel_keepers_only
def impose(slug: str) -> tuple[str, int] | Response:
    """Ban somebody or time them out."""
    acting, form = setting_up(slug), SanctionForm()
    if not form.validate_on_submit():
        return settings_page(acting, sanction_form=form), 400
    name, reason, purge = form.username.data or "", form.reason.data or "", bool(form.purge.data)

    def verb() -> Rest:
        if form.seconds.data:
            return moderation.timeout(acting, name, int(form.seconds.data), reason, purge=purge)
        return moderation.ban(acting, name, reason, purge=purge)

    try:
        carry_out(verb)
    except Refused as refused:
        form.username.errors = [refused.message]
        return settings_page(acting, sanction_form=form), 400
    flash(f"{name} is {'timed out' if form.seconds.data else 'banned'}.", "success")
    return back(slug, "bans")


@settings_pages.post("/bans/lift")
@channel_keepers_only
def lift(slug: str) -> Response:
    """End a ban or a timeout."""
    return _from_list(
        slug, lambda acting, target: moderation.unban(acting, target.username), "{} may write again.", "bans"
    )


def _by_name(
    slug: str, form: TypedForm, name: str, verb: Callable[[Acting, User], None], done: str, section: str
) -> tuple[str, int] | Response:
    acting = setting_up(slug)
    shown: dict[str, Any] = {name: form}
    if not form.validate_on_submit():
        return settings_page(acting, **shown), 400
    target = User.named(form.username.data or "")
    try:
        if target is None:
            raise NoChange("There is no account of that name.")
        carry_out(lambda: verb(acting, target))
    except NoChange as nothing:
        form.username.errors = [str(nothing)]
        return settings_page(acting, **shown), 400
    flash(done.format(target.username), "success")
    return back(slug, section)


def _from_list(slug: str, verb: Callable[[Acting, User], None], done: str, section: str) -> Response:
    acting, target = setting_up(slug), User.named(request.form.get("username", ""))
    if target is None:
        abort(404)
    try:
        carry_out(lambda: verb(acting, target))
        flash(done.format(target.username), "success")
    except (NoChange, Refused) as nothing:  # somebody else was faster: it is as it was wanted
        flash(nothing.message if isinstance(nothing, Refused) else str(nothing), "info")
    return back(slug, section)
