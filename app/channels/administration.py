"""What admins and operators do to channels: open one without an application, move, shut and reopen it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete

from app.audit.actor import Actor
from app.audit.event import record
from app.auth import name as names
from app.auth.administration import ActRefused
from app.auth.announcement import announce
from app.auth.session import UserSession
from app.auth.user import User
from app.channels.channel import Channel
from app.clock import now
from app.extensions import db


def open_for(owner: User, slug: str, title: str, by: Actor) -> Channel:
    """Open /c/<slug> for an account that has no channel, and make it a streamer. Raises NameRefused or ActRefused."""
    names.check_slug(slug)
    if owner.is_deleted:
        raise ActRefused("This account was deleted by its owner.")
    if owner.is_disabled:
        raise ActRefused(f"{owner.username} is disabled: enable the account first.")
    if (own := Channel.of(owner)) is not None:
        raise ActRefused(f"{owner.username} owns /c/{own.slug} already, and an account has one channel.")
    before = owner.role
    channel = Channel.open(slug, title, owner)
    if owner.role != before:
        # Another role is another set of rights: it starts with a fresh sign-in, as after an approval.
        UserSession.end_all_of(owner, "role_changed")
    announce("account_changed", account_id=owner.id)
    _note("channel.created", channel, by, owner=owner.username)
    return channel


def move(channel: Channel, slug: str, by: Actor) -> None:
    """Give the channel another address; the former is free for others. Raises NameRefused or ActRefused."""
    _not_closed(channel)
    before = channel.slug
    names.check_slug(slug)
    if slug == before:
        raise ActRefused(f"The channel is at /c/{before} already.")
    # What the owner's account holds under the same name stays the account's.
    held = delete(names.TakenName).where(names.TakenName.key == names.appearance(before))
    db.session.execute(held.where(names.TakenName.held_by == "channel"))
    if names.appearance(slug) != names.appearance(channel.owner.username):
        names.take(slug, "channel")
    channel.slug = slug
    _note("channel.renamed", channel, by, before=before, after=slug)


def disable(channel: Channel, by: Actor) -> bool:
    """Shut the channel: nobody reads or writes there. Its messages stay. False when it was shut already."""
    if channel.disabled_at is not None:
        return False
    channel.disabled_at = now()
    _note("channel.disabled", channel, by)
    return True


def enable(channel: Channel, by: Actor) -> bool:
    """Open a channel again that was shut. False when it was open. Raises ActRefused."""
    _not_closed(channel)
    if channel.disabled_at is None:
        return False
    channel.disabled_at = None
    _note("channel.enabled", channel, by)
    return True


def _not_closed(channel: Channel) -> None:
    if channel.deleted_at is not None:
        raise ActRefused("It is being deleted.")
    if channel.owner.is_deleted:
        raise ActRefused("Its owner deleted their account: this channel is closed for good.")


def _note(event: str, channel: Channel, by: Actor, **details: Any) -> None:
    record(event, by, target_kind="channel", target_id=channel.id, target_name=channel.slug, **details)
    announce("channel_changed", channel_id=channel.id)
