"""How a channel, and one's own place in it, are described to clients."""

from __future__ import annotations

from typing import Any

from app.channels.channel import Channel
from app.chat.connections import Place, Restraint


def channel_as_seen(channel: Channel) -> dict[str, Any]:
    """The channel in the answer to a join, and in ``channel_updated``."""
    return {
        "slug": channel.slug,
        "title": channel.title,
        "access": channel.access,
        "members_only": channel.members_only,
        "slow_mode": channel.slow_mode_seconds,
        "unique_messages": channel.unique_messages,
        "live": channel.live_since is not None,
    }


def me_as_seen(username: str, place: Place) -> dict[str, Any]:
    """Who one is in a channel. ``sanction`` is there while one may not write."""
    me: dict[str, Any] = {"username": username, "badges": place.badges, "can_moderate": place.moderates}
    if held_back := place.held_back_by:
        me["sanction"] = sanction_as_seen(held_back)
    return me


def sanction_as_seen(restraint: Restraint) -> dict[str, Any]:
    """A ban or a timeout, to whom it holds back: the kind, until when (ISO 8601, None: for good), and why."""
    until = restraint.until
    return {
        "kind": restraint.kind,
        "until": until.isoformat(timespec="seconds").replace("+00:00", "Z") if until else None,
        "reason": restraint.reason,
    }
