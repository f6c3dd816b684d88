"""What the pages about channels show: a list that costs the same whatever is in it, and one channel."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import contains_eager

from app.admin import paging
from app.applications.streamer_application import StreamerApplication
from app.auth.name import key
from app.auth.user import User
from app.channels.channel import Channel
from app.channels.membership import Membership
from app.channels.sanction import Sanction
from app.channels.settings import ACCESS
from app.extensions import db

STATES = ("live", "open", "disabled")


class Asked(NamedTuple):
    """Which channels the list shows. Empty means any."""

    name: str = ""
    access: str = ""
    state: str = ""
    page: int = 1


def asked(arguments: Any) -> Asked | None:
    """What the query of the page's address asks for, or None when it makes no sense."""
    access, state = arguments.get("access", ""), arguments.get("state", "")
    page = paging.number(arguments.get("page", "1"))
    if access not in ("", *ACCESS) or state not in ("", *STATES) or page is None:
        return None
    return Asked(paging.words(arguments.get("name", "")), access, state, page)


def listed(which: Asked) -> dict[str, Any]:
    """One page of channels by address: two statements, however many there are."""
    query = _matching(select(Channel), which).options(contains_eager(Channel.owner))
    page = query.order_by(Channel.slug).limit(paging.PAGE).offset(paging.offset(which.page))
    total = db.session.scalar(_matching(select(func.count(Channel.id)), which)) or 0
    channels = [{"channel": channel, "state": state_of(channel)} for channel in db.session.scalars(page)]
    return {"channels": channels, "total": total, "pages": paging.pages(total), "asked": which}


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
    """One of STATES."""
    return "disabled" if channel.disabled_at else "live" if channel.live_since else "open"


def _matching(query: Select[Any], which: Asked) -> Select[Any]:
    query = query.join(Channel.owner).where(*_state(which.state))
    if which.access:
        query = query.where(Channel.access == which.access)
    if which.name:
        said = key(which.name)
        query = query.where(
            or_(
                Channel.slug.contains(said, autoescape=True),
                User.username_key.contains(said, autoescape=True),
                Channel.title.icontains(which.name, autoescape=True),
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
