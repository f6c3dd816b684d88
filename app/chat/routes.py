"""Doors: the list of channels, and a channel's page."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request

from app.auth.permissions import current_user, open_to_everyone
from app.channels.channel import Channel
from app.channels.policy import may, standing
from app.chat import connections, presence
from app.chat import message as messages
from app.chat.description import me_as_seen
from app.extensions import db

chat = Blueprint("chat", __name__)


@chat.get("/")
@open_to_everyone
def home() -> str:
    """The channels, live ones first."""
    cards = [_card(channel) for channel in Channel.listed_for(current_user())]
    return render_template(
        "chat/home.html", live=[c for c in cards if c["live_since"]], others=[c for c in cards if not c["live_since"]]
    )


@chat.get("/c/<slug>")
@open_to_everyone
def channel_page(slug: str) -> str:
    """Stream and chat; the last messages are drawn here, so that there is something before JavaScript."""
    user = current_user()
    channel = Channel.readable_by(user, slug)
    if channel is None:
        found = Channel.at(slug) if user else None
        if found and user and found.shuts_out(user):
            abort(403, "You are banned from this channel.")
        abort(404)
    shown, more = messages.newest(channel)
    me = me_as_seen(user.username, connections.place_in(channel, user)) if user else None
    may_set_up = user is not None and may("settings", standing(user, channel))
    db.session.commit()
    return render_template(
        "chat/channel.html",
        channel=_card(channel) | {"rules": channel.rules},
        messages=shown,
        more=more,
        viewers=presence.viewers(channel.id),
        popout="popout" in request.args,
        me=me,
        may_set_up=may_set_up,
    )


def _card(channel: Channel) -> dict[str, object]:
    return {
        "slug": channel.slug,
        "title": channel.title,
        "description": channel.description,
        "owner": channel.owner.username,
        "access": channel.access,
        "members_only": channel.members_only,
        "slow_mode": channel.slow_mode_seconds,
        "unique_messages": channel.unique_messages,
        "live_since": channel.live_since,
        "viewers": presence.viewers(channel.id),
        "created_at": channel.created_at,
    }
