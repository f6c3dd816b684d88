"""``flask channels``: channels without an application, such as an admin's own."""

from __future__ import annotations

import json

import click
from sqlalchemy import delete, select

from app.audit.actor import Actor
from app.audit.event import record
from app.auth import name as names
from app.auth.announcement import announce
from app.auth.session import UserSession
from app.channels.channel import Channel
from app.clock import now
from app.commands.door import Failed, Group, table
from app.commands.users import the_account
from app.extensions import db

LONGEST_TITLE = 80

channels = Group("channels", help="Channels.")


def the_channel(slug: str) -> Channel:
    """The channel at that address. Raises Failed when there is none."""
    channel = Channel.at(slug)
    if channel is None:
        raise Failed(f"There is no channel at /c/{slug}.")
    return channel


def note(event: str, command: str, channel: Channel, **details: object) -> None:
    """Record an act on ``channel``, and have what is cached about it forgotten."""
    record(
        event,
        Actor.command(f"channels {command}"),
        target_kind="channel",
        target_id=channel.id,
        target_name=channel.slug,
        **details,
    )
    announce("channel_changed", channel_id=channel.id)


@channels.command("create")
@click.argument("slug")
@click.option("--owner", required=True, metavar="NAME", help="The account that will own it.")
@click.option("--title", help="What stands above the chat; without it, the slug.")
def create(slug: str, owner: str, title: str | None) -> None:
    """Open the channel /c/SLUG for an account that has none yet, and make that account a streamer."""
    names.check_slug(slug)
    title = (title or slug).strip()
    if not 1 <= len(title) <= LONGEST_TITLE:
        raise click.BadParameter(f"Use 1 to {LONGEST_TITLE} characters.", param_hint="--title")
    user = the_account(owner)
    if user.is_disabled:
        raise Failed(f"{user.username} is disabled: flask users enable {user.username}")
    if (own := Channel.of(user)) is not None:
        raise Failed(f"{user.username} owns /c/{own.slug} already, and an account has one channel.")
    before = user.role
    channel = Channel.open(slug, title, user)
    if user.role != before:
        # Another role is another set of rights: it starts with a fresh sign-in, as after an approval.
        UserSession.end_all_of(user, "role_changed")
    announce("account_changed", account_id=user.id)
    note("channel.created", "create", channel, owner=user.username)
    db.session.commit()
    click.echo(f"Opened /c/{channel.slug} for {user.username}.")


@channels.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_(as_json: bool) -> None:
    """List all channels."""
    found = [
        {
            "slug": channel.slug,
            "title": channel.title,
            "owner": channel.owner.username,
            "access": channel.access,
            "state": "disabled" if channel.disabled_at else "live" if channel.live_since else "open",
            "messages": channel.last_message_id,
        }
        for channel in db.session.scalars(select(Channel).order_by(Channel.slug))
    ]
    if as_json:
        click.echo(json.dumps(found))
    else:
        rows: list[tuple[object, ...]] = [tuple(channel.values()) for channel in found]
        click.echo(table(("slug", "title", "owner", "access", "state", "messages"), rows))


@channels.command("disable")
@click.argument("slug")
def disable(slug: str) -> None:
    """Shut the channel /c/SLUG: nobody can read or write there. Its messages stay."""
    channel = the_channel(slug)
    if channel.disabled_at is not None:
        click.echo(f"/c/{slug} is disabled already.")
        return
    channel.disabled_at = now()
    note("channel.disabled", "disable", channel)
    db.session.commit()
    click.echo(f"Disabled /c/{slug}.")


@channels.command("rename")
@click.argument("old")
@click.argument("new")
def rename(old: str, new: str) -> None:
    """Move the channel /c/OLD to /c/NEW. Links to the old address end, and its name is free for others."""
    channel = the_channel(old)
    names.check_slug(new)
    if new == old:
        raise Failed(f"The channel is at /c/{old} already.")
    # What the owner's account holds under the same name stays the account's.
    held = delete(names.TakenName).where(names.TakenName.key == names.appearance(old))
    db.session.execute(held.where(names.TakenName.held_by == "channel"))
    if names.appearance(new) != names.appearance(channel.owner.username):
        names.take(new, "channel")
    channel.slug = new
    note("channel.renamed", "rename", channel, before=old, after=new)
    db.session.commit()
    click.echo(f"/c/{old} is /c/{new} now.")
