"""``flask users``: accounts, from the machine itself. What is done here is heard by every open socket at once."""

from __future__ import annotations

import json
import sys

import click
from flask import current_app
from sqlalchemy import select

from app.audit.actor import Actor
from app.audit.event import record
from app.auth import administration, lockout
from app.auth import name as names
from app.auth import password as passwords
from app.auth.user import User
from app.channels.channel import Channel
from app.commands.door import Failed, Group, table
from app.extensions import db

users = Group("users", help="Accounts.")

from_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input; it need not be changed then."
)


def the_account(name: str) -> User:
    """The account of that name. Raises Failed when there is none."""
    user = User.named(name)
    if user is None:
        raise Failed(f"There is no account named {name}.")
    return user


def by(command: str) -> Actor:
    """Whoever typed ``flask users COMMAND``."""
    return Actor.command(f"users {command}")


def _password(name: str, password_stdin: bool) -> tuple[str, str]:
    """The password and its hash; hashed before any transaction begins."""
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise click.UsageError("No password came on standard input.")
        passwords.check(password, name, shortest=current_app.config["STREAMZY"].password_min_length)
    else:
        password = passwords.generate()
    return password, passwords.hash_password(password, current_app.config["STREAMZY"].bcrypt_rounds)


def _say(done: str, user: User, password: str, password_stdin: bool) -> None:
    click.echo(done)
    if not password_stdin:
        click.echo(f"Sign-in: {user.username} / {password}")
        click.echo("It is shown only now, and must be changed at the first sign-in.")


@users.command("create")
@click.argument("name")
@click.option("--role", type=click.Choice(["viewer", "admin"]), default="viewer", show_default=True)
@from_stdin
def create(name: str, role: str, password_stdin: bool) -> None:
    """Create the account NAME, with a generated password that is printed once."""
    names.check_username(name)
    password, hashed = _password(name, password_stdin)
    user = User.create(name, hashed, role=role, must_change_password=not password_stdin)
    record(
        "account.created", by("create"), target_kind="account", target_id=user.id, target_name=user.username, role=role
    )
    db.session.commit()
    _say(f"Created {user.username} ({role}).", user, password, password_stdin)


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_(as_json: bool) -> None:
    """List all accounts."""
    everyone = [_described(user) for user in db.session.scalars(select(User).order_by(User.username_key))]
    if as_json:
        click.echo(json.dumps(everyone))
    else:
        columns = ("username", "role", "state", "created", "last_signed_in")
        rows: list[tuple[object, ...]] = [tuple(user[column] or "never" for column in columns) for user in everyone]
        click.echo(table(("name", "role", "state", "created", "last signed in"), rows))


def _described(user: User) -> dict[str, str | None]:
    locked = lockout.locked_until(user.id)
    state = (
        "deleted"
        if user.is_deleted
        else "disabled"
        if user.is_disabled
        else f"locked until {locked:%H:%M} UTC"
        if locked
        else "active"
    )
    seen = user.last_signed_in_at
    return {
        "username": user.username,
        "role": user.role,
        "state": state,
        "created": f"{user.created_at:%Y-%m-%d}",
        "last_signed_in": seen.isoformat(timespec="seconds") if seen else None,
    }


@users.command("disable")
@click.argument("name")
def disable(name: str) -> None:
    """Shut the account NAME: it is signed out everywhere, and cannot sign in."""
    user = the_account(name)
    if not administration.disable(user, by("disable")):
        click.echo(f"{user.username} is disabled already.")
        return
    db.session.commit()
    click.echo(f"Disabled {user.username} and signed them out everywhere.")


@users.command("enable")
@click.argument("name")
def enable(name: str) -> None:
    """Open the disabled account NAME again."""
    user = the_account(name)
    if not administration.enable(user, by("enable")):
        click.echo(f"{user.username} is not disabled.")
        return
    db.session.commit()
    click.echo(f"Enabled {user.username}.")


@users.command("unlock")
@click.argument("name")
def unlock(name: str) -> None:
    """Let NAME try again after too many wrong passwords."""
    user = the_account(name)
    administration.unlock(user, by("unlock"))
    db.session.commit()
    click.echo(f"Unlocked {user.username}.")


@users.command("reset-password")
@click.argument("name")
@from_stdin
def reset_password(name: str, password_stdin: bool) -> None:
    """Give NAME a generated password, printed once; unlocks the account and signs it out everywhere."""
    username = the_account(name).username
    db.session.rollback()
    password, hashed = _password(username, password_stdin)
    user = the_account(username)
    administration.set_password(user, hashed, by("reset-password"), must_change=not password_stdin)
    db.session.commit()
    _say(f"Reset the password of {user.username} and signed them out everywhere.", user, password, password_stdin)
    if user.is_disabled:
        click.echo(f"The account is disabled: flask users enable {user.username}")


@users.command("make-admin")
@click.argument("name")
def make_admin(name: str) -> None:
    """Make the account NAME an admin; it signs in anew."""
    user = the_account(name)
    if user.is_admin:
        click.echo(f"{user.username} is an admin already.")
        return
    administration.make_admin(user, by("make-admin"))
    db.session.commit()
    click.echo(f"{user.username} is an admin now, and has to sign in again.")


@users.command("remove-admin")
@click.argument("name")
def remove_admin(name: str) -> None:
    """Make the admin NAME a streamer, or a viewer, again; it signs in anew."""
    user = the_account(name)
    if not user.is_admin:
        click.echo(f"{user.username} is not an admin.")
        return
    administration.remove_admin(user, by("remove-admin"), owns_channel=Channel.of(user) is not None)
    db.session.commit()
    click.echo(f"{user.username} is a {user.role} now, and has to sign in again.")


@users.command("rename")
@click.argument("old")
@click.argument("new")
def rename(old: str, new: str) -> None:
    """Give the account OLD the name NEW, with which it signs in from then on. OLD is free for others."""
    user = the_account(old)
    channel = Channel.of(user)
    administration.rename(user, new, by("rename"), channel_slug=channel.slug if channel else None)
    db.session.commit()
    click.echo(f"{old} is {user.username} now.")


@users.command("reset-two-factor")
@click.argument("name")
def reset_two_factor(name: str) -> None:
    """Take app, passkeys and recovery codes of NAME away, for somebody who lost them; it is signed out everywhere."""
    user = the_account(name)
    if not administration.reset_second_factor(user, by("reset-two-factor")):
        click.echo(f"{user.username} has no second factor.")
        return
    db.session.commit()
    click.echo(f"Took the second factor of {user.username} away and signed them out everywhere.")
    if user.is_admin and current_app.config["STREAMZY"].require_admin_two_factor:
        click.echo("As an admin they have to set up another one right after signing in.")
