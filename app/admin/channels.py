"""What the pages about channels show: a list that costs the same whatever is in it, and one channel."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import contains_eager

from app.admin import listing
from app.admin.listing import Choice, Listing
from app.applications.streamer_application import StreamerApplication
from app.auth.name import key
from app.auth.user import User
from app.channels.channel import Channel
from app.channels.membership import Membership
from app.channels.sanction import Sanction
from app.extensions import db

STATE = Choice("state", "State", {"": "Any", "live": "Live", "open": "Open, not live", "disabled": "Disabled"})
READERS = {"public": "Everybody", "accounts": "Accounts", "private": "Members"}
ACCESS = Choice("access", "Read by", {"": "Any", **READERS})


def asked(arguments: Any) -> Listing | None:
    """Which channels the query of the page's address asks for, or None when it makes no sense."""
    return listing.asked("admin.channels", arguments, STATE, ACCESS)


def listed(which: Listing) -> dict[str, Any]:
    """One page of channels by address: as many statements, however many there are."""
    rows = _matching(select(Channel), which).options(contains_eager(Channel.owner)).order_by(Channel.slug)
    found = which.found(rows, _matching(select(func.count(Channel.id)), which))
    channels = [{"channel": channel, "state": state_of(channel)} for (channel,) in found["rows"]]
    return {**found, "channels": channels, "readers": READERS}


def one(channel: Channel) -> dict[str, Any]:
    """One channel: what it is, whose, and how it came to be."""
    belongs = select(Membership.role, func.count()).where(Membership.channel_id == channel.id)
    people = {role: number for role, number in db.session.execute(belongs.group_by(Membership.role))}
    held = select(func.count()).select_from(Sanction).where(*Sanction.holding(channel.id))
    return {
        "channel": channel,
        "state": state_of(channel),
        "application": StreamerApplication.that_made(channel.owner_id),
        "moderators": people.get("moderator", 0),
        "members": people.get("member", 0),
        "sanctions": db.session.scalar(held) or 0,
    }


def state_of(channel: Channel) -> str:
    """disabled, live or open."""
    return "disabled" if channel.disabled_at else "live" if channel.live_since else "open"


def _matching(query: Select[Any], which: Listing) -> Select[Any]:
    query = query.join(Channel.owner).where(*_state(which["state"]))
    if which["access"]:
        query = query.where(Channel.access == which["access"])
    if which.text:
        said = key(which.text)
        query = query.where(
            or_(
                Channel.slug.contains(said, autoescape=True),
                User.username_key.contains(said, autoescape=True),
                Channel.title.icontains(which.text, autoescape=True),
            )
        )
    return query


def _state(state: str) -> list[ColumnElement[bool]]:
    open_, live = Channel.disabled_at.is_(None), Channel.live_since.is_not(None)
    conditions: dict[str, list[ColumnElement[bool]]] = {
        "": [],
        "live": [open_, live],
        "open": [open_, ~live],
        "disabled": [~open_],
    }
    return conditions[state]
