"""What admins decide: approve, reject, ask, reopen, archive. One transaction each, on the state that was looked at.

Of any number who decide at once one wins. The others get StaleDecision, on the version they looked at, before anything
was made for them; nobody decides their own application. Each verb writes its audit event; the caller commits.
"""

from __future__ import annotations

from typing import Any

from app.applications import address, claim, letter, news, timeline
from app.applications.refusal import CannotDecide, OwnApplication, StaleDecision
from app.applications.reveal import REVEAL_WITHIN
from app.applications.streamer_application import StreamerApplication
from app.audit.actor import Actor
from app.audit.event import record
from app.auth import name as names
from app.auth.announcement import announce
from app.auth.session import UserSession
from app.auth.user import User
from app.channels.channel import Channel
from app.clock import now
from app.extensions import db


def approve(
    application: StreamerApplication, by: User, actor: Actor, *, version: int, reason: str = "", note: str = ""
) -> Channel:
    """Open channel and account. Raises StaleDecision, OwnApplication or CannotDecide."""
    _decide(application, "approve", by, version, reason, note)
    if application.applicant_id is None:
        streamer = User.with_held_name(application.slug, None, role="streamer", must_change_password=True)
        names.keep(application.slug, "account")
        application.reveal_until = now() + REVEAL_WITHIN
    else:
        streamer = _own_account(application)
        names.keep(application.slug, "channel")
        # Rights changed: whoever holds one of the old sessions must show the password again.
        UserSession.end_all_of(streamer, "role_changed")
        announce("account_changed", account_id=streamer.id)
    application.account_id = streamer.id
    channel = Channel.open(application.slug, application.channel_name, streamer, name_is_held=True)
    _put_on_record(application, "approved", by, actor, reason, note, channel=channel.slug)
    return channel


def reject(
    application: StreamerApplication, by: User, actor: Actor, *, version: int, reason: str, note: str = ""
) -> None:
    """Say no; the slug is free again. Raises StaleDecision or OwnApplication."""
    _decide(application, "reject", by, version, reason, note)
    address.give_back(application)
    _put_on_record(application, "rejected", by, actor, reason, note)


def ask(application: StreamerApplication, by: User, actor: Actor, *, version: int, reason: str, note: str = "") -> None:
    """Ask the applicant for more; the slug stays reserved. Raises StaleDecision or OwnApplication."""
    _look(application, "ask", by, version)
    application.public_reason = reason
    application.move("ask")
    _put_on_record(application, "asked", by, actor, reason, note)


def reopen(
    application: StreamerApplication, by: User, actor: Actor, *, version: int, reason: str = "", note: str = ""
) -> None:
    """Take a rejection back: it waits again, under the slug it had.

    Raises StaleDecision, OwnApplication, or CannotDecide when the slug is somebody else's by now.
    """
    _look(application, "reopen", by, version)
    if application.erased_at is not None:
        raise CannotDecide("It was erased: there is nothing left to decide on.")
    application.decided_at = application.decided_by_id = None
    application.archived_at = application.public_reason = application.note = None
    application.move("reopen")
    try:
        address.reserve(application)
    except names.NameRefused:
        raise CannotDecide(f"The address {application.slug} was taken meanwhile.") from None
    _put_on_record(application, "reopened", by, actor, reason, note)


def archive(application: StreamerApplication, by: User, actor: Actor, *, version: int) -> None:
    """Put a decided one out of sight. Raises StaleDecision while it is undecided."""
    if application.version != version:
        raise StaleDecision
    if application.archived_at is None:
        application.archived_at = now()
        application.move("archive")
        _put_on_record(application, "archived", by, actor)


def add_note(application: StreamerApplication, by: User, actor: Actor, note: str) -> None:
    """Leave a note for other admins; it changes no state, and no decision goes stale by it. Raises OwnApplication."""
    if application.is_own_of(by):
        raise OwnApplication
    _put_on_record(application, "noted", by, actor, note=note)


def _look(application: StreamerApplication, verb: str, by: User, version: int) -> None:
    if application.is_own_of(by):
        raise OwnApplication
    if application.version != version or not application.allows(verb):
        raise StaleDecision


def _decide(application: StreamerApplication, verb: str, by: User, version: int, reason: str, note: str) -> None:
    _look(application, verb, by, version)
    with db.session.no_autoflush:  # sealing reads keys; the row itself is written by `move`
        application.public_reason, application.note = reason or None, note or None
        application.decided_at, application.decided_by_id = now(), by.id
    # Before anything is made for it: of two who decide at once, the second fails here, on the version it looked at,
    # and not on a name that the first has just taken.
    application.move(verb)
    claim.release(application)


def _own_account(application: StreamerApplication) -> User:
    streamer = db.session.get_one(User, application.applicant_id)
    if streamer.is_disabled:
        raise CannotDecide(f"The account {streamer.username} is disabled.")
    if Channel.of(streamer) is not None:
        raise CannotDecide(f"{streamer.username} owns a channel already.")
    return streamer


def _put_on_record(
    application: StreamerApplication,
    step: str,
    by: User,
    actor: Actor,
    told: str = "",
    note: str = "",
    **details: Any,
) -> None:
    timeline.add(application, step, by=by, told=told, remark=note)
    if step in letter.AFTER:
        letter.write(application, letter.AFTER[step])
    record(f"application.{step}", actor, **application.target(), **details)
    news.tell(application, step)
