"""What admins and operators do to accounts: each act with the sessions it ends, its news and its record."""

from __future__ import annotations

from typing import Any

from app.audit.actor import Actor
from app.audit.event import record
from app.auth import account_recovery, lockout, password_reset, two_factor
from app.auth import name as names
from app.auth.announcement import announce
from app.auth.password_reset import PasswordReset
from app.auth.session import UserSession
from app.auth.user import User


class ActRefused(ValueError):
    """The act is not possible on this account, or not for who acts; the message says why."""


def disable(user: User, by: Actor) -> bool:
    """Shut the account and sign it out. False when it was shut already. Raises LastAdmin or ActRefused."""
    _not_deleted(user)
    _not_oneself(user, by, "Nobody shuts their own account here: delete it from your account pages.")
    if user.is_disabled:
        return False
    user.disable()
    UserSession.end_all_of(user, "disabled")
    _note("account.disabled", user, by)
    return True


def enable(user: User, by: Actor) -> bool:
    """Open the account again. False when it was open."""
    _not_deleted(user)
    if not user.is_disabled:
        return False
    user.enable()
    _note("account.enabled", user, by)
    return True


def unlock(user: User, by: Actor) -> None:
    """Let people try again after too many wrong passwords or codes."""
    lockout.forget(user.id)
    _note("account.unlocked", user, by)


def rename(user: User, username: str, by: Actor, *, channel_slug: str | None) -> None:
    """Give the account another name, which it signs in with from now on. Raises NameRefused or ActRefused.

    ``channel_slug``: of the channel it owns, which keeps its address.
    """
    _not_deleted(user)
    names.check_username(username)
    before = user.username
    if username == before:
        raise ActRefused(f"{before} has that name already.")
    user.rename(username, channel_slug=channel_slug)
    _note("account.renamed", user, by, before=before, after=username)


def make_admin(user: User, by: Actor) -> None:
    """Let the account use the dashboard, from its next sign-in. Raises ActRefused."""
    _not_deleted(user)
    _not_oneself(user, by, "Nobody changes their own role.")
    if user.is_admin:
        raise ActRefused(f"{user.username} is an admin already.")
    if user.is_disabled:
        raise ActRefused(f"{user.username} is disabled: enable the account first.")
    before = user.role
    user.make_admin()
    _role_changed(user, by, before)


def remove_admin(user: User, by: Actor, *, owns_channel: bool) -> None:
    """Make an admin a streamer, or a viewer, again. Raises LastAdmin or ActRefused."""
    _not_oneself(user, by, "Nobody changes their own role: ask another admin.")
    if not user.is_admin:
        raise ActRefused(f"{user.username} is not an admin.")
    user.remove_admin("streamer" if owns_channel else "viewer")
    _role_changed(user, by, "admin")


def end_sessions(user: User, by: Actor) -> None:
    """Sign the account out everywhere; it may sign in again."""
    UserSession.end_all_of(user, "revoked")
    _note("account.sessions_ended", user, by)


def set_password(user: User, password_hash: str, by: Actor, *, must_change: bool) -> None:
    """Replace the password by one that the operator reads out; unlocks the account and signs it out everywhere."""
    _not_deleted(user)
    user.set_password(password_hash, must_change=must_change)
    _shut_old_ways_in(user)
    _note("password.reset", user, by)


def offer_reset(user: User, by: Actor) -> str:
    """End the password, and make the link behind which its owner fetches a new one; returns the link's token.

    The recovery code ends too: whoever asks for this may have lost it to somebody. Raises ActRefused.
    """
    _not_deleted(user)
    _not_oneself(user, by, "Change your own password from your account pages.")
    if user.is_disabled:
        raise ActRefused(f"{user.username} is disabled: enable the account first.")
    user.password_hash = None
    _shut_old_ways_in(user)
    token = PasswordReset.offer(user)
    _note("password.reset_offered", user, by)
    return token


def reset_second_factor(user: User, by: Actor) -> bool:
    """Take the second factor away, for somebody who lost it. False when there was none. Raises ActRefused."""
    _not_oneself(user, by, "Change your own second factor from your account pages.")
    if not two_factor.reset(user):
        return False
    _note("two_factor.reset", user, by)
    return True


def _shut_old_ways_in(user: User) -> None:
    lockout.forget(user.id)
    account_recovery.forget(user.id)
    password_reset.cancel(user.id)
    UserSession.end_all_of(user, "password_changed")


def _role_changed(user: User, by: Actor, before: str) -> None:
    UserSession.end_all_of(user, "role_changed")
    _note("account.role_changed", user, by, before=before, after=user.role)


def _not_deleted(user: User) -> None:
    if user.is_deleted:
        raise ActRefused("This account was deleted by its owner.")


def _not_oneself(user: User, by: Actor, why: str) -> None:
    if by.account_id == user.id:
        raise ActRefused(why)


def _note(event: str, user: User, by: Actor, **details: Any) -> None:
    record(event, by, target_kind="account", target_id=user.id, target_name=user.username, **details)
    announce("account_changed", account_id=user.id)
