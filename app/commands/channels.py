"""``flask channels``: channels without an application, such as an admin's own."""

from __future__ import annotations

import json
import sys

import click
from sqlalchemy import select

from app.audit.actor import Actor
from app.auth import name as names
from app.channels import administration
from app.channels.channel import Channel
from app.channels.settings import LONGEST_TITLE
from app.chat import channel_deletion
from app.commands.door import Failed, Group, table
from app.commands.users import the_account
from app.extensions import db

channels = Group("channels", help="Channels.")


def the_channel(slug: str) -> Channel:
    """The channel at that address. Raises Failed when there is none."""
    channel = Channel.at(slug)
    if channel is None:
        raise Failed(f"There is no channel at /c/{slug}.")
    return channel


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
    channel = administration.open_for(user, slug, title, Actor.command("channels create"))
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
    if not administration.disable(the_channel(slug), Actor.command("channels disable")):
        click.echo(f"/c/{slug} is disabled already.")
        return
    db.session.commit()
    click.echo(f"Disabled /c/{slug}.")


@channels.command("enable")
@click.argument("slug")
def enable(slug: str) -> None:
    """Open the channel /c/SLUG again."""
    if not administration.enable(the_channel(slug), Actor.command("channels enable")):
        click.echo(f"/c/{slug} is not disabled.")
        return
    db.session.commit()
    click.echo(f"Enabled /c/{slug}.")


@channels.command("delete")
@click.argument("slug")
def delete(slug: str) -> None:
    """Delete the channel /c/SLUG: the keys of its messages first, then everything else. It cannot be undone."""
    channel = the_channel(slug)
    if sys.stdin.isatty():
        click.confirm(f"Delete /c/{slug} and everything that was said there, for good?", abort=True)
    channel_deletion.begin(channel, Actor.command("channels delete"))
    db.session.commit()
    emptied = channel_deletion.finish()
    click.echo(f"Deleted /c/{slug}. Key files of older backups still open its messages: delete those, too.")
    if not emptied:
        click.echo(
            "Somebody is reading the database: its log holds the sealed rows until a serving process empties it."
        )


@channels.command("rename")
@click.argument("old")
@click.argument("new")
def rename(old: str, new: str) -> None:
    """Move the channel /c/OLD to /c/NEW. Links to the old address end, and its name is free for others."""
    administration.move(the_channel(old), new, Actor.command("channels rename"))
    db.session.commit()
    click.echo(f"/c/{old} is /c/{new} now.")
