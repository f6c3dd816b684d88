"""Doors: the list of channels, and a channel's page."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

from flask import Blueprint, abort, current_app, make_response, render_template, request
from werkzeug.wrappers import Response

from app.auth.permissions import current_user, open_to_everyone
from app.channels import stream
from app.channels.channel import Channel
from app.channels.policy import may, standing
from app.chat import connections, history, presence
from app.chat.description import me_as_seen
from app.chat.first_steps import first_steps
from app.extensions import db
from app.security.headers import policy_with_frame

chat = Blueprint("chat", __name__)


@chat.get("/")
@open_to_everyone
def home() -> str:
    """The channels, live ones first; ``q`` looks for some of them."""
    listed = Channel.listed_for(current_user())
    looked_for = request.args.get("q", "").replace("\0", "").strip()[:80]
    cards = [_card(channel) for channel in listed if channel.matches(looked_for)]
    return render_template(
        "chat/home.html",
        live=[card for card in cards if card["live_since"]],
        others=[card for card in cards if not card["live_since"]],
        looked_for=looked_for,
        how_many=len(listed),
    )


@chat.get("/c/<slug>")
@open_to_everyone
def channel_page(slug: str) -> Response:
    """Stream and chat; the last messages are drawn here, so that there is something before JavaScript."""
    user = current_user()
    channel = Channel.readable_by(user, slug)
    if channel is None:
        found = Channel.at(slug) if user else None
        if found and user and found.shuts_out(user):
            abort(403, "You are banned from this channel.")
        abort(404)
    shown, more = history.newest(channel)
    me = me_as_seen(user.username, connections.place_in(channel, user)) if user else None
    may_set_up = user is not None and may("settings", standing(user, channel))
    popout = "popout" in request.args
    player = None if popout else _player(channel)
    new_here = user is not None and user.id == channel.owner_id and channel.introduced_at is None
    steps = first_steps(channel) if new_here and not popout else []
    db.session.commit()
    page = render_template(
        "chat/channel.html",
        channel=_card(channel) | {"rules": channel.rules},
        player=player,
        watching="watch" in request.args,
        steps=steps,
        messages=shown,
        more=more,
        viewers=presence.viewers(channel.id),
        popout=popout,
        rules_mark=hashlib.sha256(channel.rules.encode()).hexdigest()[:8],
        me=me,
        may_set_up=may_set_up,
    )
    response = make_response(page)
    if player:
        response.headers["Content-Security-Policy"] = policy_with_frame(player.origin)
    return response


def _player(channel: Channel) -> stream.Player | None:
    settings = current_app.config["STREAMZY"]
    page_host = urlsplit(settings.public_url or request.host_url).hostname or ""
    return stream.player_of(channel.stream_url or "", settings.stream_hosts, page_host)


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
