"""Deleting one's own account: what goes, what stays, in one transaction; what was written goes before, if wanted."""

from __future__ import annotations

from sqlalchemy import delete, update

from app import sqlite
from app.applications import erasure
from app.applications.streamer_application import StreamerApplication
from app.audit import history
from app.audit.actor import Actor
from app.audit.event import record
from app.auth import account_recovery, lockout, password_reset, two_factor, unsent_form
from app.auth.announcement import announce
from app.auth.session import UserSession
from app.auth.user import LastAdmin, User
from app.channels.channel import Channel
from app.channels.membership import Membership
from app.chat import authorship
from app.extensions import db


def leave(user: User, *, delete_messages: bool) -> None:
    """Delete the account of ``user``, and commit. Raises LastAdmin: then nothing happened.

    Commits in between, unlike other verbs: a transaction over 100,000 messages would keep everybody waiting. Whoever
    is interrupted finds the account still there, and deletes it again.
    """
    account_id, username = user.id, user.username
    if user.is_last_admin():
        raise LastAdmin("this is the last admin who can sign in")
    if delete_messages:
        authorship.delete_all_of(account_id, username)
    user = db.session.get_one(User, account_id, populate_existing=True)
    _erase(user, delete_messages)
    db.session.commit()
    if delete_messages:
        authorship.delete_all_of(account_id, username)  # what was sent meanwhile; nothing more can come
        sqlite.empty_the_log(db.engine)  # pages as they were before would stay in it


def _erase(user: User, messages_deleted: bool) -> None:
    channel = Channel.of(user)
    user.erase(channel_slug=channel.slug if channel else None)
    _end_ways_in(user)
    if channel:
        channel.close_for_good()
        announce("channel_changed", channel_id=channel.id)
    applications = StreamerApplication.of_account(user.id)
    for application in applications:
        erasure.erase(application, Actor(user.username, user.id))
    db.session.execute(delete(Membership).where(Membership.account_id == user.id))
    db.session.flush()
    history.erase_personal(user.id, [application.id for application in applications])
    record(
        "account.deleted",
        Actor(user.username, user.id),
        target_kind="account",
        target_id=user.id,
        target_name=user.username,
        messages="deleted" if messages_deleted else "kept",
        channel="closed" if channel else "none",
    )
    announce("account_changed", account_id=user.id)


def _end_ways_in(user: User) -> None:
    UserSession.end_all_of(user, "disabled")
    db.session.execute(update(UserSession).where(UserSession.account_id == user.id).values(ip="", user_agent=""))
    two_factor.reset(user)
    lockout.forget(user.id)
    account_recovery.forget(user.id)
    password_reset.cancel(user.id)
    unsent_form.forget(user.id)
